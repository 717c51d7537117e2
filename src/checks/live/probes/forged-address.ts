import { NotCheckedError, notChecked, ok, verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import { problem } from "../kit.ts";
import type { LiveContext } from "../context.ts";
import type { Probe } from "../probe.ts";

/** Headers in which proxies and servers look for a client's address, each with a value that was not sent before. */
const FORGED: readonly (readonly [name: string, value: (address: string) => string])[] = [
  ["X-Forwarded-For", (address) => address],
  ["X-Real-IP", (address) => address],
  ["Forwarded", (address) => `for=${address}`],
  ["X-Client-IP", (address) => address],
  ["True-Client-IP", (address) => address],
  ["CF-Connecting-IP", (address) => address],
];
/** Requests beyond the bucket until a limit that is there must have answered. */
const SLACK = 4;
const WITHOUT_CONFIG_BURST = 10;
/** Requests that are spent on one way past the limit, at most. */
const MOST_PASSES = 5;
const TOO_FAST =
  "the bucket fills as fast as it can be emptied from here; lower rateLimit.perMinute for a test, or repeat";

export const probe: Probe = {
  id: "GA-LIV-001",
  severity: "error",
  confidence: "certain",
  title: "A forged address header gets past the rate limit",
  why: "The server counts requests per client address. When a proxy hands on, or adds to, an address header that the client wrote, each request can claim a new address: the limit no longer stops an attacker, and the log names innocent addresses.",
  evidence: [
    "Sent: requests until 429, then the same with a forged X-Forwarded-For, X-Real-IP, Forwarded, X-Client-IP, True-Client-IP, CF-Connecting-IP, and one without as a control.",
  ],
  reads: ["GET /v1/models"],
  fixKind: "manual",
  sameAs: ["GA-XFF-001", "GA-XFF-002", "GA-XFF-004", "GA-XFF-006"],
  turn: "last",
  run: async (live) => {
    const { assume } = live;
    const perMinute = assume.number("rateLimit.perMinute");
    const known = assume.isSet("rateLimit.perMinute");
    if (known && perMinute === 0) return notChecked("no rate limit is configured (rateLimit.perMinute: 0)");
    const burst = assume.isSet("rateLimit.burst") ? assume.number("rateLimit.burst") : WITHOUT_CONFIG_BURST;
    const wanted = burst + SLACK + 2 * FORGED.length + 1;
    if (live.left() < wanted)
      return notChecked(
        `to fill a bucket of ${burst} takes ${wanted} requests, ${live.left()} are left; --live-requests allows more`,
      );
    let sent = 0;
    let limited = false;
    const bucket: Bucket = { perMinute, emptyMs: performance.now() };
    while (!limited && sent < burst + SLACK + refilled(bucket) && live.left() > 2 * FORGED.length + 1) {
      limited = await meetsLimit(live, bucket);
      sent += 1;
    }
    if (!limited && !known) return notChecked(`${sent} requests in a row met no rate limit`);
    if (!limited) {
      if (sent < burst + SLACK) return notChecked(`only ${sent} requests were left to fill a bucket of ${burst}`);
      // One answer a second never fills a bucket that gets a token a second.
      if (sent < burst + SLACK + refilled(bucket)) return notChecked(TOO_FAST);
      return verdictOf(
        [
          problem(live, "GET /v1/models", `200, ${sent} times in a row`, {
            message: `${sent} requests in a row met no 429, though rateLimit allows ${burst} at once and ${perMinute} a minute`,
            fix: "Run the server with this configuration (gigastt reload), and let one address of the client reach it.",
          }),
        ],
        "",
      );
    }
    const problems: Problem[] = [];
    let unclear = false;
    for (const [i, [name, value]] of FORGED.entries()) {
      const reserved = 2 * (FORGED.length - 1 - i) + 1;
      const passed = await passes(live, bucket, { reserved, headers: () => ({ [name]: value(address()) }) });
      unclear ||= passed === undefined;
      if (passed === undefined || passed === 0) continue;
      problems.push(
        problem(live, `GET /v1/models ${name}: ${value("203.0.113.…")}`, `200, ${passed} times, and 429 without it`, {
          message: `with a new ${name} in each request the rate limit never answers 429`,
          fix: `Let the proxy overwrite ${name} with the peer's own address (or remove it), and list in server.trustedProxies only its own address.`,
        }),
      );
    }
    if (problems.length > 0 && (await passes(live, bucket, { reserved: 0, headers: () => ({}) })) !== 0)
      return notChecked(TOO_FAST);
    if (problems.length > 0) return { result: "found", problems };
    if (unclear) return notChecked(TOO_FAST);
    return ok(`429 after ${sent} requests, also with ${FORGED.length} forged address headers`);
  },
};

// ---

/** What is known of the bucket that the other side keeps for our real address. */
interface Bucket {
  readonly perMinute: number;
  /** When it was empty for certain. */
  emptyMs: number;
}

/** Tokens that can have come back since it was empty; a part of one counts as one, and so does an unknown rate. */
function refilled({ perMinute, emptyMs }: Bucket): number {
  return Math.max(1, Math.ceil(((performance.now() - emptyMs) / 60_000) * perMinute));
}

async function meetsLimit(
  live: LiveContext,
  bucket: Bucket,
  headers: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  const sentMs = performance.now();
  const limited = (await one(live, headers)) === 429;
  if (limited) bucket.emptyMs = sentMs;
  return limited;
}

/**
 * Sends the same until the limit answers, or more has passed than tokens can have come back: 0 = it meets the limit, else how
 * many passed. Undefined when tokens come back as fast as the other side answers.
 */
async function passes(
  live: LiveContext,
  bucket: Bucket,
  { reserved, headers }: { readonly reserved: number; headers(): Readonly<Record<string, string>> },
): Promise<number | undefined> {
  for (let passed = 0; passed < MOST_PASSES && live.left() > reserved;) {
    if (await meetsLimit(live, bucket, headers())) return 0;
    passed += 1;
    if (passed > refilled(bucket)) return passed;
  }
  return undefined;
}

async function one(live: LiveContext, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  const { status } = await live.ask("/v1/models", { headers });
  if (status === 200 || status === 429) return status;
  throw new NotCheckedError(
    status === 401 || status === 403
      ? `credentials are needed (${status}): --user NAME or --key-stdin`
      : `/v1/models answers ${status}`,
  );
}

/** An address of TEST-NET-3 and its neighbours that was not used before. */
function address(): string {
  const part = (): number => 1 + Math.floor(Math.random() * 254);
  return `203.0.${part()}.${part()}`;
}
