import { spawn, type ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { GigasttError } from "../../shared/errors.ts";
import { installationRoot } from "../../shared/process/entry.ts";
import type { MeasuredModel } from "./report.ts";
import { setTimeout, sleep } from "../../shared/time/timers.ts";

/** A server started only to be measured, on a free loopback port. */
export interface MeasuredServer {
  readonly url: string;
  /** Process start to `/ready`. */
  readonly coldStartMs: number;
  readonly model: MeasuredModel;
  /** Resident memory now and at its highest; undefined where the system does not tell. */
  readonly memoryMb: () => Promise<{ readonly nowMb: number; readonly peakMb: number } | undefined>;
  /** SIGTERM, then the time until the process has gone. */
  readonly stop: () => Promise<number>;
}

const START_TIMEOUT_MS = 300_000;
const REWRITE_TIMEOUT_MS = 900_000;

/**
 * Starts `gigastt serve` with the given arguments and waits until it is ready.
 *
 * @throws GigasttError `GST_BENCH_START` with the server's last output when it does not start
 */
export async function startMeasuredServer(args: readonly string[], env: NodeJS.ProcessEnv): Promise<MeasuredServer> {
  const startedMs = performance.now();
  const bin = fileURLToPath(new URL("bin/gigastt.js", installationRoot()));
  const child = spawn(process.execPath, [bin, "serve", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const lastLines: string[] = [];
  try {
    const url = await listeningUrl(child, lastLines);
    await untilReady(url, child);
    const coldStartMs = performance.now() - startedMs;
    const model = await describeModel(url, child);
    return { url, coldStartMs, model, memoryMb: () => memoryOf(child.pid), stop: () => stop(child) };
  } catch (error) {
    child.kill("SIGKILL");
    throw new GigasttError(
      "GST_BENCH_START",
      `the benchmark server did not start. Its last output:\n${lastLines.slice(-10).join("\n")}`,
      { cause: error },
    );
  }
}

/** The address from the server's own `listening` line; keeps its last lines for an error message. */
function listeningUrl(child: ChildProcess, lastLines: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const onLine = (line: string): void => {
      lastLines.push(line);
      if (lastLines.length > 50) lastLines.shift();
      try {
        const entry = JSON.parse(line) as { event?: string; host?: string; port?: number }; // checked below
        if (entry.event === "listening" && entry.port !== undefined) resolve(`http://127.0.0.1:${entry.port}`);
      } catch {
        // A line for people, not a log entry.
      }
    };
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on("line", onLine);
    }
    child.once("error", reject);
    child.once("exit", (code, signal) => reject(new Error(`exit ${code ?? signal}`)));
  });
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    const response = await fetch(`${url}/ready`).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
    await sleep(25);
  }
  throw new Error("not ready");
}

/** Describes the model once its encoder is in the form in which it stays: while it is rewritten, figures would be of no form. */
async function describeModel(url: string, child: ChildProcess): Promise<MeasuredModel> {
  const response = await fetch(`${url}/v1/models`);
  const { id, encoder } = (await response.json()) as { id: string; encoder: string }; // our own server's
  const deadline = performance.now() + REWRITE_TIMEOUT_MS;
  for (;;) {
    const health = (await (await fetch(`${url}/health`)).json()) as Health; // our own server's
    const { encoder_form: encoderForm = "published", model_hash: bundleHash = "" } = health;
    if (encoderForm !== "rewriting") return { id, precision: encoder, bundleHash, encoderForm };
    if (performance.now() > deadline || child.exitCode !== null)
      throw new Error("the encoder is still being rewritten");
    await sleep(250);
  }
}

interface Health {
  readonly model_hash?: string;
  readonly encoder_form?: string;
}

async function memoryOf(pid: number | undefined): Promise<{ nowMb: number; peakMb: number } | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const megabytes = (key: string): number =>
      Math.round(Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
    return { nowMb: megabytes("VmRSS"), peakMb: megabytes("VmHWM") };
  } catch {
    return undefined;
  }
}

async function stop(child: ChildProcess): Promise<number> {
  const startedMs = performance.now();
  if (child.exitCode === null && child.signalCode === null) {
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
    await gone;
    clearTimeout(timer);
  }
  return performance.now() - startedMs;
}
