import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { locateModel } from "../../../src/models/locate.ts";
import { verifyFiles } from "../../../src/models/verify.ts";
import { cutAfter, serve, stallAfter, startFaultyServer, status } from "./faulty-server.ts";
import { fileOf, install, isInt8, makeModel, temporaryDir } from "./helpers.ts";
import { emptyInstallation, quick } from "./pull-helpers.ts";

const ENCODER = "tiny_encoder.int8.onnx";
const VOCAB = "tiny_vocab.txt";

describe("a pull from a healthy server", () => {
  test("brings exactly the files of the precision and leaves nothing else", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    await it.pull({ from: server.baseUrl });
    expect(it.isClean()).toBe(true);
    expect(readdirSync(it.dir).sort()).toEqual(
      [".gigastt-verified.json", ...[...it.model.content.keys()].filter(isInt8)].sort(),
    );
    const bundle = await locateModel(
      { id: "tiny", precision: "auto", dir: it.baseDir },
      { env: {}, registry: { version: 1, models: [it.model.entry] } },
    );
    expect(bundle.precision).toBe("int8");
    const verdicts = await verifyFiles(it.dir, bundle.files, { keepsStamp: true });
    expect(verdicts.every((verdict) => verdict.state === "ok" && verdict.remembered)).toBe(true);
  });

  test("tells the plan, each file, its progress and the end", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    await it.pull({ from: server.baseUrl });
    expect(it.events[0]).toMatchObject({ event: "plan", model: "tiny", precision: "int8", bytesMissing: 5564 });
    const names = it.events.flatMap((e) => (e.event === "installed" ? [e.file] : []));
    expect(names).toEqual([VOCAB, "tiny_joint.int8.onnx", "tiny_decoder.int8.onnx", ENCODER]);
    expect(it.events.at(-1)).toMatchObject({ event: "done", changed: true });
    expect(it.events.filter(({ event }) => event === "progress").length).toBeGreaterThanOrEqual(4);
  });

  test("asks nothing when everything is there", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    install(it.model, it.dir, isInt8);
    await it.pull({ from: server.baseUrl });
    expect(server.requests).toEqual([]);
    expect(it.events).toEqual([expect.objectContaining({ event: "done", changed: false })]);
  });

  test("replaces only the file that is damaged", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    install(it.model, it.dir, isInt8);
    writeFileSync(join(it.dir, ENCODER), Buffer.alloc(5000));
    await it.pull({ from: server.baseUrl });
    expect(server.requests.map(({ path }) => path)).toEqual([`/${ENCODER}`]);
    expect(it.isClean()).toBe(true);
  });

  test("follows redirects", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    server.script(ENCODER, status(302, { location: `/cdn/${ENCODER}?signature=secret` }), serve());
    await it.pull({ from: server.baseUrl });
    expect(it.isClean()).toBe(true);
    expect(server.requests.map(({ path }) => path)).toContain(`/cdn/${ENCODER}`);
  });
});

describe("a base address", () => {
  test("without a closing slash, or with a token as query, is used for each file", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    await it.pull({ from: `${server.baseUrl}mirror?token=s3cret` });
    expect(server.requests.map(({ path }) => path)).toContain(`/mirror/${ENCODER}`);
    expect(server.urls[0]).toBe(`/mirror/${VOCAB}?token=s3cret`);
    expect(JSON.stringify(it.events)).not.toContain("s3cret");
  });
});

describe("a broken connection", () => {
  test("is resumed where it broke, on condition that the file is still the same", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    server.script(ENCODER, cutAfter(2000, it.part), cutAfter(1000, it.part));
    await it.pull({ from: server.baseUrl });
    expect(it.isClean()).toBe(true);
    expect(server.requestsFor(ENCODER)).toMatchObject([
      { range: undefined, ifRange: undefined },
      { range: "bytes=2000-", ifRange: '"v1"' },
      { range: "bytes=3000-", ifRange: '"v1"' },
    ]);
  });

  test("is resumed by a later run", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    server.script(ENCODER, cutAfter(2000, it.part));
    const impatient = { ...quick, retry: { ...quick.retry, attempts: 1 } };
    expect(await it.failure({ from: server.baseUrl, tuning: impatient })).toMatch(
      /^the model could not be downloaded: .*1 times in a row\. Check the network .*it continues where it stopped\.$/,
    );
    expect(readFileSync(it.part(ENCODER)).length).toBe(2000);
    await it.pull({ from: server.baseUrl });
    expect(server.requestsFor(ENCODER).at(-1)).toMatchObject({ range: "bytes=2000-", ifRange: '"v1"' });
    expect(it.events).toContainEqual(expect.objectContaining({ event: "file", file: ENCODER, resumedFrom: 2000 }));
    expect(it.isClean()).toBe(true);
  });

  test("is resumed from another mirror without a condition that only the first could meet", async () => {
    const it = emptyInstallation();
    const one = await startFaultyServer(it.model.content);
    const two = await startFaultyServer(it.model.content, { fallback: serve({ etag: '"other"' }) });
    one.script(ENCODER, cutAfter(2000, it.part));
    await it.failure({ from: one.baseUrl, tuning: { ...quick, retry: { ...quick.retry, attempts: 1 } } });
    await it.pull({ from: two.baseUrl });
    expect(two.requestsFor(ENCODER)).toMatchObject([{ range: "bytes=2000-", ifRange: undefined }]);
    expect(it.isClean()).toBe(true);
  });

  test("gives up after the allowed failures in a row and says how many", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content, { fallback: cutAfter(5, it.part) });
    expect(await it.failure({ from: server.baseUrl })).toContain("4 times in a row");
    expect(server.requestsFor(VOCAB)).toHaveLength(4);
  });
});

describe("a server that lies", () => {
  test("by ignoring the range gets the file started again", async () => {
    const it = emptyInstallation();
    const whole: ReturnType<typeof serve> = (_req, res, content) =>
      void res.writeHead(200, { "content-length": content.length }).end(content);
    const server = await startFaultyServer(it.model.content);
    server.script(ENCODER, cutAfter(2000, it.part), whole);
    await it.pull({ from: server.baseUrl });
    expect(it.isClean()).toBe(true);
    expect(it.events).toContainEqual({
      event: "restart",
      file: ENCODER,
      reason: "the server sent the file from the beginning",
    });
  });

  test("by changing the file between two resumes gets the file started again", async () => {
    const it = emptyInstallation();
    const old = Buffer.alloc(5000, 7);
    const server = await startFaultyServer(it.model.content, { fallback: serve({ etag: '"v2"' }) });
    server.script(ENCODER, (req, res) => cutAfter(2000, it.part, '"v1"')(req, res, old));
    await it.pull({ from: server.baseUrl });
    expect(server.requestsFor(ENCODER)).toMatchObject([{}, { range: "bytes=2000-", ifRange: '"v1"' }]);
    expect(it.isClean()).toBe(true);
  });

  test("by answering a range of a changed file although If-Range forbids it is noticed by the ETag", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    const deaf: ReturnType<typeof serve> = (_req, res, content) =>
      void res
        .writeHead(206, { etag: '"v2"', "content-range": "bytes 2000-4999/5000", "content-length": 3000 })
        .end(content.subarray(2000));
    server.script(ENCODER, cutAfter(2000, it.part), deaf, serve({ etag: '"v2"' }));
    await it.pull({ from: server.baseUrl });
    expect(it.events).toContainEqual({ event: "restart", file: ENCODER, reason: "the file changed on the server" });
    expect(server.requestsFor(ENCODER).at(-1)).toMatchObject({ range: undefined });
    expect(it.isClean()).toBe(true);
  });

  test.each([
    ["another start", "bytes 0-4999/5000"],
    ["another total", "bytes 2000-9999/10000"],
    ["nonsense", "bytes all"],
    ["nothing", ""],
  ])("by answering a range with a Content-Range of %s gets the file started again", async (_what, contentRange) => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    const wrong: ReturnType<typeof serve> = (_req, res, content) =>
      void res.writeHead(206, { etag: '"v1"', "content-range": contentRange }).end(content);
    server.script(ENCODER, cutAfter(2000, it.part), wrong);
    await it.pull({ from: server.baseUrl });
    expect(server.requestsFor(ENCODER)).toHaveLength(3);
    expect(it.isClean()).toBe(true);
  });

  test("by calling the range unsatisfiable gets the file started again", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    server.script(ENCODER, cutAfter(2000, it.part), status(416));
    await it.pull({ from: server.baseUrl });
    expect(it.isClean()).toBe(true);
  });

  test("by ending early with a clean chunked body is resumed", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    const short: ReturnType<typeof serve> = (_req, res, content) => {
      res.writeHead(200, { etag: '"v1"' });
      res.end(content.subarray(0, 1234));
    };
    server.script(ENCODER, short);
    await it.pull({ from: server.baseUrl });
    expect(server.requestsFor(ENCODER).at(-1)).toMatchObject({ range: "bytes=1234-" });
    expect(it.isClean()).toBe(true);
  });

  test("by sending more than the file has is cut off and asked once more", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    const long: ReturnType<typeof serve> = (_req, res, content) => {
      res.writeHead(200, { etag: '"v1"' });
      res.end(Buffer.concat([content, Buffer.alloc(100_000)]));
    };
    server.script(ENCODER, long);
    await it.pull({ from: server.baseUrl });
    expect(it.events).toContainEqual({
      event: "restart",
      file: ENCODER,
      reason: "more than the expected 5000 bytes arrived",
    });
    expect(it.isClean()).toBe(true);
  });

  test("by sending more every time fails without leaving a part", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content, {
      fallback: (_req, res, content) => {
        res.writeHead(200);
        res.end(Buffer.concat([content, Buffer.alloc(100_000)]));
      },
    });
    expect(await it.failure({ from: server.baseUrl })).toContain("more than the expected 64 bytes arrived");
    expect(existsSync(it.dir)).toBe(false);
  });

  test("about the length in its header is treated as having another file", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    server.script(VOCAB, (_req, res) => void res.writeHead(200, { "content-length": 10 }).end("0123456789"));
    expect(await it.failure({ from: server.baseUrl })).toBe(
      `the model could not be downloaded: ${server.baseUrl}${VOCAB} has 10 bytes, expected 64. The source has a different file: check model.mirror or --from.`,
    );
  });

  test("with a login page in the place of the file is distinguished from a mirror", async () => {
    const it = emptyInstallation();
    const page = "<!doctype html>please log in";
    const server = await startFaultyServer(it.model.content);
    server.script(VOCAB, status(200, { "content-type": "text/html", "content-length": `${page.length}` }, page));
    expect(await it.failure({ from: server.baseUrl })).toContain("It is a web page: a login page of the network");
  });

  test("by compressing what was asked for plain is refused", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    server.script(VOCAB, status(200, { "content-encoding": "gzip" }));
    expect(await it.failure({ from: server.baseUrl })).toContain(
      "came compressed (gzip) although a plain file was requested",
    );
    expect(server.requests[0]?.headers["accept-encoding"]).toBe("identity");
  });
});

describe("wrong bytes", () => {
  test("are thrown away and fetched once more", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    server.script(ENCODER, serve({ content: Buffer.alloc(5000, 1) }));
    await it.pull({ from: server.baseUrl });
    expect(server.requestsFor(ENCODER)).toHaveLength(2);
    expect(it.isClean()).toBe(true);
  });

  test("sent twice fail the pull, leave no part and do not touch the old file", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    mkdirSync(it.dir, { recursive: true });
    writeFileSync(join(it.dir, ENCODER), "the old one");
    server.script(ENCODER, serve({ content: Buffer.alloc(5000, 1) }), serve({ content: Buffer.alloc(5000, 2) }));
    expect(await it.failure({ from: server.baseUrl })).toMatch(
      /^the model could not be downloaded: the bytes received have SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}\. The source has a different or damaged file/,
    );
    expect(existsSync(it.part(ENCODER))).toBe(false);
    expect(readFileSync(join(it.dir, ENCODER), "utf8")).toBe("the old one");
  });

  test("in a part from an earlier run are found by the hash and fetched again", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    mkdirSync(it.dir, { recursive: true });
    writeFileSync(it.part(ENCODER), Buffer.alloc(3000, 9));
    await it.pull({ from: server.baseUrl });
    expect(server.requestsFor(ENCODER).map(({ range }) => range)).toEqual(["bytes=3000-", undefined]);
    expect(it.isClean()).toBe(true);
  });

  test("in a part longer than the file, or of another revision, are not resumed", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    mkdirSync(it.dir, { recursive: true });
    writeFileSync(it.part(ENCODER), Buffer.alloc(6000));
    writeFileSync(it.part(VOCAB), Buffer.alloc(10));
    writeFileSync(`${it.part(VOCAB)}.json`, JSON.stringify({ url: "http://x/", sha256: "0".repeat(64) }));
    await it.pull({ from: server.baseUrl });
    expect(server.requests.map(({ range }) => range)).toEqual([undefined, undefined, undefined, undefined]);
    expect(it.isClean()).toBe(true);
  });

  test("in the notes beside a part never become a header", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    mkdirSync(it.dir, { recursive: true });
    writeFileSync(it.part(ENCODER), it.model.content.get(ENCODER)!.subarray(0, 100));
    const origin = {
      url: `${server.baseUrl}${ENCODER}`,
      sha256: it.model.entry.files.find(({ name }) => name === ENCODER)?.sha256,
      validator: '"a"\r\nx-evil: 1',
    };
    writeFileSync(`${it.part(ENCODER)}.json`, JSON.stringify(origin));
    await it.pull({ from: server.baseUrl });
    expect(server.requestsFor(ENCODER)).toMatchObject([{ range: "bytes=100-", ifRange: undefined }]);
  });

  test("from a complete part are not asked for again", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    mkdirSync(it.dir, { recursive: true });
    writeFileSync(it.part(ENCODER), it.model.content.get(ENCODER)!);
    await it.pull({ from: server.baseUrl });
    expect(server.requestsFor(ENCODER)).toEqual([]);
    expect(it.isClean()).toBe(true);
  });
});

describe("a server that stalls", () => {
  const hasty = { ...quick, stallMs: 1000 };

  test("in the middle of the body is given up and the rest requested again", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    server.script(ENCODER, stallAfter(1500));
    await it.pull({ from: server.baseUrl, tuning: hasty });
    expect(server.requestsFor(ENCODER).at(-1)).toMatchObject({ range: "bytes=1500-" });
    expect(it.events).toContainEqual(
      expect.objectContaining({
        event: "retry",
        file: ENCODER,
        reason: `no byte from 127.0.0.1:${server.port} for 1 s`,
      }),
    );
    expect(it.isClean()).toBe(true);
  });

  test("before its headers, every time, fails the pull", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content, { fallback: () => undefined });
    const tuning = { ...hasty, retry: { ...quick.retry, attempts: 2 } };
    expect(await it.failure({ from: server.baseUrl, tuning })).toContain("for 1 s, 2 times in a row");
  });
});

describe("redirects", () => {
  test("in a loop are refused after five", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content, { fallback: status(302, { location: "/again" }) });
    expect(await it.failure({ from: server.baseUrl })).toContain(
      `more than 5 redirects, the last to ${server.baseUrl}again. Check model.mirror or --from`,
    );
    expect(server.requests).toHaveLength(6);
  });

  test.each([
    ["without a Location", {}, "redirects without an address"],
    ["to a file", { location: "file:///etc/passwd" }, "redirects to file:, only http: and https: are followed"],
    ["to nonsense", { location: "http://[" }, "redirects to an invalid address"],
  ])("%s are refused", async (_what, headers: Record<string, string>, message) => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content, { fallback: status(307, headers) });
    expect(await it.failure({ from: server.baseUrl })).toContain(message);
  });

  test("to another server do not take the password along", async () => {
    const it = emptyInstallation();
    const other = await startFaultyServer(it.model.content);
    const home = await startFaultyServer(it.model.content);
    home.script(ENCODER, status(302, { location: `${other.baseUrl}${ENCODER}` }));
    await it.pull({ from: home.baseUrl.replace("//", "//me:p%40ss@") });
    expect(home.requests[0]?.headers.authorization).toBe(`Basic ${Buffer.from("me:p@ss").toString("base64")}`);
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    expect(JSON.stringify(it.events)).not.toContain("p%40ss");
    expect(it.isClean()).toBe(true);
  });
});

describe("an HTTP status", () => {
  test("of 404 says what to check and is not tried again", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(new Map());
    expect(await it.failure({ from: server.baseUrl })).toBe(
      `the model could not be downloaded: ${server.baseUrl}${VOCAB} does not exist (404). Check the base address: model.mirror, or --from. It must hold the files of models/registry.json under their names.`,
    );
    expect(server.requests).toHaveLength(1);
  });

  test("of 403 is not tried again, and the password of the address is not shown", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content, { fallback: status(403) });
    const message = await it.failure({ from: server.baseUrl.replace("//", "//me:secret@") });
    expect(message).toContain(`${server.baseUrl}${VOCAB} cannot be read: access denied (403).`);
    expect(message).not.toContain("secret");
    expect(server.requests).toHaveLength(1);
  });

  test("of 500 and 429 is tried again, after the time that Retry-After asks for", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    server.script(ENCODER, status(500), status(429, { "retry-after": "1" }));
    const began = performance.now();
    await it.pull({ from: server.baseUrl });
    expect(performance.now() - began).toBeGreaterThanOrEqual(990);
    expect(it.events).toContainEqual(expect.objectContaining({ event: "retry", waitMs: 1000, attempt: 3 }));
    expect(it.isClean()).toBe(true);
  });

  test("with a Retry-After beyond reason ends the pull and says the time", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content, { fallback: status(429, { "retry-after": "3600" }) });
    expect(await it.failure({ from: server.baseUrl })).toContain(
      "answered 429 and asks to retry after 3600 s. Run the same command again after that time",
    );
    expect(server.requests).toHaveLength(1);
  });

  test("of 204 or 300 fails the pull", async () => {
    for (const code of [204, 300]) {
      const it = emptyInstallation();
      const server = await startFaultyServer(it.model.content, { fallback: status(code) });
      expect(await it.failure({ from: server.baseUrl })).toContain(`answered ${code}`);
    }
  });
});

describe("a network failure", () => {
  test("by a closed port says so and names the cure", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    await new Promise((resolve) => server.server.close(resolve));
    expect(await it.failure({ from: server.baseUrl })).toMatch(
      /the connection to 127\.0\.0\.1:\d+ failed \(ECONNREFUSED\), 4 times in a row\. Check the network \(a proxy is taken from HTTPS_PROXY\)/,
    );
  });

  test("by an unknown name says so", async () => {
    const it = emptyInstallation();
    const tuning = { ...quick, retry: { ...quick.retry, attempts: 1 } };
    expect(await it.failure({ from: "http://models.invalid/", tuning })).toMatch(
      /the name models\.invalid cannot be resolved \((ENOTFOUND|EAI_AGAIN)\)/,
    );
  });

  test.each([
    ["ftp://me:secret@mirror/", "must be like https://mirror.example.com/models/, found ftp://mirror/."],
    ["http://", 'must be like https://mirror.example.com/models/, found "http://".'],
    ["file://host/x", "--from must be a folder or an address like file:///media/stick"],
  ])("by the base address %s is refused", async (from, message) => {
    expect(await emptyInstallation().failure({ from })).toContain(message);
  });
});

describe("an abort", () => {
  test("keeps the part, frees the lock, and a later run goes on", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    server.script(ENCODER, stallAfter(1500));
    const stop = new AbortController();
    const running = it.pull({
      from: server.baseUrl,
      signal: stop.signal,
      onEvent: (event) => {
        if (event.event === "progress" && event.file === ENCODER) stop.abort(new Error("Ctrl-C"));
      },
    });
    await expect(running).rejects.toThrow("Ctrl-C");
    expect(readFileSync(it.part(ENCODER)).length).toBe(1500);
    expect(existsSync(join(it.dir, ".gigastt-pull.lock"))).toBe(false);
    await it.pull({ from: server.baseUrl });
    expect(server.requestsFor(ENCODER).at(-1)).toMatchObject({ range: "bytes=1500-" });
    expect(it.isClean()).toBe(true);
  });

  test("ends the wait for a retry at once", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content, { fallback: status(503, { "retry-after": "60" }) });
    const stop = new AbortController();
    const tuning = { ...quick, retry: { ...quick.retry, maxRetryAfterMs: 90_000 } };
    const running = it.pull({
      from: server.baseUrl,
      signal: stop.signal,
      tuning,
      onEvent: ({ event }) => event === "retry" && stop.abort(new Error("Ctrl-C")),
    });
    await expect(running).rejects.toThrow("Ctrl-C");
  });
});

describe("offline", () => {
  test("refuses a download and says how to bring the files", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    expect(await it.failure({ from: server.baseUrl, offline: true })).toBe(
      `downloads are disabled (--offline, model.offline or GIGASTT_OFFLINE) and ${it.dir} is incomplete.\n` +
        "On a machine with a network run `gigastt models pull tiny --precision int8`, copy its folder here and run `gigastt models pull tiny --precision int8 --from FOLDER`: it checks every hash.",
    );
    expect(server.requests).toEqual([]);
  });

  test("is content with a complete model", async () => {
    const it = emptyInstallation();
    install(it.model, it.dir, isInt8);
    await it.pull({ offline: true });
    expect(it.events.at(-1)).toMatchObject({ event: "done", changed: false });
  });
});

describe("a pull from a folder", () => {
  test("copies and checks, also offline, from the files or from a folder of the model's name", async () => {
    for (const inside of ["", "tiny"]) {
      const it = emptyInstallation();
      const stick = temporaryDir();
      install(it.model, join(stick, inside));
      await it.pull({ from: stick, offline: true });
      expect(it.isClean()).toBe(true);
    }
  });

  test("takes a relative folder and a file: address", async () => {
    const it = emptyInstallation();
    const stick = temporaryDir();
    install(it.model, join(stick, "copy"));
    await it.pull({ from: "./copy", cwd: stick });
    expect(it.isClean()).toBe(true);
    const other = emptyInstallation();
    install(other.model, stick);
    await other.pull({ from: `file://${stick}` });
    expect(other.isClean()).toBe(true);
  });

  test("refuses a missing, a short and a damaged file, and leaves nothing of it", async () => {
    const it = emptyInstallation();
    const stick = temporaryDir();
    expect(await it.failure({ from: stick })).toContain(`${VOCAB} is not in ${stick}. The folder must hold all files`);
    install(it.model, stick);
    truncateSync(join(stick, VOCAB), 10);
    expect(await it.failure({ from: stick })).toContain(
      `${stick}/${VOCAB} must have 64 bytes, found 10. Copy it again`,
    );
    writeFileSync(join(stick, VOCAB), Buffer.alloc(64));
    expect(await it.failure({ from: stick })).toContain(`expected ${it.model.entry.files.at(-1)?.sha256}`);
    expect(existsSync(it.dir)).toBe(false);
  });
});

describe("the models' folder", () => {
  test("that is a file is refused with the cure", async () => {
    const it = emptyInstallation();
    writeFileSync(it.dir, "not a folder");
    expect(await it.failure({ from: temporaryDir() })).toMatch(
      /tiny cannot be written \(E.*model\.dir \(GIGASTT_MODEL_DIR\)\.$/,
    );
  });

  test("without space for the files is refused before the first request", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    const tuning = { ...quick, spaceMarginBytes: 2 ** 52 };
    expect(await it.failure({ from: server.baseUrl, tuning })).toMatch(
      /tiny must have \d.* GB free for the download, found /,
    );
    expect(server.requests).toEqual([]);
  });
});

test("a bundled model is not pulled", async () => {
  const it = emptyInstallation();
  const entry = { ...makeModel().entry, source: { kind: "bundled", folder: "tiny" } } as const;
  expect(await it.failure({ entry })).toBe("tiny is part of the installation, so there is nothing to pull.");
});

test("the made-up files are what their entries say", () => {
  const { entry, content } = makeModel();
  expect([...content].map(([name, bytes]) => fileOf(name, bytes))).toEqual(entry.files);
});
