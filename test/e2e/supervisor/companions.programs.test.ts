import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import { createServer } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCa, createServerCertificate } from "../../../src/shared/tls/pki.ts";
import { callControl } from "../../../src/supervisor/control/client.ts";
import { findTool, freePorts, FRONTS } from "../../contract/proxy/front.ts";
import type { Front } from "../../contract/proxy/front.ts";
import { childNotes, createPlace, getJson, living, runtimePid, until } from "./harness.ts";
import type { Place, Up } from "./harness.ts";

let place: Place;
let file: string;
let serverPort: number;
let httpPort: number;
let httpsPort: number;
beforeEach(async () => {
  place = createPlace();
  file = join(place.dir, "gigastt.config.yaml");
  [serverPort, httpPort, httpsPort] = (await freePorts(3)) as [number, number, number]; // asked for three
});
afterEach(() => place.cleanUp());

function proxyConfig(front: Front, port = httpPort, binary = front.binary): string {
  return `server:
  port: ${serverPort}
deploy:
  proxy:
    kind: ${front.kind}
  tls:
    mode: none
  httpPort: ${port}
  httpsPort: ${httpsPort}
supervisor:
  watchConfig: false
  proxy:
    managed: true
    binary: ${binary}
`;
}

async function start(text: string): Promise<{ up: Up; url: string }> {
  writeFileSync(file, text);
  const up = place.up({ file, without: ["server.port"] });
  return { up, url: await up.ready() };
}

function control(cmd: string): Promise<unknown> {
  return callControl({ socket: place.socket, cmd, timeoutMs: 60_000 });
}

async function proxyOf(up: Up): Promise<{ state: string; pid: number; restarts: number; reasons: string[] }> {
  const found = (await up.status()).processes.find(({ name }) => name === "proxy");
  return {
    state: found?.state ?? "none",
    pid: found?.pid ?? 0,
    restarts: found?.restarts ?? 0,
    reasons: (found?.lastRestarts ?? []).map(({ reason }) => reason),
  };
}

const readyProxy = (up: Up): Promise<number> =>
  until("the proxy", async () => {
    const { state, pid } = await proxyOf(up);
    return state === "ready" && pid > 0 ? pid : undefined;
  });

/** The reason of a skip stands in the name of its suite. */
const TITLED = FRONTS.filter(({ kind }) => kind === "caddy" || kind === "nginx").map((front) => ({
  ...front,
  title: front.binary === undefined ? `${front.name} (skipped: ${front.missing})` : front.name,
}));
const redis = findTool("redis-server");
const setpriv = findTool("setpriv");
const rightless = setpriv === undefined || process.getuid?.() !== 0 ? " (port 80 skipped: needs root and setpriv)" : "";

describe.each(TITLED)(`a managed $title${rightless}`, (front) => {
  it.skipIf(front.binary === undefined)(
    "serves through itself, comes back after SIGKILL without the runtime noticing, and is gone after a stop",
    async () => {
      const { up, url } = await start(proxyConfig(front));
      const runtime = await runtimePid(url);
      const first = await readyProxy(up);
      expect(await runtimePid(`http://127.0.0.1:${httpPort}`)).toBe(runtime);
      expect((await up.status()).service.publicUrl).toBe(`http://localhost:${httpPort}`);

      process.kill(first, "SIGKILL");
      await until("another proxy", async () => (await readyProxy(up)) !== first);
      const { restarts, reasons } = await proxyOf(up);
      expect(restarts).toBe(1);
      expect(reasons[0]).toContain("SIGKILL from outside");
      expect(await runtimePid(`http://127.0.0.1:${httpPort}`)).toBe(runtime);
      expect(readFileSync(join(place.stateDir, "logs", "supervisor.log"), "utf8")).toMatch(
        /"event":"died","process":"proxy"/,
      );

      const last = await readyProxy(up);
      up.process.kill("SIGTERM");
      expect((await up.exited).code).toBe(0);
      expect([living(last), living(runtime)]).toEqual([false, false]);
    },
  );

  it.skipIf(front.binary === undefined)(
    "goes on over a restart of the runtime, and status says that its program was replaced",
    async () => {
      const copy = join(place.dir, front.kind);
      copyFileSync(front.binary ?? "", copy);
      const { up, url } = await start(proxyConfig(front, httpPort, copy));
      const [pid, runtime] = [await readyProxy(up), await runtimePid(url)];
      const replaced = async (): Promise<string | undefined> => {
        // A reload that has nothing to do looks at such things at once.
        await control("reload");
        return (await up.status()).issues.find(({ id }) => id === "program_replaced")?.text;
      };
      expect(await replaced()).toBeUndefined();
      rmSync(copy);
      copyFileSync(front.binary ?? "", copy);
      await control("restart");
      expect(await runtimePid(`http://127.0.0.1:${httpPort}`)).not.toBe(runtime);
      expect(await readyProxy(up)).toBe(pid);
      expect(await replaced()).toContain(copy);
    },
  );

  it.skipIf(front.binary === undefined)(
    "follows a reload, and goes on with its old files when it refuses the new ones",
    async () => {
      const { up } = await start(proxyConfig(front));
      const pid = await readyProxy(up);
      const [other] = (await freePorts(1)) as [number]; // asked for one
      writeFileSync(file, proxyConfig(front, other));
      expect(await control("reload")).toMatchObject({ effect: "live" });
      expect((await getJson(`http://127.0.0.1:${other}/health`)).status).toBe(200);
      expect(await readyProxy(up)).toBe(pid);

      // The certificate does not exist: nobody but the proxy can know.
      const broken = proxyConfig(front, other).replace(
        "    mode: none",
        "    mode: files\n    certificateFile: /nonexistent/server.pem\n    privateKeyFile: /nonexistent/server.key\n  domain: stt.example.com",
      );
      writeFileSync(file, broken);
      await expect(control("reload")).rejects.toMatchObject({ code: "GST_PROXY_CONFIG" });
      expect((await getJson(`http://127.0.0.1:${other}/health`)).status).toBe(200);
      expect(await readyProxy(up)).toBe(pid);
      expect((await up.status()).issues.map(({ id }) => id)).toContain("config_changed");
    },
  );

  it.skipIf(front.binary === undefined)(
    "on a taken port ends in its own crash loop; the runtime serves on and status names the cure",
    async () => {
      const squatter = createServer((socket) => socket.destroy()).listen(httpPort, "0.0.0.0");
      await new Promise((resolve) => squatter.once("listening", resolve));
      try {
        const { up, url } = await start(`${proxyConfig(front)}  crashLimit: 2\n`);
        await until("up says why", () => up.output().includes(`the proxy cannot listen on port ${httpPort}`));
        await until("crash loop", async () => (await proxyOf(up)).state === "crash_loop");
        expect((await getJson(`${url}/health`)).status).toBe(200);
        const { overall, issues } = await up.status();
        expect(overall).toBe("degraded");
        expect(issues.map(({ id }) => id)).toEqual(expect.arrayContaining(["crash_loop", "proxy_port_taken"]));
      } finally {
        await new Promise((resolve) => squatter.close(resolve));
      }
      await control("restart");
      expect((await getJson(`http://127.0.0.1:${httpPort}/health`)).status).toBe(200);
    },
  );

  it.skipIf(front.binary === undefined)("does not outlive a killed supervisor", async () => {
    const { up, url } = await start(proxyConfig(front));
    const pids = [await readyProxy(up), await runtimePid(url)];
    up.process.kill("SIGKILL");
    await until("nothing is left", () => pids.every((pid) => !living(pid)));
  });

  it.skipIf(front.binary === undefined || rightless !== "")(
    "without the right to port 80 says so with the cure",
    async () => {
      const wrapper = join(place.dir, "proxy");
      writeFileSync(wrapper, `#!/bin/sh\nexec ${setpriv} --bounding-set -net_bind_service ${front.binary} "$@"\n`);
      chmodSync(wrapper, 0o755);
      const { up, url } = await start(proxyConfig(front, 80, wrapper));
      const issue = await until("the issue", async () =>
        (await up.status()).issues.find(({ id }) => id === "proxy_port_denied"),
      );
      expect(issue.text).toContain("may not listen on port 80");
      expect(issue.cure).toContain("setcap cap_net_bind_service=+ep");
      expect((await getJson(`${url}/health`)).status).toBe(200);
    },
  );
});

const [, , nginx] = TITLED as [Front, Front, Front & { readonly title: string }]; // there are three
describe(`a managed proxy with TLS, ${nginx.title}`, () => {
  const internal = (front: Front): string =>
    proxyConfig(front).replace("    mode: none", "    mode: internal\n  domain: stt.example.com");

  it.each(FRONTS.filter(({ kind, binary }) => kind === "caddy" && binary !== undefined))(
    "$name makes its own CA in the state folder, serves under it, and never asks for the machine's trust store",
    async (front) => {
      const { up } = await start(internal(front));
      await readyProxy(up);
      const root = join(place.stateDir, "proxy", "data", "caddy", "pki", "authorities", "local", "root.crt");
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const options = { port: httpsPort, servername: "stt.example.com", ca: readFileSync(root), path: "/health" };
        https
          .get({ host: "127.0.0.1", ...options, headers: { host: `stt.example.com:${httpsPort}` } }, (response) => {
            response.resume();
            resolve(response.statusCode);
          })
          .on("error", reject);
      });
      expect(status).toBe(200);
      expect((await up.status()).issues.map(({ id }) => id)).not.toContain("certificate_expired");
      expect(readFileSync(join(place.stateDir, "logs", "proxy.log"), "utf8")).not.toContain(
        "installing root certificate",
      );
    },
  );

  it.skipIf(nginx.binary === undefined)(
    "that wants a client certificate for everything counts as up, and takes a renewed certificate over by a reload",
    async () => {
      const tls = join(place.dir, "tls");
      mkdirSync(tls);
      const write = async (names: readonly string[]): Promise<void> => {
        const ca = await createCa("test", new Date());
        const pair = await createServerCertificate(ca, names, new Date());
        writeFileSync(join(tls, "server.pem"), pair.certificate);
        writeFileSync(join(tls, "server.key"), pair.privateKey);
        writeFileSync(join(tls, "clients-ca.pem"), ca.certificate);
      };
      await write(["stt.example.com"]);
      const { up } = await start(
        proxyConfig(nginx).replace(
          "    mode: none",
          `    mode: files\n    certificateFile: ${tls}/server.pem\n    privateKeyFile: ${tls}/server.key\n    clientCaFile: ${tls}/clients-ca.pem\n  auth:\n    kind: mtls\n  publicPaths: []\n  domain: stt.example.com`,
        ),
      );
      await readyProxy(up);
      const served = (): Promise<string> =>
        new Promise((resolve, reject) => {
          const options = {
            host: "127.0.0.1",
            port: httpsPort,
            servername: "stt.example.com",
            rejectUnauthorized: false,
          };
          const socket = connectTls(options, () => {
            resolve(socket.getPeerCertificate().subjectaltname ?? "");
            socket.destroy();
          });
          socket.on("error", reject);
        });
      expect(await served()).toBe("DNS:stt.example.com");
      await write(["stt.example.com", "new.example.com"]);
      await control("reload");
      await until("the new certificate", async () => (await served()).includes("new.example.com"));
    },
  );
});

describe("a managed proxy", () => {
  const [caddy] = FRONTS as [Front]; // there are three

  it("that is not installed leaves the runtime up and says what to install", async () => {
    const { up, url } = await start(proxyConfig(caddy, httpPort, "/nonexistent/caddy"));
    expect((await getJson(`${url}/health`)).status).toBe(200);
    expect((await up.status()).issues).toContainEqual(
      expect.objectContaining({ id: "program_missing", severity: "error" }),
    );
  });

  it.skipIf(caddy.binary === undefined)(
    "with files edited by hand keeps them, says so, and follows again once they are gone",
    async () => {
      const { up } = await start(proxyConfig(caddy));
      await readyProxy(up);
      const caddyfile = join(place.stateDir, "proxy", "caddy", "Caddyfile");
      const edited = `${readFileSync(caddyfile, "utf8")}\n# by hand\n`;
      writeFileSync(caddyfile, edited);
      writeFileSync(file, `${proxyConfig(caddy)}pool:\n  queue: 7\n`);
      await control("reload");
      expect(readFileSync(caddyfile, "utf8")).toBe(edited);
      const issue = (await up.status()).issues.find(({ id }) => id === "rendered_edited");
      expect(issue?.cure).toBe(`rm '${caddyfile}' && gigastt reload`);
      expect((await getJson(`http://127.0.0.1:${httpPort}/health`)).status).toBe(200);

      // As a person would, who copies the cure.
      execFileSync("sh", ["-c", (issue?.cure ?? "").replace("&& gigastt reload", "")]);
      await control("reload");
      expect(readFileSync(caddyfile, "utf8")).toContain((await up.status()).config.hash);
      expect((await up.status()).issues.map(({ id }) => id)).not.toContain("rendered_edited");
    },
  );

  it.skipIf(caddy.binary === undefined)("can be switched on and off by a reload", async () => {
    const { up, url } = await start(proxyConfig(caddy).replace("managed: true", "managed: false"));
    const runtime = await runtimePid(url);
    expect((await up.status()).processes.map(({ name }) => name)).toEqual(["runtime"]);
    writeFileSync(file, proxyConfig(caddy));
    await control("reload");
    expect(await runtimePid(`http://127.0.0.1:${httpPort}`)).toBe(runtime);
    writeFileSync(file, proxyConfig(caddy).replace("managed: true", "managed: false"));
    await control("reload");
    await expect(getJson(`http://127.0.0.1:${httpPort}/health`)).rejects.toThrow("fetch failed");
    expect(await runtimePid(url)).toBe(runtime);
  });
});

describe(`a managed Redis${redis === undefined ? " (skipped: redis-server is not installed)" : ""}`, () => {
  it.skipIf(redis === undefined)(
    "is there before the runtime, comes back after SIGKILL, keeps its data, and goes last",
    async () => {
      const config = `server:\n  port: ${serverPort}\nsupervisor:\n  redis:\n    managed: true\n  history: redis\n`;
      const { up, url } = await start(config);
      const runtime = await runtimePid(url);
      const find = async (): Promise<{ state: string; pid: number | undefined }> => {
        const found = (await up.status()).processes.find(({ name }) => name === "redis");
        return { state: found?.state ?? "none", pid: found?.pid };
      };
      const first = await find();
      expect(first.state).toBe("ready");
      process.kill(first.pid ?? 0, "SIGKILL");
      await until("another Redis", async () => {
        const { state, pid } = await find();
        return state === "ready" && pid !== first.pid;
      });
      expect(await runtimePid(url)).toBe(runtime);
      up.process.kill("SIGTERM");
      expect((await up.exited).code).toBe(0);
      expect(childNotes(place.stateDir)).toEqual([]);
      expect(existsSync(join(place.stateDir, "redis.sock"))).toBe(false);
      const log = readFileSync(join(place.stateDir, "logs", "redis.log"), "utf8");
      expect(log).toContain("ready to accept connections");

      await place.up({ file, without: ["server.port"] }).ready();
      const { events } = (await control("history")) as { events: { event: string; process: string | null }[] }; // by contract
      expect(events).toContainEqual(expect.objectContaining({ event: "died", process: "redis" }));
      expect(events.filter(({ event }) => event === "stopping")).toHaveLength(1);
    },
  );
});
