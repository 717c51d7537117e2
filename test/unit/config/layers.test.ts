import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultConfig } from "../../../src/config/defaults.ts";
import { searchPath } from "../../../src/config/file/files.ts";
import { hashOf, loadConfig } from "../../../src/config/load.ts";
import { settableKeys } from "../../../src/config/schema/node.ts";
import { formatPlace } from "../../../src/config/problems/problem.ts";
import { configSchema } from "../../../src/config/schema/schema.ts";
import { variableName } from "../../../src/config/variables.ts";
import { failure, load, loadBare, warnings } from "./_load.ts";

describe("order of the layers", () => {
  it("defaults < file < variables < flags, each value with its origin", async () => {
    const { config, origins } = await load("pool:\n  size: 5\n  queue: 6\n  checkoutTimeout: 7s\n", {
      env: { GIGASTT_POOL_SIZE: "8", GIGASTT_POOL_QUEUE: "9" },
      overrides: { "pool.size": "10" },
    });
    expect(config.pool).toMatchObject({ size: 10, queue: 9, checkoutTimeoutMs: 7000 });
    expect(config.server.port).toBe(9876);
    const from = (key: string): string => formatPlace(origins.get(key) ?? { kind: "default" });
    expect(["pool.size", "pool.queue", "pool.checkoutTimeout", "server.port"].map(from)).toEqual([
      "--set",
      "GIGASTT_POOL_QUEUE",
      "gigastt.config.yaml:4:20",
      "",
    ]);
  });

  it("reports a wrong value of the file even where a variable replaces it", async () => {
    expect(await failure(load("pool:\n  size: x\n", { env: { GIGASTT_POOL_SIZE: "8" } }))).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:9 pool.size: must be a whole number from 1 to 1024, found "x"; for example 4"`,
    );
  });

  it("replaces lists as a whole", async () => {
    const { config } = await load("server:\n  trustedProxies: [10.0.0.0/8]\n", { env: { GIGASTT_TRUST_PROXY: "1" } });
    expect(config.server.trustedProxies).toEqual(["127.0.0.1/32", "::1/128"]);
  });

  it("takes null for what is not set", async () => {
    const { config } = await load("model:\n  dir: null\n  mirror: ~\n", {
      env: { GIGASTT_SUPERVISOR_STATE_DIR: "null" },
    });
    expect([config.model.dir, config.model.mirror, config.supervisor.stateDir]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(
      (await load("model:\n  dir: /a\n", { overrides: { "model.dir": "null" } })).config.model.dir,
    ).toBeUndefined();
  });
});

describe("variables", () => {
  it("has every variable of the wire protocol, in its unit", async () => {
    const env = {
      GIGASTT_HOST: "0.0.0.0",
      GIGASTT_PORT: "1234",
      GIGASTT_ALLOW_BIND_ANY: "1",
      GIGASTT_POOL_SIZE: "2",
      GIGASTT_POOL_CHECKOUT_TIMEOUT_SECS: "3",
      GIGASTT_IDLE_TIMEOUT_SECS: "400",
      GIGASTT_MAX_SESSION_SECS: "5000",
      GIGASTT_SHUTDOWN_DRAIN_SECS: "6.5",
      GIGASTT_WS_FRAME_MAX_BYTES: "7000",
      GIGASTT_BODY_LIMIT_BYTES: "800000",
      GIGASTT_RATE_LIMIT_PER_MINUTE: "90",
      GIGASTT_RATE_LIMIT_BURST: "11",
      GIGASTT_TRUST_PROXY: "1",
      GIGASTT_METRICS: "1",
      GIGASTT_MODEL_DIR: "/m",
      GIGASTT_OFFLINE: "1",
      GIGASTT_LOG_LEVEL: "debug",
    };
    const { config, warnings: odd } = await loadBare({ env });
    expect(odd).toEqual([]);
    expect(config).toEqual({
      ...defaultConfig,
      server: {
        ...defaultConfig.server,
        host: "0.0.0.0",
        port: 1234,
        allowBindAny: true,
        trustedProxies: ["127.0.0.1/32", "::1/128"],
      },
      pool: { ...defaultConfig.pool, size: 2, checkoutTimeoutMs: 3000 },
      session: { ...defaultConfig.session, idleTimeoutMs: 400_000, maxDurationMs: 5_000_000 },
      shutdown: { drainMs: 6500 },
      limits: { ...defaultConfig.limits, wsFrameBytes: 7000, bodyBytes: 800_000 },
      rateLimit: { perMinute: 90, burst: 11 },
      metrics: { enabled: true },
      model: { ...defaultConfig.model, dir: "/m", offline: true },
      log: { ...defaultConfig.log, level: "debug" },
    });
  });

  it("gives every key exactly one variable of its own", () => {
    const names = [...settableKeys(configSchema)].map(([key, node]) => variableName(key, node));
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^GIGASTT_[A-Z][A-Z0-9_]*$/);
  });

  it("takes units in _SECS and _BYTES too, lists by comma, true and false", async () => {
    const { config } = await loadBare({
      env: {
        GIGASTT_IDLE_TIMEOUT_SECS: "10m",
        GIGASTT_BODY_LIMIT_BYTES: "2MiB",
        GIGASTT_LIMITS_MAX_AUDIO_DURATION: "30m",
        GIGASTT_SERVER_ALLOWED_ORIGINS: "https://a.example, https://b.example",
        GIGASTT_METRICS: "TRUE",
        GIGASTT_ENGINE_WORKERS: "auto",
        GIGASTT_ENGINE_THREADS: "2",
        GIGASTT_TRUST_PROXY: "10.0.0.0/8,192.168.0.0/16",
      },
    });
    expect(config.session.idleTimeoutMs).toBe(600_000);
    expect(config.limits).toMatchObject({ bodyBytes: 2_097_152, maxAudioDurationMs: 1_800_000 });
    expect(config.server.allowedOrigins).toEqual(["https://a.example", "https://b.example"]);
    expect(config.server.trustedProxies).toEqual(["10.0.0.0/8", "192.168.0.0/16"]);
    expect(config.metrics.enabled).toBe(true);
    expect(config.engine).toMatchObject({ workers: "auto", threads: 2 });
    expect((await loadBare({ env: { GIGASTT_TRUST_PROXY: "0" } })).config.server.trustedProxies).toEqual([]);
  });

  it("names the variable of a wrong value", async () => {
    const env = {
      GIGASTT_PORT: "http",
      GIGASTT_METRICS: "maybe",
      GIGASTT_IDLE_TIMEOUT_SECS: "-5",
      GIGASTT_BODY_LIMIT_BYTES: "1e9",
      GIGASTT_TRUST_PROXY: "10.0.0.1, nginx",
      GIGASTT_LIMITS_REQUEST_BUDGET: "60",
      GIGASTT_POOL_SIZE: "0",
      GIGASTT_LOG_LEVEL: "verbose",
    };
    expect(await failure(loadBare({ env }))).toMatchInlineSnapshot(`
      "GIGASTT_PORT server.port: must be a whole number from 0 to 65535, found "http"; for example 9876
      GIGASTT_TRUST_PROXY server.trustedProxies[0]: must be a network in CIDR notation, found "10.0.0.1"; for this one address write 10.0.0.1/32
      GIGASTT_TRUST_PROXY server.trustedProxies[1]: must be a network in CIDR notation, found "nginx"; for example 10.0.0.0/8 or 127.0.0.1/32
      GIGASTT_BODY_LIMIT_BYTES limits.body: must be a size from 1KiB to 16GiB, found "1e9"; for example 50MiB (units B, KiB, MiB, GiB, KB, MB, GB)
      GIGASTT_LIMITS_REQUEST_BUDGET limits.requestBudget: must be a duration from 1s to 1d, found "60"; write 60s
      GIGASTT_POOL_SIZE pool.size: must be a whole number from 1 to 1024, found 0; write 1 or more
      GIGASTT_IDLE_TIMEOUT_SECS session.idleTimeout: must be a duration from 1s to 1d, found "-5"; for example 300s (units ms, s, m, h, d)
      GIGASTT_METRICS metrics.enabled: must be true or false, found "maybe"; write true or false
      GIGASTT_LOG_LEVEL log.level: must be one of trace, debug, info, warn, error, fatal, found "verbose"; for example info"
    `);
  });

  it("treats an empty variable as not set and ignores spaces and a carriage return around it", async () => {
    const { config } = await loadBare({ env: { GIGASTT_PORT: "", GIGASTT_POOL_SIZE: " 7\r" } });
    expect([config.server.port, config.pool.size]).toEqual([9876, 7]);
  });

  it("warns about an unknown variable and suggests the right name", async () => {
    const env = {
      GIGASTT_PROT: "1",
      GIGASTT_SERVER_PORT: "1",
      GIGASTT_POOLSIZE: "1",
      GIGASTT_QWERTYUIOP: "1",
      GIGAST_PORT: "1",
    };
    expect(await warnings(loadBare({ env }))).toMatchInlineSnapshot(`
      "GIGASTT_POOLSIZE: is not a known setting; the variable is ignored; did you mean GIGASTT_POOL_SIZE?
      GIGASTT_PROT: is not a known setting; the variable is ignored; did you mean GIGASTT_PORT?
      GIGASTT_QWERTYUIOP: is not a known setting; the variable is ignored; see \`gigastt config explain\`
      GIGASTT_SERVER_PORT: is not a known setting; the variable is ignored; did you mean GIGASTT_PORT?"
    `);
  });

  it("ignores what Kubernetes derives from a Service called gigastt", async () => {
    const env = {
      GIGASTT_PORT: "tcp://10.96.0.12:9876",
      GIGASTT_SERVICE_HOST: "10.96.0.12",
      GIGASTT_SERVICE_PORT: "9876",
      GIGASTT_SERVICE_PORT_HTTP: "9876",
      GIGASTT_PORT_9876_TCP: "tcp://10.96.0.12:9876",
      GIGASTT_PORT_9876_TCP_ADDR: "10.96.0.12",
    };
    const { config, warnings: odd } = await loadBare({ env });
    expect(config.server.port).toBe(9876);
    expect(odd).toEqual([]);
  });
});

describe("flags", () => {
  it("names the flag of a wrong or unknown key", async () => {
    const overrides = {
      "pool.size": "many",
      "pol.size": "1",
      pool: "1",
      "": "1",
      "__proto__.x": "1",
      "server.port": "99999",
    };
    const outcome = failure(loadBare({ overrides, flagNames: { "server.port": "--port" } }));
    expect(await outcome).toMatchInlineSnapshot(`
      "--set pol.size: is not a known key; did you mean pool.size?
      --set pool: is a section, not a key; set one of its keys, for example pool.size
      --set: is not a known key; see \`gigastt config explain\`
      --set __proto__.x: is not a known key; see \`gigastt config explain\`
      --port server.port: must be a whole number from 0 to 65535, found 99999; write 65535 or less
      --set pool.size: must be a whole number from 1 to 1024, found "many"; for example 4"
    `);
    expect(Object.hasOwn(Object.prototype, "x")).toBe(false);
  });

  it("takes lists by comma or as JSON", async () => {
    const origins = "https://a.example,https://b.example";
    expect(
      (await loadBare({ overrides: { "server.allowedOrigins": origins } })).config.server.allowedOrigins,
    ).toHaveLength(2);
    const json = '["https://a.example"]';
    expect(
      (await loadBare({ overrides: { "server.allowedOrigins": json } })).config.server.allowedOrigins,
    ).toHaveLength(1);
    expect((await loadBare({ overrides: { "server.allowedOrigins": "" } })).config.server.allowedOrigins).toEqual([]);
  });
});

describe("the file", () => {
  let dir = "";
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "gigastt-config-"));
    await mkdir(join(dir, "xdg", "gigastt"), { recursive: true });
    await mkdir(join(dir, "cwd"));
    await mkdir(join(dir, "empty"));
    await writeFile(join(dir, "xdg", "gigastt", "gigastt.config.yaml"), "pool:\n  size: 11\n");
    await writeFile(join(dir, "cwd", "gigastt.config.yaml"), "pool:\n  size: 12\n");
    await writeFile(join(dir, "named.yaml"), "pool:\n  size: 13\n");
    await writeFile(join(dir, "asked.yaml"), "pool:\n  size: 14\n");
    await writeFile(join(dir, "huge.yaml"), Buffer.alloc(300 * 1024, "#"));
    await symlink(join(dir, "loop.yaml"), join(dir, "loop.yaml"));
  });
  afterAll(() => rm(dir, { recursive: true }));
  const size = async (options: Partial<Parameters<typeof loadConfig>[0]>): Promise<number> =>
    (await loadConfig({ env: {}, cwd: join(dir, "empty"), ...options })).config.pool.size;

  it("is searched for: --config, GIGASTT_CONFIG, working directory, XDG, /etc", async () => {
    const env = { GIGASTT_CONFIG: join(dir, "named.yaml"), XDG_CONFIG_HOME: join(dir, "xdg") };
    expect(await size({ file: join(dir, "asked.yaml"), env, cwd: join(dir, "cwd") })).toBe(14);
    expect(await size({ env, cwd: join(dir, "cwd") })).toBe(13);
    expect(await size({ env: { XDG_CONFIG_HOME: join(dir, "xdg") }, cwd: join(dir, "cwd") })).toBe(12);
    expect(await size({ env: { XDG_CONFIG_HOME: join(dir, "xdg") } })).toBe(11);
    expect(searchPath({ HOME: "/home/u" }, "/w")).toEqual([
      "/w/gigastt.local.yaml",
      "/w/gigastt.config.yaml",
      "/home/u/.config/gigastt/gigastt.config.yaml",
      "/etc/gigastt/gigastt.config.yaml",
    ]);
    expect(searchPath({ XDG_CONFIG_HOME: "relative" }, "/w")).toHaveLength(3);
  });

  it("is found relative to the working directory and told with its absolute path", async () => {
    const loaded = await loadConfig({ env: {}, cwd: dir, file: "named.yaml" });
    expect(loaded.path).toBe(join(dir, "named.yaml"));
  });

  it("must exist when it was asked for", async () => {
    const text = await failure(loadConfig({ env: {}, cwd: dir, file: "nowhere.yaml" }));
    expect(text).toMatchInlineSnapshot(
      `"nowhere.yaml: file not found; check the path; \`gigastt config print --commented --defaults\` writes a new one"`,
    );
    const fromEnv = await failure(loadConfig({ env: { GIGASTT_CONFIG: "nowhere.yaml" }, cwd: dir }));
    expect(fromEnv).toMatchInlineSnapshot(
      `"nowhere.yaml: file not found (named by GIGASTT_CONFIG); check the path; \`gigastt config print --commented --defaults\` writes a new one"`,
    );
  });

  it("must be a file that can be read, not a folder, not a loop, not huge, not endless", async () => {
    const text = async (file: string): Promise<string> =>
      (await failure(loadConfig({ env: {}, cwd: dir, file }))).replaceAll(dir, "DIR");
    expect(await text("cwd")).toMatchInlineSnapshot(
      `"cwd: must be a file, not a folder; for example cwd/gigastt.config.yaml"`,
    );
    expect(await text("loop.yaml")).toMatchInlineSnapshot(
      `"loop.yaml: cannot be read: ELOOP: too many symbolic links encountered, open 'DIR/loop.yaml'; check the path"`,
    );
    expect(await text("huge.yaml")).toMatchInlineSnapshot(
      `"huge.yaml: must be at most 256KiB; check that this is the right file"`,
    );
    expect(await text("/dev/zero")).toMatchInlineSnapshot(
      `"/dev/zero: must be at most 256KiB; check that this is the right file"`,
    );
    expect(await text("named.yaml/x")).toMatchInlineSnapshot(
      `"named.yaml/x: file not found; check the path; \`gigastt config print --commented --defaults\` writes a new one"`,
    );
    expect(await text("a\0b")).toMatchInlineSnapshot(
      `"a\\u0000b: cannot be read: The argument 'path' must be a string, Uint8Array, or URL without null bytes. Received 'DIR/a\\x00b'; check the path"`,
    );
  });

  it("may be a pipe: it is read to its end, also when its writer takes its time", async () => {
    const pipe = join(dir, "slow.pipe");
    execFileSync("mkfifo", [pipe]);
    const script = 'exec > "$0"; echo open >&2; sleep 0.2; echo "server:"; sleep 0.2; echo "  port: 4321"';
    const writer = spawn("sh", ["-c", script, pipe], { stdio: ["ignore", "ignore", "pipe"] });
    // Opening for writing waits for a reader.
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    await once(writer.stderr, "data");
    const loading = loadConfig({ env: {}, cwd: dir, file: "slow.pipe" });
    expect((await loading).config.server.port).toBe(4321);
    closeSync(reader);
  });

  it("is refused when it is a pipe without a writer, instead of waiting where no signal helps", async () => {
    execFileSync("mkfifo", [join(dir, "dead.pipe")]);
    expect(await failure(loadConfig({ env: {}, cwd: dir, file: "dead.pipe" }))).toMatchInlineSnapshot(
      `"dead.pipe: must be a file, not a pipe without a writer; write the file first"`,
    );
  });
});

describe("hash", () => {
  it("is the same for equal settings wherever they come from, and differs for different ones", async () => {
    const bare = await loadBare({});
    expect(bare.hash).toBe(hashOf(defaultConfig));
    expect((await load("session:\n  idleTimeout: 5m\n# comment\n")).hash).toBe(bare.hash);
    expect((await load("session:\n  idleTimeout: 6m\n")).hash).not.toBe(bare.hash);
    expect((await loadBare({ env: { GIGASTT_POOL_SIZE: "5" } })).hash).toBe((await load("pool: {size: 5}")).hash);
    expect(bare.hash).toMatch(/^[0-9a-f]{64}$/);
  });
});
