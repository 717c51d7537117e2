import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { setConfigValues } from "../../config/file/edit.ts";
import { modelsDir } from "../../models/paths.ts";
import { makeSyntheticModel, SYNTHETIC_ID } from "../../models/synthetic/synthetic-model.ts";
import { measureAccuracy } from "../bench/accuracy/measure-accuracy.ts";
import { adviceFor } from "../bench/advice.ts";
import { describeHost } from "../bench/host.ts";
import { htmlReport } from "../bench/html.ts";
import { measureFile, measureStreams } from "../bench/measure.ts";
import { formatReport, type BenchReport, type FileFigure, type StreamFigure } from "../bench/report.ts";
import { startMeasuredServer } from "../bench/server.ts";
import { loadSamples } from "../bench/speech.ts";
import type { Command, CommandContext } from "../command.ts";
import { loadCliConfig } from "../load-config.ts";
import { writeJson } from "../output.ts";
import { UsageError } from "../usage.ts";

export const command: Command = {
  summary: "Measure what this machine can do",
  topic: "recognise",
  rank: 3,
  flags: {
    synthetic: {
      type: "string",
      value: "NAME",
      choices: ["gigaam"],
      describe: "measure a model of this size with random weights, without a download",
    },
    accuracy: {
      type: "string",
      value: "DIR",
      describe:
        "error rates of the installed models over your own recordings, each with its text beside it (call.mp3, call.txt)",
    },
    quick: { type: "boolean", describe: "files of 5 and 15 s and short streams only" },
    "max-streams": { type: "string", value: "N", describe: "largest number of live streams to try; default 16" },
    seconds: { type: "string", value: "S", describe: "length of each live stream; default 30, with --quick 12" },
    output: { type: "string", short: "o", value: "FILE", describe: "also write the report as FILE.json and FILE.html" },
    write: { type: "boolean", describe: "write the recommended values into the configuration without asking" },
    json: { type: "boolean", describe: "answer JSON" },
  },
  help: "Starts a server of its own on a free port, transcribes files, then adds live streams until one falls behind. Stop other work first: it would change the figures.",
  run: bench,
};

const FILE_SECONDS = [5, 15, 60, 600];

async function bench(context: CommandContext): Promise<number> {
  const { flags, stdout, stderr, env, cwd, signal } = context;
  if (typeof flags["accuracy"] === "string") return measureAccuracy(context, flags["accuracy"]);
  const quick = flags["quick"] === true;
  const maxStreams = wholeNumber(flags["max-streams"], 16, "--max-streams", 1, 256);
  const streamSeconds = wholeNumber(flags["seconds"], quick ? 12 : 30, "--seconds", 5, 600);
  const loaded = await loadCliConfig(context, { quiet: true });
  const { config } = loaded;
  const say = (text: string): void => void (stderr.isTTY && stderr.write(`\r\u001b[K${text}`));
  if (flags["synthetic"] === "gigaam") {
    await makeSyntheticModel({
      baseDir: modelsDir(config.model.dir, env),
      pointwise: false,
      onProgress: (written, total) => say(`making a model of GigaAM's size … ${Math.round((100 * written) / total)} %`),
    });
  }
  say("starting …");
  const server = await startMeasuredServer(serverArguments(context, maxStreams), env);
  try {
    const idle = await server.memoryMb();
    const samples = await loadSamples();
    const files: FileFigure[] = [];
    const streams: StreamFigure[] = [];
    try {
      for (const seconds of quick ? FILE_SECONDS.slice(0, 2) : FILE_SECONDS) {
        say(`a file of ${seconds} s …`);
        files.push(await measureFile(server.url, samples, seconds, seconds > 100 ? 1 : 3, signal));
      }
      for (const count of streamCounts(maxStreams)) {
        say(`${count} live stream${count === 1 ? "" : "s"} …`);
        const figure = await measureStreams(server.url, samples, count, streamSeconds, signal);
        // An interrupted stage says nothing about the machine.
        signal.throwIfAborted();
        streams.push(figure);
        if (!figure.keptUp) break;
      }
    } catch (error) {
      if (!signal.aborted || files.length === 0) throw error;
    }
    const peak = await server.memoryMb();
    say("draining …");
    const drainMs = await server.stop();
    say("");
    const report: BenchReport = {
      version: 1,
      measuredAt: new Date().toISOString(),
      host: await describeHost(),
      model: server.model,
      engine: { workers: config.engine.workers, threads: config.engine.threads },
      coldStartMs: Math.round(server.coldStartMs),
      files,
      streams,
      interrupted: signal.aborted,
      sustainedStreams: Math.max(0, ...streams.filter(({ keptUp }) => keptUp).map((figure) => figure.streams)),
      idleMemoryMb: idle?.nowMb ?? 0,
      peakMemoryMb: peak?.peakMb ?? 0,
      drainMs: Math.round(drainMs),
    };
    if (flags["json"] === true) writeJson(stdout, report);
    else stdout.write(formatReport(report));
    await writeReports(context, report);
    signal.throwIfAborted();
    await offerAdvice(context, report, config.pool.size, loaded.path);
    return 0;
  } finally {
    await server.stop();
  }

  async function writeReports({ flags: given }: CommandContext, report: BenchReport): Promise<void> {
    const output = given["output"];
    if (typeof output !== "string") return;
    const stem = resolve(cwd, output).replace(/\.(?:json|html)$/, "");
    await writeFile(`${stem}.json`, `${JSON.stringify(report, null, 2)}\n`);
    await writeFile(`${stem}.html`, htmlReport(report));
    stderr.write(`wrote ${stem}.json and ${stem}.html\n`);
  }
}

/** 1, 2, 3, 4, 6, 8, 12, 16, …: fine where small boxes end, coarse above. */
export function streamCounts(max: number): readonly number[] {
  const counts: number[] = [];
  for (let count = 1; count <= max; count += count < 4 ? 1 : 2 ** Math.floor(Math.log2(count) - 1)) counts.push(count);
  return counts;
}

/** The server sees the user's configuration, on a free port, with a pool that is never the limit. */
function serverArguments({ flags }: CommandContext, maxStreams: number): readonly string[] {
  const args: string[] = [];
  if (typeof flags["config"] === "string") args.push("--config", flags["config"]);
  const sets = Array.isArray(flags["set"]) ? (flags["set"] as readonly string[]) : []; // parsed as multiple strings
  for (const pair of sets) args.push("--set", pair);
  const own = [
    "server.host=127.0.0.1",
    "server.port=0",
    `pool.size=${maxStreams}`,
    // A stream that must wait is one too many; a longer wait would run it after the others have ended.
    "pool.checkoutTimeout=1s",
    "rateLimit.perMinute=0",
    "log.level=info",
  ];
  if (flags["synthetic"] === "gigaam") own.push(`model.id=${SYNTHETIC_ID}`);
  for (const pair of own) args.push("--set", pair);
  return args;
}

async function offerAdvice(
  context: CommandContext,
  report: BenchReport,
  poolSize: number,
  path: string | undefined,
): Promise<void> {
  const { flags, stdin, stderr } = context;
  const advice = adviceFor(report, poolSize);
  if (advice.length === 0 || flags["json"] === true) return;
  for (const { key, value, reason } of advice) stderr.write(`\n${key}: ${value} is recommended: ${reason}.\n`);
  if (path === undefined) {
    stderr.write("There is no configuration file to write it to; `gigastt config print --commented` makes one.\n");
    return;
  }
  if (flags["write"] !== true) {
    const terminal = "isTTY" in stdin && stdin.isTTY === true && stderr.isTTY;
    if (!terminal) return;
    const prompt = createInterface({ input: stdin, output: stderr });
    const answer = await prompt.question(`Write this into ${path}? [y/N] `);
    prompt.close();
    if (!/^y(es)?$/i.test(answer.trim())) return;
  }
  const text = await readFile(path, "utf8");
  const values = Object.fromEntries(advice.map(({ key, value }) => [key, value]));
  await writeFile(path, setConfigValues(text, values));
  stderr.write(`wrote ${path}\n`);
}

function wholeNumber(value: unknown, fallback: number, flag: string, min: number, max: number): number {
  if (value === undefined) return fallback;
  const number = Number(value);
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw new UsageError([`${flag} needs a whole number from ${min} to ${max}, found "${String(value)}"`], ["bench"]);
}
