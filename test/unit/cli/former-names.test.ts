import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { OPENING_KEYS } from "../../../src/config/former-names.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { resolvedValue } from "../../../src/config/resolve.ts";
import { configSchema } from "../../../src/config/schema/schema.ts";
import { settableKeys } from "../../../src/config/schema/node.ts";
import type { Command, CommandContext } from "../../../src/cli/command.ts";
import { loadOptions, SERVER_FLAGS } from "../../../src/cli/load-config.ts";
import { registryOf, runLine } from "./_run.ts";

const dir = mkdtempSync(join(tmpdir(), "gigastt-former-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The configuration that a serving command would run with. */
async function configOf(line: readonly string[], env: Record<string, string> = {}): ReturnType<typeof loadConfig> {
  let options: ReturnType<typeof loadOptions> | undefined;
  const serve: Command = {
    summary: "x",
    flags: SERVER_FLAGS,
    run: async (context: CommandContext) => {
      options = loadOptions(context);
      return 0;
    },
  };
  const { code, stderr } = await runLine(["serve", ...line], { registry: registryOf({ serve }), cwd: dir, env });
  if (code !== 0 || options === undefined) throw new Error(stderr);
  return loadConfig(options);
}

/** Flag, its variable, the key in resolved terms, the value. */
const FORMER: readonly (readonly [line: string, variable: string, value: string, key: string, expected: unknown])[] = [
  ["--host 0.0.0.0 --bind-all", "GIGASTT_HOST", "::1", "server.host", "0.0.0.0"],
  ["--port 9000", "GIGASTT_PORT", "9000", "server.port", 9000],
  ["--bind-all", "GIGASTT_BIND_ALL", "1", "server.allowBindAny", true],
  [
    "--allow-origin https://a.example",
    "GIGASTT_ALLOW_ORIGIN",
    "https://a.example",
    "server.allowedOrigins",
    ["https://a.example"],
  ],
  ["--cors-allow-any", "GIGASTT_CORS_ALLOW_ANY", "true", "server.corsAllowAny", true],
  ["--rate-limit-per-minute 30", "GIGASTT_RATE_LIMIT_PER_MINUTE", "30", "rateLimit.perMinute", 30],
  ["--rate-limit-burst 5", "GIGASTT_RATE_LIMIT_BURST", "5", "rateLimit.burst", 5],
  ["--max-session-secs 600", "GIGASTT_MAX_SESSION_SECS", "600", "session.maxDuration", 600_000],
  ["--idle-timeout-secs 60", "GIGASTT_IDLE_TIMEOUT_SECS", "60", "session.idleTimeout", 60_000],
  ["--shutdown-drain-secs 20", "GIGASTT_SHUTDOWN_DRAIN_SECS", "20", "shutdown.drain", 20_000],
  ["--pool-size 2", "GIGASTT_POOL_SIZE", "2", "pool.size", 2],
  ["--pool-checkout-timeout-secs 5", "GIGASTT_POOL_CHECKOUT_TIMEOUT_SECS", "5", "pool.checkoutTimeout", 5000],
  ["--ws-frame-max-bytes 65536", "GIGASTT_WS_FRAME_MAX_BYTES", "65536", "limits.wsFrame", 65_536],
  ["--body-limit-bytes 1048576", "GIGASTT_BODY_LIMIT_BYTES", "1048576", "limits.body", 1_048_576],
  ["--trust-proxy", "GIGASTT_TRUST_PROXY", "1", "server.trustedProxies", ["127.0.0.1/32", "::1/128"]],
  ["--metrics", "GIGASTT_METRICS", "1", "metrics.enabled", true],
  ["--model-dir /srv/models", "GIGASTT_MODEL_DIR", "/srv/models", "model.dir", "/srv/models"],
  ["--offline", "GIGASTT_OFFLINE", "1", "model.offline", true],
  ["--log-level debug", "GIGASTT_LOG_LEVEL", "debug", "log.level", "debug"],
];

describe("names of the Rust server", () => {
  it.each(FORMER)("%s means what %s=%s means", async (line, variable, value, key, expected) => {
    const { config } = await configOf(line.split(" "));
    expect(resolvedValue(configSchema, config, key.split("."))).toEqual(expected);
    const byVariable = await configOf([], { [variable]: value });
    expect(byVariable.warnings.filter(({ code }) => code === "GST_CONFIG_UNKNOWN_VARIABLE")).toEqual([]);
    if (variable !== "GIGASTT_HOST")
      expect(resolvedValue(configSchema, byVariable.config, key.split("."))).toEqual(expected);
  });

  it("takes several origins, and names the flag in problems", async () => {
    const { config } = await configOf(["--allow-origin", "https://a.example", "--allow-origin=https://b.example"]);
    expect(config.server.allowedOrigins).toEqual(["https://a.example", "https://b.example"]);
    await expect(configOf(["--max-session-secs", "soon"])).rejects.toThrow(
      /--max-session-secs session\.maxDuration: must be a duration/,
    );
  });

  it("stay out of the help", async () => {
    const { stdout } = await runLine(["serve", "--help"]);
    for (const flag of ["--bind-all", "--allow-origin", "--max-session-secs"]) expect(stdout).not.toContain(flag);
    expect(stdout).toContain("--allow-bind-any");
  });

  it.each([
    ["start", "up"],
    ["stop", "down"],
    ["run", "serve"],
    ["update", "upgrade"],
    ["download", "models pull"],
  ])("%s is %s", async (former, name) => {
    const [one, two] = await Promise.all([runLine([former, "--help"]), runLine([...name.split(" "), "--help"])]);
    expect([one.code, one.stdout]).toEqual([0, two.stdout]);
    expect((await runLine([former, "--nonsense"])).stderr).toContain(`gigastt ${name} --help`);
  });

  it("version shows the version", async () => {
    expect(await runLine(["version"])).toEqual({ code: 0, stdout: "gigastt 9.9.9\n", stderr: "" });
  });
});

describe("guesses", () => {
  const opening = [...settableKeys(configSchema).keys()].filter((key) => OPENING_KEYS.has(key));

  it("never propose a variable that lets more clients in", async () => {
    expect(opening).toHaveLength(OPENING_KEYS.size);
    for (const name of [
      "GIGASTT_ALLOW_ORIGN",
      "GIGASTT_ALLOW_BIND",
      "GIGASTT_CORS_ALLOW",
      "GIGASTT_TRUST_PROXIES",
      "GIGASTT_ALLOW_ANY",
    ]) {
      const { warnings } = await configOf([], { [name]: "x" });
      expect(warnings.map(({ cure }) => cure).join(), name).not.toMatch(/ALLOW_BIND_ANY|CORS|TRUST_PROXY/);
    }
  });

  it.each(["--allow-bind", "--bind-any", "--cors-allow", "--trust-proxies", "--allow-any"])(
    "never propose a flag that lets more clients in for %s",
    async (flag) => {
      const { code, stderr } = await runLine(["serve", flag]);
      expect([code, /allow-bind-any|bind-all|cors-allow-any|trust-proxy/.test(stderr.split("\n")[0]!)]).toEqual([
        2,
        false,
      ]);
    },
  );
});

describe("--set with a list", () => {
  it.each([
    "[https://a.example,https://b.example]",
    '["https://a.example","https://b.example"]',
    "['https://a.example', 'https://b.example']",
    "https://a.example, https://b.example",
    "[ https://a.example , https://b.example ]",
  ])("takes %s", async (text) => {
    const { config } = await configOf(["--set", `server.allowedOrigins=${text}`]);
    expect(config.server.allowedOrigins).toEqual(["https://a.example", "https://b.example"]);
  });

  it.each(["[]", ""])("takes %j as an empty list", async (text) => {
    const { config } = await configOf(["--set", `server.allowedOrigins=${text}`]);
    expect(config.server.allowedOrigins).toEqual([]);
  });
});

describe("help", () => {
  it.each([60, 80, 100])("fits a terminal of %i columns", async (columns) => {
    for (const line of [[], ["up", "--help"], ["init", "--help"], ["models", "--help"], ["bench", "--help"]]) {
      const { stdout } = await runLine(line, { columns });
      // A single word may be longer than the line.
      const long = stdout
        .split("\n")
        .filter((text) => text.length > columns && /\S\s+\S/.test(text.trim().slice(0, -20)));
      expect(long, line.join(" ")).toEqual([]);
    }
  });
});

describe("names in other scripts", () => {
  it("are accepted as typed and become what DNS knows", async () => {
    const path = join(dir, "idn.yaml");
    writeFileSync(path, "deploy:\n  domain: речь.пример.рф\n  proxy: { kind: caddy }\n");
    const { config } = await loadConfig({ file: path, env: {}, cwd: dir });
    expect(config.deploy.domain).toBe("xn--e1avwu.xn--e1afmkfd.xn--p1ai");
    expect(config.server.allowedOrigins).toEqual(["https://xn--e1avwu.xn--e1afmkfd.xn--p1ai"]);
  });
});
