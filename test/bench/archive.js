// Search in generated archives: processor time of a page by kind of question and size of the archive, and what an hour of speech takes on the disk.
// node test/bench/archive.js [--write] [HOURS…]    default: 100 1000; ARCHIVE_DIR keeps the files for another run.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteArchive } from "../../dist/store/archive/sqlite/open.js";

const WORDS_AN_HOUR = 9000;
/** The usual lengths of recordings, in minutes: voice notes, calls, meetings, lectures. */
const LENGTHS_MIN = [1, 1, 1, 2, 5, 10, 10, 30, 60, 120];
const LIMIT_MS = 100;
const ROUNDS = 40;
const ENDINGS = ["", "а", "у", "ом", "е", "ы", "ов", "ами", "ах", "ой"];

const args = process.argv.slice(2);
const hours = args.filter((arg) => /^\d+$/.test(arg)).map(Number);
const rows = [];
for (const size of hours.length > 0 ? hours : [100, 1000]) rows.push(measure(size));
const table = [
  "| hours | transcripts | file, MB an hour | added, hours a second | question | p50, ms | p95, ms |",
  "|---|---|---|---|---|---|---|",
  ...rows.flat(),
].join("\n");
process.stdout.write(`${table}\n`);
if (args.includes("--write")) {
  const file = new URL("archive.md", import.meta.url);
  const text = `# Search in the archive\n\nWritten by \`node test/bench/archive.js --write\` (SQLite of ${openSqliteArchiveEngine()}, Node ${process.versions.node}). Words follow Zipf's law, 30 000 stems in ten\nforms, ${WORDS_AN_HOUR} words an hour, recordings of 1 to 120 minutes. A page has 50 transcripts with 3 hits each. Times are\nprocessor time of one thread, so that other work on the machine does not count; the limit is ${LIMIT_MS} ms for 95 of 100.\n\n${table}\n`;
  writeFileSync(file, text);
}
if (rows.flat().some((row) => Number(row.split("|").at(-2)) > LIMIT_MS)) process.exitCode = 1;

// ---

function openSqliteArchiveEngine() {
  return existsSync(new URL("../../node_modules/libsql/package.json", import.meta.url)) &&
    process.versions.node < "22.13"
    ? `libsql ${JSON.parse(readFileSync(new URL("../../node_modules/libsql/package.json", import.meta.url), "utf8")).version}`
    : "Node";
}

function measure(size) {
  const kept = process.env.ARCHIVE_DIR;
  const dir = kept ?? mkdtempSync(join(tmpdir(), "gigastt-archive-bench-"));
  const path = join(dir, `${size}.sqlite`);
  const random = generator(size);
  const isThere = existsSync(path);
  const store = openSqliteArchive(path);
  const startMs = performance.now();
  if (!isThere) fill(store, size, random);
  const tookS = (performance.now() - startMs) / 1000;
  const { transcripts } = store.stats();
  const mbAnHour = statSync(path).size / 2 ** 20 / size;
  const questions = {
    everything: () => ({}),
    "frequent word": () => ({ text: stem(Math.floor(random() * 20)) }),
    "usual word": () => ({ text: stem(200 + Math.floor(random() * 2000)) }),
    "rare word": () => ({ text: stem(25_000 + Math.floor(random() * 5000)) }),
    "three words": () => ({ text: [5, 300, 900].map((rank) => stem(Math.floor(rank * (0.5 + random())))).join(" ") }),
    "phrase of frequent words": () => ({
      text: `"${stem(Math.floor(random() * 20))} ${stem(Math.floor(random() * 20))}"`,
    }),
    "phrase that is rare": () => ({
      text: `"${stem(40 + Math.floor(random() * 40))} ${stem(80 + Math.floor(random() * 40))}"`,
    }),
    beginning: () => ({ text: `${stem(Math.floor(random() * 3000)).slice(0, 3)}*` }),
    "frequent word of a rare owner": () => ({ text: stem(Math.floor(random() * 20)), owner: "key 99" }),
    "frequent word, an old month": () => ({ text: stem(Math.floor(random() * 20)), toMs: Date.UTC(2025, 1, 1) }),
  };
  const results = Object.entries(questions).map(([name, question], n) => {
    const times = Array.from({ length: ROUNDS }, () => {
      const query = { ...question(), limit: 50, hits: 3 };
      const begin = process.cpuUsage();
      store.search(query);
      const { user, system } = process.cpuUsage(begin);
      return (user + system) / 1000;
    }).sort((a, b) => a - b);
    const head =
      n === 0 ? [size, transcripts, mbAnHour.toFixed(2), isThere ? "" : (size / tookS).toFixed(1)] : ["", "", "", ""];
    return `| ${[...head, name, times[Math.floor(ROUNDS * 0.5)].toFixed(1), times[Math.floor(ROUNDS * 0.95)].toFixed(1)].join(" | ")} |`;
  });
  store.close();
  if (kept === undefined) rmSync(dir, { recursive: true, force: true });
  return results;
}

function fill(store, size, random) {
  let left = size * 60;
  for (let n = 0; left > 0; n++) {
    const minutes = Math.min(left, LENGTHS_MIN[Math.floor(random() * LENGTHS_MIN.length)]);
    left -= minutes;
    const count = Math.ceil((minutes * WORDS_AN_HOUR) / 60);
    const words = Array.from({ length: count }, (_, i) => ({
      word: stem(zipf(random)) + ENDINGS[Math.floor(random() * ENDINGS.length)] + (random() < 0.1 ? "." : ""),
      start: i * 0.4,
      end: i * 0.4 + 0.3,
      confidence: 0.9,
    }));
    store.add({
      id: `t${n}`,
      createdMs: Date.UTC(2025, 0, 1) + Math.floor((n / size / 2.5) * 365 * 86_400_000),
      owner: random() < 0.01 ? "key 99" : `key ${Math.floor(random() * 10)}`,
      source: "job",
      title: undefined,
      language: "ru",
      model: "m",
      transcripts: [{ text: words.map(({ word }) => word).join(" "), words, durationS: minutes * 60 }],
    });
  }
}

/** Rank of a word: the first is a twentieth of all words, as in Russian. */
function zipf(random) {
  return Math.min(29_999, Math.floor(Math.exp(random() * Math.log(30_000)) - 1));
}

/** A stem of consonants and vowels that no other rank has. */
function stem(rank) {
  const [c, v] = ["бвгдзклмнпрст", "аоуие"];
  let text = "";
  for (let rest = rank + 65, at = 0; at < 3; at++) {
    text += c[rest % c.length] + v[Math.floor(rest / c.length) % v.length];
    rest = Math.floor(rest / (c.length * v.length));
  }
  return `${text}т`;
}

function generator(seed) {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
