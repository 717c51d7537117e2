import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runProgram } from "../shared/process/program.ts";
import type { Source } from "./source.ts";

/** What the real program says about a file; `unknown` when it is not installed or cannot check this file. */
export type Verdict =
  | { readonly state: "ok" }
  | { readonly state: "bad"; readonly message: string }
  | { readonly state: "unknown" };

/** `nginx -t` on a complete nginx.conf: the text is checked beside the original, so that its includes are found. */
export async function checkNginx(source: Source, text: string): Promise<Verdict> {
  if (source.absolute === undefined) return { state: "unknown" };
  const copy = join(dirname(source.absolute), `.gigastt-audit-${process.pid}.conf`);
  const work = await mkdtemp(join(tmpdir(), "gigastt-nginx-"));
  try {
    await writeFile(copy, text, { mode: 0o600, flag: "wx" });
    return await verdict("nginx", [
      "-t",
      "-q",
      "-p",
      work,
      "-c",
      copy,
      "-g",
      `pid ${join(work, "pid")}; error_log ${join(work, "error.log")};`,
    ]);
  } catch {
    return { state: "unknown" }; // a read-only folder
  } finally {
    await rm(copy, { force: true });
    await rm(work, { recursive: true, force: true });
  }
}

/** `caddy adapt` on a Caddyfile: syntax and directives, without certificates or ports. */
export async function checkCaddy(source: Source, text: string): Promise<Verdict> {
  const work = await mkdtemp(join(tmpdir(), "gigastt-caddy-"));
  try {
    const file =
      source.absolute === undefined
        ? join(work, "Caddyfile")
        : join(dirname(source.absolute), `.gigastt-audit-${process.pid}.Caddyfile`);
    try {
      await writeFile(file, text, { mode: 0o600, flag: "wx" });
      return await verdict("caddy", ["adapt", "--adapter", "caddyfile", "--config", file]);
    } finally {
      await rm(file, { force: true });
    }
  } catch {
    return { state: "unknown" };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function verdict(program: string, args: readonly string[]): Promise<Verdict> {
  const { isMissing, trouble, stderr } = await runProgram(program, args, {
    timeoutMs: 15_000,
    maxOutputBytes: 8 * 2 ** 20,
  });
  if (isMissing) return { state: "unknown" };
  if (trouble === undefined) return { state: "ok" };
  return { state: "bad", message: stderr.trim().split("\n").at(-1) || trouble };
}
