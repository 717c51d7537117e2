import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { GigasttError } from "../../shared/errors.ts";
import { sleep } from "../../shared/time/timers.ts";
import { listGenerations } from "../../supervisor/config/generations.ts";
import { findRollback, writeRollback } from "../../supervisor/config/rollback.ts";
import type { Command, CommandContext } from "../command.ts";
import { operate } from "../control.ts";
import { writeJson } from "../output.ts";
import { findStatePaths, STATE_FLAGS } from "../state.ts";

export const command: Command = {
  summary: "Go back to the last healthy configuration",
  topic: "run",
  rank: 9,
  flags: { ...STATE_FLAGS, json: { type: "boolean", describe: "answer JSON" } },
  help: "The current file is kept as FILE.before-rollback. While gigastt is stopped, only the file is restored.",
  aboutService: true,
  run: async (context) => {
    try {
      const { result, field } = await goBack(context);
      if (context.flags["json"] === true) writeJson(context.stdout, result);
      else context.stdout.write(`rolled back (${String(field("effect"))})\n`);
      return 0;
    } catch (error) {
      if (!(error instanceof GigasttError) || error.code !== "GST_NOT_RUNNING") throw error;
      return rollbackFile(context);
    }
  },
};

// ---

type Operated = Awaited<ReturnType<typeof operate>>;

/** The service goes back by itself where it may write its configuration; else this command writes it, as root. */
async function goBack(context: CommandContext): Promise<Operated> {
  try {
    return await operate(context, "rollback");
  } catch (error) {
    if (!(error instanceof GigasttError) || error.code !== "GST_ROLLBACK_WRITE") throw error;
  }
  const { field } = await operate(context, "rollback", { plan: true });
  const { generationsDir } = await findStatePaths(context);
  const path = String(field("path"));
  const number = Number(field("number"));
  const generation = (await listGenerations(generationsDir)).find((one) => one.number === number);
  if (generation?.source === undefined) throw new GigasttError("GST_NO_GENERATION", `generation ${number} is gone`);
  await writeRollback({ path, generation: { ...generation, source: generation.source } });
  return applied(context, number);
}

/** The service may have seen the changed file first and apply it right now: that is waited for. */
async function applied(context: CommandContext, number: number): Promise<Operated> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await operate(context, "rollback", { written: number });
    } catch (error) {
      if (!(error instanceof GigasttError) || error.code !== "GST_BUSY" || attempt >= BUSY_ATTEMPTS) throw error;
      await sleep(500);
    }
  }
}

const BUSY_ATTEMPTS = 120;

/** Puts the file back while nothing runs, and says how to start. */
async function rollbackFile(context: CommandContext): Promise<number> {
  const { generationsDir } = await findStatePaths(context);
  await access(generationsDir).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "EACCES")
      throw new GigasttError(
        "GST_STATE_DENIED",
        `${generationsDir} belongs to another user: run the same command with sudo`,
      );
  });
  const generations = await listGenerations(generationsDir);
  const { config } = context.flags;
  const path = typeof config === "string" ? resolve(context.cwd, config) : generations[0]?.path;
  const target = await findRollback(generations, path, undefined);
  await writeRollback(target);
  const { number, at } = target.generation;
  if (context.flags["json"] === true) writeJson(context.stdout, { effect: "file", path: target.path, number });
  else
    context.stdout.write(
      `${target.path} is the configuration of ${at} again. gigastt is not running; start it:\n  ${context.service === undefined ? "gigastt up" : "sudo systemctl restart gigastt"}\n`,
    );
  return 0;
}
