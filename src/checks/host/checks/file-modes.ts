import { dirname } from "node:path";
import { notChecked, verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import type { HostCheck } from "../check.ts";
import type { FileFact, FileRole } from "../facts.ts";
import { octal } from "../kit.ts";

/** Permission bits that nobody should have, what that allows, and how to close it. */
const RULES: Readonly<Record<FileRole, readonly (readonly [bits: number, what: string, chmod: string])[]>> = {
  config: [[0o022, "other users can change the configuration, and with it what the server runs", "go-w"]],
  secret: [
    [0o007, "every user of the machine can use the secrets", "o-rwx"],
    [0o020, "its group can change the secrets", "g-w"],
  ],
  "private-key": [[0o077, "other users can read or replace the private key", "go-rwx"]],
  state: [[0o077, "other users can look into the state folder: logs, history, the control socket", "go-rwx"]],
  socket: [[0o077, "other users can stop and reconfigure the server", "go-rwx"]],
  model: [[0o002, "every user of the machine can replace the model", "o-w"]],
};

export const check: HostCheck = {
  id: "GA-HST-005",
  severity: "warning",
  confidence: "certain",
  title: "Files and folders are open to more users than they should be",
  why: "Whoever can write the configuration, the model or the control socket decides what the server does; whoever can read the keys and hashes can be the server or its users.",
  evidence: [
    "Read: mode bits of the configuration, the secrets and certificates with their keys, the state folder, the control socket, and the models.",
  ],
  reads: ["configuration", "deploy.secretsDir", "certificates", "supervisor.stateDir", "model.dir"],
  fixKind: "manual",
  sameAs: ["GA-EXP-012"],
  judge: ({ files }) => {
    // Nobody else gets through such a folder, whatever the modes of what is in it.
    const closed = new Set(
      files.flatMap(({ path, mode, isDirectory }) =>
        isDirectory && mode !== undefined && (mode & 0o007) === 0 ? [path] : [],
      ),
    );
    const problems = files.flatMap((file) => problemsOf(file, closed));
    const unread = files.filter(({ problem }) => problem !== undefined);
    const seen = files.length - unread.length;
    const missed = unread.map(({ path, problem }) => `${path} (${problem})`).join(", ");
    if (problems.length === 0 && unread.length > 0)
      return notChecked(`${seen} files and folders are as they should be, but these cannot be read: ${missed}`);
    if (files.length === 0) return notChecked("none of the files is there");
    return verdictOf(problems, `${seen} files and folders`);
  },
};

// ---

function problemsOf({ path, role, mode: raw, isDirectory }: FileFact, closed: ReadonlySet<string>): readonly Problem[] {
  const mode = raw === undefined || !closed.has(dirname(path)) ? raw : raw & ~0o007;
  if (mode === undefined) return [];
  // In a folder like /tmp nobody can replace what is not theirs.
  if (role === "model" && isDirectory && (mode & 0o1000) !== 0) return [];
  const broken = RULES[role].filter(([bits]) => {
    // A proxy's group must be able to go through the folder of the secrets, everybody may see its name.
    const counted = role === "secret" && isDirectory ? bits & 0o026 : bits;
    return (mode & counted) !== 0;
  });
  const [first] = broken;
  if (first === undefined) return [];
  return [
    {
      place: path,
      evidence: `${octal(mode)} ${path}`,
      ...(role === "socket" || (role === "private-key" && (mode & 0o007) !== 0) ? { severity: "error" as const } : {}),
      message: `${path} has mode ${octal(mode)}: ${first[1]}`,
      fix: `chmod ${broken.map(([, , chmod]) => chmod).join(",")} ${path}`,
    },
  ];
}
