import { notChecked } from "../../../audit/observe/verdict.ts";
import { deployedVerdict } from "../../deployed/verdicts.ts";
import type { HostCheck } from "../check.ts";

export const check: HostCheck = {
  id: "GA-HST-012",
  severity: "warning",
  confidence: "certain",
  title: "The proxy runs with older files",
  why: "A changed limit, password rule or certificate protects nothing until the proxy has read it. Files that were rendered but not copied, or copied but not reloaded, look right to every audit of files.",
  evidence: [
    "Read: the installed files against the rendered ones, and when nginx last started a worker, or Caddy last saved what it runs with, against the times of the files they read.",
  ],
  reads: ["rendered files", "deploy.proxy.configDir", "/proc/PID", "autosave.json of Caddy"],
  fixKind: "manual",
  sameAs: ["GA-DRF-001"],
  run: ({ proxyFiles }) =>
    "unknown" in proxyFiles
      ? notChecked(proxyFiles.unknown)
      : deployedVerdict(proxyFiles.value, "no outdated files in use"),
};
