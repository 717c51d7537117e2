// The HTTP thread while inference works: GET /health and WebSocket pings against a real `gigastt serve` that transcribes two long files.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { atMost, percentile, recording, report, toWav } from "./_lib.js";

const program = fileURLToPath(new URL("../../bin/gigastt.js", import.meta.url));
const server = spawn(process.execPath, [program, "serve", "--set", "metrics.enabled=true"], {
  env: { ...process.env, GIGASTT_PORT: "0", GIGASTT_LOG_LEVEL: "info" },
  stdio: ["ignore", "pipe", "inherit"],
});
const port = await new Promise((resolve) => {
  let listening;
  createInterface({ input: server.stdout }).on("line", (text) => {
    const line = JSON.parse(text);
    if (line.event === "listening") listening = line.port;
    if (line.event === "ready") resolve(listening);
  });
});

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const wav = toWav(recording(1).samples);

const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`);
await once(socket, "message");

const idle = await measure(async () => sleep(2000));
await loopDelayP99Ms(); // reading it begins a new measurement
const busy = await measure(async () => {
  const answers = await Promise.all(
    [1, 2].map(() => fetch(`http://127.0.0.1:${port}/v1/transcribe`, { method: "POST", body: wav })),
  );
  for (const answer of answers) if (answer.status !== 200) throw new Error(`transcription answered ${answer.status}`);
});
const loopMs = await loopDelayP99Ms();
report("event-loop delay of a server that transcribes two files, p99", loopMs, "ms", atMost(20), "loop");
report("GET /health idle: median", percentile(idle.health, 0.5), "ms");
report("GET /health idle: 99th percentile", percentile(idle.health, 0.99), "ms");
report(
  `GET /health while two files of 5 minutes are transcribed (${busy.health.length}): median`,
  percentile(busy.health, 0.5),
  "ms",
);
report("  99th percentile", percentile(busy.health, 0.99), "ms", atMost(50));
report("  slowest", Math.max(...busy.health), "ms");
report("ping of an idle session meanwhile: slowest answer", Math.max(...busy.ping), "ms", atMost(1000));

socket.terminate();
agent.destroy();
server.kill("SIGTERM");
await once(server, "exit");

/** Latencies every 10 ms (health) and 100 ms (ping) while the work runs. */
async function measure(work) {
  const health = [];
  const ping = [];
  const over = new AbortController();
  const done = work().finally(() => over.abort());
  const pings = (async () => {
    while (!over.signal.aborted) {
      const started = performance.now();
      socket.ping();
      await once(socket, "pong");
      ping.push(performance.now() - started);
      await sleep(100);
    }
  })();
  while (!over.signal.aborted) {
    const started = performance.now();
    await get("/health");
    health.push(performance.now() - started);
    await sleep(10);
  }
  await Promise.all([done, pings]);
  return { health, ping };
}

/** Of the server's HTTP thread since the last reading. */
async function loopDelayP99Ms() {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(/^gigastt_event_loop_lag_seconds\{quantile="0.99"\} (\S+)$/m.exec(text)?.[1]) * 1000;
}

function get(path) {
  return new Promise((resolve, reject) => {
    request({ port, host: "127.0.0.1", path, agent }, (response) => response.resume().on("end", resolve))
      .on("error", reject)
      .end();
  });
}
