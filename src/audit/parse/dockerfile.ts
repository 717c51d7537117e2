import type { Source, Span } from "../source.ts";
import { positionAt } from "../source.ts";
import type { ParseProblem } from "../parts.ts";

/** One instruction with its continuation lines and heredocs. */
export interface DockerInstruction extends Span {
  readonly name: string;
  /** Text after the name and flags, continuation joined by spaces. */
  readonly value: string;
  /** `--flag=value` words before the value. */
  readonly flags: Readonly<Record<string, string>>;
  /** Words of the JSON exec form; undefined in shell form. */
  readonly exec: readonly string[] | undefined;
  readonly line: number;
  readonly stage: number;
}

export interface DockerStage {
  readonly name: string | undefined;
  readonly base: string;
  readonly from: DockerInstruction;
  readonly instructions: readonly DockerInstruction[];
}

export interface DockerfileParse {
  readonly source: Source;
  readonly instructions: readonly DockerInstruction[];
  readonly stages: readonly DockerStage[];
  readonly comments: readonly Span[];
  readonly problems: readonly ParseProblem[];
}

const KNOWN = new Set(
  "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR".split(
    " ",
  ),
);

/** Parses a Dockerfile: parser directives, stages, continuation, heredocs, exec and shell form. */
export function parseDockerfile(source: Source): DockerfileParse {
  const { text } = source;
  const comments: Span[] = [];
  const problems: ParseProblem[] = [];
  const instructions: DockerInstruction[] = [];
  const escape = /^#\s*escape\s*=\s*`/im.test(text.slice(0, 300)) ? "`" : "\\";
  let stage = -1;
  let at = text.startsWith("\uFEFF") ? 1 : 0;
  while (at < text.length) {
    const lineEnd = endOfLine(text, at);
    const line = text.slice(at, lineEnd);
    const trimmed = line.trim();
    const start = at + (line.length - line.trimStart().length);
    if (trimmed === "" || trimmed.startsWith("#")) {
      if (trimmed !== "") comments.push({ source, start, end: lineEnd });
      at = lineEnd + 1;
      continue;
    }
    const logical = readLogicalLine(source, at, escape, comments);
    at = logical.next;
    let { end } = logical;
    const head = /^([A-Za-z]+)(?:\s+|$)/.exec(logical.text);
    const name = (head?.[1] ?? "").toUpperCase();
    if (!KNOWN.has(name)) {
      problems.push({
        span: { source, start, end },
        message: `"${trimmed.slice(0, 40)}" is not a Dockerfile instruction`,
      });
      continue;
    }
    let value = logical.text.slice(head?.[0].length ?? 0).trim();
    const flags: Record<string, string> = {};
    for (;;) {
      const flag = /^--([a-z-]+)(?:=(\S*))?(?:\s+|$)/.exec(value);
      if (!flag) break;
      flags[flag[1] ?? ""] = flag[2] ?? "";
      value = value.slice(flag[0].length);
    }
    if (name === "RUN" || name === "COPY" || name === "ADD") {
      const heredoc = skipHeredocs(source, value, at, problems, start);
      if (heredoc !== undefined) {
        at = heredoc;
        end = Math.min(text.length, heredoc > 0 ? heredoc - 1 : 0);
      }
    }
    if (name === "FROM") stage += 1;
    instructions.push({
      source,
      start,
      end,
      name,
      value,
      flags,
      exec: parseExec(value),
      line: positionAt(source, start).line,
      stage,
    });
  }
  return { source, instructions, stages: collectStages(instructions), comments, problems };
}

// ---

function readLogicalLine(
  source: Source,
  from: number,
  escape: string,
  comments: Span[],
): { text: string; end: number; next: number } {
  const { text } = source;
  let joined = "";
  let at = from;
  let end = from;
  for (;;) {
    const lineEnd = endOfLine(text, at);
    const line = text.slice(at, lineEnd).replace(/\r$/, "");
    end = at + line.length;
    const open = line.trimEnd();
    if (!open.endsWith(escape)) {
      joined += line;
      return { text: joined.trim(), end, next: lineEnd + 1 };
    }
    joined += `${open.slice(0, -1)} `;
    at = lineEnd + 1;
    // Comment and empty lines inside a continuation are skipped.
    while (at < text.length) {
      const nextEnd = endOfLine(text, at);
      const next = text.slice(at, nextEnd).trim();
      if (next !== "" && !next.startsWith("#")) break;
      if (next !== "") comments.push({ source, start: at, end: nextEnd });
      at = nextEnd + 1;
    }
    if (at >= text.length) return { text: joined.trim(), end, next: text.length };
  }
}

/** Offset after the bodies of the heredocs that `value` opens; undefined when it opens none. */
function skipHeredocs(
  source: Source,
  value: string,
  from: number,
  problems: ParseProblem[],
  start: number,
): number | undefined {
  const marks = [...value.matchAll(/<<(-?)\s*(["']?)([A-Za-z_][A-Za-z0-9_]*)\2/g)];
  if (marks.length === 0) return undefined;
  let at = from;
  for (const mark of marks) {
    let closed = false;
    while (at < source.text.length) {
      const lineEnd = endOfLine(source.text, at);
      const line = source.text.slice(at, lineEnd).replace(/\r$/, "");
      at = lineEnd + 1;
      if ((mark[1] === "-" ? line.replace(/^\t+/, "") : line) === mark[3]) {
        closed = true;
        break;
      }
    }
    if (!closed) {
      problems.push({
        span: { source, start, end: start + 3 },
        message: `the heredoc ${mark[3]} has no closing marker`,
      });
    }
  }
  return at;
}

function parseExec(value: string): readonly string[] | undefined {
  if (!value.startsWith("[")) return undefined;
  try {
    const words: unknown = JSON.parse(value);
    return Array.isArray(words) && words.every((word) => typeof word === "string") ? words : undefined;
  } catch {
    // Docker too treats broken JSON as shell form.
    return undefined;
  }
}

function collectStages(instructions: readonly DockerInstruction[]): DockerStage[] {
  const stages: {
    name: string | undefined;
    base: string;
    from: DockerInstruction;
    instructions: DockerInstruction[];
  }[] = [];
  for (const instruction of instructions) {
    if (instruction.name === "FROM") {
      const [base = "", as, name] = instruction.value.split(/\s+/);
      stages.push({ name: as?.toLowerCase() === "as" ? name : undefined, base, from: instruction, instructions: [] });
    } else stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
}

function endOfLine(text: string, from: number): number {
  const newline = text.indexOf("\n", from);
  return newline === -1 ? text.length : newline;
}
