import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { auditFiles } from "../../support/audit-files.ts";
import { spawnLeashed, type Leashed } from "../../support/leash.ts";
import { describeFront } from "./cases.ts";
import { EVENTS, SLOW_PATH, startEcho, type Echo } from "./echo.ts";
import { freePorts, FRONTS, type Front } from "./front.ts";

/** A rule that claims a failure in traffic: the bad file shows it on the wire, the good one does not. */
interface Proof {
  readonly rule: string;
  readonly claims: string;
  readonly bad: string;
  readonly good: string;
  /** Whether a client meets the failure. */
  readonly fails: (port: number, echo: Echo) => Promise<boolean>;
}

const HAPROXY = (front: string, timers = "timeout server 20m"): string => `defaults
  mode http
  timeout connect 2s
  timeout client 5m
  ${timers}
frontend web
  bind 127.0.0.1:LISTEN
  ${front}
  default_backend stt
backend stt
  server s1 127.0.0.1:UPSTREAM
`;

const OWN_ADDRESS = "http-request set-header X-Forwarded-For %[src]";

const OF_HAPROXY: readonly Proof[] = [
  {
    rule: "GA-XFF-001",
    claims: "option forwardfor keeps the client's address",
    bad: HAPROXY("option forwardfor"),
    good: HAPROXY(OWN_ADDRESS),
    fails: seesForged,
  },
  {
    rule: "GA-XFF-001",
    claims: "without any header the client's address passes",
    bad: HAPROXY("option httpclose"),
    good: HAPROXY(`http-request del-header X-Forwarded-For\n  option forwardfor`),
    fails: seesForged,
  },
  {
    rule: "GA-STR-005",
    claims: "timeout server ends an answer that takes longer",
    bad: HAPROXY(OWN_ADDRESS, "timeout server 300ms"),
    good: HAPROXY(OWN_ADDRESS),
    fails: async (port) => (await statusOf(port, SLOW_PATH)) === 504,
  },
];

const TRAEFIK = (point: string, middleware = ""): string => `entryPoints:
  web:
    address: 127.0.0.1:LISTEN
${point}
providers:
  file:
    filename: DYNAMIC
---
http:
  routers:
    stt:
      rule: PathPrefix(\`/\`)
      service: stt
${middleware === "" ? "" : `      middlewares: [m]\n  middlewares:\n    m:\n${middleware}`}
  services:
    stt:
      loadBalancer:
        servers:
          - url: http://127.0.0.1:UPSTREAM
`;

const NO_TIMER = "    transport: { respondingTimeouts: { readTimeout: 0s } }";

const OF_TRAEFIK: readonly Proof[] = [
  {
    rule: "GA-XFF-001",
    claims: "forwardedHeaders.insecure keeps the client's address",
    bad: TRAEFIK(`    forwardedHeaders: { insecure: true }\n${NO_TIMER}`),
    good: TRAEFIK(NO_TIMER),
    fails: seesForged,
  },
  {
    rule: "GA-STR-013",
    claims: "readTimeout ends an upload that takes longer",
    bad: TRAEFIK("    transport: { respondingTimeouts: { readTimeout: 500ms } }"),
    good: TRAEFIK(NO_TIMER),
    fails: async (port) => (await slowUpload(port)) !== 200,
  },
  {
    rule: "GA-STR-005",
    claims: "writeTimeout ends an answer that takes longer",
    bad: TRAEFIK("    transport: { respondingTimeouts: { readTimeout: 0s, writeTimeout: 300ms } }"),
    good: TRAEFIK(NO_TIMER),
    fails: async (port) => (await statusOf(port, SLOW_PATH)) !== 200,
  },
  {
    rule: "GA-STR-008",
    claims: "maxRequestBodyBytes refuses larger uploads",
    bad: TRAEFIK(NO_TIMER, "      buffering: { maxRequestBodyBytes: 1000 }"),
    good: TRAEFIK(NO_TIMER),
    fails: async (port) => (await statusOf(port, "/v1/transcribe", 2000)) === 413,
  },
  {
    rule: "GA-STR-009",
    claims: "the buffering middleware holds events back",
    bad: TRAEFIK(NO_TIMER, "      buffering: { memRequestBodyBytes: 2000000 }"),
    good: TRAEFIK(NO_TIMER),
    fails: eventsArriveTogether,
  },
];

for (const front of FRONTS) {
  const proofs = front.kind === "haproxy" ? OF_HAPROXY : front.kind === "traefik" ? OF_TRAEFIK : [];
  if (proofs.length === 0) continue;
  describeFront(front, ": what the audit claims about it shows in traffic", () => {
    let echo: Echo;
    beforeAll(async () => {
      echo = await startEcho();
    });
    afterAll(() => echo?.close());

    it.each(proofs)("$rule: $claims", async ({ rule, bad, good, fails }) => {
      const found = (text: string): readonly string[] => auditFiles(namesOf(front, text)).map((hit) => hit.rule);
      expect(found(bad)).toContain(rule);
      expect(found(good)).not.toContain(rule);
      for (const [text, expected] of [
        [bad, true],
        [good, false],
      ] as const) {
        const running = await start(front, text, echo.port);
        try {
          expect(await fails(running.port, echo), text).toBe(expected);
        } finally {
          await running.stop();
        }
      }
    });
  });
}

// ---

/** The files as the audit reads them: the server on its own port. */
function namesOf(front: Front, text: string): Readonly<Record<string, string>> {
  const [main = "", dynamic] = text.replaceAll("UPSTREAM", "9876").replaceAll("LISTEN", "8080").split("---\n");
  return dynamic === undefined
    ? { [`${front.kind}.cfg`]: main }
    : { "traefik.yml": main.replace("DYNAMIC", "/etc/traefik/dynamic.yml"), "dynamic.yml": dynamic };
}

async function start(front: Front, text: string, upstream: number): Promise<{ port: number; stop(): Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), "gigastt-proof-"));
  const [port = 0] = await freePorts(1);
  const filled = text.replaceAll("UPSTREAM", String(upstream)).replaceAll("LISTEN", String(port));
  const [main = "", dynamic] = filled.split("---\n");
  const file = join(dir, "main.yml");
  writeFileSync(file, main.replace("DYNAMIC", join(dir, "dynamic.yml")));
  if (dynamic !== undefined) writeFileSync(join(dir, "dynamic.yml"), dynamic);
  const argv = front.kind === "haproxy" ? ["-db", "-f", file] : [`--configFile=${file}`];
  const leashed: Leashed = spawnLeashed(front.binary!, argv, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [leashed.child.stdout!, leashed.child.stderr!])
    stream.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const endsAtMs = performance.now() + 30_000;
  // Traefik answers 404 until it has read its second file.
  while (![200, 401].includes(await statusOf(port, "/health").catch(() => 0))) {
    if (leashed.child.exitCode !== null || performance.now() > endsAtMs) throw new Error(`it does not serve:\n${log}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return {
    port,
    stop: async () => {
      await leashed.kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function seesForged(port: number, echo: Echo): Promise<boolean> {
  const before = echo.seen.length;
  await statusOf(port, "/v1/models", 0, { "X-Forwarded-For": "6.6.6.6" });
  return echo.seen[before]!.rawHeaders.join("\n").includes("6.6.6.6");
}

/** The status; 0 when the connection breaks first. */
async function statusOf(
  port: number,
  path: string,
  bodyBytes = 0,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  return exchange(port, path, headers, (sent) => sent.end(Buffer.alloc(bodyBytes)));
}

/** An upload that takes about 1.5 s. */
async function slowUpload(port: number): Promise<number> {
  return exchange(port, "/v1/transcribe", {}, (sent) => {
    let left = 6;
    const timer = setInterval(() => {
      if (left-- > 0) sent.write(Buffer.alloc(100));
      else {
        clearInterval(timer);
        sent.end();
      }
    }, 250);
    sent.on("close", () => clearInterval(timer));
  });
}

async function exchange(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
  send: (sent: ReturnType<typeof request>) => void,
): Promise<number> {
  return new Promise((resolve) => {
    const sent = request(
      { host: "127.0.0.1", port, path, method: path === "/v1/transcribe" ? "POST" : "GET", headers, agent: false },
      (response: IncomingMessage) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode ?? 0));
        response.on("error", () => resolve(0));
      },
    );
    sent.on("error", () => resolve(0));
    send(sent);
  });
}

/** True when the first event arrives only after the last was sent. */
async function eventsArriveTogether(port: number, echo: Echo): Promise<boolean> {
  const firstAtMs = await new Promise<number>((resolve, reject) => {
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        path: "/v1/transcribe/stream",
        method: "POST",
        headers: { "accept-encoding": "gzip" },
        agent: false,
      },
      (response) => {
        response.once("data", () => {
          resolve(performance.now());
          response.resume();
        });
        response.on("error", reject);
      },
    );
    sent.on("error", reject);
    sent.end("audio");
  });
  while (echo.sentAtMs.length < EVENTS) await new Promise((resolve) => setTimeout(resolve, 25));
  return firstAtMs > echo.sentAtMs.at(-1)!;
}
