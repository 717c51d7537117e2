// Four live streams beside four files: partial lag, progress of every file, event-loop delay with every core busy.
import { monitorEventLoopDelay } from "node:perf_hooks";
import {
  atLeast,
  atMost,
  demoEngine,
  percentile,
  recording,
  report,
  streamPcm,
  toPcm,
  toWav,
  transcribe,
} from "./_lib.js";

/** Node records the time between two firings of its timer: this much of it is not delay. */
const RESOLUTION_MS = 5;
const LIVE_S = Number(process.env.SCHEDULER_SECONDS ?? 20);
const engine = await demoEngine("int8");
const recordings = [1, 2, 3, 4].map((seed) => recording(seed));
const streams = recordings.map(({ samples }) => toPcm(samples.subarray(0, LIVE_S * 16_000)));
const files = recordings.map(({ samples }) => toWav(samples));

const alone = await runLive();
report("4 live streams alone: lag of partials behind the audio, p95", alone.lag95, "ms");
report("  event-loop delay p99", alone.loop99, "ms", atMost(20), "loop");

const stop = new AbortController();
const rounds = [0, 0, 0, 0];
const work = files.map(async (wav, index) => {
  while (!stop.signal.aborted) {
    await transcribe(engine, wav);
    rounds[index]++;
  }
});
const beside = await runLive();
stop.abort();
await Promise.all(work);
report("4 live streams beside 4 files: lag of partials, p95", beside.lag95, "ms");
report("  over the lag alone", beside.lag95 / alone.lag95, "times", atMost(2), "beside-lag");
report("  event-loop delay p99 with every core busy", beside.loop99, "ms", atMost(20), "loop");
report(
  "  recordings of 5 minutes each file finished meanwhile, fewest",
  Math.min(...rounds),
  "",
  atLeast(1),
  "beside-progress",
);
report("  text of the live streams is the same", alone.text === beside.text ? "yes" : "no", "", {
  test: (value) => value === "yes",
  text: "yes",
});
await engine.close();

/** A partial's lag: when it came, less the end of the last word it knows. That includes how late a model emits a word. */
async function runLive() {
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  loop.enable();
  const lags = [];
  const texts = await Promise.all(
    streams.map(async (pcm) => {
      const told = await streamPcm(engine, pcm, { frameMs: 100, speed: 1 });
      let known = 0;
      for (const hypothesis of told) {
        if (hypothesis.type !== "partial" || hypothesis.words.length === known) continue;
        known = hypothesis.words.length;
        lags.push(hypothesis.atMs - hypothesis.words.at(-1).end * 1000);
      }
      return told
        .filter((hypothesis) => hypothesis.type === "final")
        .map((hypothesis) => hypothesis.committed)
        .join(" ");
    }),
  );
  loop.disable();
  return {
    lag95: percentile(lags, 0.95),
    loop99: Math.max(0, loop.percentile(99) / 1e6 - RESOLUTION_MS),
    text: texts.join("\n"),
  };
}
