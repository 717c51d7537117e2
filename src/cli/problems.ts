import { formatPlace, formatProblem, MAX_SHOWN, type Problem } from "../config/problems/problem.ts";
import type { Paint } from "./output.ts";

/** Renders problems for people: one line that tools can parse, and below it the line of the file with a caret. */
export function renderProblems(problems: readonly Problem[], source: string | undefined, paint: Paint): string {
  const lines = source?.split("\n");
  const shown = problems.slice(0, MAX_SHOWN).map((problem) => renderProblem(problem, lines, paint));
  if (problems.length > MAX_SHOWN) shown.push(paint.dim(`… and ${problems.length - MAX_SHOWN} more`));
  return shown.join("\n");
}

/** A problem as `--json` shows it. */
export function problemToJson(problem: Problem): Record<string, unknown> {
  const { place } = problem;
  return {
    severity: problem.severity,
    code: problem.code,
    key: problem.key === "" ? undefined : problem.key,
    ...(place.kind === "file"
      ? { file: place.file, line: place.line || undefined, column: place.col || undefined }
      : {}),
    ...(place.kind === "variable" ? { variable: place.name } : {}),
    ...(place.kind === "flag" ? { flag: place.name } : {}),
    rule: problem.rule,
    found: problem.found,
    cure: problem.cure === "" ? undefined : problem.cure,
    message: formatProblem(problem),
  };
}

// ---

const MAX_FRAME_COLUMNS = 100;

function renderProblem(problem: Problem, lines: readonly string[] | undefined, paint: Paint): string {
  const place = formatPlace(problem.place);
  const text = formatProblem(problem).slice(place.length);
  const warning = problem.severity === "warning" ? `${paint.yellow("warning")} ` : "";
  const head = `${warning}${paint.bold(place)}${text}`;
  const frame = lines === undefined ? undefined : frameOf(problem, lines, paint);
  return frame === undefined ? head : `${head}\n${frame}`;
}

function frameOf(problem: Problem, lines: readonly string[], paint: Paint): string | undefined {
  const { place } = problem;
  if (place.kind !== "file" || place.line === 0) return undefined;
  const line = lines[place.line - 1]?.replace(/\r$/, "");
  if (line === undefined || line.trim() === "") return undefined;
  const shown = withoutSecrets(line, problem);
  const start = Math.max(0, place.col - MAX_FRAME_COLUMNS + 20);
  const cut = shown.slice(start, start + MAX_FRAME_COLUMNS).replace(/\p{Cc}/gu, " ");
  const column = place.col - 1 - start;
  const width = Math.max(1, Math.min(place.length, Math.max(1, cut.length - column)));
  const number = String(place.line).padStart(5);
  const gutter = paint.dim(`${" ".repeat(5)} |`);
  return `${paint.dim(`${number} |`)} ${cut}\n${gutter} ${" ".repeat(column)}${paint.red("^".repeat(width))}`;
}

/** The line without what may be secret: the values of telling or redacted keys, and everything after an unknown key (a mistyped `password`). */
function withoutSecrets(line: string, problem: Problem): string {
  const hides =
    problem.code === "GST_CONFIG_UNKNOWN_KEY" ||
    problem.found === "[REDACTED]" ||
    /pass|secret|token|key|auth|hash|cred|:\/\/\S*@/i.test(line);
  return hides ? line.replace(/(:\s*).*$/, "$1…") : line;
}
