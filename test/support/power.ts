import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { whenWeEnd } from "./leash.ts";

/**
 * A small disk whose power can be cut: ext4 in a file. What ext4 has not yet sent to its device, unsynced content and unsynced names, is missing
 * from the file, and so from the copy that is mounted after a cut. Its journal is written every five minutes unless something is flushed, and
 * replacing a file by a rename does not flush it either.
 */
export interface Disk {
  /** Where it is mounted; the same after a cut. */
  readonly dir: string;
  /**
   * Kills every process that works on the disk, and forgets what was not flushed.
   * @param journal another program flushes a file of its own just before: names and sizes are then written, content that nobody flushed is not
   */
  cut(journal: boolean): Promise<void>;
  remove(): void;
}

/** Returns why there can be no such disk here; empty = there can. */
export function missingForDisk(): string {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "needs root on Linux";
  for (const program of ["mkfs.ext4", "losetup", "mount", "umount"])
    if (spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0) return `${program} is not installed`;
  try {
    const disk = createDisk(8);
    disk.remove();
    return "";
  } catch {
    return "loop devices cannot be mounted";
  }
}

export function createDisk(sizeMiB: number): Disk {
  const base = mkdtempSync(join(tmpdir(), "gigastt-power-"));
  const dir = join(base, "disk");
  const [image, next] = [join(base, "image"), join(base, "next")];
  const umount = `umount -l '${dir}' 2>/dev/null`;
  const leash = whenWeEnd(`${umount}; rm -rf '${base}'`);
  const mount = (): void => {
    execFileSync("mount", ["-o", "loop,commit=300,noauto_da_alloc,noatime", image, dir]);
  };
  try {
    mkdirSync(dir);
    writeFileSync(image, "");
    execFileSync("truncate", ["-s", `${sizeMiB}M`, image]);
    execFileSync("mkfs.ext4", ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image]);
    mount();
  } catch (error) {
    rmSync(base, { recursive: true, force: true });
    leash.cancel();
    throw error;
  }
  return {
    dir,
    cut: async (journal) => {
      await killUsers(dir);
      if (journal)
        execFileSync("dd", ["if=/dev/zero", `of=${join(dir, "other")}`, "bs=1", "count=1", "conv=fsync"], {
          stdio: "ignore",
        });
      copyFileSync(image, next);
      // What is written while it is unmounted goes into the old file, which nothing reads again.
      await unmount(dir);
      copyFileSync(next, image);
      mount();
    },
    remove: () => {
      for (const pid of usersOf(dir)) kill(pid);
      spawnSync("sh", ["-c", umount]);
      rmSync(base, { recursive: true, force: true });
      leash.cancel();
    },
  };
}

/** Kills every process that works below a folder, and returns when they are gone. */
export async function killUsers(dir: string): Promise<void> {
  for (let round = 0; round < 500; round++) {
    const pids = usersOf(dir);
    if (pids.length === 0) return;
    pids.forEach(kill);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`processes still work on ${dir}`);
}

// ---

/** A killed process holds its files for a moment after it shows none any more. */
async function unmount(dir: string): Promise<void> {
  for (let left = 500; ; left--) {
    const { status, stderr } = spawnSync("umount", [dir], { encoding: "utf8" });
    if (status === 0) return;
    if (left === 0) throw new Error(stderr);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await killUsers(dir);
  }
}

/** Processes that have their folder or an open file below `dir`: all of them were started for it. */
function usersOf(dir: string): readonly number[] {
  const isBelow = (link: string): boolean => {
    try {
      return readlinkSync(link).startsWith(`${dir}/`) || readlinkSync(link) === dir;
    } catch {
      return false; // it has ended
    }
  };
  const filesOf = (pid: string): readonly string[] => {
    try {
      return readdirSync(`/proc/${pid}/fd`);
    } catch {
      return [];
    }
  };
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .filter((pid) => isBelow(`/proc/${pid}/cwd`) || filesOf(pid).some((fd) => isBelow(`/proc/${pid}/fd/${fd}`)))
    .map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
