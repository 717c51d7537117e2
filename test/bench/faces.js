// What each protocol costs over the native one, side by side in one run: the same recording through every face in turn, then eight live
// sessions at 24 kHz beside eight native ones. Processor time of the server is compared, so that a loaded machine changes little.
// Native and each face take turns, and ratios are medians of the ratios of one turn. `--write` writes faces.md beside this file.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { atMost, atRate, machine, recording, report as print, toPcm, toWav } from "./_lib.js";

const ROUNDS = 8;
const SESSIONS = 8;
const LIVE_S = 15;
const TICKS_MS = 10;
const LIVE_ROUNDS = 3;
const PEAKS = 3;
const rows = [];
const report = (what, value, unit, target) => {
  const holds = print(what, value, unit, target);
  rows.push(
    `| ${what} | ${Number(value.toPrecision(3))} ${unit} | ${target?.text ?? ""} | ${holds ? "yes" : "**no**"} |`,
  );
};
const { samples } = recording(1, { count: 8 });
const wav = toWav(samples);
const pcm = toPcm(samples);
const pcm24 = toPcm(atRate(samples, 24_000));

const form = (field) => {
  const body = new FormData();
  body.append(field, new File([wav], "a.wav"));
  body.append("model", "whisper-1");
  return body;
};
const post = async ({ http }, path, body) => {
  const answer = await fetch(`http://127.0.0.1:${http}${path}`, { method: "POST", body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
};
const FACES = {
  native: (ports) => post(ports, "/v1/transcribe", wav),
  openai: (ports) => post(ports, "/v1/audio/transcriptions", form("file")),
  asr: (ports) => post(ports, "/asr?output=json&language=ru", form("audio_file")),
  "Wyoming's HTTP bridge": (ports) => post(ports, "/api/speech-to-text?language=ru", wav),
};

const server = await start();
for (const face of Object.values(FACES)) await face(server.ports);
const used = Object.fromEntries(Object.keys(FACES).map((name) => [name, { cpuMs: [], wallMs: [] }]));
for (let round = 0; round < ROUNDS; round++) {
  // Any order in each round: what the request before left behind falls on all.
  const names = Object.keys(FACES)
    .map((name) => [Math.random(), name])
    .sort()
    .map(([, name]) => name);
  for (const name of names) {
    const [cpu, wall] = [server.cpuMs(), performance.now()];
    await FACES[name](server.ports);
    used[name].cpuMs.push(server.cpuMs() - cpu);
    used[name].wallMs.push(performance.now() - wall);
  }
}
for (const name of Object.keys(FACES).slice(1)) {
  const ratio = (kind) => middle(used[name][kind].map((value, round) => value / used.native[kind][round]));
  report(
    `${name} against native, processor time of ${(samples.length / 16_000).toFixed(0)} s of speech`,
    ratio("cpuMs"),
    "×",
  );
  report(`${name} against native, wall time`, ratio("wallMs"), "×", atMost(1.03));
}

// Of the cost at 24 kHz most is the resampling: the native route at that rate shows what the protocol itself adds.
const live = { native: [], native24: [], realtime: [] };
for (let round = 0; round < LIVE_ROUNDS; round++) {
  for (const [name, session] of [
    ["native", (ports) => nativeSession(ports, 16_000, pcm)],
    ["native24", (ports) => nativeSession(ports, 24_000, pcm24)],
    ["realtime", realtimeSession],
  ]) {
    const before = server.cpuMs();
    await Promise.all(Array.from({ length: SESSIONS }, () => session(server.ports)));
    live[name].push(server.cpuMs() - before);
  }
}
await server.stop();
report(
  `${SESSIONS} Realtime sessions at 24 kHz against native ones at 16 kHz, processor time`,
  middle(live.realtime.map((value, round) => value / live.native[round])),
  "×",
  atMost(1.1),
);
report(
  `${SESSIONS} Realtime sessions at 24 kHz against native ones at 24 kHz, processor time`,
  middle(live.realtime.map((value, round) => value / live.native24[round])),
  "×",
  atMost(1.1),
);

// Each in fresh servers: the highest memory of one is not that of another.
const peaks = Object.fromEntries(Object.keys(FACES).map((name) => [name, []]));
for (let server = 0; server < PEAKS; server++) {
  for (const [name, face] of Object.entries(FACES)) {
    const one = await start();
    for (let round = 0; round < 4; round++) await face(one.ports);
    peaks[name].push(one.peakMb());
    await one.stop();
  }
}
for (const name of Object.keys(FACES).slice(1)) {
  report(`${name} against native, peak memory`, middle(peaks[name]) - middle(peaks.native), "MB", atMost(5));
}

if (process.argv.includes("--write")) {
  const page = [
    "# What each protocol costs over the native one",
    "",
    `Written by \`npm run bench faces -- --write\`. ${machine()}, ${new Date().toISOString().slice(0, 10)}, load average ${loadavg()[0].toFixed(1)}. The same recording through native and each face in turn, ${ROUNDS} rounds, the median of the rounds' ratios; ${SESSIONS} sessions for ${LIVE_S} s, ${LIVE_ROUNDS} rounds; peaks are medians of ${PEAKS} fresh servers.`,
    "",
    "| measured | value | target | holds |",
    "|---|---|---|---|",
    ...rows,
    "",
  ];
  writeFileSync(new URL("faces.md", import.meta.url), page.join("\n"));
}

// ---

async function start() {
  const bin = fileURLToPath(new URL("../../bin/gigastt.js", import.meta.url));
  const set = ["server.port=0", "model.id=demo-ru-rnnt", "rateLimit.perMinute=0", "pool.size=8", "log.level=info"];
  const child = spawn(process.execPath, [bin, "serve", ...set.flatMap((pair) => ["--set", pair])], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ports = {};
  await new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const entry = JSON.parse(line);
      if (entry.event === "listening" && entry.listener === undefined) ports.http = entry.port;
      if (entry.event === "ready") resolve();
    });
  });
  const proc = (file) => readFileSync(`/proc/${child.pid}/${file}`, "utf8");
  return {
    ports,
    cpuMs: () => {
      const fields = proc("stat")
        .replace(/^.*\) /, "")
        .split(" ");
      return (Number(fields[11]) + Number(fields[12])) * TICKS_MS;
    },
    peakMb: () => Number(/VmHWM:\s+(\d+)/.exec(proc("status"))[1]) / 1024,
    stop: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Speech in real time, 100 ms at a time. */
async function speak(bytes, rate, send) {
  const step = (rate / 10) * 2;
  const startedMs = performance.now();
  for (let n = 0; n < LIVE_S * 10; n++) {
    const at = (n * step) % (bytes.length - step);
    send(bytes.subarray(at, at + step));
    await sleep(Math.max(0, startedMs + (n + 1) * 100 - performance.now()));
  }
}

async function nativeSession({ http }, rate, audio) {
  const socket = await open(`ws://127.0.0.1:${http}/v1/ws`);
  socket.send(JSON.stringify({ type: "configure", sample_rate: rate }));
  await speak(audio, rate, (part) => socket.send(part));
  await end(socket);
}

async function realtimeSession({ http }) {
  const socket = await open(`ws://127.0.0.1:${http}/v1/realtime?intent=transcription`);
  const format = { type: "audio/pcm", rate: 24_000 };
  const audio = { input: { format, transcription: { model: "whisper-1" }, turn_detection: { type: "server_vad" } } };
  socket.send(JSON.stringify({ type: "session.update", session: { type: "transcription", audio } }));
  await speak(pcm24, 24_000, (part) =>
    socket.send(JSON.stringify({ type: "input_audio_buffer.append", audio: part.toString("base64") })),
  );
  await end(socket);
}

async function open(url) {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return socket;
}

async function end(socket) {
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.close();
  await closed;
}

function middle(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
