import { dirname } from "node:path";
import type { Problem } from "../../audit/observe/verdict.ts";

export type FileRole = "config" | "secret" | "private-key" | "state" | "store" | "socket" | "model";

export interface FileFact {
  readonly path: string;
  readonly role: FileRole;
  readonly isDirectory: boolean;
  /** Permission bits; undefined = could not be read, see `problem`. */
  readonly mode: number | undefined;
  readonly problem: string | undefined;
}

/** Files and folders that more users can read or change than should. */
export function modeProblems(files: readonly FileFact[]): readonly Problem[] {
  // Other users cannot get through such a folder, whatever the modes of what is in it.
  const closed = new Set(
    files.flatMap(({ path, mode, isDirectory }) =>
      isDirectory && mode !== undefined && (mode & 0o007) === 0 ? [path] : [],
    ),
  );
  return files.flatMap((file) => problemsOf(file, closed));
}

// ---

/** Permission bits that must not be set, what they allow, and how to close them. */
const RULES: Readonly<Record<FileRole, readonly (readonly [bits: number, what: string, chmod: string])[]>> = {
  config: [[0o022, "other users can change the configuration, and with it what the server runs", "go-w"]],
  secret: [
    [0o007, "every user of the machine can use the secrets", "o-rwx"],
    [0o020, "its group can change the secrets", "g-w"],
  ],
  "private-key": [[0o077, "other users can read or replace the private key", "go-rwx"]],
  state: [[0o077, "other users can look into the state folder: logs, history, the control socket", "go-rwx"]],
  store: [[0o077, "other users can read or replace the API keys' hashes and rights", "go-rwx"]],
  socket: [[0o077, "other users can stop and reconfigure the server", "go-rwx"]],
  model: [[0o002, "every user of the machine can replace the model", "o-w"]],
};

function problemsOf({ path, role, mode: raw, isDirectory }: FileFact, closed: ReadonlySet<string>): readonly Problem[] {
  const mode = raw === undefined || !closed.has(dirname(path)) ? raw : raw & ~0o007;
  if (mode === undefined) return [];
  // In a folder like /tmp users can replace only their own files.
  if (role === "model" && isDirectory && (mode & 0o1000) !== 0) return [];
  const broken = RULES[role].filter(([bits]) => {
    // The proxy's group must be able to enter the folder of the secrets, and its name is not secret.
    const counted = role === "secret" && isDirectory ? bits & 0o026 : bits;
    return (mode & counted) !== 0;
  });
  const [first] = broken;
  if (first === undefined) return [];
  return [
    {
      place: path,
      evidence: `${octal(mode)} ${path}`,
      severity: role === "socket" || (role === "private-key" && (mode & 0o007) !== 0) ? "error" : "warning",
      message: `${path} has mode ${octal(mode)}: ${first[1]}`,
      fix: `chmod ${broken.map(([, , chmod]) => chmod).join(",")} ${path}`,
    },
  ];
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
