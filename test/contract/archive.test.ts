import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultConfig } from "../../src/config/defaults.ts";
import type { ResolvedConfig } from "../../src/config/types.ts";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { TRANSCRIPT_FORMATS } from "../../src/shared/protocol.ts";
import { openSqliteArchive } from "../../src/store/archive/sqlite/open.ts";
import { openKeyStore } from "../../src/store/keys.ts";
import type { KeyRights } from "../../src/store/keys.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { ConfigChanges, TestServer } from "../support/runtime-server.ts";
import { connect } from "../support/ws-client.ts";

/** The archive over HTTP, fed by real requests, jobs and sessions. */

const clip = readFile(new URL("../fixtures/eval/dev_espeak_06.wav", import.meta.url));
const SECRET_WORD = "секрет";

let dir: string;
const servers: TestServer[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "gigastt-archive-http-"));
});
afterEach(async () => {
  for (const server of servers.splice(0).reverse()) await server.close();
  await rm(dir, { recursive: true, force: true });
});

type Options = NonNullable<Parameters<typeof startTestServer>[0]>;
async function serve(
  archive: Partial<ResolvedConfig["archive"]> = {},
  { config = {}, ...options }: Omit<Options, "config"> & { config?: ConfigChanges } = {},
): Promise<TestServer> {
  const server = await startTestServer({
    archiveDir: join(dir, "archive"),
    engine: createFakeEngine(),
    ...options,
    config: {
      rateLimit: { perMinute: 0 },
      jobs: { ...defaultConfig.jobs, enabled: true, diskReserveBytes: 0 },
      ...config,
      archive: {
        ...defaultConfig.archive,
        enabled: true,
        shared: true,
        requests: true,
        diskReserveBytes: 0,
        ...archive,
      },
    },
  });
  servers.push(server);
  return server;
}

interface Found {
  readonly id: string;
  readonly source: string;
  readonly owner?: string;
  readonly title?: string;
  readonly matches: number;
  readonly hits: readonly { text: string; start: number; marks: readonly [number, number][] }[];
}
interface List {
  readonly data: readonly Found[];
  readonly has_more: boolean;
  readonly next?: string;
}
const bearer = (key?: string): Record<string, string> => (key === undefined ? {} : { authorization: `Bearer ${key}` });
async function list({ url }: TestServer, query = "", key?: string): Promise<List> {
  const answer = await fetch(`${url}/v1/archive${query}`, { headers: bearer(key) });
  expect(answer.status).toBe(200);
  return (await answer.json()) as List;
}
async function transcribe({ url }: TestServer, query = "", key?: string): Promise<{ text: string }> {
  const answer = await fetch(`${url}/v1/transcribe${query}`, {
    method: "POST",
    body: await clip,
    headers: bearer(key),
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as { text: string };
}
async function archived(server: TestServer, count: number, key?: string): Promise<readonly Found[]> {
  await expect.poll(async () => (await list(server, "", key)).data.length).toBe(count);
  return (await list(server, "", key)).data;
}
const refusal = async (answer: Response): Promise<unknown> => [
  answer.status,
  ((await answer.json()) as { code: string }).code,
];

describe("the archive over HTTP", () => {
  test("is off until it is turned on", async () => {
    const server = await startTestServer({ engine: createFakeEngine() });
    servers.push(server);
    await transcribe(server);
    for (const path of ["", "/x"]) {
      expect(await refusal(await fetch(`${server.url}/v1/archive${path}`))).toEqual([404, "archive_disabled"]);
    }
  });

  test("keeps what a request said, finds it by any word, and gives it in every format", async () => {
    const server = await serve();
    const { text } = await transcribe(server, `?title=${encodeURIComponent("Утро\nпонедельника")}`);
    await transcribe(server, "?archive=false");
    const [entry] = await archived(server, 1);
    expect(entry).toMatchObject({ source: "request", title: "Утро понедельника", language: "ru" });
    for (const word of text.split(" ").filter((part) => /\p{L}/u.test(part))) {
      const { data } = await list(server, `?q=${encodeURIComponent(word)}`);
      expect(data.map(({ id }) => id)).toEqual([entry!.id]);
      const [hit] = data[0]!.hits;
      expect(hit!.marks.length).toBeGreaterThan(0);
    }
    const answer = await fetch(`${server.url}/v1/archive/${entry!.id}`);
    expect(await answer.json()).toMatchObject({ id: entry!.id, text, words: expect.any(Array) as unknown[] });
    for (const format of TRANSCRIPT_FORMATS) {
      const file = await fetch(`${server.url}/v1/archive/${entry!.id}?format=${format}&download=a.${format}`);
      expect(file.status).toBe(200);
      expect(file.headers.get("content-disposition")).toContain(`a.${format}`);
      expect((await file.text()).length).toBeGreaterThan(0);
    }
    expect((await fetch(`${server.url}/v1/archive/${entry!.id}`, { method: "DELETE" })).status).toBe(204);
    expect(await refusal(await fetch(`${server.url}/v1/archive/${entry!.id}`, { method: "DELETE" }))).toEqual([
      404,
      "transcript_not_found",
    ]);
    expect((await list(server)).data).toEqual([]);
  });

  test("keeps jobs under their id, also those that ended while it was off, and forgets a job that is purged", async () => {
    const jobsDir = join(dir, "jobs");
    const submit = async ({ url }: TestServer, query = ""): Promise<string> => {
      const answer = await fetch(`${url}/v1/jobs${query}`, { method: "POST", body: await clip });
      const { job_id: id } = (await answer.json()) as { job_id: string };
      await expect
        .poll(async () => ((await (await fetch(`${url}/v1/jobs/${id}`)).json()) as { status: string }).status)
        .toBe("done");
      return id;
    };
    const off = await serve({ jobs: false }, { jobsDir });
    const early = await submit(off);
    const refused = await submit(off, "?archive=false");
    await servers.pop()?.close();

    const server = await serve({ requests: false }, { jobsDir });
    const late = await submit(server, "?title=late");
    const found = await archived(server, 2);
    expect(found.map(({ id, source, title }) => [id, source, title])).toEqual([
      [late, "job", "late"],
      [early, "job", undefined],
    ]);
    await fetch(`${server.url}/v1/jobs/${late}/purge`, { method: "POST" });
    expect((await fetch(`${server.url}/v1/archive/${early}`, { method: "DELETE" })).status).toBe(204);
    expect((await list(server)).data).toEqual([]);
    await servers.pop()?.close();

    // What was deleted does not come back with the next start, although its job is still there.
    const again = await serve({}, { jobsDir });
    await transcribe(again);
    const [only] = await archived(again, 1);
    expect([early, late, refused]).not.toContain(only?.id);
  });

  test("keeps a live session as one transcript, when sessions are asked for", async () => {
    const server = await serve({ sessions: true });
    const client = await connect(`${server.url.replace("http", "ws")}/v1/ws`);
    client.send({ type: "configure", sample_rate: 16_000 });
    client.audio((await clip).subarray(44));
    client.send({ type: "stop" });
    await client.closed;
    const [entry] = await archived(server, 1);
    expect(entry).toMatchObject({ source: "session" });
  });

  test("a key sees its own transcripts, one with the scope admin all; other scopes nothing", async () => {
    const admin = openKeyStore(join(dir, "keys.sqlite"));
    const keyFor = (name: string, scopes: KeyRights["scopes"]): string =>
      admin.create(name, { scopes }, Date.now()).reveal();
    const [a, b, boss, other] = [
      keyFor("a", ["transcribe", "archive"]),
      keyFor("b", ["transcribe", "archive"]),
      keyFor("boss", ["admin"]),
      keyFor("other", ["transcribe", "live", "jobs"]),
    ];
    admin.close();
    const server = await serve(
      { shared: false },
      {
        keyStore: openKeyStore(join(dir, "keys.sqlite")),
        config: { auth: { ...defaultConfig.auth, keys: "required" } },
      },
    );
    await transcribe(server, "", a);
    await transcribe(server, "", b);
    const [mine] = await archived(server, 1, a);
    const [others] = await archived(server, 1, b);
    const all = await archived(server, 2, boss);
    expect(all.map(({ owner }) => owner).sort()).toEqual(["key a", "key b"]);
    expect((await list(server, "?owner=key+a", boss)).data.map(({ id }) => id)).toEqual([mine!.id]);
    const at = (path: string, key: string | undefined, method = "GET"): Promise<Response> =>
      fetch(`${server.url}/v1/archive${path}`, { method, headers: bearer(key) });
    expect(await refusal(await at(`/${others!.id}`, a))).toEqual([404, "transcript_not_found"]);
    expect(await refusal(await at(`/${others!.id}`, a, "DELETE"))).toEqual([404, "transcript_not_found"]);
    expect(await refusal(await at("", other))).toEqual([403, "insufficient_scope"]);
    expect(await refusal(await at("", undefined))).toEqual([401, "invalid_api_key"]);
    expect((await at(`/${others!.id}`, boss)).status).toBe(200);
  });

  test("pages and filters; what they cannot be is refused with the parameter", async () => {
    const server = await serve();
    await archived(server, 0);
    const store = openSqliteArchive(join(dir, "archive", "archive.sqlite"));
    for (let n = 0; n < 5; n++) {
      store.add({
        id: `t${n}`,
        createdMs: Date.UTC(2026, 0, 1 + n),
        owner: "x",
        source: "import",
        title: undefined,
        language: undefined,
        model: undefined,
        transcripts: [{ text: SECRET_WORD, words: [{ word: SECRET_WORD, start: 1, end: 2 }], durationS: 3 }],
      });
    }
    store.close();
    const seen: string[] = [];
    for (let query = "?limit=2&q=секреты"; ;) {
      const page = await list(server, query);
      seen.push(...page.data.map(({ id }) => id));
      if (page.next === undefined) break;
      query = `?limit=2&q=секреты&after=${page.next}`;
    }
    expect(seen).toEqual(["t4", "t3", "t2", "t1", "t0"]);
    expect((await list(server, "?from=2026-01-02&to=2026-01-03")).data.map(({ id }) => id)).toEqual(["t2", "t1"]);
    expect((await list(server, "?source=session")).data).toEqual([]);
    for (const [name, value] of [
      ["limit", "0"],
      ["limit", "201"],
      ["hits", "101"],
      ["from", "yesterday"],
      ["to", "2026-13-01"],
      ["source", "tape"],
      ["after", "!!"],
      ["q", "а".repeat(501)],
      ["q", "а*"],
    ] as const) {
      const answer = await fetch(`${server.url}/v1/archive?${name}=${encodeURIComponent(value)}`);
      expect([answer.status, (await answer.text()).includes("bad_request")], `${name}=${value}`).toEqual([400, true]);
    }
  });

  test("a full disk loses no answer and no job: what was skipped is counted, and no word is in the log", async () => {
    const server = await serve({ diskReserveBytes: 2 ** 60 }, { config: { metrics: { enabled: true } } });
    const { text } = await transcribe(server);
    await expect
      .poll(async () => (await fetch(`${server.url}/metrics`)).text())
      .toMatch(/^gigastt_archive_skipped_total 1$/m);
    expect((await list(server)).data).toEqual([]);
    const log = JSON.stringify(server.lines);
    expect(log).toContain("archive_skipped");
    for (const word of text.split(" ").filter(({ length }) => length > 4)) expect(log).not.toContain(word);
  });

  test("a search is not written to the log", async () => {
    const server = await serve();
    await list(server, `?q=${encodeURIComponent(SECRET_WORD)}`);
    expect(decodeURIComponent(JSON.stringify(server.lines))).not.toContain(SECRET_WORD);
  });
});
