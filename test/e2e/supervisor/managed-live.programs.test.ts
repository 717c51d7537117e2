import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { FRONTS, freePorts } from "../../contract/proxy/front.ts";
import { until } from "./harness.ts";
import { createRealPlace } from "./real-place.ts";
import type { RealPlace } from "./real-place.ts";

const clip = readFileSync(fileURLToPath(new URL("../../fixtures/eval/dev_espeak_00.wav", import.meta.url)));

let place: RealPlace | undefined;
afterEach(() => place?.cleanUp());

interface LiveSession {
  /** Messages by type so far. */
  readonly types: readonly string[];
  readonly closed: Promise<{ readonly code: number; readonly types: readonly string[] }>;
  /** Ends the speech: the final follows. */
  stop(): void;
}

/** Speaks the clip again and again until it is told to stop. */
function speak(url: string): LiveSession {
  const socket = new WebSocket(url);
  const types: string[] = [];
  let offset = 44;
  const timer = setInterval(() => {
    if (socket.readyState !== WebSocket.OPEN || !types.includes("ready")) return;
    socket.send(clip.subarray(offset, offset + 3200));
    offset = offset + 6400 > clip.length ? 44 : offset + 3200;
  }, 100);
  const closed = new Promise<{ code: number; types: readonly string[] }>((resolve) => {
    socket.on("close", (code) => {
      clearInterval(timer);
      resolve({ code, types });
    });
  });
  socket.on("error", () => {});
  socket.on("message", (data) => {
    const { type } = JSON.parse((data as Buffer).toString()) as { type: string }; // text frames by protocol
    if (type === "ready") socket.send(JSON.stringify({ type: "configure", sample_rate: 16000 }));
    types.push(type);
  });
  return {
    types,
    closed,
    stop: () => {
      clearInterval(timer);
      socket.send('{"type":"stop"}');
    },
  };
}

/** Caddy before 2.7 has no way to keep streams over a reload; only Caddy and nginx run as children. */
const FRONTS_THAT_KEEP = FRONTS.filter(
  ({ kind, name }) => (kind === "caddy" || kind === "nginx") && name !== "Caddy 2.6",
).map((front) => ({
  ...front,
  title: front.binary === undefined ? `${front.name} (skipped: ${front.missing})` : front.name,
}));

describe.each(FRONTS_THAT_KEEP)("live speech through a managed $title", (front) => {
  it.skipIf(front.binary === undefined)(
    "outlives a reload of the proxy, and gets its final and 1001 when everything stops",
    async () => {
      const [server, first, second] = (await freePorts(3)) as [number, number, number]; // asked for three
      const config = (httpPort: number): string =>
        `server:\n  port: ${server}\ndeploy:\n  proxy:\n    kind: ${front.kind}\n  tls:\n    mode: none\n  httpPort: ${httpPort}\nshutdown:\n  drain: 4s\nsupervisor:\n  watchConfig: false\n  proxy:\n    managed: true\n    binary: ${front.binary}\n`;
      place = createRealPlace(config(first));
      await place.up();
      const kept = speak(`ws://127.0.0.1:${first}/v1/ws`);
      await until("speech is recognised", () => kept.types.some((type) => type === "partial" || type === "final"));

      place.writeConfig(config(second));
      await place.gigastt("reload");
      expect((await fetch(`http://127.0.0.1:${second}/health`)).status).toBe(200);
      const before = kept.types.length;
      await until("the old session goes on", () => kept.types.length > before);
      kept.stop();
      const ended = await kept.closed;
      expect([ended.code, ended.types.at(-1)]).toEqual([1000, "final"]);

      const cut = speak(`ws://127.0.0.1:${second}/v1/ws`);
      await until("speech is recognised", () => cut.types.some((type) => type === "partial" || type === "final"));
      await place.gigastt("down");
      const drained = await cut.closed;
      expect([drained.code, drained.types.at(-1)]).toEqual([1001, "final"]);
      const here = place;
      await until("nothing is left", () => here.processes().length === 0);
      expect(readFileSync(join(place.stateDir, "logs", "supervisor.log"), "utf8")).toContain(
        '"event":"proxy_reloaded"',
      );
    },
    60_000,
  );
});
