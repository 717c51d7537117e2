import { describe, expect, it } from "vitest";
import { failure, load, loadBare } from "./_load.ts";

const check = (text: string | Uint8Array): Promise<string> => failure(load(text));

describe("a configuration with many mistakes", () => {
  it("reports all of them at once with place, rule, value and cure", async () => {
    const text = `server:
  hots: 127.0.0.1
  port: 70000
  idleTimeout: 5
  trustedProxies: 10.0.0.1, 10.0.0.2
  allowedOrigins:
    - stt.example.com
    - https://stt.example.com/app
  keepAliveTimeout: 100s
limits:
  body: 50M
  wsFrame: 524288
session:
  idleTimeout: 300
  maxDuration: 10 Min
pool:
  size: "4"
model:
  precision: int
metrics: yes
port: 80
`;
    const outcome = failure(
      load(text, { env: { GIGASTT_LOG_LEVEL: "loud" }, overrides: { "pool.queue": "-1", "log.lvl": "x" } }),
    );
    expect(await outcome).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:3 server.hots: is not a known key; did you mean host?
      gigastt.config.yaml:3:9 server.port: must be a whole number from 0 to 65535, found 70000; write 65535 or less
      gigastt.config.yaml:4:3 server.idleTimeout: is not a known key; did you mean session.idleTimeout or realtime.idleTimeout?
      gigastt.config.yaml:5:19 server.trustedProxies: must be a list, found "10.0.0.1, 10.0.0.2"; write it as a list: [10.0.0.1, 10.0.0.2]
      gigastt.config.yaml:7:7 server.allowedOrigins[0]: must be an origin as browsers send it: scheme, host and port, found "stt.example.com"; write https://stt.example.com
      gigastt.config.yaml:8:7 server.allowedOrigins[1]: must be an origin as browsers send it: scheme, host and port, found "https://stt.example.com/app"; write https://stt.example.com
      gigastt.config.yaml:9:21 server.keepAliveTimeout: must be shorter than server.headersTimeout, found 1m40s against 1m10s; set headersTimeout to 1m45s or lower keepAliveTimeout
      gigastt.config.yaml:11:9 limits.body: must be a size from 1KiB to 16GiB, found "50M"; write 50MiB
      gigastt.config.yaml:12:12 limits.wsFrame: must be a size from 1KiB to 16MiB, found 524288; write 512KiB
      gigastt.config.yaml:14:16 session.idleTimeout: must be a duration from 1s to 1d, found 300; add the unit: 300s
      gigastt.config.yaml:15:16 session.maxDuration: must be a duration of at most 30d, found "10 Min"; write 10m
      gigastt.config.yaml:17:9 pool.size: must be a whole number from 1 to 1024, found "4"; remove the quotes: 4
      gigastt.config.yaml:19:14 model.precision: must be one of auto, int8, fp32, found "int"; did you mean int8?
      gigastt.config.yaml:20:10 metrics: must be a section with keys, found "yes"; indent its keys below it, for example \`enabled: false\`
      gigastt.config.yaml:21:1 port: is not a known key; write it as server.port
      GIGASTT_LOG_LEVEL log.level: must be one of trace, debug, info, warn, error, fatal, found "loud"; for example info
      --set log.lvl: is not a known key; did you mean log.level?
      --set pool.queue: must be a whole number from 0 to 100000, found -1; write 0 or more"
    `);
  });
});

describe("unknown keys", () => {
  it("suggests the key that was mistyped", async () => {
    expect(await check("server:\n  prot: 80\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:3 server.prot: is not a known key; did you mean port?"`,
    );
  });
  it("suggests the section that was mistyped", async () => {
    expect(await check("sesion:\n  idleTimeout: 10s\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:1:1 sesion: is not a known key; did you mean session?"`,
    );
  });
  it("names the section a misplaced key belongs to", async () => {
    expect(await check("server:\n  drain: 10s\nidleTimeout: 10s\n")).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:3 server.drain: is not a known key; it belongs below another section: shutdown.drain
      gigastt.config.yaml:3:1 idleTimeout: is not a known key; did you mean session.idleTimeout or realtime.idleTimeout?"
    `);
  });
  it("understands other spellings: snake case, the variable's name, the resolved name", async () => {
    expect(
      await check(
        "session:\n  idle_timeout: 10s\n  maxDurationMs: 10\nbody_limit_bytes: 5\nlimits:\n  idleTimeoutSecs: 5\nserver:\n  Port: 1\n",
      ),
    ).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:3 session.idle_timeout: is not a known key; write idleTimeout
      gigastt.config.yaml:3:3 session.maxDurationMs: is not a known key; write maxDuration
      gigastt.config.yaml:4:1 body_limit_bytes: is not a known key; write it as limits.body
      gigastt.config.yaml:6:3 limits.idleTimeoutSecs: is not a known key; write it as session.idleTimeout
      gigastt.config.yaml:8:3 server.Port: is not a known key; write port"
    `);
  });
  it("lists the known keys when nothing is close", async () => {
    expect(await check("metrics:\n  zzzzzzzz: 1\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:3 metrics.zzzzzzzz: is not a known key; known here: enabled"`,
    );
  });
  it("never shows the value of an unknown key, it may be a mistyped password", async () => {
    expect(await check("server:\n  pasword: hunter2\n")).not.toContain("hunter2");
  });
  it("refuses __proto__ and constructor like any other unknown key", async () => {
    expect(await check("__proto__:\n  polluted: 1\nconstructor: 1\nserver:\n  toString: 1\n")).toMatchInlineSnapshot(`
      "gigastt.config.yaml:1:1 __proto__: is not a known key; known here: server, wyoming, vosk, limits, pool, session, realtime, rateLimit, shutdown, model, engine, stream, subtitles, jobs, archive, metrics, tracing, log, auth, store, console, supervisor, deploy, audit
      gigastt.config.yaml:3:1 constructor: is not a known key; known here: server, wyoming, vosk, limits, pool, session, realtime, rateLimit, shutdown, model, engine, stream, subtitles, jobs, archive, metrics, tracing, log, auth, store, console, supervisor, deploy, audit
      gigastt.config.yaml:5:3 server.toString: is not a known key; known here: host, port, allowBindAny, lan, trustedProxies, ingressFrom, allowedOrigins, corsAllowAny, allowedHosts, keepAliveTimeout, headersTimeout"
    `);
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });
  it("makes control and bidirectional characters of a key visible", async () => {
    expect(await check('"ser\\u202ever\\e[31m": 1\n')).toMatchInlineSnapshot(
      `"gigastt.config.yaml:1:1 ser\\u202ever\\u001b[31m: is not a known key; known here: server, wyoming, vosk, limits, pool, session, realtime, rateLimit, shutdown, model, engine, stream, subtitles, jobs, archive, metrics, tracing, log, auth, store, console, supervisor, deploy, audit"`,
    );
  });
  it("shortens an endless key", async () => {
    expect((await check(`${"k".repeat(5000)}: 1\n`)).length).toBeLessThan(400);
  });
  it("survives a megabyte-like key without guessing for minutes", async () => {
    expect(await check(`server:\n  ? ${"k".repeat(200_000)}\n  : 1\n`)).toContain("is not a known key");
  });
});

describe("wrong types", () => {
  it("text where a number belongs", async () => {
    expect(await check("pool:\n  size: four\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:9 pool.size: must be a whole number from 1 to 1024, found "four"; for example 4"`,
    );
  });
  it("a number in quotes", async () => {
    expect(await check('pool:\n  size: "4"\n')).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:9 pool.size: must be a whole number from 1 to 1024, found "4"; remove the quotes: 4"`,
    );
  });
  it("a number with separators", async () => {
    expect(await check("rateLimit:\n  perMinute: 10_000\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:14 rateLimit.perMinute: must be a whole number from 0 to 60000, found "10_000"; write 10000"`,
    );
  });
  it("a fraction where a whole number belongs", async () => {
    expect(await check("pool:\n  size: 4.5\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:9 pool.size: must be a whole number from 1 to 1024, found 4.5; write 5"`,
    );
  });
  it("infinity and not-a-number", async () => {
    expect(await check("pool:\n  size: .inf\n  queue: .nan\n")).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:9 pool.size: must be a whole number from 1 to 1024, found Infinity; write 1024 or less
      gigastt.config.yaml:3:10 pool.queue: must be a whole number from 0 to 100000, found NaN; for example 32"
    `);
  });
  it("yes, on and 1 for a switch", async () => {
    expect(await check('metrics:\n  enabled: yes\nserver:\n  lan: 1\n  allowBindAny: "true"\n  corsAllowAny: off\n'))
      .toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:12 metrics.enabled: must be true or false, found "yes"; write true
      gigastt.config.yaml:4:8 server.lan: must be true or false, found 1; write true
      gigastt.config.yaml:5:17 server.allowBindAny: must be true or false, found "true"; write true
      gigastt.config.yaml:6:17 server.corsAllowAny: must be true or false, found "off"; write false"
    `);
  });
  it("a number where text belongs", async () => {
    expect(await check("model:\n  id: 1.20\n  dir: 5\n")).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:7 model.id: must be a name of up to 64 letters, digits, dots, dashes and underscores, found 1.2; put it in quotes: "1.2"
      gigastt.config.yaml:3:8 model.dir: must be a path, or null, found 5; put it in quotes: "5""
    `);
  });
  it("a value where a section belongs", async () => {
    expect(await check("server: 9876\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:1:9 server: must be a section with keys, found 9876; indent its keys below it, for example \`host: 127.0.0.1\`"`,
    );
  });
  it("a list where a section belongs", async () => {
    expect(await check("server:\n  - port: 1\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:3 server: must be a section with keys, found a list; indent its keys below it, for example \`host: 127.0.0.1\`"`,
    );
  });
  it("a section where a value belongs", async () => {
    expect(await check("server:\n  port:\n    http: 80\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:3:5 server.port: must be a whole number from 0 to 65535, found a section; write one value: 9876"`,
    );
  });
  it("a list where a value belongs", async () => {
    expect(await check("server:\n  host: [127.0.0.1]\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:9 server.host: must be an IP address or a host name, found a list; write one value: 127.0.0.1"`,
    );
  });
  it("one value where a list belongs", async () => {
    expect(await check("server:\n  allowedOrigins: https://a.example\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:19 server.allowedOrigins: must be a list, found "https://a.example"; write it as a list: [https://a.example]"`,
    );
  });
  it("a key without a value", async () => {
    expect(await check("server:\n  port:\n  host:\n  trustedProxies:\n")).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:3 server.port: must be a whole number from 0 to 65535, found nothing; give a value such as 9876, or delete the line for the default
      gigastt.config.yaml:3:3 server.host: must be an IP address or a host name, found nothing; give a value such as 127.0.0.1, or delete the line for the default
      gigastt.config.yaml:4:3 server.trustedProxies: must be a list, found nothing; write [] for an empty list, or delete the line for the default"
    `);
  });
  it("a list as the whole file", async () => {
    expect(await check("- server\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:1:1: the file must hold sections with keys, found a list; for example \`server:\` and, indented below it, \`port: 9876\`"`,
    );
  });
  it("a text as the whole file", async () => {
    expect(await check("hello\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:1:1: the file must hold sections with keys, found "hello"; for example \`server:\` and, indented below it, \`port: 9876\`"`,
    );
  });
});

describe("durations and sizes", () => {
  it("a bare number is asked for its unit", async () => {
    expect(await check("session:\n  idleTimeout: 300\nlimits:\n  body: 52428800\n")).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:16 session.idleTimeout: must be a duration from 1s to 1d, found 300; add the unit: 300s
      gigastt.config.yaml:4:9 limits.body: must be a size from 1KiB to 16GiB, found 52428800; write 50MiB"
    `);
  });
  it("a number in quotes is asked for its unit", async () => {
    expect(await check('session:\n  idleTimeout: "300"\nlimits:\n  body: "52428800"\n')).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:16 session.idleTimeout: must be a duration from 1s to 1d, found "300"; write 300s
      gigastt.config.yaml:4:9 limits.body: must be a size from 1KiB to 16GiB, found "52428800"; write 50MiB"
    `);
  });
  it("words and spaces are corrected", async () => {
    expect(
      await check(
        "session:\n  idleTimeout: 5 minutes\n  maxDuration: 1 hour 30 min\nlimits:\n  body: 50 mb\n  wsFrame: 512k\n",
      ),
    ).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:16 session.idleTimeout: must be a duration from 1s to 1d, found "5 minutes"; write 5m
      gigastt.config.yaml:3:16 session.maxDuration: must be a duration of at most 30d, found "1 hour 30 min"; write 1h30m
      gigastt.config.yaml:5:9 limits.body: must be a size from 1KiB to 16GiB, found "50 mb"; write 50MB
      gigastt.config.yaml:6:12 limits.wsFrame: must be a size from 1KiB to 16MiB, found "512k"; write 512KiB"
    `);
  });
  it("out of bounds tells the bound", async () => {
    expect(
      await check("shutdown:\n  drain: 500ms\nsession:\n  pingInterval: 5m\nlimits:\n  body: 1TiB\n  wsFrame: 10B\n"),
    ).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:10 shutdown.drain: must be a duration from 1s to 1h, found "500ms"; write 1s or more
      gigastt.config.yaml:4:17 session.pingInterval: must be a duration from 1s to 30s, found "5m"; write 30s or less
      gigastt.config.yaml:6:9 limits.body: must be a size from 1KiB to 16GiB, found "1TiB"; write 16GiB or less
      gigastt.config.yaml:7:12 limits.wsFrame: must be a size from 1KiB to 16MiB, found "10B"; write 1KiB or more"
    `);
  });
  it("0 is refused where it would mean nothing", async () => {
    expect(await check("shutdown:\n  drain: 0\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:10 shutdown.drain: must be a duration from 1s to 1h, found 0; write 1s or more"`,
    );
  });
  it("negative, empty, fractional nonsense and an absurd number of digits are refused", async () => {
    expect(
      await check(
        `session:\n  idleTimeout: -5s\n  maxDuration: ""\nlimits:\n  body: 1..5MiB\n  maxAudioDuration: ${"9".repeat(40)}h\n`,
      ),
    ).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:16 session.idleTimeout: must be a duration from 1s to 1d, found "-5s"; for example 300s (units ms, s, m, h, d)
      gigastt.config.yaml:3:16 session.maxDuration: must be a duration of at most 30d, found ""; for example 3600s (units ms, s, m, h, d)
      gigastt.config.yaml:5:9 limits.body: must be a size from 1KiB to 16GiB, found "1..5MiB"; for example 50MiB (units B, KiB, MiB, GiB, KB, MB, GB)
      gigastt.config.yaml:6:21 limits.maxAudioDuration: must be a duration from 1s to 7d, found "9999999999999999999999999999999999999999h"; for example 4h (units ms, s, m, h, d)"
    `);
  });
  it("true and ISO 8601 get an example", async () => {
    expect(await check("session:\n  idleTimeout: true\n  maxDuration: PT1H\n")).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:16 session.idleTimeout: must be a duration from 1s to 1d, found true; for example 300s
      gigastt.config.yaml:3:16 session.maxDuration: must be a duration of at most 30d, found "PT1H"; for example 3600s (units ms, s, m, h, d)"
    `);
  });
});

describe("choices and formats", () => {
  it("suggests the choice that was mistyped", async () => {
    expect(await check("log:\n  level: warning\nengine:\n  kind: Onnx\nstream:\n  endpoint: asistant\n"))
      .toMatchInlineSnapshot(`
        "gigastt.config.yaml:2:10 log.level: must be one of trace, debug, info, warn, error, fatal, found "warning"; did you mean warn?
        gigastt.config.yaml:4:9 engine.kind: must be one of onnx, fake, found "Onnx"; did you mean onnx?
        gigastt.config.yaml:6:13 stream.endpoint: must be one of auto, assistant, manual, found "asistant"; did you mean assistant?"
      `);
  });
  it("lists the choices when nothing is close", async () => {
    expect(await check("log:\n  level: loud\nmodel:\n  precision: 8\n")).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:10 log.level: must be one of trace, debug, info, warn, error, fatal, found "loud"; for example info
      gigastt.config.yaml:4:14 model.precision: must be one of auto, int8, fp32, found 8; did you mean int8?"
    `);
  });
  it("auto mistyped", async () => {
    expect(await check("engine:\n  workers: Auto\n  threads: max\n")).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:12 engine.workers: must be a whole number from 1 to 64, or auto, found "Auto"; write auto
      gigastt.config.yaml:3:12 engine.threads: must be a whole number from 1 to 256, or auto, found "max"; for example auto"
    `);
  });
  it("a listening address with scheme, port, brackets or star", async () => {
    const hosts = ["http://127.0.0.1", "127.0.0.1:8080", '"[::1]:80"', "[::1]:80", '"*"', "300.1.1.1", "a b", '""'];
    const texts = await Promise.all(hosts.map((host) => check(`server:\n  host: ${host}\n`)));
    expect(texts.join("\n")).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:9 server.host: must be an IP address or a host name, found "http://127.0.0.1"; write the address alone, without a scheme
      gigastt.config.yaml:2:9 server.host: must be an IP address or a host name, found "127.0.0.1:8080"; write 127.0.0.1 here and 8080 in server.port
      gigastt.config.yaml:2:9 server.host: must be an IP address or a host name, found "[::1]:80"; write ::1 without brackets or port
      gigastt.config.yaml:2:14: has unexpected characters here; put a text with brackets, commas or colons in quotes
      gigastt.config.yaml:2:9 server.host: must be an IP address or a host name, found "*"; write 0.0.0.0 for every IPv4 address or :: for IPv6 too
      gigastt.config.yaml:2:9 server.host: must be an IP address or a host name, found "300.1.1.1"; for example 127.0.0.1 or 0.0.0.0
      gigastt.config.yaml:2:9 server.host: must be an IP address or a host name, found "a b"; for example 127.0.0.1 or 0.0.0.0
      gigastt.config.yaml:2:9 server.host: must be an IP address or a host name, found ""; for example 127.0.0.1 or 0.0.0.0"
    `);
  });
  it("a network without prefix, with too long a prefix, with a name", async () => {
    expect(
      await check(
        'server:\n  trustedProxies: [10.0.0.1, "::1", 10.0.0.0/33, proxy.local, "fe80::1%eth0/64", 10.0.0.0/8, 10.0.0.0/8]\n',
      ),
    ).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:20 server.trustedProxies[0]: must be a network in CIDR notation, found "10.0.0.1"; for this one address write 10.0.0.1/32
      gigastt.config.yaml:2:30 server.trustedProxies[1]: must be a network in CIDR notation, found "::1"; for this one address write ::1/128
      gigastt.config.yaml:2:37 server.trustedProxies[2]: must be a network in CIDR notation, found "10.0.0.0/33"; the prefix length goes to 32
      gigastt.config.yaml:2:50 server.trustedProxies[3]: must be a network in CIDR notation, found "proxy.local"; for example 10.0.0.0/8 or 127.0.0.1/32
      gigastt.config.yaml:2:63 server.trustedProxies[4]: must be a network in CIDR notation, found "fe80::1%eth0/64"; the prefix length goes to 128
      gigastt.config.yaml:2:94 server.trustedProxies[6]: must not repeat item 6 of the list, found "10.0.0.0/8"; delete one of them"
    `);
  });
  it("the same network twice", async () => {
    expect(await check("server:\n  trustedProxies: [10.0.0.0/8, 192.168.0.0/16, 10.0.0.0/8]\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:48 server.trustedProxies[2]: must not repeat item 1 of the list, found "10.0.0.0/8"; delete one of them"`,
    );
  });
  it("an origin without scheme, with path, with the default port, in Cyrillic, with a star", async () => {
    expect(
      await check(
        'server:\n  allowedOrigins: [stt.example.com, "https://a.example/", "https://a.example:443", "https://пример.рф", "*", "ftp://a.example", "chrome-extension://x"]\n',
      ),
    ).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:20 server.allowedOrigins[0]: must be an origin as browsers send it: scheme, host and port, found "stt.example.com"; write https://stt.example.com
      gigastt.config.yaml:2:37 server.allowedOrigins[1]: must be an origin as browsers send it: scheme, host and port, found "https://a.example/"; write https://a.example
      gigastt.config.yaml:2:59 server.allowedOrigins[2]: must be an origin as browsers send it: scheme, host and port, found "https://a.example:443"; write https://a.example
      gigastt.config.yaml:2:84 server.allowedOrigins[3]: must be an origin as browsers send it: scheme, host and port, found "https://пример.рф"; write https://xn--e1afmkfd.xn--p1ai
      gigastt.config.yaml:2:105 server.allowedOrigins[4]: must be an origin as browsers send it: scheme, host and port, found "*"; to allow every page set server.corsAllowAny
      gigastt.config.yaml:2:110 server.allowedOrigins[5]: must be an origin as browsers send it: scheme, host and port, found "ftp://a.example"; for example https://stt.example.com"
    `);
  });
  it("a mirror without scheme, with a password or a query", async () => {
    expect(await check("model:\n  mirror: mirror.example.com/x\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:11 model.mirror: must be an http or https URL, or null, found "mirror.example.com/x"; write https://mirror.example.com/x"`,
    );
    const secret = await check("model:\n  mirror: https://user:hunter2@mirror.example.com/x?token=abc\n");
    expect(secret).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:11 model.mirror: must be an http or https URL, or null, found "https://[REDACTED]@mirror.example.com/x?[REDACTED]"; write https://mirror.example.com/x without user, query or fragment"`,
    );
  });
  it("an empty path and a model id with a slash", async () => {
    expect(await check('model:\n  dir: " "\n  id: ../../etc\n')).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:8 model.dir: must be a path, or null, found " "; for example /var/lib/gigastt
      gigastt.config.yaml:3:7 model.id: must be a name of up to 64 letters, digits, dots, dashes and underscores, found "../../etc"; see \`gigastt models list\`"
    `);
  });
});

describe("keys that cannot be combined", () => {
  it("a host beyond loopback without the permission", async () => {
    expect(await check("server:\n  host: 0.0.0.0\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:9 server.host: must be a loopback address while server.allowBindAny is false, found "0.0.0.0"; set server.allowBindAny: true if a firewall or proxy protects it, or host: 127.0.0.1"`,
    );
    expect(await failure(loadBare({ env: { GIGASTT_HOST: "0.0.0.0" } }))).toMatchInlineSnapshot(
      `"GIGASTT_HOST server.host: must be a loopback address while server.allowBindAny is false, found "0.0.0.0"; set server.allowBindAny: true if a firewall or proxy protects it, or host: 127.0.0.1"`,
    );
    expect(
      await failure(loadBare({ overrides: { "server.host": "::" }, flagNames: { "server.host": "--host" } })),
    ).toMatchInlineSnapshot(
      `"--host server.host: must be a loopback address while server.allowBindAny is false, found "::"; set server.allowBindAny: true if a firewall or proxy protects it, or host: 127.0.0.1"`,
    );
    expect(await check("server:\n  host: 0.0.0.0\n  allowBindAny: true\n")).toBe("(no problem)");
  });
  it("required keys beside Wyoming on an open address, which takes none", async () => {
    const open = (more: string): string =>
      `server:\n  allowBindAny: true\nauth:\n  keys: required\nwyoming:\n  enabled: true\n${more}`;
    expect(await check(open("  host: 0.0.0.0\n"))).toMatchInlineSnapshot(
      `"gigastt.config.yaml:7:9 wyoming.host: must be a loopback address while auth.keys is required: this protocol carries no keys, so anyone who reaches the port could use it, found "0.0.0.0"; set host: 127.0.0.1, or wyoming.allowWithoutKey: true if a firewall protects the port"`,
    );
    expect(await check(open("  host: 0.0.0.0\n  allowWithoutKey: true\n"))).toBe("(no problem)");
    expect(await check(open(""))).toBe("(no problem)");
  });
  it("keepAliveTimeout not shorter than headersTimeout", async () => {
    expect(await check("server:\n  headersTimeout: 60s\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:19 server.keepAliveTimeout: must be shorter than server.headersTimeout, found 1m5s against 1m; set headersTimeout to 1m10s or lower keepAliveTimeout"`,
    );
  });
  it("corsAllowAny together with allowedOrigins", async () => {
    expect(await check("server:\n  corsAllowAny: true\n  allowedOrigins: [https://a.example]\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:17 server.corsAllowAny: must be false when server.allowedOrigins lists origins, found true; keep the list and delete corsAllowAny, or empty the list if every page may call"`,
    );
  });
  it("a minimum above its maximum", async () => {
    expect(
      await check(
        "stream:\n  partialIntervalMin: 1s\n  partialIntervalMax: 500ms\nsupervisor:\n  restartDelayMin: 1m\n  healthTimeout: 10s\n",
      ),
    ).toMatchInlineSnapshot(`
      "gigastt.config.yaml:2:23 stream.partialIntervalMin: must not be longer than stream.partialIntervalMax, found 1s against 500ms; lower partialIntervalMin to 500ms or raise the other
      gigastt.config.yaml:5:20 supervisor.restartDelayMin: must not be longer than supervisor.restartDelayMax, found 1m against 30s; lower restartDelayMin to 30s or raise the other
      gigastt.config.yaml:6:18 supervisor.healthTimeout: must not be longer than supervisor.healthInterval, found 10s against 5s; lower healthTimeout to 5s or raise the other"
    `);
  });
  it("a managed proxy without a proxy, or with certificates it may not read", async () => {
    expect(await check("supervisor:\n  proxy:\n    managed: true\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:3:14 supervisor.proxy.managed: needs deploy.proxy.kind caddy or nginx, and deploy.target host, found kind none, target host; set deploy.proxy.kind: caddy, or proxy.managed: false"`,
    );
    expect(
      await check(
        "deploy:\n  domain: stt.example.com\n  proxy:\n    kind: nginx\n  auth:\n    kind: basic\nsupervisor:\n  proxy:\n    managed: true\n",
      ),
    ).toMatchInlineSnapshot(
      `"gigastt.config.yaml:9:14 supervisor.proxy.managed: needs certificates its user may read: certbot keeps them for root, found nginx with tls.mode acme; set deploy.proxy.kind: caddy, which gets its own, or tls.mode: files or internal"`,
    );
  });
  it("a history in a Redis that does not exist, in two of them, or at something that is not an address", async () => {
    expect(await check("supervisor:\n  history: redis\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:12 supervisor.history: needs a Redis, found redis; set supervisor.redis.managed: true, or supervisor.redis.url to one that runs elsewhere"`,
    );
    expect(
      await check("supervisor:\n  redis:\n    managed: true\n    url: redis://:hunter2@127.0.0.1\n"),
    ).toMatchInlineSnapshot(
      `"gigastt.config.yaml:3:14 supervisor.redis.managed: must be false when supervisor.redis.url names another Redis, found true; keep the url and delete managed, or delete the url"`,
    );
    expect(await check("supervisor:\n  redis:\n    url: 127.0.0.1:6379\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:3:10 supervisor.redis.url: must be a redis:// or rediss:// URL, or the absolute path of a socket file, or null, found [REDACTED]"`,
    );
  });
  it("a partial interval beyond 1.5 s", async () => {
    expect(await check("stream:\n  partialIntervalMax: 2s\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:23 stream.partialIntervalMax: must be a duration from 50ms to 1500ms, found "2s"; write 1500ms or less"`,
    );
  });
  it("is judged after all layers are merged", async () => {
    expect(await failure(load("server:\n  host: 0.0.0.0\n", { env: { GIGASTT_ALLOW_BIND_ANY: "1" } }))).toBe(
      "(no problem)",
    );
  });
  it("is not judged on a value that is itself wrong", async () => {
    expect(await check("server:\n  keepAliveTimeout: 5\n  headersTimeout: 2s\n")).toMatchInlineSnapshot(
      `"gigastt.config.yaml:2:21 server.keepAliveTimeout: must be a duration from 1s to 1h, found 5; add the unit: 5s"`,
    );
  });
});
