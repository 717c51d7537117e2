// API keys. First whether the time of the key check tells anything about a key: values that are right, wrong in one character, revoked and unknown, in random
// order. Welch's t over the lower nine tenths of the times, as dudect does it: beyond 4.5 two kinds can be told apart. Then, with the real
// server, how long a revoked key still works on what is open, and whether used minutes survive a restart. `--write` writes keys.md beside
// this file.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { createKeyRing } from "../../dist/runtime/access/key-ring.js";
import { openKeyStore } from "../../dist/store/keys.js";
import { atLeast, atMost, machine, recording, report as print, toWav } from "./_lib.js";

const ROUNDS = 200_000;
const CALLS = 4;
const REVOCATIONS = 10;
const rows = [];
const report = (what, value, unit, target) => {
  const holds = print(what, value, unit, target);
  const shown = `${Number(value.toPrecision(3))} ${unit}`.trim();
  rows.push(`| ${what} | ${shown} | ${target?.text ?? ""} | ${holds ? "yes" : "**no**"} |`);
};
const dir = mkdtempSync(join(tmpdir(), "gigastt-bench-keys-"));
const store = openKeyStore(join(dir, "keys.sqlite"));
// Few that are stored: all of them stay in the processor's cache, whoever is asked for.
const RIGHT = 16;
const REVOKED = 256;
const VALUES = 20_000;
const create = (name) => store.create(name, { scopes: ["transcribe"] }, Date.now()).reveal();
const right = Array.from({ length: RIGHT }, (_, n) => create(`right-${n}`));
const revoked = Array.from({ length: REVOKED }, (_, n) => create(`revoked-${n}`));
for (let n = 0; n < REVOKED; n++) store.revoke(`revoked-${n}`);
const ring = createKeyRing();
ring.set(store.list());
store.close();

// Many values of each kind, each a string of its own, made in turn: what one value costs by its own hash, or by its place in memory, tells
// nothing about the stored keys.
const kinds = { right: [], wrong: [], revoked: [], unknown: [] };
for (let n = 0; n < VALUES; n++) {
  const key = right[n % RIGHT];
  const at = 4 + Math.floor(Math.random() * (key.length - 4));
  const other = ((Number.parseInt(key[at], 16) + 1) % 16).toString(16);
  const made = {
    right: key,
    wrong: key.slice(0, at) + other + key.slice(at + 1),
    revoked: revoked[n % REVOKED],
    unknown: `gst_${randomBytes(32).toString("hex")}`,
  };
  for (const [name, value] of Object.entries(made)) kinds[name].push(Buffer.from(value).toString());
}
const names = Object.keys(kinds);
const times = Object.fromEntries(names.map((name) => [name, []]));
const results = Array.from({ length: CALLS });
for (let round = 0; round < ROUNDS; round++) {
  const name = names[Math.floor(Math.random() * names.length)];
  // A value of its own for each call, as each request brings one: nothing about it is known from before.
  const values = Array.from({ length: CALLS }, () =>
    Buffer.from(kinds[name][Math.floor(Math.random() * VALUES)]).toString(),
  );
  const started = process.hrtime.bigint();
  for (let n = 0; n < CALLS; n++) results[n] = ring.find(values[n]);
  times[name].push(Number(process.hrtime.bigint() - started) / CALLS);
  if (results.every((key) => key !== undefined) !== (name === "right"))
    throw new Error(`${name}: found what it must not, or not`);
}

const cropped = Object.fromEntries(
  names.map((name) => {
    const sorted = times[name].slice(ROUNDS / 20).sort((a, b) => a - b);
    return [name, sorted.slice(0, Math.floor(sorted.length * 0.9))];
  }),
);
report("one check, median", cropped.right[Math.floor(cropped.right.length / 2)] / 1000, "µs");
for (const name of ["wrong", "revoked"]) {
  const t = Math.abs(welch(cropped[name], cropped.unknown));
  report(`${name} against unknown: t of ${cropped[name].length} checks`, t, "", atMost(4.5));
}
// The answer itself says that a key is right. Less than a tenth of a microsecond adds nothing to it, and no network carries it.
report(
  "right against unknown, difference of the means",
  Math.abs(mean(cropped.right) - mean(cropped.unknown)),
  "ns",
  atMost(100),
);

// The real server: what is open when its key is revoked.
const bin = fileURLToPath(new URL("../../bin/gigastt.js", import.meta.url));
let server = await serve();
const admin = openKeyStore(join(dir, "keys.sqlite"));
const wav = toWav(recording(1, { count: 2 }).samples);
const bearer = (key) => ({ authorization: `Bearer ${key}` });

/** Each opens something with the key and returns when it is open, with what resolves when it has ended. */
const socket = (url) => async (key) => {
  const opened = new WebSocket(url(), { headers: bearer(key) });
  const ended = once(opened, "close");
  await once(opened, "open");
  return { ended };
};
const OPEN = {
  "native WebSocket": socket(() => `ws://127.0.0.1:${server.ports.http}/v1/ws`),
  Realtime: socket(() => `ws://127.0.0.1:${server.ports.http}/v1/realtime?intent=transcription`),
  Vosk: socket(() => `ws://127.0.0.1:${server.ports.vosk}/`),
  // Its body never ends.
  "upload to /v1/audio/transcriptions": async (key) => {
    const body = new ReadableStream({
      start: (controller) =>
        controller.enqueue(
          '--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\ncontent-type: audio/wav\r\n\r\nRIFF',
        ),
    }).pipeThrough(new TextEncoderStream());
    const headers = { ...bearer(key), "content-type": "multipart/form-data; boundary=b" };
    const url = `http://127.0.0.1:${server.ports.http}/v1/audio/transcriptions`;
    const ended = fetch(url, { method: "POST", headers, body, duplex: "half" }).then(
      (answer) => answer.text(),
      () => {},
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    return { ended };
  },
};
for (const [name, open] of Object.entries(OPEN)) {
  let longestMs = 0;
  for (let n = 0; n < REVOCATIONS; n++) {
    const keyName = `${name.replace(/\W+/g, "-")}-${n}`;
    const key = admin.create(keyName, { scopes: ["transcribe", "live"] }, Date.now()).reveal();
    await known(key);
    const { ended } = await open(key);
    const sinceMs = performance.now();
    admin.revoke(keyName);
    await ended;
    longestMs = Math.max(longestMs, performance.now() - sinceMs);
  }
  report(`${name}: from the revocation to its end, longest of ${REVOCATIONS}`, longestMs, "ms", atMost(1000));
}

// Used minutes and a restart.
const limited = admin.create("limited", { scopes: ["transcribe"], audioMinutesPerDay: 0.05 }, Date.now()).reveal();
await known(limited);
const transcribe = async () => {
  const url = `http://127.0.0.1:${server.ports.http}/v1/transcribe`;
  return (await fetch(url, { method: "POST", headers: bearer(limited), body: wav })).status;
};
const served = [await transcribe(), await transcribe()];
await server.stop();
server = await serve();
await new Promise((resolve) => setTimeout(resolve, 500));
const afterwards = await transcribe();
report("status once the minutes of the day are used up, before a restart", served[1], "", atLeast(429));
report("and after it", afterwards, "", atLeast(429));
await server.stop();
admin.close();
rmSync(dir, { recursive: true });
if (process.argv.includes("--write")) {
  const page = [
    "# API keys",
    "",
    `Written by \`npm run bench keys -- --write\`. ${machine()}, ${new Date().toISOString().slice(0, 10)}. t is Welch's over the lower nine tenths of the times, values in random order.`,
    "",
    "| measured | value | target | holds |",
    "|---|---|---|---|",
    ...rows,
    "",
  ];
  writeFileSync(new URL("keys.md", import.meta.url), page.join("\n"));
}

async function serve() {
  const set = [
    "server.port=0",
    "vosk.enabled=true",
    "vosk.port=0",
    "model.id=demo-ru-rnnt",
    "rateLimit.perMinute=0",
    "auth.keys=required",
    `store.dir=${dir}`,
  ];
  const child = spawn(process.execPath, [bin, "serve", ...set.flatMap((pair) => ["--set", pair])], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ports = {};
  await new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const entry = JSON.parse(line);
      if (entry.event === "listening") ports[entry.listener ?? "http"] = entry.port;
      if (entry.event === "ready") resolve();
    });
  });
  const stop = async () => {
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  };
  return { ports, stop };
}

/** A new key is seen within a second. */
async function known(key) {
  const ask = async () =>
    (await fetch(`http://127.0.0.1:${server.ports.http}/v1/models`, { headers: bearer(key) })).status;
  while ((await ask()) === 401) await new Promise((resolve) => setTimeout(resolve, 50));
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function welch(a, b) {
  const [[meanA, errorA], [meanB, errorB]] = [a, b].map((values) => {
    const middle = mean(values);
    const variance = values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1);
    return [middle, variance / values.length];
  });
  return (meanA - meanB) / Math.sqrt(errorA + errorB);
}
