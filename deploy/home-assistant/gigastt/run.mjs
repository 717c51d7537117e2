// Start of the add-on: turns /data/options.json into a configuration, becomes the server's user, and tells Home Assistant about Wyoming.
import { spawnSync } from "node:child_process";
import { chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { hostname } from "node:os";
import { argv, env, getuid, setgid, setgroups, setuid, stderr } from "node:process";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";

/** User of the server in its image. */
const UID = 10001;
/** The supervisor of Home Assistant: requests of signed-in users come from here, and only they do. */
const INGRESS = "172.30.32.2/32";
const WYOMING_PORT = 10300;
const APP = env.GIGASTT_APP ?? "/app";
const DATA = env.GIGASTT_ADDON_DATA ?? "/data";

/** Returns the configuration that the options mean. */
export function configOf(options, data, parse) {
  const config = {
    server: { host: "0.0.0.0", allowBindAny: true, ingressFrom: [INGRESS], allowedHosts: ["homeassistant.local"] },
    wyoming: { enabled: true, host: "0.0.0.0", port: WYOMING_PORT, endpoint: options.end_of_command },
    vosk: { enabled: options.telephony, host: "0.0.0.0" },
    model: { id: options.model, dir: `${data}/models` },
    engine: { hotWords: options.words },
    log: { level: options.log_level },
    store: { dir: `${data}/store` },
    jobs: { dir: `${data}/jobs` },
    supervisor: { stateDir: `${data}/state` },
  };
  for (const { name, value } of options.settings) {
    const keys = name.split(".");
    const last = keys.pop();
    let section = config;
    for (const key of keys) {
      if (!Object.hasOwn(section, key)) section[key] = {};
      section = section[key];
    }
    section[last] = parse(value);
  }
  return config;
}

/** Announces Wyoming to Home Assistant as soon as it listens; a supervisor that does not answer is asked again. */
async function announce() {
  const body = JSON.stringify({ service: "wyoming", config: { uri: `tcp://${hostname()}:${WYOMING_PORT}` } });
  const headers = { authorization: `Bearer ${env.SUPERVISOR_TOKEN}`, "content-type": "application/json" };
  for (;;) {
    const status = (await listens()) ? await post(body, headers) : undefined;
    if (status === 200) return;
    if (status !== undefined) stderr.write(`Home Assistant refused the discovery message: ${status}; trying again\n`);
    await setTimeout(status === undefined ? 500 : 10_000);
  }
}

function listens() {
  return new Promise((resolve) => {
    const socket = connect(WYOMING_PORT, "127.0.0.1");
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

async function post(body, headers) {
  try {
    const signal = AbortSignal.timeout(10_000);
    return (await fetch("http://supervisor/discovery", { method: "POST", body, headers, signal })).status;
  } catch (error) {
    return error.cause?.code ?? error.name;
  }
}

async function main() {
  const options = JSON.parse(readFileSync(`${DATA}/options.json`, "utf8"));
  const { parse } = createRequire(`${APP}/package.json`)("yaml");
  const file = `${DATA}/gigastt.config.yaml`;
  // JSON is YAML. Each start writes it again: the options are where changes belong.
  rmSync(file, { force: true });
  writeFileSync(file, `${JSON.stringify(configOf(options, DATA, parse), null, 2)}\n`, { mode: 0o644 });
  for (const folder of ["models", "store", "jobs", "state"]) {
    mkdirSync(`${DATA}/${folder}`, { recursive: true, mode: 0o700 });
    if (getuid() === 0) chownSync(`${DATA}/${folder}`, UID, UID);
  }
  if (getuid() === 0) {
    setgroups([]);
    setgid(UID);
    setuid(UID);
  }
  // The image never downloads; the add-on may.
  delete env.GIGASTT_OFFLINE;
  env.HOME = `${DATA}/state`;
  env.XDG_STATE_HOME = `${DATA}/state`;
  const program = `${APP}/bin/gigastt.js`;
  const common = ["--config", file];
  // `auto` begins with the small model and changes to the real one when it has arrived.
  const isNamed = options.model !== "auto" && options.model !== "demo-ru-rnnt";
  if (isNamed) {
    const { status } = spawnSync(process.execPath, [program, "models", "pull", options.model, ...common], { stdio: "inherit" });
    if (status !== 0) process.exit(status ?? 1);
  }
  if (env.SUPERVISOR_TOKEN !== undefined) void announce();
  argv.splice(1, Infinity, program, "up", options.model === "auto" ? "--pull" : "--no-pull", ...common);
  await import(pathToFileURL(program).href);
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) await main();
