import { createHmac } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Engine } from "../../src/engine/contract.ts";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { defaultConfig } from "../../src/config/defaults.ts";
import { wavFile } from "../../src/shared/wav.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { ConfigChanges, TestServer } from "../support/runtime-server.ts";

const clip = readFile(new URL("../fixtures/eval/dev_espeak_06.wav", import.meta.url));
const SECRET = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;

let dir: string;
const servers: { close(): Promise<void> }[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "gigastt-jobs-http-"));
});
afterEach(async () => {
  for (const server of servers.splice(0).reverse()) await server.close();
  await rm(dir, { recursive: true, force: true });
});

async function serve(
  jobs: Partial<typeof defaultConfig.jobs> = {},
  { engine = createFakeEngine(), config = {} as ConfigChanges } = {},
): Promise<TestServer> {
  const server = await startTestServer({
    jobsDir: dir,
    engine,
    // An event stream whose job only waits begins with its first ping.
    timing: { ssePingMs: 300 },
    config: { ...config, jobs: { ...defaultConfig.jobs, enabled: true, diskReserveBytes: 0, ...jobs } },
  });
  servers.push(server);
  return server;
}

type View = Record<string, unknown> & { job_id: string; status: string };

async function post(
  server: TestServer,
  query = "",
  init: { audio?: Uint8Array; headers?: Record<string, string> } = {},
): Promise<Response> {
  const { audio, ...rest } = init;
  return fetch(`${server.url}/v1/jobs${query}`, { method: "POST", body: audio ?? (await clip), ...rest });
}
async function submit(server: TestServer, query = "", audio?: Uint8Array): Promise<string> {
  const answer = await post(server, query, audio === undefined ? {} : { audio });
  expect(answer.status).toBe(202);
  return ((await answer.json()) as View).job_id;
}
async function view(server: TestServer, id: string): Promise<View> {
  return (await fetch(`${server.url}/v1/jobs/${id}`)).json() as Promise<View>;
}
async function until(server: TestServer, id: string, status: string): Promise<View> {
  await expect.poll(async () => (await view(server, id)).status, { timeout: 20_000 }).toBe(status);
  return view(server, id);
}
const codeOf = async (answer: Response): Promise<unknown> => ((await answer.json()) as { code: string }).code;

/** Speech and pauses: so many windows. */
async function recording(windows: number): Promise<Uint8Array> {
  const pcm = (await clip).subarray(44);
  const parts = Array.from({ length: windows }, () => [pcm, new Uint8Array(96_000)]).flat();
  return wavFile(new Int16Array(new Uint8Array(Buffer.concat(parts)).buffer));
}

describe("jobs over HTTP", () => {
  test("are off until they are turned on, and nothing is written", async () => {
    const server = await startTestServer();
    servers.push(server);
    for (const path of ["", "/x", "/x/result", "/x/events"]) {
      const answer = await fetch(`${server.url}/v1/jobs${path}`);
      expect([answer.status, await codeOf(answer)]).toEqual([404, "jobs_disabled"]);
    }
    expect(await codeOf(await post(server))).toBe("jobs_disabled");
    expect(await readdir(dir)).toEqual([]);
  });

  test("the result of a job is the answer of the synchronous route, in every format", async () => {
    const server = await serve();
    const id = await submit(server, "?format=srt&max_chars_per_line=20");
    expect(await until(server, id, "done")).toMatchObject({ percent: 100, attempts: 1 });
    await expect.poll(async () => (await view(server, id))["audio_stored"]).toBe(false);
    for (const query of ["format=srt&max_chars_per_line=20", "format=vtt", "format=json&segments=1", "format=txt"]) {
      const sync = await fetch(`${server.url}/v1/transcribe?${query}`, { method: "POST", body: await clip });
      const job = await fetch(`${server.url}/v1/jobs/${id}/result?${query.startsWith("format=srt") ? "" : query}`);
      expect(job.headers.get("content-type")).toBe(sync.headers.get("content-type"));
      const [left, right] = [await job.text(), await sync.text()];
      // The layout that the job asked for stays.
      if (query === "format=vtt") expect(left).toContain("WEBVTT");
      else expect(left).toBe(right);
    }
  });

  test("audio leaves the disk with the success of its job, and stays with a failure", async () => {
    const server = await serve();
    const audioDir = join(dir, "audio");
    await until(server, await submit(server), "done");
    await expect.poll(() => readdir(audioDir)).toEqual([]);
    const failed = await submit(server, "", new TextEncoder().encode("this is not audio ".repeat(40)));
    expect(await until(server, failed, "failed")).toMatchObject({
      code: "unsupported_media",
      attempts: 1,
      audio_stored: true,
    });
    expect(await readdir(audioDir)).toEqual([failed]);
    expect((await fetch(`${server.url}/v1/jobs/${failed}/retry`, { method: "POST" })).status).toBe(202);
    await until(server, failed, "failed");
    expect((await fetch(`${server.url}/v1/jobs/${failed}/purge`, { method: "POST" })).status).toBe(204);
    expect(await codeOf(await fetch(`${server.url}/v1/jobs/${failed}`))).toBe("job_not_found");
    await expect.poll(() => readdir(audioDir), { timeout: 15_000 }).toEqual([]);
  });

  test("when another form of the encoder takes over, a job begins again with it: no result is of two readers", async () => {
    let form: "published" | "rewritten" = "published";
    const readBy: string[] = [];
    const onWindow = async (): Promise<void> => {
      readBy.push(form);
      await sleep(700);
    };
    const fake = createFakeEngine({ workers: 1, onWindow });
    const engine = Object.create(fake, {
      model: { get: () => fake.model && { ...fake.model, encoderForm: form } },
      onInference: { value: undefined, writable: true },
      onEncoderChange: { value: undefined, writable: true },
    }) as Engine; // the fake with a form that changes
    const server = await serve({}, { engine });
    const id = await submit(server, "", await recording(6));
    await expect.poll(async () => Number((await view(server, id))["percent"]), { timeout: 20_000 }).toBeGreaterThan(20);
    form = "rewritten";
    engine.onEncoderChange?.();
    expect(await until(server, id, "done")).toMatchObject({ attempts: 1 });
    const windows = (readings: readonly string[], wanted: string): number =>
      readings.filter((one) => one === wanted).length;
    expect(windows(readBy, "published")).toBeGreaterThan(1);
    expect(windows(readBy, "rewritten")).toBe(6);
  }, 40_000);

  test("no text, name or path is logged", async () => {
    const server = await serve();
    await until(server, await submit(server, "?download=geheim.srt"), "done");
    const log = JSON.stringify(server.lines);
    for (const word of ["раз", "geheim", dir]) expect(log).not.toContain(word);
  });

  test.each([
    ["an impossible option", "?format=doc", "bad_request"],
    ["an unknown priority", "?priority=now", "bad_request"],
    ["a callback without a secret", "?callback_url=https://example.com/", "bad_request"],
    ["a longer life than allowed", "?keep_result_s=99999999", "bad_request"],
    ["audio that is kept longer than allowed", "?keep_audio_s=5", "bad_request"],
  ])("refuses %s before a byte is stored", async (_, query, code) => {
    const server = await serve();
    expect(await codeOf(await post(server, query))).toBe(code);
    expect(await readdir(join(dir, "audio")).catch(() => [])).toEqual([]);
  });

  test("refuses empty and too large bodies, declared or not", async () => {
    const server = await serve({ uploadBytes: 2000 });
    expect(await codeOf(await post(server, "", { audio: new Uint8Array(0) }))).toBe("empty_body");
    expect(await codeOf(await post(server))).toBe("payload_too_large");
    const stream = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1500)),
    });
    const answer = await fetch(`${server.url}/v1/jobs`, {
      method: "POST",
      body: stream,
      duplex: "half",
    } as RequestInit).catch(() => undefined);
    if (answer !== undefined) expect(answer.status).toBe(413);
    await expect.poll(async () => (await list(server)).length).toBe(0);
  });

  test("takes a form: its file is the recording, its other parts are parameters and win over the query", async () => {
    const server = await serve();
    const form = new FormData();
    form.append("file", new Blob([await clip]), "geheim.wav");
    for (const [name, value] of Object.entries({
      format: "srt",
      priority: "bulk",
      keep_result_s: "60",
      callback_url: "",
    }))
      form.append(name, value);
    const made = await fetch(`${server.url}/v1/jobs?format=txt&priority=normal`, { method: "POST", body: form });
    expect(made.status).toBe(202);
    const { job_id: id } = (await made.json()) as View;
    const done = await until(server, id, "done");
    expect(done).toMatchObject({ priority: "bulk" });
    expect(Number(done["expires_at"]) - Number(done["finished_at"])).toBeCloseTo(60);
    const [result, sync] = await Promise.all([
      fetch(`${server.url}/v1/jobs/${id}/result`),
      fetch(`${server.url}/v1/transcribe?format=srt`, { method: "POST", body: await clip }),
    ]);
    expect(await result.text()).toBe(await sync.text());
    expect(JSON.stringify(server.lines)).not.toContain("geheim");
  });

  test.each([
    ["without a file", (form: FormData) => form.append("format", "srt"), "bad_request"],
    ["with an empty file", (form: FormData) => form.append("file", new Blob([]), "a.wav"), "empty_body"],
    [
      "with an impossible parameter",
      (form: FormData, audio: Buffer) => {
        form.append("file", new Blob([new Uint8Array(audio)]), "a.wav");
        form.append("format", "doc");
      },
      "bad_request",
    ],
  ])("a form %s is refused and leaves nothing", async (_, fill, code) => {
    const server = await serve();
    const form = new FormData();
    fill(form, await clip);
    expect(await codeOf(await fetch(`${server.url}/v1/jobs`, { method: "POST", body: form }))).toBe(code);
    expect(await list(server)).toEqual([]);
    await expect.poll(() => readdir(join(dir, "audio")).catch(() => []), { timeout: 15_000 }).toEqual([]);
  });

  test("answers 507 while the disk is below its reserve", async () => {
    const server = await serve({ diskReserveBytes: 2 ** 52 });
    const answer = await post(server);
    expect([answer.status, await codeOf(answer)]).toEqual([507, "disk_full"]);
  });

  test("an upload that breaks off leaves no job and no audio", async () => {
    const server = await serve();
    const socket = connect(server.port, "127.0.0.1");
    socket.write("POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc");
    await expect.poll(async () => (await list(server))[0]?.status).toBe("uploading");
    socket.destroy();
    await expect.poll(() => list(server)).toEqual([]);
    await expect.poll(() => readdir(join(dir, "audio")).catch(() => []), { timeout: 15_000 }).toEqual([]);
  });

  test("the same Idempotency-Key makes one job", async () => {
    const server = await serve();
    const headers = { "idempotency-key": "order-66" };
    const first = (await (await post(server, "", { headers })).json()) as View;
    const again = await post(server, "", { headers });
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(((await again.json()) as View).job_id).toBe(first.job_id);
    const other = await post(server, "?format=txt", { headers });
    expect([other.status, await codeOf(other)]).toEqual([422, "idempotency_conflict"]);
    expect((await list(server)).length).toBe(1);
  });

  test("lists page by page, by status", async () => {
    const server = await serve();
    const ids = [await submit(server), await submit(server), await submit(server)];
    for (const id of ids) await until(server, id, "done");
    const first = await page(server, "?limit=2&status=done");
    expect(first).toMatchObject({ has_more: true });
    const second = await page(server, `?limit=2&status=done&after=${String(first["next"])}`);
    expect(second).toMatchObject({ has_more: false });
    const seen = [...(first["data"] as View[]), ...(second["data"] as View[])].map(({ job_id }) => job_id);
    expect(seen.toSorted()).toEqual(ids.toSorted());
    expect(await page(server, "?status=failed")).toMatchObject({ data: [] });
    for (const query of ["?limit=0", "?limit=x", "?status=happy", "?after=%00"]) {
      expect(await codeOf(await fetch(`${server.url}/v1/jobs${query}`))).toBe("bad_request");
    }
  });

  test("a limit is answered 429 with its name and a time", async () => {
    const gate = gatedEngine();
    const server = await serve(
      { perOwner: { ...defaultConfig.jobs.perOwner, unfinished: 1 } },
      { engine: gate.engine },
    );
    await submit(server);
    const answer = await post(server);
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await codeOf(answer)).toBe("quota_exceeded");
    gate.open();
  });

  test("a running job is cancelled and its audio goes", async () => {
    const gate = gatedEngine();
    const server = await serve({}, { engine: gate.engine });
    const id = await submit(server, "", await recording(3));
    await until(server, id, "processing");
    expect(await codeOf(await fetch(`${server.url}/v1/jobs/${id}/result`))).toBe("job_not_finished");
    expect((await fetch(`${server.url}/v1/jobs/${id}`, { method: "DELETE" })).status).toBe(204);
    gate.open();
    await until(server, id, "cancelled");
    const again = await fetch(`${server.url}/v1/jobs/${id}`, { method: "DELETE" });
    expect([again.status, await codeOf(again)]).toEqual([409, "job_not_cancellable"]);
    await expect.poll(() => readdir(join(dir, "audio")), { timeout: 15_000 }).toEqual([]);
  });

  test("events are resumed behind the last one that the client has, and end with the job", async () => {
    const gate = gatedEngine();
    const server = await serve({}, { engine: gate.engine });
    const id = await submit(server, "", await recording(4));
    const first = await fetch(`${server.url}/v1/jobs/${id}/events`);
    const reader = first.body!.getReader();
    let head = "";
    while (!head.includes("processing")) head += new TextDecoder().decode((await reader.read()).value);
    await reader.cancel();
    const last = [...head.matchAll(/^id: (\d+)$/gm)].at(-1)![1]!;
    // A client that names an event behind all others hears the end as well.
    const behind = await fetch(`${server.url}/v1/jobs/${id}/events`, { headers: { "last-event-id": "999999" } });
    gate.open();
    const rest = await fetch(`${server.url}/v1/jobs/${id}/events`, { headers: { "last-event-id": last } });
    const text = await rest.text();
    const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, n]) => Number(n));
    expect(Math.min(...ids)).toBeGreaterThan(Number(last));
    expect(text.trimEnd()).toMatch(/data: \{"type":"done"\}$/);
    expect(await behind.text()).not.toContain("data:");
    const over = await fetch(`${server.url}/v1/jobs/${id}/events`, {
      headers: { "last-event-id": String(ids.at(-1)) },
    });
    expect(over.status).toBe(204);
    for (const headers of [{}, { "last-event-id": "1" }] as Record<string, string>[]) {
      const wrong = await fetch(`${server.url}/v1/jobs/${id}/events?last_event_id=x`, { headers });
      expect(await codeOf(wrong)).toBe("bad_request");
    }
  });

  test("a drain hands a running job back, and the next server continues it from its windows with the same text", async () => {
    const long = await recording(6);
    const whole = await serve();
    const sync = await fetch(`${whole.url}/v1/transcribe`, { method: "POST", body: long });
    const expected = ((await sync.json()) as { text: string }).text;
    await servers.pop()!.close();

    const gate = gatedEngine(3);
    const first = await serve({}, { engine: gate.engine });
    const id = await submit(first, "", long);
    await expect
      .poll(async () => Number((await view(first, id))["processed_seconds"]), { timeout: 20_000 })
      .toBeGreaterThan(0);
    gate.open();
    await servers.pop()!.close();

    let windows = 0;
    const counting = createFakeEngine({ onWindow: () => void windows++ });
    const second = await serve({}, { engine: counting });
    expect(await until(second, id, "done")).toMatchObject({ attempts: 1 });
    const result = await fetch(`${second.url}/v1/jobs/${id}/result`);
    expect(((await result.json()) as { text: string }).text).toBe(expected);
    expect(windows).toBeLessThanOrEqual(4);
  });

  test("live requests are served while a job runs", async () => {
    const gate = gatedEngine(2);
    const server = await serve({}, { engine: gate.engine, config: { pool: { ...defaultConfig.pool, size: 2 } } });
    const id = await submit(server, "", await recording(4));
    await until(server, id, "processing");
    gate.open();
    const sync = await fetch(`${server.url}/v1/transcribe`, { method: "POST", body: await clip });
    expect(sync.status).toBe(200);
    await until(server, id, "done");
  });
});

describe("callbacks", () => {
  test("are signed, thin, and repeated with the same id until the receiver takes them", async () => {
    const got: { headers: IncomingMessage["headers"]; body: string }[] = [];
    const { url } = await receiver((req, body) => {
      got.push({ headers: req.headers, body });
      return got.length < 2 ? 500 : 200;
    });
    const server = await serve({ callbackSecret: SECRET, callbackNetworks: ["127.0.0.0/8"] });
    const id = await submit(server, `?callback_url=${encodeURIComponent(`${url}/hook?a=1`)}`);
    await until(server, id, "done");
    await expect.poll(() => got.length, { timeout: 30_000 }).toBe(2);
    const [first, second] = got;
    expect(second!.headers["webhook-id"]).toBe(first!.headers["webhook-id"]);
    for (const { headers, body } of got) {
      const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`;
      const expected = createHmac("sha256", Buffer.alloc(24, 7)).update(signed).digest("base64");
      expect(headers["webhook-signature"]).toBe(`v1,${expected}`);
      expect(JSON.parse(body)).toMatchObject({ type: "job.done", data: { job_id: id, status: "done" } });
      expect(body).not.toContain("раз");
    }
  });

  test("never reach private addresses by themselves, and follow no redirect", async () => {
    let reached = 0;
    const target = await receiver(() => {
      reached++;
      return 200;
    });
    const redirect = await receiver(() => 307, { location: `${target.url}/` });
    const guarded = await serve({ callbackSecret: SECRET });
    const id = await submit(guarded, `?callback_url=${encodeURIComponent(target.url)}`);
    await until(guarded, id, "done");
    await expect.poll(() => guarded.lines.some((line) => line["outcome"] === "private address")).toBe(true);
    await servers.pop()!.close();
    const open = await serve({ callbackSecret: SECRET, callbackNetworks: ["127.0.0.0/8"] });
    const moved = await submit(open, `?callback_url=${encodeURIComponent(redirect.url)}`);
    await until(open, moved, "done");
    await expect.poll(() => open.lines.some((line) => line["job"] === moved && line["outcome"] === 307)).toBe(true);
    // The first job's callback is due again, and its address is allowed now.
    expect(reached).toBeLessThanOrEqual(1);
  });

  test.each([
    ["another scheme", "ftp://example.com/"],
    ["a password", "https://user:pass@example.com/"],
    ["no URL", "nonsense"],
    ["3000 characters", `https://example.com/${"x".repeat(3000)}`],
  ])("%s is not a callback", async (_, url) => {
    const server = await serve({ callbackSecret: SECRET });
    expect(await codeOf(await post(server, `?callback_url=${encodeURIComponent(url)}`))).toBe("bad_request");
  });
});

// --- support

async function page(server: TestServer, query: string): Promise<Record<string, unknown>> {
  return (await fetch(`${server.url}/v1/jobs${query}`)).json() as Promise<Record<string, unknown>>;
}
async function list(server: TestServer): Promise<View[]> {
  return (await page(server, ""))["data"] as View[];
}

/** The fake engine, whose windows wait from the one with this number on until `open`. */
function gatedEngine(from = 1): { engine: Engine; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { engine: createFakeEngine({ onWindow: (number) => (number >= from ? opened : undefined) }), open };
}

async function receiver(
  answer: (req: IncomingMessage, body: string) => number,
  headers: Record<string, string> = {},
): Promise<{ url: string }> {
  const server: Server = createServer(async (req, res) => {
    let body = "";
    for await (const chunk of req) body += String(chunk);
    res.writeHead(answer(req, body), headers).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  servers.push({
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
