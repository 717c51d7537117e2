import { createHash } from "node:crypto";
import { chmod, mkdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { errorCodeOf, GigasttError, messageOf } from "../../shared/errors.ts";
import { makeFolderDurably } from "../../shared/files.ts";

/** Where everything the supervisor keeps lives. */
export interface StatePaths {
  readonly dir: string;
  /** Who runs here: see `claim.ts`. */
  readonly claimFile: string;
  /** Children of the running supervisor, for the next one to clean up after a SIGKILL. */
  readonly childrenFile: string;
  readonly controlSocket: string;
  readonly logsDir: string;
  readonly historyDir: string;
  /** What the last `gigastt audit` found. */
  readonly auditFile: string;
  /** The last configurations and rendered sets that were healthy. */
  readonly generationsDir: string;
  /** Certificate and CA of the home network. */
  readonly lanDir: string;
}

/** sun_path holds 108 bytes on Linux, 104 on macOS, including the closing zero. */
const MAX_SOCKET_PATH_BYTES = 103;

/** The paths below a state directory. Touches nothing. */
export function statePaths(dir: string, env: NodeJS.ProcessEnv): StatePaths {
  const root = resolve(dir);
  return {
    dir: root,
    claimFile: join(root, "supervisor.json"),
    childrenFile: join(root, "children.json"),
    controlSocket: controlSocketPath(root, env),
    logsDir: join(root, "logs"),
    historyDir: join(root, "history"),
    auditFile: join(root, "last-audit.json"),
    generationsDir: join(root, "generations"),
    lanDir: join(root, "lan"),
  };
}

/** Creates the state directory (mode 0700) and what belongs in it, or says why it cannot be used. */
export async function openStateDir(paths: StatePaths): Promise<void> {
  for (const dir of [paths.dir, paths.logsDir, dirname(paths.controlSocket)]) await ensurePrivateDir(dir);
}

// ---

/**
 * In the state directory when the path is short enough for a Unix socket, else in a directory of its own,
 * named after the state directory, under the run-time directory.
 */
function controlSocketPath(root: string, env: NodeJS.ProcessEnv): string {
  const direct = join(root, "control.sock");
  if (Buffer.byteLength(direct) <= MAX_SOCKET_PATH_BYTES) return direct;
  const key = createHash("sha256").update(root).digest("hex").slice(0, 16);
  const base = env["XDG_RUNTIME_DIR"] ?? tmpdir();
  return join(base, `gigastt-${key}`, "control.sock");
}

async function ensurePrivateDir(dir: string): Promise<void> {
  try {
    await makeFolderDurably(dir, 0o700).catch(async (error: unknown) => {
      // Node's recursive mkdir says ENOENT on a read-only file system; the plain one reports the real error.
      if (errorCodeOf(error) !== "ENOENT") throw error;
      await mkdir(dir, { mode: 0o700 });
    });
    const found = await stat(dir);
    const uid = process.getuid?.();
    if (uid !== undefined && found.uid !== uid) {
      throw new GigasttError(
        "GST_STATE_OWNER",
        `state directory ${dir} must belong to the user who runs gigastt (uid ${uid}), it belongs to uid ${found.uid}: chown it, or set supervisor.stateDir to another directory`,
      );
    }
    if ((found.mode & 0o077) !== 0) await chmod(dir, 0o700);
  } catch (error) {
    if (error instanceof GigasttError) throw error;
    throw new GigasttError("GST_STATE_DIR", stateDirMessage(dir, error), { cause: error });
  }
}

function stateDirMessage(dir: string, error: unknown): string {
  switch (errorCodeOf(error)) {
    case "EROFS":
      return `state directory ${dir} is on a read-only file system: mount a writable volume there, or set supervisor.stateDir`;
    case "EACCES":
    case "EPERM":
      return `state directory ${dir} cannot be written by this user: fix its owner, or set supervisor.stateDir to a directory that you own`;
    case "ENOSPC":
      return `state directory ${dir} cannot be created: the disk is full. Free some space and start again`;
    case "ENOTDIR":
    case "EEXIST":
      return `state directory ${dir} cannot be created: a file with that name exists. Remove it, or set supervisor.stateDir`;
    default:
      return `state directory ${dir} cannot be used: ${messageOf(error)}`;
  }
}
