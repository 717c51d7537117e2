import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { callControl } from "../../../src/supervisor/control/client.ts";
import { findTool, freePorts } from "../../contract/proxy/front.ts";
import { createPlace } from "./harness.ts";
import type { Place, Up } from "./harness.ts";

let place: Place;
let file: string;
beforeEach(() => {
  place = createPlace();
  file = join(place.dir, "gigastt.config.yaml");
});
afterEach(() => place.cleanUp());

const CADDY = `deploy:
  proxy:
    kind: caddy
  tls:
    mode: none
  httpPort: 8080
supervisor:
  watchConfig: false
`;

async function start(text: string): Promise<Up> {
  writeFileSync(file, text);
  const up = place.up({ file });
  await up.ready();
  return up;
}

function control(cmd: string): Promise<unknown> {
  return callControl({ socket: place.socket, cmd, timeoutMs: 60_000 });
}

const caddy = findTool("caddy-2.11") ?? findTool("caddy");
describe(`the files of a managed proxy${caddy === undefined ? " (skipped: caddy is not installed)" : ""}`, () => {
  it.skipIf(caddy === undefined)(
    "are planned beforehand and come back with a rollback, and the proxy with them",
    async () => {
      const [first, second] = (await freePorts(2)) as [number, number]; // asked for two
      const text = `${CADDY}  proxy:\n    managed: true\n    binary: ${caddy}\n`;
      await start(text.replace("8080", String(first)));
      const path = join(place.stateDir, "proxy", "caddy", "Caddyfile");
      const before = readFileSync(path, "utf8");
      writeFileSync(file, text.replace("8080", String(second)));
      expect(await control("plan")).toMatchObject({ proxy: "reload" });
      await control("reload");
      expect((await fetch(`http://127.0.0.1:${second}/health`)).status).toBe(200);
      expect(await control("rollback")).toMatchObject({ effect: "live" });
      expect((await fetch(`http://127.0.0.1:${first}/health`)).status).toBe(200);
      expect(readFileSync(path, "utf8")).toBe(before);
    },
  );
});
