// Whether the time of the key check tells anything about a key: values that are right, wrong in one character, revoked and unknown, in random
// order. Welch's t over the lower nine tenths of the times, as dudect does it: beyond 4.5 two kinds can be told apart.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKeyRing } from "../../dist/runtime/access/key-ring.js";
import { openKeyStore } from "../../dist/store/keys.js";
import { atMost, report } from "./_lib.js";

const ROUNDS = 200_000;
const CALLS = 4;
const dir = mkdtempSync(join(tmpdir(), "gigastt-bench-keys-"));
const store = openKeyStore(join(dir, "keys.sqlite"));
const POOL = 64;
const create = (name) => store.create(name, { scopes: ["transcribe"] }, Date.now()).reveal();
const many = (make) => Array.from({ length: POOL }, (_, n) => make(n));
const right = many((n) => create(`right-${n}`));
const revoked = many((n) => create(`revoked-${n}`));
for (let n = 0; n < POOL; n++) store.revoke(`revoked-${n}`);
const ring = createKeyRing();
ring.set(store.list());
store.close();
rmSync(dir, { recursive: true });

// Many values of each kind: what one value costs by its own hash tells nothing about the stored keys.
const kinds = {
  right,
  wrong: right.map((key) => key.slice(0, -1) + (key.at(-1) === "A" ? "B" : "A")),
  revoked,
  unknown: right.map((key) => [...key].reverse().join("")),
};
const names = Object.keys(kinds);
const times = Object.fromEntries(names.map((name) => [name, []]));
const results = Array.from({ length: CALLS });
for (let round = 0; round < ROUNDS; round++) {
  const name = names[Math.floor(Math.random() * names.length)];
  // A value of its own for each call, as each request brings one: nothing about it is known from before.
  const values = Array.from({ length: CALLS }, () =>
    Buffer.from(kinds[name][Math.floor(Math.random() * POOL)]).toString(),
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
