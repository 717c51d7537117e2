import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRealPlace, type RealPlace } from "../../e2e/supervisor/real-place.ts";
import { openSession } from "./cases.ts";
import { DIRECT, FRONTS, startFront, type RunningFront } from "./front.ts";
import { askFront } from "./http-client.ts";

const present = [DIRECT, ...FRONTS].filter(({ missing }) => missing === undefined);
const missing = FRONTS.flatMap((front) => (front.missing === undefined ? [] : `, ${front.name}: ${front.missing}`));

describe(`gigastt restart behind every proxy${missing.join("")}`, () => {
  let place: RealPlace;
  const running = new Map<string, RunningFront>();
  beforeAll(async () => {
    place = createRealPlace(
      "server:\n  port: 0\n  trustedProxies: [127.0.0.1/32]\ndeploy:\n  domain: stt.example.com\npool:\n  size: 8\nshutdown:\n  drain: 3s\nsupervisor:\n  watchConfig: false\n",
    );
    const port = Number(new URL(await place.up()).port);
    for (const front of present) running.set(front.name, await startFront(front, port));
  }, 120_000);
  afterAll(async () => {
    await Promise.all([...running.values()].map((front) => front.stop()));
    await place?.cleanUp();
  }, 120_000);

  it("every request is answered; a live session goes on for the drain, then gets its final and 1001", async () => {
    const sessions = await Promise.all(
      [...running].map(async ([name, front]) => {
        const client = await openSession(front).catch((error: Error) => {
          throw new Error(`${name}: ${error.message}\n${front.log()}`);
        });
        await client.nextOf("ready");
        client.audio(new Uint8Array(96_000));
        return { name, client };
      }),
    );
    const restart = { over: false };
    const restarted = place.control("restart").finally(() => (restart.over = true));
    const answers = await Promise.all(
      [...running].map(async ([name, front]) => {
        const statuses = new Set<number | string>();
        while (!restart.over) {
          const answer = await askFront(front, "/v1/models").catch((error: Error) => error);
          statuses.add("status" in answer ? answer.status : answer.message);
        }
        return [name, [...statuses]] as const;
      }),
    );
    expect(await restarted).toMatchObject({ mode: "handover" });
    expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(present.map(({ name }) => [name, [200]])));
    for (const { name, client } of sessions) {
      await client.nextOf("final");
      expect({ name, ...(await client.closed) }).toMatchObject({ name, code: 1001 });
    }
  }, 120_000);
});
