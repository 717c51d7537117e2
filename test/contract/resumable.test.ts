import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tus from "tus-js-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultConfig } from "../../src/config/defaults.ts";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { PART_BYTES } from "../../src/store/blobs/files.ts";
import { cuttableWire } from "../support/cuttable-wire.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";

const clip = readFile(new URL("../fixtures/eval/dev_espeak_06.wav", import.meta.url));
let dir: string;
const closers: (() => Promise<void>)[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "gigastt-resumable-"));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(dir, { recursive: true, force: true });
});

async function serve(jobs: Partial<typeof defaultConfig.jobs> = {}): Promise<TestServer> {
  const server = await startTestServer({
    jobsDir: dir,
    engine: createFakeEngine(),
    config: { jobs: { ...defaultConfig.jobs, enabled: true, diskReserveBytes: 0, ...jobs } },
  });
  closers.push(() => server.close());
  return server;
}

const TUS = { "tus-resumable": "1.0.0" };
const BYTES = { ...TUS, "content-type": "application/offset+octet-stream" };

async function begin(server: TestServer, size: number, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${server.url}/v1/uploads`, {
    method: "POST",
    headers: { ...TUS, "upload-length": String(size), ...headers },
  });
}
async function begun(server: TestServer, size: number): Promise<string> {
  const answer = await begin(server, size);
  expect(answer.status).toBe(201);
  return String(answer.headers.get("location"));
}
async function patch(server: TestServer, path: string, offset: number, body: Uint8Array): Promise<Response> {
  const headers = { ...BYTES, "upload-offset": String(offset) };
  return fetch(server.url + path, { method: "PATCH", headers, body: new Uint8Array(body) });
}
async function offsetOf(server: TestServer, path: string): Promise<number> {
  const answer = await fetch(server.url + path, { method: "HEAD", headers: TUS });
  expect(answer.status).toBe(200);
  return Number(answer.headers.get("upload-offset"));
}
async function view(server: TestServer, path: string): Promise<Record<string, unknown>> {
  const id = path.split("/").at(-1)!;
  return (await fetch(`${server.url}/v1/jobs/${id}`)).json() as Promise<Record<string, unknown>>;
}
const codeOf = async (answer: Response): Promise<unknown> => ((await answer.json()) as { code: string }).code;

async function storedHash(id: string): Promise<string> {
  const hash = createHash("sha256");
  for (const part of (await readdir(join(dir, "audio", id))).toSorted())
    hash.update(await readFile(join(dir, "audio", id, part)));
  return hash.digest("hex");
}

describe("a resumable upload", () => {
  test("becomes a job with the parameters of its metadata, and its name is kept nowhere", async () => {
    const server = await serve();
    const audio = await clip;
    const metadata = { filename: "geheim.wav", format: "srt", priority: "bulk" };
    const coded = Object.entries(metadata).map(([key, value]) => `${key} ${Buffer.from(value).toString("base64")}`);
    const created = await begin(server, audio.length, { "upload-metadata": coded.join(",") });
    expect(created.headers.get("tus-resumable")).toBe("1.0.0");
    const path = String(created.headers.get("location"));
    expect(await view(server, path)).toMatchObject({ status: "uploading", audio_stored: false, priority: "bulk" });
    expect((await patch(server, path, 0, audio.subarray(0, 1000))).headers.get("upload-offset")).toBe("1000");
    expect(await offsetOf(server, path)).toBe(1000);
    expect((await patch(server, path, 1000, audio.subarray(1000))).status).toBe(204);
    await expect.poll(async () => (await view(server, path))["status"]).toBe("done");
    expect(await offsetOf(server, path)).toBe(audio.length);
    const id = path.split("/").at(-1)!;
    const [result, sync] = await Promise.all([
      fetch(`${server.url}/v1/jobs/${id}/result`),
      fetch(`${server.url}/v1/transcribe?format=srt`, { method: "POST", body: new Uint8Array(audio) }),
    ]);
    expect(await result.text()).toBe(await sync.text());
    expect(JSON.stringify([server.lines, await view(server, path)])).not.toContain("geheim");
    expect((await readFile(join(dir, "jobs.sqlite"))).includes("geheim")).toBe(false);
  });

  test("of the official client survives cut connections and restarts of the server, and sends no more than a part again", async () => {
    const audio = randomBytes(3 * PART_BYTES + 12_345);
    const wire = await cuttableWire();
    closers.push(async () => wire.close());
    let server = await serve();
    wire.target.port = server.port;
    let id = "";
    let cuts = 0;
    let restarting: Promise<void> | undefined;
    const restart = async (): Promise<void> => {
      await closers.pop()!();
      server = await serve();
      wire.target.port = server.port;
    };
    wire.onPassed = () => {
      if (wire.passed() < ((cuts + 1) * audio.length) / 5 || cuts === 4) return;
      cuts++;
      if (cuts === 2) restarting = restart();
      else wire.cut();
    };
    await new Promise<void>((resolve, reject) => {
      const client = new tus.Upload(audio, {
        endpoint: `http://127.0.0.1:${wire.port}/v1/uploads`,
        chunkSize: Number.POSITIVE_INFINITY,
        retryDelays: [50, 100, 200, 400, 800, 1600, 3200],
        onUploadUrlAvailable: () => (id = String(client.url).split("/").at(-1)!),
        onSuccess: () => resolve(),
        onError: reject,
      });
      client.start();
    });
    await restarting;
    expect(cuts).toBe(4);
    expect(wire.passed() - audio.length).toBeLessThan(cuts * PART_BYTES);
    await expect.poll(async () => (await view(server, id))["status"]).toBe("failed"); // noise is not audio: it is kept for a retry
    expect(await storedHash(id)).toBe(createHash("sha256").update(audio).digest("hex"));
  }, 120_000);

  test("that is complete is queued although the server ended before it could do so", async () => {
    const audio = await clip;
    const first = await serve({ parallel: 1 });
    const path = await begun(first, audio.length);
    await patch(first, path, 0, audio.subarray(0, -1));
    await closers.pop()!();
    // The last byte reached the disk, and nothing more happened.
    const { createFileBlobs, createPartWriter } = await import("../../src/store/blobs/files.ts");
    const writer = createPartWriter(createFileBlobs(join(dir, "audio")), path.split("/").at(-1)!, audio.length - 1);
    await writer.write(audio.subarray(-1));
    await writer.flush();
    const second = await serve();
    expect(await offsetOf(second, path)).toBe(audio.length);
    await expect.poll(async () => (await view(second, path))["status"]).toBe("done");
  });

  test("goes on with a second request while the first one hangs", async () => {
    const server = await serve();
    const audio = await clip;
    const path = await begun(server, audio.length);
    const hanging = connect(server.port, "127.0.0.1");
    hanging.on("error", () => {});
    const invited = new Promise<string>((resolve) => hanging.once("data", (bytes) => resolve(String(bytes))));
    hanging.write(
      `PATCH ${path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: ${audio.length}\r\nExpect: 100-continue\r\n\r\n`,
    );
    expect(await invited).toContain("100 Continue");
    hanging.write(audio.subarray(0, 4));
    const offset = await offsetOf(server, path);
    expect((await patch(server, path, offset, audio.subarray(offset))).status).toBe(204);
    await expect.poll(async () => (await view(server, path))["status"]).toBe("done");
    hanging.destroy();
  });

  test("is given up with DELETE, and its audio goes", async () => {
    const server = await serve();
    const path = await begun(server, 5000);
    await patch(server, path, 0, randomBytes(100));
    expect((await fetch(server.url + path, { method: "DELETE", headers: TUS })).status).toBe(204);
    expect((await fetch(server.url + path, { method: "HEAD", headers: TUS })).status).toBe(404);
    await expect.poll(() => readdir(join(dir, "audio")), { timeout: 15_000 }).toEqual([]);
  });

  test("counts with its whole size from the beginning", async () => {
    const server = await serve({
      uploadBytes: 10_000,
      perOwner: { ...defaultConfig.jobs.perOwner, storedBytes: 12_000 },
    });
    expect(await codeOf(await begin(server, 10_001))).toBe("payload_too_large");
    await begun(server, 8000);
    const second = await begin(server, 8000);
    expect([second.status, await codeOf(second)]).toEqual([429, "quota_exceeded"]);
  });

  test.each([
    ["another version of the protocol", { "tus-resumable": "0.2.2" }, 412],
    ["no version", { "tus-resumable": "" }, 412],
    ["a size that is not a number", { "upload-length": "many" }, 400],
    ["a size of 0", { "upload-length": "0" }, 400],
    ["metadata that is not base64", { "upload-metadata": "format !" }, 400],
    ["an impossible parameter", { "upload-metadata": `format ${Buffer.from("doc").toString("base64")}` }, 400],
    ["a size that is told later", { "upload-length": "", "upload-defer-length": "1" }, 400],
  ])("with %s is refused", async (_, headers, status) => {
    const server = await serve();
    const answer = await begin(server, 100, headers);
    expect(answer.status).toBe(status);
    expect(typeof (await codeOf(answer))).toBe("string");
    // So a client knows that it was not a proxy that refused.
    expect([answer.headers.get("tus-resumable"), answer.headers.get("tus-version")]).toEqual(["1.0.0", "1.0.0"]);
    expect(((await (await fetch(`${server.url}/v1/jobs`)).json()) as { data: unknown[] }).data).toEqual([]);
  });

  test("says what it speaks when asked, with a page of another origin too", async () => {
    const server = await serve({ uploadBytes: 123_456 });
    const path = await begun(server, 1000);
    for (const url of ["/v1/uploads", path]) {
      const answer = await fetch(server.url + url, { method: "OPTIONS" });
      expect([answer.status, await answer.text()]).toEqual([204, ""]);
      const said = ["tus-resumable", "tus-version", "tus-extension", "tus-max-size"];
      expect(said.map((name) => answer.headers.get(name))).toEqual([
        "1.0.0",
        "1.0.0",
        "creation,creation-with-upload,termination,expiration",
        "123456",
      ]);
    }
  });

  test("takes bytes only where the last ones ended, and not more than announced", async () => {
    const server = await serve();
    const path = await begun(server, 1000);
    expect((await patch(server, path, 5, randomBytes(10))).status).toBe(409);
    expect((await patch(server, path, 0, randomBytes(1001))).status).toBe(413);
    expect(await offsetOf(server, path)).toBe(0);
    for (const other of ["/v1/uploads/x", `/v1/uploads/${"0".repeat(8)}-0000-4000-8000-${"0".repeat(12)}`]) {
      const answer = await patch(server, other, 0, randomBytes(10));
      expect([answer.status, answer.headers.get("tus-resumable")]).toEqual([404, "1.0.0"]);
    }
    const plain = await fetch(`${server.url}/v1/jobs`, { method: "POST", body: new Uint8Array(await clip) });
    const { job_id: id } = (await plain.json()) as { job_id: string };
    expect((await patch(server, `/v1/uploads/${id}`, 0, randomBytes(10))).status).toBe(409);
  });
});
