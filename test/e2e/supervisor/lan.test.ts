import https from "node:https";
import type { TLSSocket } from "node:tls";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { lanAddresses } from "../../../src/shared/machine/host-names.ts";
import { until } from "./harness.ts";
import { createRealPlace, type RealPlace } from "./real-place.ts";

/** `server.lan` under `gigastt up`: the real runtime behind the supervisor's socket, over TLS. */
const CONFIG =
  "server:\n  port: 0\n  lan: true\n  host: 0.0.0.0\n  allowBindAny: true\nsupervisor:\n  watchConfig: false\n";
let place: RealPlace;
beforeEach(() => {
  place = createRealPlace(CONFIG);
});
afterEach(() => place.cleanUp());

/** GET that trusts the certificate authority the supervisor made, and no other. */
function get(url: string, ca: string, path: string): Promise<{ status: number; body: string; fingerprint: string }> {
  return new Promise((resolve, reject) => {
    const request = https.get(`${url}${path}`, { ca, agent: false }, (response) => {
      const { socket } = response;
      // An https response's socket is a TLS socket.
      const fingerprint = (socket as TLSSocket).getPeerCertificate().fingerprint256;
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body, fingerprint }));
    });
    request.on("error", reject);
  });
}

const ready = (output: string): string => /ready in .*?(https?:\/\/[^\s,]+)/.exec(output)?.[1] ?? output;

describe("the home network under up", () => {
  it(
    "speaks HTTPS and WSS with one certificate, through a hand-over and through a stop and a start",
    { timeout: 120_000 },
    async () => {
      const { stdout } = await place.gigastt("up", "--detach");
      const url = ready(stdout);
      expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
      const dir = join(place.stateDir, "lan");
      const ca = readFileSync(join(dir, "ca.pem"), "utf8");
      expect(statSync(join(dir, "server.key")).mode & 0o777).toBe(0o600);
      const first = await get(url, ca, "/ready");
      expect(first.status).toBe(200);
      // The page a phone opens: its origin is secure, so the browser offers the microphone.
      for (const address of lanAddresses())
        expect((await get(url.replace("127.0.0.1", address), ca, "/health")).status).toBe(200);

      const socket = new WebSocket(`${url.replace("https", "wss")}/v1/ws`, { ca, origin: url });
      const greeting = await new Promise<string>((resolve, reject) => {
        socket.once("message", (data: Buffer) => resolve(data.toString()));
        socket.once("error", reject);
      });
      expect(JSON.parse(greeting)).toMatchObject({ type: "ready" });
      socket.close();

      expect((await place.gigastt("restart")).stdout).toContain("handed over");
      // Whoever has accepted the certificate meets the same one.
      expect(await get(url, ca, "/health")).toMatchObject({ status: 200, fingerprint: first.fingerprint });
      await place.gigastt("down");
      const again = ready((await place.gigastt("up", "--detach")).stdout);
      expect(await get(again, ca, "/health")).toMatchObject({ status: 200, fingerprint: first.fingerprint });
      await place.gigastt("down");
    },
  );

  it("speaks HTTPS in a crash loop too: 503 under the same certificate", { timeout: 120_000 }, async () => {
    place.writeConfig(`${CONFIG}  crashLimit: 1\n  crashWindow: 10m\n`);
    const url = ready((await place.gigastt("up", "--detach")).stdout);
    const ca = readFileSync(join(place.stateDir, "lan", "ca.pem"), "utf8");
    const { fingerprint } = await get(url, ca, "/health");
    const pid = (await place.status()).processes[0]?.pid;
    process.kill(pid ?? Number.NaN, "SIGKILL");
    await until("crash loop", async () => (await place.status()).processes[0]?.state === "crash_loop");
    // Accepted by the kernel before the stand-in runs: it answers once it does.
    expect(await get(url, ca, "/v1/models")).toMatchObject({ status: 503, fingerprint });
    await place.gigastt("restart");
    expect(await get(url, ca, "/health")).toMatchObject({ status: 200, fingerprint });
    await place.gigastt("down");
  });
});
