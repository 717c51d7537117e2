import { formatLogLine } from "../../supervisor/logs/log-format.ts";
import { followLogs, hasLogs, readLastLines } from "../../supervisor/logs/log-read.ts";
import type { LogFilter, LoggedLine } from "../../supervisor/logs/log-read.ts";
import { parseDurationMs } from "../../shared/units.ts";
import type { Command, CommandContext } from "../command.ts";
import { findStatePaths, STATE_FLAGS } from "../state.ts";
import { UsageError } from "../usage.ts";

export const command: Command = {
  summary: "Show the logs of gigastt and the processes it runs",
  topic: "run",
  rank: 4,
  flags: {
    ...STATE_FLAGS,
    follow: { type: "boolean", short: "f", describe: "follow new lines until Ctrl-C" },
    lines: { type: "string", short: "n", value: "N", describe: "number of last lines (default 50)" },
    process: {
      type: "string",
      value: "NAME",
      choices: ["runtime", "supervisor", "proxy", "redis"],
      describe: "only this process",
    },
    level: {
      type: "string",
      value: "LEVEL",
      choices: ["trace", "debug", "info", "warn", "error", "fatal"],
      describe: "lowest level shown",
    },
    since: {
      type: "string",
      value: "WHEN",
      describe: "start: a time (2026-11-21T10:00:00Z) or an age (10m)",
    },
    until: { type: "string", value: "WHEN", describe: "end, in the same form as --since" },
    json: { type: "boolean", describe: "JSON lines as they are in the files, with the process added" },
  },
  help: "Reads the files in the state folder, so it also works while gigastt is stopped.",
  aboutService: true,
  run: async (context) => {
    const { flags, stdout, signal } = context;
    const paths = await findStatePaths(context);
    const filter = filterOf(context);
    const write = (line: LoggedLine): void => {
      stdout.write(
        flags["json"] === true
          ? `${withProcess(line)}\n`
          : `${formatLogLine(line.parsed, line.process, { date: true })}\n`,
      );
    };
    const lines = await readLastLines(paths.logsDir, filter, countOf(flags["lines"]));
    for (const line of lines) write(line);
    if (lines.length === 0 && flags["follow"] !== true)
      context.stderr.write(`gigastt: ${await whyEmpty(paths.logsDir)}\n`);
    if (flags["follow"] === true) await followLogs(paths.logsDir, filter, write, signal);
    return 0;
  },
};

// ---

function filterOf({ flags }: CommandContext): LogFilter {
  const text = (name: string): string | undefined => (typeof flags[name] === "string" ? flags[name] : undefined);
  return {
    process: text("process"),
    level: text("level"),
    sinceMs: momentOf("--since", text("since")),
    untilMs: momentOf("--until", text("until")),
  };
}

function countOf(value: unknown): number {
  if (value === undefined) return 50;
  const count = Number(value);
  if (!Number.isInteger(count) || count < 0 || count > 1_000_000) {
    throw new UsageError([`--lines must be a whole number from 0 to 1000000, found "${String(value)}"`], ["logs"]);
  }
  return count;
}

function momentOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const agoMs = parseDurationMs(text);
  if (agoMs !== undefined) return Date.now() - agoMs;
  const atMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atMs))
    throw new UsageError(
      [`${flag} must be a time like 2026-11-21T10:00:00Z or a duration like 10m, found "${text}"`],
      ["logs"],
    );
  return atMs;
}

/** Message when no lines match. */
async function whyEmpty(logsDir: string): Promise<string> {
  return (await hasLogs(logsDir))
    ? `no lines in ${logsDir} match`
    : `there are no logs in ${logsDir} yet: gigastt up writes them`;
}

function withProcess(line: LoggedLine): string {
  return line.raw.startsWith("{") ? `{"process":${JSON.stringify(line.process)},${line.raw.slice(1)}` : line.raw;
}
