// One start of the engine in a process of its own: `node _load.js MODELS_DIR WORKERS [COPIES_DIR]`.
// Prints wall and processor time of the load, memory, and where the encoder came from, as JSON.
import { readFileSync } from "node:fs";
import { defaultConfig } from "../../dist/config/defaults.js";
import { createEngine } from "../../dist/engine/engine.js";
import { locateModel } from "../../dist/models/locate.js";
import { SYNTHETIC_ID } from "../../dist/models/synthetic/synthetic-model.js";

const [dir, workers, optimizedDir] = process.argv.slice(2);
const bundle = await locateModel({ id: SYNTHETIC_ID, precision: "int8", dir }, { env: {} });
const config = { ...defaultConfig, engine: { ...defaultConfig.engine, workers: Number(workers), threads: 1 } };
let from = "";
const ignore = () => {};
const log = {
  debug: ignore,
  warn: ignore,
  error: ignore,
  info: (event, fields) => (from = fields?.encoder_from ?? from),
};
const before = process.cpuUsage();
const startedMs = performance.now();
const engine = createEngine({ config, bundle, log, ...(optimizedDir && { optimizedDir }) });
await engine.start();
const wallMs = performance.now() - startedMs;
const { user, system } = process.cpuUsage(before);
const status = process.platform === "linux" ? readFileSync("/proc/self/status", "utf8") : "";
const megabytes = (key) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1] ?? NaN) / 1024;
console.log(
  JSON.stringify({
    from,
    wallMs,
    cpuMs: (user + system) / 1000,
    rssMb: megabytes("VmRSS"),
    privateMb: megabytes("RssAnon"),
  }),
);
await engine.close();
