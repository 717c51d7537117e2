import type { ConsoleConfig, ConsoleLogs } from "../../shared/console-status.ts";
import { messageOf, GigasttError } from "../../shared/errors.ts";
import type { Answer, ConsoleQuestion } from "../../shared/process/messages.ts";
import { readJsonFile } from "../../shared/files.ts";
import { configValues } from "../../config/values.ts";
import { fieldsText } from "../logs/log-format.ts";
import { loggedProcesses, readLastLines } from "../logs/log-read.ts";
import type { ConfigCell, Parts } from "../parts.ts";
import type { StatePaths } from "../state/state-dir.ts";
import { isLastAudit } from "../status/upkeep.ts";

/** What the answers are read from. */
export interface QuestionSources {
  readonly parts: Pick<Parts, "history">;
  readonly paths: Pick<StatePaths, "logsDir" | "auditFile">;
  readonly cell: () => Readonly<ConfigCell>;
  /** Downloads the real model. */
  readonly pull: () => void;
  /** Begins the operation, or throws why it cannot begin. */
  readonly begin: (operation: ConsoleQuestion<"begin">["operation"]) => void;
}

/** Answers the runtime. Never throws. */
export async function answerQuestion(question: ConsoleQuestion, sources: QuestionSources): Promise<Answer> {
  try {
    return { ok: true, result: (await resultOf(question, sources)) ?? null };
  } catch (error) {
    const code = error instanceof GigasttError ? error.code : "GST_INTERNAL";
    return { ok: false, code, message: messageOf(error) };
  }
}

// ---

const MAX_LINES = 300;
/** An open page asks every few seconds. */
const MAX_LOG_BYTES = 512 * 1024;
const MAX_LINE_CHARACTERS = 1000;

async function resultOf(
  question: ConsoleQuestion,
  { parts, paths, cell, pull, begin }: QuestionSources,
): Promise<unknown> {
  switch (question.cmd) {
    case "pull":
      return pull();
    case "series":
      return parts.history.series(question.range);
    case "log_lines":
      return logLines(question, paths.logsDir);
    case "settings": {
      const { loaded, loadedAt } = cell();
      const { path = null, hash } = loaded;
      return { path, hash, loadedAt, values: configValues(loaded) } satisfies ConsoleConfig;
    }
    case "audit": {
      const audit = await readJsonFile(paths.auditFile);
      return isLastAudit(audit) ? audit : null;
    }
    case "begin":
      return begin(question.operation);
  }
}

async function logLines(
  { process, level, text, since }: ConsoleQuestion<"log_lines">,
  logsDir: string,
): Promise<ConsoleLogs> {
  const sinceMs = since === undefined ? undefined : Date.parse(since);
  const lines = await readLastLines(
    logsDir,
    { process, level, text, sinceMs, untilMs: undefined },
    MAX_LINES,
    MAX_LOG_BYTES,
  );
  return {
    processes: await loggedProcesses(logsDir),
    lines: lines.map(({ process: name, parsed }) => ({
      time: parsed.time,
      level: parsed.level,
      process: name,
      text: fieldsText(parsed).slice(0, MAX_LINE_CHARACTERS),
    })),
  };
}
