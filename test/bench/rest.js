// The same figures as a client sees them: a real `gigastt serve`, every clip by POST, then /health and an idle WebSocket while two
// long files are being transcribed.
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { percentile } from "../../dist/cli/bench/report.js";
import { startMeasuredServer } from "../../dist/cli/bench/server.js";
import { assembleSpeech, loadSamples } from "../../dist/cli/bench/speech.js";
import { wavFile } from "../../dist/shared/wav.js";
import { atMost, clipBytes, clips, createScore, report } from "./_lib.js";

const REFERENCE_WER = { fp32: 3.0, int8: 3.27 };

for (const precision of ["fp32", "int8"]) {
  const server = await start(precision);
  const score = createScore();
  for (const clip of clips) score.add(clip.text, await transcribe(server.url, clipBytes(clip.file)));
  report(
    `${precision} over REST: word error rate of the clips`,
    score.percent,
    "%",
    atMost(REFERENCE_WER[precision] + 0.2),
  );
  if (precision === "int8") await underLoad(server.url);
  await server.stop();
}

/** While two ten-minute files are being transcribed: /health every 20 ms on new connections, pings on an idle session. */
async function underLoad(url) {
  const file = wavFile(assembleSpeech(await loadSamples(), 600));
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/ws`);
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  const state = { busy: true };
  const jobs = Promise.all([transcribe(url, file), transcribe(url, file)]).finally(() => (state.busy = false));
  const healthMs = [];
  const pongMs = [];
  while (state.busy) {
    const startedMs = performance.now();
    await (await fetch(`${url}/health`, { headers: { connection: "close" } })).arrayBuffer();
    healthMs.push(performance.now() - startedMs);
    const pingedMs = performance.now();
    const pong = new Promise((resolve) => socket.once("pong", resolve));
    socket.ping();
    await pong;
    pongMs.push(performance.now() - pingedMs);
    await sleep(20);
  }
  await jobs;
  socket.terminate();
  report(`/health beside two files, p99 of ${healthMs.length}`, percentile(healthMs, 0.99), "ms", atMost(50));
  report("pong of an idle WebSocket beside two files, p99", percentile(pongMs, 0.99), "ms", atMost(50));
}

async function transcribe(url, body) {
  const response = await fetch(`${url}/v1/transcribe`, { method: "POST", body });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
  return answer.text;
}

function start(precision) {
  const set = ["server.port=0", "model.id=demo-ru-rnnt", `model.precision=${precision}`, "pool.size=8"];
  return startMeasuredServer(
    set.flatMap((pair) => ["--set", pair]),
    process.env,
  );
}
