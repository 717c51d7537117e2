import { runLiveStream, type LiveStreamResult } from "./live-stream.ts";
import { percentile, type FileFigure, type StreamFigure } from "./report.ts";
import { wavFile } from "../../shared/wav.ts";
import { assembleSpeech, type Sample } from "./speech.ts";
import { sleep } from "../../shared/time/timers.ts";

/** A stream keeps up when words are visible this soon after they end, for 95 of 100, and its last final follows as soon. */
const KEEPS_UP_MS = 2000;

/** Transcribes one file of the given length; the smallest of the runs counts, the others are noise on top. */
export async function measureFile(
  url: string,
  samples: readonly Sample[],
  seconds: number,
  runs: number,
  signal: AbortSignal,
): Promise<FileFigure> {
  const body = wavFile(assembleSpeech(samples, seconds));
  let bestMs = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs; run += 1) {
    const startedMs = performance.now();
    const response = await fetch(`${url}/v1/transcribe`, { method: "POST", body, signal });
    const text = await response.text();
    if (!response.ok) throw new Error(`the server answered ${response.status}: ${text}`);
    bestMs = Math.min(bestMs, performance.now() - startedMs);
  }
  return { seconds, rtf: bestMs / 1000 / seconds };
}

/** Runs so many real-time streams at once, each starting with another sample and a little later than the one before. */
export async function measureStreams(
  url: string,
  samples: readonly Sample[],
  streams: number,
  seconds: number,
  signal: AbortSignal,
): Promise<StreamFigure> {
  const results = await Promise.all(
    Array.from({ length: streams }, async (_, index) => {
      // People do not start to speak in the same millisecond.
      await sleep((index * 1000) / streams);
      return runLiveStream(url, assembleSpeech(samples, seconds, index), signal);
    }),
  );
  return streamFigure(streams, results);
}

/** Puts what the streams saw into one figure. */
export function streamFigure(streams: number, results: readonly LiveStreamResult[]): StreamFigure {
  const lags = results.flatMap(({ wordLagsMs }) => wordLagsMs);
  const finals = results.flatMap(({ finalMs }) => (finalMs === undefined ? [] : [finalMs]));
  const firsts = results.flatMap(({ firstPartialMs }) => (firstPartialMs === undefined ? [] : [firstPartialMs]));
  const wordLagP95Ms = percentile(lags, 0.95);
  const finalP95Ms = percentile(finals, 0.95);
  const refused = results.filter((result) => result.refused !== undefined).length;
  return {
    streams,
    firstPartialP50Ms: percentile(firsts, 0.5),
    wordLagP50Ms: percentile(lags, 0.5),
    wordLagP95Ms,
    finalP95Ms,
    refused,
    keptUp:
      refused === 0 &&
      finals.length === streams &&
      (wordLagP95Ms ?? Number.POSITIVE_INFINITY) <= KEEPS_UP_MS &&
      (finalP95Ms ?? Number.POSITIVE_INFINITY) <= KEEPS_UP_MS,
  };
}
