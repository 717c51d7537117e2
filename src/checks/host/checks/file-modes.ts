import { notChecked, verdictOf } from "../../../audit/observe/verdict.ts";
import { modeProblems } from "../../machine/modes.ts";
import type { HostCheck } from "../check.ts";

export const check: HostCheck = {
  id: "GA-HST-005",
  severity: "warning",
  confidence: "certain",
  title: "Files and folders are open to more users than needed",
  why: "A user who can write the configuration, the model or the control socket decides what the server does; one who can read the keys and hashes can pose as the server or its users.",
  evidence: [
    "Read: mode bits of the configuration, the secrets and certificates with their keys, the state folder, the store of the API keys, the control socket, and the models.",
  ],
  reads: ["configuration", "deploy.secretsDir", "certificates", "supervisor.stateDir", "store.dir", "model.dir"],
  fixKind: "manual",
  sameAs: ["GA-EXP-012"],
  run: ({ files }) => {
    const problems = modeProblems(files);
    const unread = files.filter(({ problem }) => problem !== undefined);
    const seen = files.length - unread.length;
    const missed = unread.map(({ path, problem }) => `${path} (${problem})`).join(", ");
    if (problems.length === 0 && unread.length > 0)
      return notChecked(`${seen} files and folders are as they should be, but these cannot be read: ${missed}`);
    if (files.length === 0) return notChecked("none of the files exists");
    return verdictOf(problems, `${seen} files and folders`);
  },
};
