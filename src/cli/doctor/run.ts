import { defaultConfig } from "../../config/defaults.ts";
import { loadConfig, type LoadedConfig } from "../../config/load.ts";
import { ConfigError } from "../../config/problems/problem.ts";
import { messageOf } from "../../shared/errors.ts";
import type { CommandContext } from "../command.ts";
import { loadOptions } from "../load-config.ts";
import { paintFor, textWidth, wrap, writeJson } from "../output.ts";
import type { Verdict } from "../../audit/observe/verdict.ts";
import type { Machine } from "../../checks/machine.ts";
import { realMachine } from "../machine.ts";
import { type DoctorCheck, type DoctorContext, warn } from "./check.ts";
import { checks } from "./checks.ts";

/** One line of the report: what was seen, and the way out when it is not ok. */
export interface Result {
  readonly name: string;
  readonly status: "ok" | "warn" | "fail";
  readonly text: string;
  readonly cure?: string;
}

/** `gigastt doctor`: 1 when something would keep the server from working. */
export async function doctor(context: CommandContext, system: Machine = realMachine): Promise<number> {
  const { stdout, env, cwd, signal, flags } = context;
  const { loaded, configError } = await readConfig(context);
  const config = loaded?.config ?? defaultConfig;
  const results = await runChecks(checks, { config, loaded, configError, env, cwd, system, signal });
  const failed = results.some(({ status }) => status === "fail");
  if (flags["json"] === true) writeJson(stdout, { ok: !failed, checks: results });
  else stdout.write(render(results, context));
  return failed ? 1 : 0;
}

/** All checks at once; the results in their order. A check that breaks hides no other. */
export async function runChecks(all: readonly DoctorCheck[], context: DoctorContext): Promise<readonly Result[]> {
  const results = await Promise.all(
    all.map(async (check): Promise<Result[]> => {
      try {
        return [await check.run(context)].flat().flatMap((verdict) => linesOf(check.name, verdict));
      } catch (error) {
        context.signal.throwIfAborted();
        const cure = "Please report it with the output of `gigastt doctor --json`.";
        return linesOf(check.name, warn(`could not be checked (${messageOf(error)})`, cure));
      }
    }),
  );
  return results.flat();
}

/** What could not be checked does not count as a problem. */
function linesOf(name: string, verdict: Verdict): Result[] {
  if (verdict.result === "ok") return [{ name, status: "ok", text: verdict.detail }];
  if (verdict.result === "not-checked") return [{ name, status: "ok", text: `not checked: ${verdict.reason}` }];
  return verdict.problems.map(({ severity, message, fix }) => ({
    name,
    status: severity === "warning" || severity === "note" ? "warn" : "fail",
    text: message,
    cure: fix,
  }));
}

async function readConfig(
  context: CommandContext,
): Promise<{ loaded: LoadedConfig | undefined; configError: ConfigError | undefined }> {
  try {
    return { loaded: await loadConfig(loadOptions(context)), configError: undefined };
  } catch (error) {
    if (error instanceof ConfigError) return { loaded: undefined, configError: error };
    throw error;
  }
}

function render(results: readonly Result[], context: CommandContext): string {
  const paint = paintFor(context.stdout, context);
  const painted: Record<Result["status"], string> = {
    ok: paint.green("ok  "),
    warn: paint.yellow("warn"),
    fail: paint.red("fail"),
  };
  const width = Math.max(...results.map(({ name }) => textWidth(name)));
  const indent = " ".repeat(4 + 2 + width + 2);
  const lines = results.flatMap(({ status, name, text, cure }, i) => {
    const shown = results[i - 1]?.name === name ? "" : name;
    const line = `${painted[status]}  ${shown.padEnd(width)}  ${text.replaceAll("\n", `\n${indent}`)}`;
    if (cure === undefined || cure === "") return [line];
    return [line, `${indent}${paint.dim("→")} ${wrap(cure, 90).join(`\n${indent}  `)}`];
  });
  const count = (status: Result["status"]): number => results.filter((result) => result.status === status).length;
  const problems = count("fail");
  const warnings = count("warn");
  const summary = `${count("ok")} ok, ${warnings} ${warnings === 1 ? "warning" : "warnings"}, ${problems} ${problems === 1 ? "problem" : "problems"}`;
  return `${lines.join("\n")}\n\n${summary}\n`;
}
