import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { runLine, type Outcome } from "../_run.ts";

let cwd = "";
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "gigastt-cli-"));
  await writeFile(join(cwd, "good.yaml"), "pool:\n  size: 3\nsession:\n  maxDuration: 2m\n");
  await writeFile(join(cwd, "bad.yaml"), 'server:\n  prot: 80\npool:\n  size: "4"\nmodel:\n  pasword: hunter2\n');
  await writeFile(join(cwd, "secret.yaml"), "model:\n  mirror: https://user:hunter2@m.example/x\n");
});
afterAll(() => rm(cwd, { recursive: true }));
const line = (argv: string[], env: Record<string, string> = {}): Promise<Outcome> => runLine(argv, { cwd, env });
const plain = (text: string): string => text.replaceAll(cwd, "DIR");

describe("config check", () => {
  it("shows each problem with the line it is on, and exits 2", async () => {
    const { code, stdout, stderr } = await line(["config", "check", "bad.yaml"], { GIGASTT_PORT: "http" });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatchInlineSnapshot(`
      "bad.yaml:2:3 server.prot: is not a known key; did you mean port?
          2 |   prot: …
            |   ^^^^
      bad.yaml:4:9 pool.size: must be a whole number from 1 to 1024, found "4"; remove the quotes: 4
          4 |   size: "4"
            |         ^^^
      bad.yaml:6:3 model.pasword: is not a known key; known here: id, precision, dir, mirror, offline, loadTimeout, idleUnload
          6 |   pasword: …
            |   ^^^^^^^
      GIGASTT_PORT server.port: must be a whole number from 0 to 65535, found "http"; for example 9876
      gigastt: 4 problems in the configuration
      "
    `);
  });
  it("never shows a password, neither in the text nor in the line", async () => {
    for (const file of ["bad.yaml", "secret.yaml"]) {
      for (const flags of [[], ["--json"]]) {
        const { stdout, stderr } = await line(["config", "check", file, ...flags]);
        expect(stdout + stderr).not.toContain("hunter2");
      }
    }
  });
  it("says ok and the warnings of a usable file", async () => {
    const { code, stdout, stderr } = await line(["config", "check", "good.yaml"]);
    expect(code).toBe(0);
    expect(plain(stdout)).toMatchInlineSnapshot(`
      "DIR/good.yaml: ok, 1 warning
      "
    `);
    expect(stderr).toMatchInlineSnapshot(`
      "warning good.yaml:4:16 session.maxDuration: ends every session before session.idleTimeout can, found 2m against 5m; lower idleTimeout or raise maxDuration
          4 |   maxDuration: 2m
            |                ^^
      "
    `);
  });
  it("checks the defaults when there is no file", async () => {
    expect(await line(["config", "check"])).toEqual({ code: 0, stdout: "no file, the defaults: ok\n", stderr: "" });
  });
  it("--json tells the same to programs", async () => {
    const bad = await line(["config", "check", "bad.yaml", "--json"]);
    expect([bad.code, bad.stderr]).toEqual([2, ""]);
    expect(JSON.parse(bad.stdout).problems[1]).toMatchInlineSnapshot(`
      {
        "code": "GST_CONFIG_TYPE",
        "column": 9,
        "cure": "remove the quotes: 4",
        "file": "bad.yaml",
        "found": ""4"",
        "key": "pool.size",
        "line": 4,
        "message": "bad.yaml:4:9 pool.size: must be a whole number from 1 to 1024, found "4"; remove the quotes: 4",
        "rule": "must be a whole number from 1 to 1024",
        "severity": "error",
      }
    `);
    const good = await line(["config", "check", "good.yaml", "--json"]);
    expect(good.code).toBe(0);
    const answer = JSON.parse(good.stdout);
    expect(answer).toMatchObject({
      ok: true,
      path: join(cwd, "good.yaml"),
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(answer.problems.map((problem: { code: string }) => problem.code)).toEqual(["GST_CONFIG_ODD"]);
  });
  it("a missing file is reported in one line", async () => {
    const { code, stderr } = await line(["config", "check", "nowhere.yaml"]);
    expect([code, stderr]).toMatchInlineSnapshot(`
      [
        2,
        "nowhere.yaml: file not found; check the path; \`gigastt config print --commented --defaults\` writes a new one
      gigastt: 1 problem in the configuration
      ",
      ]
    `);
  });
  it("takes --set and its mistakes", async () => {
    expect((await line(["config", "check", "--set", "pool.size=1"])).code).toBe(0);
    expect((await line(["config", "check", "--set", "pool.size"])).stderr).toMatchInlineSnapshot(`
      "gigastt: --set needs KEY=VALUE, found "pool.size"; for example --set pool.size=8
      Run \`gigastt --help\` for help.
      "
    `);
    expect((await line(["config", "check", "--set", "pool.sise=1", "--set", "pool.queue=x"])).stderr)
      .toMatchInlineSnapshot(`
      "--set pool.sise: is not a known key; did you mean pool.size?
      --set pool.queue: must be a whole number from 0 to 100000, found "x"; for example 32
      gigastt: 2 problems in the configuration
      "
    `);
  });
});

describe("config print", () => {
  it("shows values as YAML that loads again, with the origin of what is not a default", async () => {
    const argv = ["config", "print", "--config", "good.yaml", "--set", "pool.queue=7"];
    const { code, stdout } = await line(argv, { GIGASTT_PORT: "8080" });
    expect(code).toBe(0);
    const lines = plain(stdout).split("\n");
    expect(lines.filter((text) => text.includes("#")).map((text) => text.replace(/hash \w+/, "hash …")))
      .toMatchInlineSnapshot(`
      [
        "# DIR/good.yaml, hash …",
        "  port: 8080                                  # GIGASTT_PORT",
        "  size: 3                                     # good.yaml:2:9",
        "  queue: 7                                    # --set",
        "  maxDuration: 2m                             # good.yaml:4:16",
      ]
    `);
    expect(parse(stdout)).toMatchObject({
      pool: { size: 3, queue: 7 },
      server: { port: 8080 },
      session: { maxDuration: "2m" },
    });
  });
  it("--json gives value and origin of every key", async () => {
    const { stdout } = await line(["config", "print", "--config", "good.yaml", "--json"]);
    const { values } = JSON.parse(stdout);
    expect(values["pool.size"]).toEqual({ value: 3, from: "good.yaml:2:9" });
    expect(values["model.dir"]).toEqual({ value: null, from: "default" });
    expect(values["limits.body"]).toEqual({ value: "50MiB", from: "default" });
  });
  it("--commented --defaults writes a new file with every key explained", async () => {
    const { stdout } = await line(["config", "print", "--commented", "--defaults"], { GIGASTT_POOL_SIZE: "9" });
    expect(stdout).toContain("  # A whole number from 1 to 1024. GIGASTT_POOL_SIZE\n  size: 4\n");
    const schema = fileURLToPath(new URL("../../../../gigastt.schema.json", import.meta.url));
    expect(stdout.startsWith(`# yaml-language-server: $schema=${schema}\n`)).toBe(true);
  });
  it("refuses --json with --commented", async () => {
    expect((await line(["config", "print", "--json", "--commented"])).code).toBe(2);
  });
});

describe("secrets", () => {
  const webhook = "https://hooks.example.com/hunter2";
  const set = ["--set", `supervisor.webhook=${webhook}`];
  it("are shown by no command, and what is printed still loads", async () => {
    for (const argv of [
      ["print"],
      ["print", "--json"],
      ["print", "--commented"],
      ["explain", "supervisor.webhook"],
      ["check", "--json"],
    ]) {
      const { code, stdout, stderr } = await line(["config", ...argv, ...set]);
      expect(code).toBe(0);
      expect(stdout + stderr, argv.join(" ")).not.toContain("hunter2");
    }
    const { stdout } = await line(["config", "print", ...set]);
    expect(stdout).toContain('  # webhook: "[REDACTED]"');
    expect(parse(stdout).supervisor.webhook).toBeUndefined();
  });
  it("are not shown when they are wrong, neither as value nor in the line", async () => {
    await writeFile(join(cwd, "hook.yaml"), "supervisor:\n  webhook: ftp://hunter2\n");
    const { stderr } = await line(["config", "check", "hook.yaml"]);
    expect(stderr).toMatchInlineSnapshot(`
      "hook.yaml:2:12 supervisor.webhook: must be an http or https URL, or null, found [REDACTED]
          2 |   webhook: …
            |            ^
      gigastt: 1 problem in the configuration
      "
    `);
    expect((await line(["config", "check"], { GIGASTT_SUPERVISOR_WEBHOOK: "hunter2" })).stderr).toMatchInlineSnapshot(`
      "GIGASTT_SUPERVISOR_WEBHOOK supervisor.webhook: must be an http or https URL, or null, found [REDACTED]
      gigastt: 1 problem in the configuration
      "
    `);
  });
});

describe("config explain", () => {
  it("tells all about a key, with its value now", async () => {
    const { stdout } = await line(["config", "explain", "pool.size", "--config", "good.yaml"]);
    expect(stdout).toMatchInlineSnapshot(`
      "pool.size: Concurrent sessions
      WebSocket sessions while they speak and running transcriptions together. A session needs few
      resources; recognition runs in engine.workers.

        type       a whole number from 1 to 1024
        default    4
        now        3, from good.yaml:2:9
        variable   GIGASTT_POOL_SIZE
        on change  applied by the running service
      "
    `);
    expect((await line(["config", "explain", "session.idleTimeout"])).stdout).toMatchInlineSnapshot(`
      "session.idleTimeout: Session idle timeout
      After this time without an audio or text frame the client gets error idle_timeout, its final result
      and close 1001. Pings do not count.

        type       a duration from 1s to 1d
        default    300s
        variable   GIGASTT_IDLE_TIMEOUT_SECS (in seconds)
        on change  applied by the running service
        examples   300s   30m
      "
    `);
  });
  it("works for any key while the configuration is broken", async () => {
    expect((await line(["config", "explain", "pool.size", "--config", "bad.yaml"])).code).toBe(0);
  });
  it("lists a section and everything", async () => {
    expect((await line(["config", "explain", "rateLimit"])).stdout).toMatchInlineSnapshot(`
      "rateLimit: Rate limit
      A token bucket per client address, for the /v1 routes and the WebSocket upgrade. IPv6 clients are
      counted by /64.

        rateLimit.perMinute  0   Requests per minute
        rateLimit.burst      10  Burst
      "
    `);
    expect((await line(["config", "explain"])).stdout.split("\n").length).toBeGreaterThan(50);
  });
  it("suggests the key that was meant", async () => {
    expect((await line(["config", "explain", "pool.sise"])).stderr).toMatchInlineSnapshot(`
      "gigastt: unknown key "pool.sise", did you mean pool.size?
      Run \`gigastt config explain --help\` for help.
      "
    `);
    expect((await line(["config", "explain", "idleTimeout"])).stderr).toMatchInlineSnapshot(`
      "gigastt: unknown key "idleTimeout", did you mean session.idleTimeout or realtime.idleTimeout?
      Run \`gigastt config explain --help\` for help.
      "
    `);
    expect((await line(["config", "explain", "qwertyuiop"])).stderr).toMatchInlineSnapshot(`
      "gigastt: unknown key "qwertyuiop"; \`gigastt config explain\` lists all
      Run \`gigastt config explain --help\` for help.
      "
    `);
    expect((await line(["config", "explain", "__proto__"])).code).toBe(2);
  });
  it("--json answers facts", async () => {
    expect(JSON.parse((await line(["config", "explain", "limits.body", "--json"])).stdout)).toMatchObject({
      key: "limits.body",
      default: "50MiB",
      variable: "GIGASTT_BODY_LIMIT_BYTES",
      variableUnit: "bytes",
      reload: "live",
    });
  });
});

describe("config schema", () => {
  it("prints JSON Schema 2020-12", async () => {
    const schema = JSON.parse((await line(["config", "schema"])).stdout);
    expect(schema.$schema).toBe("https://json-schema.org/draft/2020-12/schema");
    expect(schema.properties.pool.properties.size).toMatchObject({ type: "integer", minimum: 1, default: 4 });
  });
});
