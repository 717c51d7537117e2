import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimStateDir } from "../../../../src/supervisor/state/claim.ts";
import { writeFileAtomic } from "../../../../src/shared/files.ts";
import { keepGeneration, listGenerations } from "../../../../src/supervisor/config/generations.ts";
import { openStateDir, statePaths } from "../../../../src/supervisor/state/state-dir.ts";
import { stateDirOf } from "../../../../src/shared/state-dir.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-state-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const about = { configPath: undefined, version: "1" };

describe("state directory", () => {
  it("is below XDG_STATE_HOME, which must be absolute, else below the home", () => {
    expect(stateDirOf(undefined, { XDG_STATE_HOME: "/x", HOME: "/h" })).toBe("/x/gigastt");
    expect(stateDirOf(undefined, { XDG_STATE_HOME: "x", HOME: "/h" })).toBe("/h/.local/state/gigastt");
  });

  it("is made private, also when it was not", async () => {
    const paths = statePaths(join(dir, "s"), {});
    mkdirSync(paths.dir, { mode: 0o755 });
    await openStateDir(paths);
    expect(statSync(paths.dir).mode & 0o777).toBe(0o700);
  });

  it("puts the control socket elsewhere when the path is too long for one, the same place every time", () => {
    const long = join(dir, "x".repeat(120));
    const socket = statePaths(long, { XDG_RUNTIME_DIR: "/run/user/1" }).controlSocket;
    expect(socket).toMatch(/^\/run\/user\/1\/gigastt-[0-9a-f]{16}\/control\.sock$/);
    expect(statePaths(long, { XDG_RUNTIME_DIR: "/run/user/1" }).controlSocket).toBe(socket);
  });
});

describe("claim", () => {
  it("goes to exactly one of many contenders, also over a stale one", async () => {
    const paths = statePaths(dir, {});
    for (let round = 0; round < 10; round++) {
      writeFileSync(paths.claimFile, JSON.stringify({ pid: 2 ** 22 - 1, birth: "gone" }));
      const results = await Promise.allSettled(Array.from({ length: 12 }, () => claimStateDir(paths, about)));
      expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
      for (const result of results) {
        if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "GST_ALREADY_RUNNING" });
      }
    }
  });

  it("survives a contender that was killed while it removed a stale one", async () => {
    const paths = statePaths(dir, {});
    const dead = JSON.stringify({ pid: 2 ** 22 - 1, birth: "gone" });
    writeFileSync(paths.claimFile, dead);
    writeFileSync(`${paths.claimFile}.break`, dead);
    await expect(claimStateDir(paths, about)).resolves.toMatchObject({ record: { pid: process.pid } });
  });

  it("is released only by its holder", async () => {
    const paths = statePaths(dir, {});
    const claim = await claimStateDir(paths, about);
    const other = JSON.stringify({ pid: process.ppid, birth: "x" });
    writeFileSync(paths.claimFile, other);
    await claim.release();
    expect(readFileSync(paths.claimFile, "utf8")).toBe(other);
  });
});

describe("atomic write", () => {
  it("leaves the old file and no temporary one when it fails", async () => {
    const path = join(dir, "f");
    await writeFileAtomic(path, "old", { mode: 0o640 });
    mkdirSync(join(dir, "g"));
    await expect(writeFileAtomic(join(dir, "g"), "new")).rejects.toThrow();
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect((await import("node:fs")).readdirSync(dir).sort()).toEqual(["f", "g"]);
  });
});

describe("generations", () => {
  const good = { version: "1", hash: "h1", path: "/c.yaml", source: "a: 1\n", kept: { proxy: [], set: [] } };

  it("keep each healthy configuration once, newest first, at most ten", async () => {
    for (let i = 1; i <= 12; i++) {
      await keepGeneration(dir, { ...good, hash: `h${i}` });
      await keepGeneration(dir, { ...good, hash: `h${i}` });
    }
    const all = await listGenerations(dir);
    expect(all.map((one) => one.number)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
    expect(all[0]).toMatchObject({ hash: "h12", source: "a: 1\n" });
  });

  it("keep the rendered files, also when only these changed", async () => {
    const kept = (text: string): { proxy: []; set: { path: string; text: string }[] } => ({
      proxy: [],
      set: [{ path: "caddy/Caddyfile", text }],
    });
    await keepGeneration(dir, { ...good, kept: kept("one") });
    await keepGeneration(dir, { ...good, kept: kept("two") });
    expect((await listGenerations(dir)).map((one) => one.kept)).toEqual([kept("two")]);
  });

  it("leave torn ones out", async () => {
    await keepGeneration(dir, good);
    mkdirSync(join(dir, "2"));
    writeFileSync(join(dir, "2", "generation.json"), '{"at":');
    mkdirSync(join(dir, "3"));
    writeFileSync(
      join(dir, "3", "generation.json"),
      JSON.stringify({ at: "x", version: "1", hash: "h", hasSource: true }),
    );
    expect((await listGenerations(dir)).map((one) => one.number)).toEqual([1]);
  });
});
