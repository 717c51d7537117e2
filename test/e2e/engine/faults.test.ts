import { readFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { connect } from "../../support/ws-client.ts";
import type { WsClient } from "../../support/ws-client.ts";
import { temporaryDir } from "../../unit/models/helpers.ts";
import { evalClips, startServe, stopAll } from "../runtime/harness.ts";
import type { Served } from "../runtime/harness.ts";
import { createRealPlace } from "../supervisor/real-place.ts";
import { makeLocalModel } from "./local-model.ts";
import type { LocalModel } from "./local-model.ts";
import { createMemoryLimit, memoryLimitProblem } from "../../support/memory-limit.ts";

afterEach(stopAll);

const [clip] = evalClips(1) as [ReturnType<typeof evalClips>[number]];
const post = (url: string): Promise<Response> =>
  fetch(`${url}/v1/transcribe`, { method: "POST", body: new Uint8Array(clip.wav) });
const openSession = async (url: string): Promise<WsClient> => {
  const client = await connect(`${url.replace("http", "ws")}/v1/ws`);
  await client.nextOf("ready");
  client.send({ type: "configure", sample_rate: 16_000 });
  return client;
};
const finalOf = async (client: WsClient): Promise<unknown> => {
  client.send({ type: "stop" });
  expect((await client.closed).code).toBe(1000);
  const finals = client.received.filter(({ type, text }) => type === "final" && text !== "");
  return finals.map(({ text }) => text).join(" ");
};
const expectFreePool = (url: string): Promise<void> =>
  expect
    .poll(async () => (await fetch(`${url}/ready`)).json(), { timeout: 20_000 })
    .toMatchObject({ status: "ready", pool_available: 4 });

describe("a model file that is damaged under a running server", () => {
  const damages: [string, (path: string) => void][] = [
    ["truncated in place", (path) => truncateSync(path, 1000)],
    ["overwritten in place", (path) => writeFileSync(path, readFileSync(path).fill(7, 5000, 50_000))],
    [
      "replaced by renaming",
      (path) => {
        writeFileSync(`${path}.new`, "another model");
        renameSync(`${path}.new`, path);
      },
    ],
  ];
  it.each(damages)("%s: open and new sessions and files keep their words, no slot is lost", async (_, damage) => {
    const { served, model } = await serveLocal("");
    const session = await openSession(served.url);
    session.audio(clip.pcm.subarray(0, clip.pcm.length >> 1));
    damage(model.encoder);
    session.audio(clip.pcm.subarray(clip.pcm.length >> 1));
    expect(await finalOf(session)).toBe(clip.text);
    expect(await (await post(served.url)).json()).toMatchObject({ text: clip.text });
    await expectFreePool(served.url);
  });

  it("while it is unloaded: refused with a code and a plain sentence, ready says so, and it loads again once the files are right", async () => {
    const { served, model } = await serveLocal("model: { idleUnload: 1s }");
    await expect.poll(() => logged(served, "model_unloaded"), { timeout: 20_000 }).toBe(true);
    writeFileSync(model.encoder, readFileSync(model.encoder).fill(7, 5000, 50_000));
    expect((await post(served.url)).status).toBe(503);
    await expect.poll(() => logged(served, "model_reload_failed"), { timeout: 20_000 }).toBe(true);
    const reason = served.lines.find(({ event }) => event === "model_reload_failed")?.["reason"];
    expect(reason).toMatch(/encoder\.int8\.onnx must have SHA-256 \w+, found \w+\./);
    const refused = await post(served.url);
    expect([refused.status, refused.headers.has("retry-after")]).toEqual([503, true]);
    expect(await refused.json()).toMatchObject({
      code: "initializing",
      error: "the model could not be loaded; the server's log says why",
    });
    expect((await fetch(`${served.url}/ready`)).status).toBe(503);
    expect((await fetch(`${served.url}/health`)).status).toBe(200);

    model.restore();
    await expect.poll(async () => (await post(served.url)).status, { timeout: 30_000, interval: 500 }).toBe(200);
    await expectFreePool(served.url);
  });
});

const problem = memoryLimitProblem();
describe(`the kernel kills the runtime for its memory${problem === undefined ? "" : ` (skipped: ${problem})`}`, () => {
  it.skipIf(problem !== undefined)(
    "sessions and requests end at once, the supervisor starts another, clients that come back get their words",
    async () => {
      const place = createRealPlace("server: { port: 0 }\nsupervisor: { watchConfig: false }\n");
      const limit = createMemoryLimit();
      try {
        const url = await place.up();
        const session = await openSession(url);
        session.audio(clip.pcm);
        const { processes } = await place.status();
        limit.holdTo(processes[0]?.pid ?? 0, 24 * 2 ** 20);
        // Bodies are held in memory until they are complete.
        const bodies = Array.from({ length: 4 }, () =>
          fetch(`${url}/v1/transcribe`, { method: "POST", body: new Uint8Array(40e6) }).then(
            () => "answered",
            () => "cut",
          ),
        );
        expect((await session.closed).code).toBe(1006);
        expect(limit.kills()).toBeGreaterThanOrEqual(1);
        expect(await Promise.all(bodies)).toContain("cut");
        await place.readyAfter(1);
        const again = await openSession(url);
        again.audio(clip.pcm);
        expect(await finalOf(again)).toBe(clip.text);
        expect(await (await post(url)).json()).toMatchObject({ text: clip.text });
        await expectFreePool(url);
      } finally {
        await place.cleanUp();
        await limit.remove();
      }
    },
    120_000,
  );
});

async function serveLocal(yaml: string): Promise<{ served: Served; model: LocalModel }> {
  const model = await makeLocalModel(join(temporaryDir(), "models"));
  const own = yaml.replace("model: {", `model: { id: mine, dir: ${model.dir},`);
  const config = yaml === "" ? `model: { id: mine, dir: ${model.dir} }` : own;
  return { served: await startServe(config), model };
}

function logged(served: Served, event: string): boolean {
  return served.lines.some((line) => line["event"] === event);
}
