import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAnswers } from "../support/http-answers.ts";
import { openRaw } from "../support/raw-http.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";

/** Shapes of requests that proxies and servers are known to read differently. A request behind each shows where the server thinks it ends. */

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ timing: { lingerMs: 100 } });
});
afterAll(() => server.close());

/** Answered 200 only when the bytes before it were read as one request, and as a whole. */
const NEXT = "GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const SMUGGLED = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

interface Shape {
  readonly name: string;
  readonly bytes: string;
  /** Statuses of the answers, the one to NEXT left out. */
  readonly statuses: readonly number[];
  readonly isLast: boolean;
}
/** A shape after which the connection goes on. */
const goesOn = (name: string, bytes: string, ...statuses: number[]): Shape => ({
  name,
  bytes,
  statuses,
  isLast: false,
});
/** A shape whose answer ends the connection: nothing behind it is looked at. */
const ends = (name: string, bytes: string, ...statuses: number[]): Shape => ({ name, bytes, statuses, isLast: true });

const post = (headers: string, body: string, version = "HTTP/1.1"): string =>
  `POST /v1/transcribe ${version}\r\nHost: localhost\r\n${headers}\r\n${body}`;
const chunks = (body: string): string => post("Transfer-Encoding: chunked\r\n", body);
const get = (headers: string, host = "Host: localhost\r\n"): string =>
  `GET /v1/models HTTP/1.1\r\n${host}${headers}\r\n`;
const path = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const method = (name: string, target: string): string => `${name} ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

const framing: readonly Shape[] = [
  ends("length and chunks", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", `0\r\n\r\n${SMUGGLED}`), 400),
  ends("two encodings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"), 400),
  ...["xchunked", "chunked, identity", "gzip, chunked", "\x0bchunked", "\r\n chunked", "identity"].map((value) =>
    ends(`Transfer-Encoding: ${JSON.stringify(value)}`, post(`Transfer-Encoding: ${value}\r\n`, "0\r\n\r\n"), 400),
  ),
  ends("a space before the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400),
  ends("two equal lengths", post("Content-Length: 4\r\nContent-Length: 4\r\n", "abcd"), 400),
  ends("two different lengths", post("Content-Length: 4\r\nContent-Length: 5\r\n", "abcd"), 400),
  ...["+4", "-1", "0x4", "4, 4", "4 4", "", "4e0", "9".repeat(23)].map((value) =>
    ends(`Content-Length: ${JSON.stringify(value)}`, post(`Content-Length: ${value}\r\n`, "abcd"), 400),
  ),
  ends("a length of 2^53 + 1", post("Content-Length: 9007199254740993\r\n", "abcd"), 413),
  ends("lines that end in LF", "GET /v1/models HTTP/1.1\nHost: localhost\n\n", 400),
  ends("lines that end in CR", "GET /v1/models HTTP/1.1\rHost: localhost\r\r", 400),
  goesOn("a chunk extension", chunks("4;a=b\r\nabcd\r\n0\r\n\r\n"), 200),
  ends("a chunk extension of 100 KB", chunks(`4;${"a".repeat(100_000)}\r\nabcd\r\n0\r\n\r\n`), 400),
  ends("chunk lines that end in LF", chunks("4\nabcd\n0\n\n"), 400),
  ends("a chunk size over 64 bits", chunks("FFFFFFFFFFFFFFFFF\r\nabcd\r\n0\r\n\r\n"), 400),
  ends("a chunk size with 0x", chunks("0x4\r\nabcd\r\n0\r\n\r\n"), 400),
  ends("a chunk size with a sign", chunks("+4\r\nabcd\r\n0\r\n\r\n"), 400),
  ends("a chunk that ends in something else", chunks("4\r\nabcdXX0\r\n\r\n"), 400),
  ends("Content-Length as a trailer", chunks("4\r\nabcd\r\n0\r\nHost: evil\r\nContent-Length: 3\r\n\r\n"), 400),
  goesOn("a GET with a body that looks like a request", get(`Content-Length: ${SMUGGLED.length}\r\n`) + SMUGGLED, 200),
  goesOn(
    "a GET with an empty chunked body, then a request",
    `${get("Transfer-Encoding: chunked\r\n")}0\r\n\r\n${SMUGGLED}`,
    200,
    200,
  ),
  ends("chunks in HTTP/1.0", post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n", "HTTP/1.0"), 400),
  ends("a bare CR in a header", get("X: a\rTransfer-Encoding: chunked\r\n"), 400),
  ends("a NUL in a header", get("X: \0\r\n"), 400),
];

const headers: readonly Shape[] = [
  ends("no Host", get("", ""), 400),
  ends("two equal Hosts", get("", "Host: a\r\nHost: a\r\n"), 400),
  goesOn("an empty Host", get("", "Host:\r\n"), 200),
  ends("a Host with user information", get("", "Host: a@b\r\n"), 400),
  ends("a Host with a space", get("", "Host: a b\r\n"), 400),
  ends("2200 headers", get("a: b\r\n".repeat(2200)), 431),
  ends(
    "2100 headers, then a length",
    `${post(`${"a:\r\n".repeat(2100)}Content-Length: 4\r\n`, "abcd")}${SMUGGLED}`,
    431,
  ),
  ends("2100 headers, then Host", get(`${"a:\r\n".repeat(2100)}Host: localhost\r\n`, ""), 431),
  ends("2100 headers, then a foreign Origin", get(`${"a:\r\n".repeat(2100)}Origin: http://evil\r\n`), 431),
  ends(
    "2100 headers, then an encoding",
    post(`${"a:\r\n".repeat(2100)}Transfer-Encoding: gzip, chunked\r\n`, "0\r\n\r\n"),
    431,
  ),
  goesOn("bytes above ASCII", get("a: \xff\xfe\r\n"), 200),
  ends("a header without a colon", get("abc\r\n"), 400),
  ends("a header without a name", get(": b\r\n"), 400),
  goesOn("__proto__ and constructor", get("__proto__: b\r\nconstructor: x\r\n"), 200),
  goesOn("a foreign Origin", get("Origin: http://evil\r\n"), 403),
];

const METRICS_ELSEWHERE = [
  "//metrics", "/Metrics", "/metrics;x", "/metrics%00", "/metrics%20", "/%C0%AE/metrics", "/%ff", "/%zz", "/v1%2fmodels",
  "/v1//models", "//evil.com/v1/models", "///metrics", "/%2fmetrics", "/metrics%3f", "/..;/metrics", "/metrics%09", "/metrics%2f",
  "*",
]; // prettier-ignore
const IMPOSSIBLE_PATHS = [
  "/./metrics", "/x/../metrics", "/%2e/metrics", "http://a/../metrics", "http:/metrics", "http:metrics", "/metrics#x", "/metrics\\",
  "metrics", "/\xd1\x84", "/metrics\t", "http://a\\/metrics",
]; // prettier-ignore
const paths: readonly Shape[] = [
  ...METRICS_ELSEWHERE.map((target) => goesOn(`the path ${target}`, path(target), 404)),
  ...IMPOSSIBLE_PATHS.map((target) => ends(`the path ${JSON.stringify(target)}`, path(target), 400)),
  ends("a path of 17 KB", path(`/?${"a".repeat(17_000)}`), 431),
];

const methods: readonly Shape[] = [
  ...["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "QUERY", "M-SEARCH"].flatMap((name) => [
    goesOn(`${name} of a route`, method(name, "/v1/models"), 405),
    goesOn(`${name} of a WebSocket`, method(name, "/v1/ws"), 405),
    goesOn(`${name} of nothing`, method(name, "/nope"), 404),
  ]),
  ...["get", "FOO"].map((name) => ends(`the method ${name}`, method(name, "/v1/models"), 400)),
  goesOn("OPTIONS", method("OPTIONS", "/v1/models"), 204),
  goesOn("OPTIONS *", method("OPTIONS", "*"), 404),
  ends("CONNECT", method("CONNECT", "a:80"), 405),
  ends("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
  ends("a request of HTTP/2.0", "GET /v1/models HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
  ends("a request that says HTTP/0.9", "GET /v1/models HTTP/0.9\r\nHost: localhost\r\n\r\n", 505),
  ends("a request of HTTP/1.2", "GET /v1/models HTTP/1.2\r\nHost: localhost\r\n\r\n", 400),
  ends("a request of HTTP/0.9", "GET /v1/models\r\n", 400),
  ends("a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
];

const expectations: readonly Shape[] = [
  ends("an unknown expectation", post("Expect: 200-ok\r\nContent-Length: 4\r\n", "abcd"), 417),
  ends("100-continue without a body", post("Expect: 100-continue\r\n", ""), 400),
  ends("100-continue on a GET", get("Expect: 100-continue\r\n"), 200),
  ends(
    "100-continue to nowhere",
    "POST /nope HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 400000\r\n\r\n",
    404,
  ),
  goesOn("100-continue with the body behind it", post("Expect: 100-continue\r\nContent-Length: 4\r\n", "abcd"), 200),
  ends("an expectation in HTTP/1.0", post("Expect: 100-continue\r\nContent-Length: 4\r\n", "abcd", "HTTP/1.0"), 200),
];

describe("shapes of requests", () => {
  it.each(Object.entries({ framing, headers, paths, methods, expectations }))(
    "reads each shape of the group %s in one way, or refuses it and ends the connection",
    async (_group, shapes) => {
      const wrong = await Promise.all(
        shapes.map(async ({ name, bytes, statuses, isLast }) => {
          const client = openRaw(server.port);
          client.socket.write(Buffer.from(bytes + NEXT, "latin1"));
          const { answers, rest } = parseAnswers(await client.ended, () => false);
          client.socket.destroy();
          const found = answers.map(({ status }) => status).join(" ");
          const expected = (isLast ? statuses : [...statuses, 200]).join(" ");
          return found === expected && rest === "" ? [] : [`${name}: ${found} ${rest} instead of ${expected}`];
        }),
      );
      expect(wrong.flat()).toEqual([]);
      expect(server.lines.filter(({ event }) => event === "bug" || event === "request_failed")).toEqual([]);
    },
  );

  it("never answers the metrics to another spelling of their path", async () => {
    for (const target of [...METRICS_ELSEWHERE, ...IMPOSSIBLE_PATHS]) {
      const client = openRaw(server.port);
      client.socket.write(Buffer.from(path(target) + NEXT, "latin1"));
      expect(await client.ended, target).not.toContain("gigastt_");
    }
  });
});
