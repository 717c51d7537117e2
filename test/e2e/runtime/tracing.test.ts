import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTraceCollector } from "../../support/trace-collector.ts";
import type { TraceCollector, WireSpan } from "../../support/trace-collector.ts";
import { connect } from "../../support/ws-client.ts";
import { evalClips, startServe, stopAll, streamPcm } from "./harness.ts";
import type { Served } from "./harness.ts";

const [clip] = evalClips(1);
const ONCE = ["receive", "queue", "decode", "answer"];
const CALLER = "0af7651916cd43dd8448eb211c80319c";

let collector: TraceCollector;
let server: Served;
/** Its collector cannot be reached. */
let alone: Served;
/** It traces what its proxy says, and nothing else. */
let trusting: Served;

beforeAll(async () => {
  collector = await startTraceCollector();
  const to = `tracing: { endpoint: "${collector.url}"`;
  [server, alone, trusting] = await Promise.all([
    startServe(`${to} }\nmetrics: { enabled: true }\njobs: { enabled: true }\n`),
    startServe(`tracing: { endpoint: "http://127.0.0.1:9/v1/traces" }\n`),
    startServe(`${to}, sampleRatio: 0 }\nserver: { trustedProxies: ["127.0.0.1/32"] }\n`),
  ]);
});
afterAll(async () => {
  await stopAll();
  collector.close();
});

/** Spans are sent in groups, every second. */
async function traceOf(
  isRoot: (span: WireSpan) => boolean,
  names: readonly string[] = [],
): Promise<{ root: WireSpan; steps: WireSpan[] }> {
  const find = (): WireSpan | undefined => collector.spans.find((span) => isRoot(span));
  await expect.poll(find, { timeout: 20_000 }).toBeDefined();
  const root = find()!;
  const steps = (): WireSpan[] => collector.spans.filter((span) => span.parentSpanId === root.spanId);
  // A group that could not be sent at once comes later.
  const seen = (): string[] => steps().map(({ name }) => name);
  await expect.poll(seen, { timeout: 20_000 }).toEqual(expect.arrayContaining([...names]));
  return { root, steps: steps() };
}
const attributesOf = (span: WireSpan): Record<string, unknown> => collector.attributesOf(span);
const named = (steps: readonly WireSpan[], name: string): WireSpan[] => steps.filter((step) => step.name === name);
const nanos = (span: WireSpan): [bigint, bigint] => [BigInt(span.startTimeUnixNano), BigInt(span.endTimeUnixNano)];

describe("traces of a server with a collector", () => {
  it("tell where the time of a file went, under the id of its log line", async () => {
    const headers = { "x-request-id": "traced-file", traceparent: `00-${CALLER}-b7ad6b7169203331-01` };
    const answer = await fetch(`${server.url}/v1/transcribe`, {
      method: "POST",
      body: new Uint8Array(clip!.wav),
      headers,
    });
    expect(answer.status).toBe(200);
    await answer.text();
    const { root, steps } = await traceOf(
      (span) => attributesOf(span)["gigastt.request_id"] === "traced-file",
      [...ONCE, "window"],
    );
    expect([root.name, root.kind, root.parentSpanId]).toEqual(["POST /v1/transcribe", 2, undefined]);
    expect(attributesOf(root)).toMatchObject({ "http.route": "/v1/transcribe", "http.response.status_code": 200 });
    // The peer is no trusted proxy: it does not decide about our traces.
    expect(root.traceId).not.toBe(CALLER);
    for (const name of ONCE) expect(named(steps, name), name).toHaveLength(1);
    expect(named(steps, "window").length).toBeGreaterThan(0);
    const [from, to] = nanos(root);
    for (const step of steps) {
      const [stepFrom, stepTo] = nanos(step);
      expect(stepFrom >= from - 1_000_000n && stepTo <= to + 1_000_000n, step.name).toBe(true);
      expect(step.traceId).toBe(root.traceId);
    }
    const unixMs = Number(from / 1_000_000n);
    expect(Math.abs(unixMs - Date.now())).toBeLessThan(60_000);
    const line = server.lines.find((entry) => entry["request_id"] === "traced-file");
    expect(line?.["trace_id"]).toBe(root.traceId);
    const metrics = await fetch(`${server.url}/metrics`, { headers: { accept: "application/openmetrics-text" } });
    expect(await metrics.text()).toContain(`trace_id="${root.traceId}"`);
  });

  it("tell the same of a live session and of a job", async () => {
    const client = await connect(`ws://127.0.0.1:${server.port}/v1/ws`);
    client.send({ type: "configure", sample_rate: 16_000 });
    await streamPcm((part) => client.audio(part), clip!.pcm, 8);
    client.send({ type: "stop" });
    await client.closed;
    const session = await traceOf((span) => span.name === "session /v1/ws", ["queue", "window"]);
    expect(named(session.steps, "queue")).toHaveLength(1);
    expect(named(session.steps, "window").length).toBeGreaterThan(0);
    expect(attributesOf(session.root)["gigastt.close_code"]).toBe(1000);
    const created = await fetch(`${server.url}/v1/jobs`, { method: "POST", body: new Uint8Array(clip!.wav) });
    const { job_id: id } = (await created.json()) as { job_id: string };
    const job = await traceOf((span) => attributesOf(span)["gigastt.job"] === id, ["window"]);
    expect([job.root.name, job.root.kind, attributesOf(job.root)["gigastt.outcome"]]).toEqual(["job", 5, "done"]);
    expect(named(job.steps, "window").length).toBeGreaterThan(0);
  });

  it("name the error of a request that failed", async () => {
    const answer = await fetch(`${server.url}/v1/transcribe`, { method: "POST", body: "no audio at all" });
    const { root } = await traceOf((span) => attributesOf(span)["error.type"] !== undefined);
    expect(attributesOf(root)).toMatchObject({ "http.response.status_code": answer.status });
  });

  it("carry no text, no address and no probe", async () => {
    await fetch(`${server.url}/health`);
    await expect.poll(() => collector.bodies.length, { timeout: 20_000 }).toBeGreaterThan(0);
    const sent = collector.bodies.join("\n");
    for (const word of clip!.text.split(" ").filter((part) => part.length > 3)) expect(sent).not.toContain(word);
    expect(sent).not.toContain("127.0.0.1");
    expect(collector.spans.map(({ name }) => name)).not.toContain("GET /health");
  });
});

describe("traces without a collector that answers", () => {
  it("are said once in the log, and hold nobody up", async () => {
    const body = new Uint8Array(clip!.wav);
    const answer = await fetch(`${alone.url}/v1/transcribe`, { method: "POST", body });
    expect(answer.status).toBe(200);
    const told = (): number => alone.lines.filter(({ event }) => event === "traces_not_sent").length;
    await expect.poll(told, { timeout: 30_000 }).toBe(1);
    const startMs = performance.now();
    alone.process.kill("SIGTERM");
    expect((await alone.exited).code).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });

  it("and a caller behind a trusted proxy decides about its own", async () => {
    const ask = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${trusting.url}/v1/models`, { headers: { "x-forwarded-for": "192.0.2.7", ...headers } });
    await ask({ "x-request-id": "not-sampled" });
    await ask({ "x-request-id": "sampled", traceparent: `00-${CALLER}-b7ad6b7169203331-01` });
    const { root } = await traceOf((span) => span.traceId === CALLER && span.kind === 2);
    expect([root.parentSpanId, attributesOf(root)["gigastt.request_id"]]).toEqual(["b7ad6b7169203331", "sampled"]);
    expect(collector.bodies.join("\n")).not.toContain("not-sampled");
  });
});
