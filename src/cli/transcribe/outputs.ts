import { mkdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join, resolve, sep } from "node:path";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import { writeFileAtomic } from "../../shared/files.ts";
import type { TranscriptFormat } from "../../shared/protocol.ts";
import { STDIO } from "../args.ts";
import { UsageError } from "../usage.ts";

/** Formats of which two do not make one text. */
const FILE_FORMATS: ReadonlySet<TranscriptFormat> = new Set(["srt", "vtt", "tsv", "html"]);

/** Where the transcript of each input goes; undefined = standard output. Same order as the inputs. */
export async function planOutputs(options: {
  readonly inputs: readonly string[];
  readonly format: TranscriptFormat;
  /** `--output` as given: a file for one input, else a folder. */
  readonly output: string | undefined;
  /** Replace files that exist. */
  readonly force: boolean;
  readonly cwd: string;
}): Promise<readonly (string | undefined)[]> {
  const { inputs, format, output, force, cwd } = options;
  if (output === undefined) {
    if (inputs.length > 1 && FILE_FORMATS.has(format)) {
      throw new UsageError(
        [`--format ${format} of several files needs --output DIR: they cannot share one output`],
        ["transcribe"],
      );
    }
    return inputs.map(() => undefined);
  }
  const target = resolve(cwd, output);
  const isFolder = inputs.length > 1 || output.endsWith("/") || output.endsWith(sep) || (await isDirectory(target));
  const paths = isFolder ? namesOf(inputs, format).map((name) => join(target, name)) : [target];
  const sources = new Set(inputs.filter((input) => input !== STDIO).map((input) => resolve(cwd, input)));
  const overwritten = paths.find((path) => sources.has(path));
  if (overwritten !== undefined) {
    throw new UsageError([`--output would overwrite the recording ${overwritten}`], ["transcribe"]);
  }
  const existing = force
    ? []
    : await Promise.all(paths.map(async (path) => ((await isRegularFile(path)) ? [path] : [])));
  const [first, ...others] = existing.flat();
  if (first !== undefined) {
    const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
    throw new GigasttError(
      "GST_OUTPUT",
      `${first}${more} already exists. Give another --output, or replace it with --force.`,
    );
  }
  return paths;
}

/** Writes a text so that a reader never sees half of it. Makes the folder. @throws GigasttError `GST_OUTPUT`. */
export async function writeOutput(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    // A pipe or a device (`-o /dev/null`) is written, not replaced.
    if (await isSpecial(path)) return await writeFile(path, text);
    await writeFileAtomic(path, text, { mode: 0o666 & ~process.umask(), sync: false });
  } catch (error) {
    throw new GigasttError("GST_OUTPUT", `${path} cannot be written (${messageOf(error)}). Give another --output.`, {
      cause: error,
    });
  }
}

/** `talk.wav` → `talk.srt`; where two inputs would meet, the whole names are kept: `talk.wav.srt`, `talk.mp3.srt`, `talk.wav.2.srt`. */
function namesOf(inputs: readonly string[], format: TranscriptFormat): string[] {
  const bases = inputs.map((input) => (input === STDIO ? "stdin" : basename(input)));
  const short = bases.map((base) => base.slice(0, base.length - extname(base).length));
  const taken = new Set<string>();
  return bases.map((base, i) => {
    const isAlone = short.filter((other) => other === short[i]).length === 1;
    const stem = isAlone ? short[i]! : base;
    let name = `${stem}.${format}`;
    for (let n = 2; taken.has(name); n++) name = `${stem}.${n}.${format}`;
    taken.add(name);
    return name;
  });
}

async function isRegularFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

async function isSpecial(path: string): Promise<boolean> {
  try {
    const stats = await stat(path);
    return !stats.isFile() && !stats.isDirectory();
  } catch {
    return false;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
