import { notChecked, ok } from "../../../audit/observe/verdict.ts";
import { deployedVerdict } from "../../deployed/verdicts.ts";
import type { HostCheck } from "../check.ts";

export const check: HostCheck = {
  id: "GA-HST-011",
  severity: "error",
  confidence: "certain",
  title: "The proxy cannot look up its users or keys",
  why: "Without its file of users or keys, or without the right to read it, the proxy refuses every request or does not start, while the files of the server itself look fine.",
  evidence: [
    "Read: the folder of the secrets, its owner and modes against the proxy's user, and the names in the file that the proxy reads.",
  ],
  reads: ["deploy.secretsDir", "/etc/passwd", "/etc/group"],
  fixKind: "manual",
  sameAs: ["GA-EXP-010", "GA-EXP-012"],
  run: ({ secrets }) => {
    if ("unknown" in secrets) return notChecked(secrets.unknown);
    return secrets.value === undefined
      ? ok("no users or keys to check: no proxy on this machine reads any")
      : deployedVerdict(secrets.value, "the proxy can read its users or keys");
  },
};
