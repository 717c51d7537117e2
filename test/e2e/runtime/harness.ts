import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { wavFile } from "../../../src/shared/wav.ts";

/** A `gigastt serve` process. */
export interface Served {
  readonly process: ChildProcess;
  readonly port: number;
  readonly url: string;
  /** Log lines so far. */
  readonly lines: Record<string, unknown>[];
  /** Standard error so far. */
  errors(): string;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

const program = fileURLToPath(new URL("../../../bin/gigastt.js", import.meta.url));

const running: { child: ChildProcess; dir: string }[] = [];

/** Starts the built program with a configuration file of its own, on a free port, and waits until the model is loaded. */
export async function startServe(
  yaml: string,
  options: { waitFor?: "ready" | "listening"; port?: number; stateHome?: string; cacheHome?: string } = {},
): Promise<Served> {
  const dir = mkdtempSync(join(tmpdir(), "gigastt-serve-"));
  writeFileSync(join(dir, "gigastt.config.yaml"), yaml);
  const child = spawn(process.execPath, [program, "serve", "--config", join(dir, "gigastt.config.yaml")], {
    cwd: dir,
    env: {
      ...process.env,
      GIGASTT_PORT: String(options.port ?? 0),
      XDG_STATE_HOME: options.stateHome ?? join(dir, "state"),
      ...(options.cacheHome === undefined ? {} : { XDG_CACHE_HOME: options.cacheHome }),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.push({ child, dir });
  const lines: Record<string, unknown>[] = [];
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  const wanted = options.waitFor ?? "ready";
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line = JSON.parse(text) as Record<string, unknown>; // the server's own JSON
      lines.push(line);
      if (line["event"] === wanted) resolve();
    });
    void exited.then(({ code }) =>
      reject(new Error(`serve ended with ${code} before ${wanted}:\n${errors}${JSON.stringify(lines)}`)),
    );
  });
  const port = Number(lines.find((line) => line["event"] === "listening")?.["port"]);
  return { process: child, port, url: `http://127.0.0.1:${port}`, lines, errors: () => errors, exited };
}

/** Ends every process started here and removes its files. */
export async function stopAll(): Promise<void> {
  for (const { child, dir } of running.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
    }
    rmSync(dir, { recursive: true, force: true });
  }
}

export interface EvalClip {
  readonly name: string;
  readonly text: string;
  /** The file. */
  readonly wav: Buffer;
  /** Its samples: 16 kHz PCM16. */
  readonly pcm: Buffer;
}

/** Evaluation clips with the text the int8 reference decode gives them. */
export function evalClips(count: number): EvalClip[] {
  const folder = new URL("../../fixtures/eval/", import.meta.url);
  const manifest = JSON.parse(readFileSync(new URL("manifest.json", folder), "utf8")) as ManifestEntry[]; // our own fixture
  return manifest.slice(0, count).map((entry) => {
    const wav = readFileSync(new URL(entry.file, folder));
    return { name: entry.file, text: entry.reference_decode.int8.text, wav, pcm: wav.subarray(44) };
  });
}

interface ManifestEntry {
  readonly file: string;
  readonly reference_decode: { readonly int8: { readonly text: string } };
}

/** A WAV file of these samples: 16 kHz, mono, PCM16. */
export function wavOf(pcm: Uint8Array): Buffer {
  return Buffer.from(wavFile(new Int16Array(Uint8Array.from(pcm).buffer)));
}

/** Sends samples in frames of 100 ms, `speed` times faster than real time. */
export async function streamPcm(send: (frame: Uint8Array) => void, pcm: Uint8Array, speed: number): Promise<void> {
  for (let offset = 0; offset < pcm.length; offset += 3200) {
    send(pcm.subarray(offset, offset + 3200));
    await new Promise((resolve) => setTimeout(resolve, 100 / speed));
  }
}

/** Share of the reference's words that the text has too, in any order. */
export function wordsFound(text: string, reference: string): number {
  const words = (value: string): string[] => value.toLowerCase().match(/[а-яё]+/g) ?? [];
  const left = words(text);
  const wanted = words(reference);
  const found = wanted.filter((word) => {
    const index = left.indexOf(word);
    if (index >= 0) left.splice(index, 1);
    return index >= 0;
  });
  return found.length / wanted.length;
}
