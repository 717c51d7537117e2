import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { startFaultyServer } from "./faulty-server.ts";
import { temporaryDir } from "./helpers.ts";
import { emptyInstallation } from "./pull-helpers.ts";

const ENCODER = "tiny_encoder.int8.onnx";

const mountable = process.platform === "linux" && process.getuid?.() === 0 && tryTmpfs();
const needsRoot = mountable ? "" : " (skipped: a small tmpfs can be mounted only by root on Linux)";

describe.skipIf(!mountable)(`a full disk${needsRoot}`, () => {
  test("is noticed before the first request", async () => {
    const it = emptyInstallation(2_000_000);
    const server = await startFaultyServer(it.model.content);
    const disk = smallDisk("512k");
    expect(await it.failure({ from: server.baseUrl, baseDir: disk })).toMatch(
      /tiny must have 2\.0 MB free for the download, found 5\d\d kB\. Free some space, or set model\.dir/,
    );
    expect(server.requests).toEqual([]);
  });

  test("in the middle of a download keeps what fits and says so; with space it goes on", async () => {
    const it = emptyInstallation(600_000);
    const server = await startFaultyServer(it.model.content);
    const disk = smallDisk("1m");
    let filled = false;
    const fill = (): void => {
      if (filled) return;
      filled = true;
      writeFileSync(join(disk, "filler"), Buffer.alloc(600_000));
    };
    const failure = it.failure({
      from: server.baseUrl,
      baseDir: disk,
      onEvent: (event) => event.event === "file" && event.file === ENCODER && fill(),
    });
    expect(await failure).toMatch(
      /the disk of .*\/tiny is full \(ENOSPC\)\. Free some space and run the same command again/,
    );
    const kept = statSync(join(disk, "tiny", `${ENCODER}.part`)).size;
    expect(kept).toBeGreaterThan(0);
    rmSync(join(disk, "filler"));
    await it.pull({ from: server.baseUrl, baseDir: disk });
    expect(server.requestsFor(ENCODER).at(-1)).toMatchObject({ range: `bytes=${kept}-` });
    expect(readFileSync(join(disk, "tiny", ENCODER)).equals(it.model.content.get(ENCODER)!)).toBe(true);
  });
});

function tryTmpfs(): boolean {
  const dir = join("/tmp", `gigastt-tmpfs-probe-${process.pid}`);
  const made = spawnSync("sh", ["-c", 'mkdir "$0" && mount -t tmpfs -o size=16k tmpfs "$0" && umount "$0"', dir]);
  rmSync(dir, { recursive: true, force: true });
  return made.status === 0;
}

function smallDisk(size: string): string {
  const dir = temporaryDir();
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", dir]);
  onTestFinished(() => void execFileSync("umount", ["-l", dir]));
  return dir;
}
