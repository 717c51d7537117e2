import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { createServer as createSocket, type AddressInfo, type Server as NetServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyFixes } from "../../../src/audit/apply.ts";
import { fuzzCases, SEED } from "../../support/fuzz.ts";
import { createRandom } from "../../support/mutate.ts";
import { randomCaddy, randomNginx } from "../../support/random-trees.ts";
import { writeReport } from "../../support/reports.ts";

/** What another application on the same host answers, before and after `audit --fix`, through the real proxies. */

const isInstalled = (program: string, flag: string): boolean => spawnSync(program, [flag]).status === 0;
const hasNginx = isInstalled("nginx", "-v");
const hasCaddy = isInstalled("caddy", "version");
const skipped = (has: boolean, name: string): string => (has ? "" : `: skipped, there is no ${name} here`);

/** Each test starts hundreds of programs: a limit against a hang. */
const HANG_MS = 3_600_000;
/** Until a program listens, on a machine that does other work as well. */
const START_TRIES = 1200;

let work = "";
let other: Server;
let otherPort = 0;
let port = 0;
let running: ChildProcess | undefined;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), "gigastt-shared-"));
  // It shows everything that reaches it.
  other = createServer((req, res) => {
    res.setHeader("X-Other", "yes");
    res.end(JSON.stringify({ url: req.url, headers: req.headers }));
  });
  otherPort = await listen(other);
  const free = createSocket();
  port = await listen(free);
  await new Promise((done) => free.close(done));
});
afterAll(async () => {
  running?.kill("SIGKILL");
  await new Promise((done) => other.close(done));
  rmSync(work, { recursive: true, force: true });
});

const OURS = [
  "location /v1/ { proxy_pass http://127.0.0.1:9876; }",
  "location /stt/ { proxy_pass http://127.0.0.1:9876/; }",
  "location /v1/ws { include proxy.inc; proxy_pass http://127.0.0.1:9876; } location = /v1/transcribe { include proxy.inc; proxy_pass http://127.0.0.1:9876; }",
];
const OTHERS = [
  (): readonly string[] => [`location / { proxy_pass http://127.0.0.1:${otherPort}; }`, ""],
  (): readonly string[] => ["location / { root www; try_files $uri /index.html; }", ""],
  (): readonly string[] => [
    `location / { include proxy.inc; proxy_pass http://127.0.0.1:${otherPort}; }`,
    `server { listen 127.0.0.1:${port}; server_name second.test; location / { include proxy.inc; proxy_pass http://127.0.0.1:${otherPort}; } }`,
  ],
  (): readonly string[] => [
    "",
    `server { listen 127.0.0.1:${port}; server_name second.test; location / { proxy_pass http://127.0.0.1:${otherPort}; } }`,
  ],
];
const HTTP = [
  "",
  "client_max_body_size 1m; gzip on; gzip_types *; proxy_read_timeout 30s; add_header X-Frame-Options SAMEORIGIN;",
];

const nginxTrees = OURS.flatMap((ours) => OTHERS.flatMap((others) => HTTP.map((http) => ({ ours, others, http }))));

const caddyTrees = [
  (o: number, p: number): string =>
    `http://first.test:${p} {\n\treverse_proxy /v1/* 127.0.0.1:9876\n\treverse_proxy 127.0.0.1:${o}\n}\n`,
  (o: number, p: number): string =>
    `http://first.test:${p} {\n\tencode gzip\n\thandle_path /stt/* {\n\t\treverse_proxy 127.0.0.1:9876\n\t}\n\thandle {\n\t\treverse_proxy 127.0.0.1:${o}\n\t}\n}\n`,
  (o: number, p: number): string =>
    `(common) {\n\theader X-Frame-Options SAMEORIGIN\n\tencode gzip\n}\nhttp://first.test:${p} {\n\timport common\n\treverse_proxy 127.0.0.1:9876\n}\nhttp://second.test:${p} {\n\timport common\n\treverse_proxy 127.0.0.1:${o}\n}\n`,
  (_: number, p: number): string =>
    `http://first.test:${p} {\n\troot * www\n\thandle /v1/* {\n\t\treverse_proxy 127.0.0.1:9876\n\t}\n\thandle {\n\t\ttry_files {path} /index.html\n\t\tfile_server\n\t}\n}\n`,
];

describe("another application on the same host", () => {
  it.skipIf(!hasNginx)(
    `answers the same through nginx after every fix (${nginxTrees.length} trees)${skipped(hasNginx, "nginx")}`,
    async () => {
      for (const [i, { ours, others, http }] of nginxTrees.entries()) {
        const [location = "", server = ""] = others();
        const text = `worker_processes 1;\nevents { worker_connections 64; }\nhttp {\n  access_log off;\n  ${http}\n  server {\n    listen 127.0.0.1:${port};\n    server_name first.test;\n    ${location}\n    ${ours}\n  }\n  ${server}\n}\n`;
        const dir = join(work, `n${i}`);
        put(dir, {
          "nginx.conf": text,
          "proxy.inc": "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n",
          "www/index.html": "page",
        });
        await sameBeforeAndAfter(dir, "nginx.conf", () => startNginx(dir));
      }
    },
    HANG_MS,
  );

  it.skipIf(!hasCaddy)(
    `answers the same through Caddy after every fix (${caddyTrees.length} trees)${skipped(hasCaddy, "Caddy")}`,
    async () => {
      for (const [i, tree] of caddyTrees.entries()) {
        const dir = join(work, `c${i}`);
        put(dir, { Caddyfile: tree(otherPort, port), "www/index.html": "page" });
        await sameBeforeAndAfter(dir, "Caddyfile", () => startCaddy(dir));
      }
    },
    HANG_MS,
  );
});

const RANDOM_TREES = fuzzCases(500, { quick: 4, sample: 8 });

describe("random trees", () => {
  for (const { program, has, make, start, check } of [
    { program: "nginx", has: hasNginx, make: randomNginx, start: startNginx, check: checkedByNginx },
    { program: "Caddy", has: hasCaddy, make: randomCaddy, start: startCaddy, check: checkedByCaddy },
  ])
    it.skipIf(!has)(
      `${program} takes every fixed tree, the other application answers the same, a second fix changes nothing (${RANDOM_TREES / 2})${skipped(has, program)}`,
      async () => {
        let changed = 0;
        for (let i = 0; i < RANDOM_TREES / 2; i += 1) {
          const tree = make(createRandom(SEED + 7919 * i), { listen: port, other: otherPort });
          const dir = join(work, `${program}-${i}`);
          put(dir, tree.files);
          expect(check(dir), `the tree before: ${JSON.stringify(tree.files)}`).toBe("");
          if (await sameBeforeAndAfter(dir, tree.main, () => start(dir), true)) changed += 1;
          expect(check(dir), `the fixed tree: ${readFileSync(join(dir, tree.main), "utf8")}`).toBe("");
          rmSync(dir, { recursive: true, force: true });
        }
        expect(changed).toBeGreaterThan(RANDOM_TREES / 8);
        writeReport(`audit-fixes-${program.toLowerCase()}`, [
          `# Fixes before the real ${program}`,
          "",
          "<!-- written by test/unit/audit/shared-host.programs.test.ts at full depth -->",
          "",
          `${new Date().toISOString().slice(0, 10)}, ${versionOf(program)}, seed ${SEED}. Each tree holds the server and another application, in other words, order and formatting each time. It is started, asked nine times, fixed by \`gigastt audit --fix\`, started and asked again, and fixed once more.`,
          "",
          "| trees | changed by the fix | refused by the program | answers of the other application that differ | changed by a second fix |",
          "|---|---|---|---|---|",
          `| ${RANDOM_TREES / 2} | ${changed} | 0 | 0 | 0 |`,
        ]);
      },
      HANG_MS,
    );
});

function versionOf(program: string): string {
  const { stdout, stderr } = spawnSync(program.toLowerCase(), [program === "nginx" ? "-v" : "version"], {
    encoding: "utf8",
  });
  return `${stdout}${stderr}`.trim().split(" h1:")[0] ?? "";
}

/** What the program says against the tree; empty when it takes it. */
function checkedByNginx(dir: string): string {
  const { status, stderr } = spawnSync("nginx", ["-t", "-q", ...nginxArgs(dir)], { encoding: "utf8" });
  return status === 0 ? "" : stderr;
}

function checkedByCaddy(dir: string): string {
  const config = join(dir, "Caddyfile");
  const { status, stderr } = spawnSync("caddy", ["adapt", "--adapter", "caddyfile", "--config", config], {
    encoding: "utf8",
  });
  return status === 0 ? "" : stderr;
}

function nginxArgs(dir: string): readonly string[] {
  const main = join(dir, "nginx.conf");
  return ["-p", dir, "-c", main, "-e", join(dir, "error.log"), "-g", `user root; pid ${join(dir, "pid")};`];
}

function startNginx(dir: string): ChildProcess {
  const args = nginxArgs(dir).map((arg) => (arg.startsWith("user") ? `daemon off; ${arg}` : arg));
  return logged(spawn("nginx", args, { stdio: ["ignore", "ignore", "pipe"] }));
}

function startCaddy(dir: string): ChildProcess {
  // The admin socket of a real host is out of reach here.
  const text = readFileSync(join(dir, "Caddyfile"), "utf8").replace(/^\s*admin .*$/m, "");
  // Comments may stand in front of the global options.
  const before = /^(?:\s|#[^\n]*\n)*(?=\{)/.exec(text)?.[0];
  const options =
    before === undefined ? `{\n\tadmin off\n}\n${text}` : `${before}{\n\tadmin off${text.slice(before.length + 1)}`;
  writeFileSync(join(dir, "run.caddy"), options);
  const env = { ...process.env, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir };
  const args = ["run", "--adapter", "caddyfile", "--config", "run.caddy"];
  return logged(spawn("caddy", args, { cwd: dir, env, stdio: ["ignore", "ignore", "pipe"] }));
}

/** What the running program says, for the error of a test. */
let log = "";

function logged(child: ChildProcess): ChildProcess {
  log = "";
  child.stderr?.on("data", (chunk: Buffer) => (log = `${log}${String(chunk)}`.slice(-4000)));
  return child;
}

/** Returns whether the fix changed anything; `mayStay`: it may have nothing to do. */
async function sameBeforeAndAfter(
  dir: string,
  file: string,
  start: () => ChildProcess,
  mayStay = false,
): Promise<boolean> {
  const path = join(dir, file);
  const original = readFileSync(path, "utf8");
  const all = await answers(start);
  // The answers of our own host, such as 404, may change.
  const isOther = (_: string, i: number): boolean => /"x-other"|"cGFnZQ=="/.test(all[i] ?? "");
  const before = all.filter(isOther);
  expect(before.length, original).toBeGreaterThan(mayStay ? 0 : 1);
  rmSync(join(dir, "run.caddy"), { force: true });
  const options = { paths: ["."], cwd: dir, today: "2026-11-28" };
  await applyFixes(options, new Set(["safe"]));
  const fixed = readFileSync(path, "utf8");
  if (!mayStay) expect(fixed, "something is fixed").not.toBe(original);
  expect((await answers(start)).filter(isOther), fixed).toEqual(before);
  rmSync(join(dir, "run.caddy"), { force: true });
  expect((await applyFixes(options, new Set(["safe"]))).fixed, "a second run fixes nothing").toBe(0);
  expect(readFileSync(path, "utf8")).toBe(fixed);
  return fixed !== original;
}

/** Status, headers and body of the other application, by name and path. */
async function answers(start: () => ChildProcess): Promise<readonly string[]> {
  const child = start();
  running = child;
  try {
    const out: string[] = [];
    for (const host of ["first.test", "second.test", "unknown.test"])
      for (const path of ["/", "/app/x?y=1", "/index.html"]) out.push(`${host}${path} ${await ask(host, path)}`);
    return out;
  } finally {
    // nginx takes its workers along, which would go on answering.
    child.kill("SIGTERM");
    if (child.exitCode === null) await new Promise((done) => child.once("exit", done));
    running = undefined;
  }
}

async function ask(host: string, path: string): Promise<string> {
  // The proxy needs a moment to listen.
  for (let tries = 0; ; tries += 1) {
    try {
      return await new Promise<string>((resolve, reject) => {
        const asked = request(
          {
            host: "127.0.0.1",
            port,
            path,
            headers: { Host: host, "X-Forwarded-For": "6.6.6.6", "Accept-Encoding": "gzip" },
          },
          (res) => {
            const chunks: Buffer[] = [];
            res.on("data", (chunk: Buffer) => chunks.push(chunk));
            res.on("end", () => {
              const { date: _, ...headers } = res.headers;
              const sent = Buffer.concat(chunks);
              const body = headers["content-encoding"] === "gzip" && sent.length > 0 ? gunzipSync(sent) : sent;
              resolve(JSON.stringify([res.statusCode, headers, body.toString("base64")]));
            });
          },
        );
        asked.on("error", reject);
        asked.end();
      });
    } catch (error) {
      if (tries > START_TRIES || running?.exitCode !== null) throw new Error(`no answer: ${log}`, { cause: error });
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

function listen(server: NetServer): Promise<number> {
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done((server.address() as AddressInfo).port)));
}

function put(dir: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
}
