import { Copy, DockerfileParser, ModifiableInstruction, Run } from "dockerfile-ast";
import type { Heredoc, Instruction } from "dockerfile-ast";
import type { Source, Span } from "../source.ts";
import { lineText, positionAt } from "../source.ts";
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

/** Parses a Dockerfile into stages and instructions with their places. */
export function parseDockerfile(source: Source): DockerfileParse {
  const problems: ParseProblem[] = [];
  const instructions: DockerInstruction[] = [];
  // Same length, so that offsets stay: a byte order mark is not part of FROM, and a lone CR does not end a line for Docker.
  const file = DockerfileParser.parse(source.text.replace(/^\uFEFF|\r(?!\n)/g, " "));
  let stage = -1;
  for (const parsed of file.getInstructions()) {
    const span = spanOf(source, parsed);
    const name = parsed.getKeyword();
    if (!KNOWN.has(name)) {
      const shown = lineText(source, positionAt(source, span.start).line).trim();
      problems.push({ span, message: `"${shown.slice(0, 40)}" is not a Dockerfile instruction` });
      continue;
    }
    for (const heredoc of heredocsOf(parsed)) {
      if (heredoc.getDelimiterRange() !== null) continue;
      problems.push({
        span: { source, start: span.start, end: span.start + 3 },
        message: `the heredoc ${heredoc.getName()} has no closing marker`,
      });
    }
    if (name === "FROM") stage += 1;
    const value = valueOf(parsed);
    instructions.push({
      ...span,
      name,
      value,
      flags: flagsOf(parsed),
      exec: parseExec(value),
      line: positionAt(source, span.start).line,
      stage,
    });
  }
  const comments = file.getComments().map((comment) => spanOf(source, comment));
  return { source, instructions, stages: collectStages(instructions), comments, problems };
}

// ---

function spanOf(source: Source, node: Pick<Instruction, "getRange">): Span {
  const { start, end } = node.getRange();
  const offset = (place: { readonly line: number; readonly character: number }): number =>
    Math.min(source.text.length, (source.lineStarts[place.line] ?? source.text.length) + place.character);
  return { source, start: offset(start), end: offset(end) };
}

/** The arguments without flags and without the bodies of heredocs; a continuation is one line. */
function valueOf(instruction: Instruction): string {
  return /^.*/.exec(instruction.getArgumentsContent() ?? "")![0].trim();
}

function flagsOf(instruction: Instruction): Record<string, string> {
  if (!(instruction instanceof ModifiableInstruction)) return {};
  return Object.fromEntries(instruction.getFlags().map((flag) => [flag.getName(), flag.getValue() ?? ""]));
}

function heredocsOf(instruction: Instruction): readonly Heredoc[] {
  return instruction instanceof Run || instruction instanceof Copy ? instruction.getHeredocs() : [];
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
