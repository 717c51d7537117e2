import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, request as httpRequest, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { entryFile } from "../../../src/shared/process/entry.ts";
import { createCa, createServerCertificate } from "../../../src/shared/tls/pki.ts";
import { lockFolder } from "../../../src/models/lock.ts";
import { stallAfter, startFaultyServer, status } from "./faulty-server.ts";
import { isInt8, temporaryDir } from "./helpers.ts";
import { emptyInstallation, type Pulled, quick } from "./pull-helpers.ts";

const ENCODER = "tiny_encoder.int8.onnx";

describe("a proxy", () => {
  test("from http_proxy carries the download, and one in NO_PROXY does not", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    const proxy = await startProxy();
    await it.pull({ from: server.baseUrl, env: { http_proxy: proxy.url.replace("http://", "") } });
    expect(it.isClean()).toBe(true);
    expect(proxy.seen.length).toBeGreaterThan(0);
    expect(new Set(proxy.seen)).toEqual(new Set([`127.0.0.1:${server.port}`]));
    const direct = emptyInstallation();
    const other = await startFaultyServer(direct.model.content);
    const before = proxy.seen.length;
    await direct.pull({
      from: other.baseUrl,
      env: { HTTP_PROXY: proxy.url.replace("http://", ""), NO_PROXY: "127.0.0.1" },
    });
    expect(direct.isClean()).toBe(true);
    expect(proxy.seen.length).toBe(before);
  });

  test("that refuses is distinguished from a mirror that refuses", async () => {
    const it = emptyInstallation();
    const proxy = await startProxy({ refuse: true });
    const message = await it.failure({
      from: "https://models.invalid/",
      env: { HTTPS_PROXY: proxy.url.replace("//", "//me:secret@") },
    });
    expect(message).toMatch(/the proxy refused the connection to models\.invalid .*407.*Check HTTPS_PROXY/);
    expect(message).not.toContain("secret");
  });

  test("that does not answer is named in the advice", async () => {
    const it = emptyInstallation();
    const proxy = await startProxy();
    await new Promise((resolve) => proxy.server.close(resolve));
    const message = await it.failure({ from: "https://models.invalid/", env: { https_proxy: proxy.url } });
    expect(message).toContain(`Check the network and the proxy ${proxy.url}/ and run the same command again`);
  });

  test("with an address of another kind is refused", async () => {
    const it = emptyInstallation();
    const message = await it.failure({ from: "https://models.invalid/", env: { HTTPS_PROXY: "socks5://x:1" } });
    expect(message).toContain("the proxy must be like http://proxy:3128, found socks5://x:1. Correct HTTPS_PROXY");
  });
});

describe("over TLS", () => {
  test("an unknown certificate is refused with the cure", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content, { tls: await makeCertificate() });
    expect(await it.failure({ from: server.baseUrl })).toMatch(
      /the certificate of 127\.0\.0\.1:\d+ is not trusted \((DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN)\)\. If your network inspects TLS, give Node its certificate with NODE_EXTRA_CA_CERTS/,
    );
  });

  test("a redirect to plain http is refused", async () => {
    const it = emptyInstallation();
    const plain = await startFaultyServer(it.model.content);
    const tls = await makeCertificate();
    const server = await startFaultyServer(it.model.content, {
      tls,
      fallback: status(302, { location: `${plain.baseUrl}x` }),
    });
    // The trust of a process is fixed at its start, so this one needs a process of its own.
    const { stderr } = await pullInProcess(it, server.baseUrl, { NODE_EXTRA_CA_CERTS: tls.certFile }).ended;
    expect(stderr).toContain(`redirects from https to plain http (127.0.0.1:${plain.port}), which is refused`);
    expect(plain.requests).toEqual([]);
  });

  test("a trusted certificate is accepted", async () => {
    const it = emptyInstallation();
    const tls = await makeCertificate();
    const server = await startFaultyServer(it.model.content, { tls });
    const { code } = await pullInProcess(it, server.baseUrl, { NODE_EXTRA_CA_CERTS: tls.certFile }).ended;
    expect(code).toBe(0);
    expect(it.isClean()).toBe(true);
  });
});

describe("two processes", () => {
  test("at once: one downloads, the other is refused at once and says which process it is", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    server.script(ENCODER, stallAfter(1500));
    const first = pullInProcess(it, server.baseUrl);
    await until(() => existsSync(it.part(ENCODER)) && statSync(it.part(ENCODER)).size === 1500);
    expect(await it.failure({ from: server.baseUrl })).toMatch(
      new RegExp(`^process ${first.pid} on .* is writing the models in .*/tiny\\. Wait until it is finished`),
    );
    first.kill("SIGKILL");
    await first.ended;
    expect(existsSync(join(it.dir, ".gigastt-pull.lock"))).toBe(true);
    // The killed one left its lock and its part: the lock is taken over, the part is resumed.
    await it.pull({ from: server.baseUrl });
    expect(server.requestsFor(ENCODER).at(-1)).toMatchObject({ range: "bytes=1500-" });
    expect(it.isClean()).toBe(true);
  });

  test("that find the lock of a dead one at the same time do not both take it", async () => {
    const it = emptyInstallation();
    const server = await startFaultyServer(it.model.content);
    await it.pull({ from: server.baseUrl });
    for (const name of [...it.model.content.keys()].filter(isInt8)) rmSync(join(it.dir, name));
    const stale = JSON.stringify({ ...deadHolder(), space: currentSpace() });
    writeFileSync(join(it.dir, ".gigastt-pull.lock"), stale);
    const results = await Promise.all(
      Array.from({ length: 8 }, () =>
        lockFolder(it.dir).then(
          (lock) => ({ lock }),
          (error: unknown) => ({ error }),
        ),
      ),
    );
    expect(results.filter((result) => "lock" in result)).toHaveLength(1);
    for (const result of results) if ("lock" in result) await result.lock.release();
    expect(existsSync(join(it.dir, ".gigastt-pull.lock"))).toBe(false);
  });
});

describe("a lock", () => {
  test("of a pid that now belongs to another process is taken over", async () => {
    const dir = temporaryDir();
    writeFileSync(
      join(dir, ".gigastt-pull.lock"),
      JSON.stringify({ pid: process.pid, birth: "before the reboot", space: currentSpace() }),
    );
    await (await lockFolder(dir)).release();
  });

  test("of another machine or container is respected while it is fresh", async () => {
    const dir = temporaryDir();
    writeFileSync(join(dir, ".gigastt-pull.lock"), JSON.stringify({ pid: 1, birth: "x", space: "elsewhere pid:[1]" }));
    await expect(lockFolder(dir)).rejects.toThrow("process 1 on elsewhere is writing the models");
  });

  test("of another machine without a heartbeat for a minute is taken over", async () => {
    const dir = temporaryDir();
    const path = join(dir, ".gigastt-pull.lock");
    writeFileSync(path, JSON.stringify({ pid: 1, birth: "x", space: "elsewhere pid:[1]" }));
    setAge(path, 120);
    await (await lockFolder(dir)).release();
  });

  test.each([
    ["nothing", ""],
    ["half a JSON text", '{"pid":'],
    ["numbers of a wrong kind", '{"pid":-1,"birth":5,"space":null}'],
  ])("that holds %s is respected for ten seconds, then taken over", async (_what, garbage) => {
    const dir = temporaryDir();
    const path = join(dir, ".gigastt-pull.lock");
    writeFileSync(path, garbage);
    await expect(lockFolder(dir)).rejects.toThrow("another process is writing the models");
    setAge(path, 20);
    await (await lockFolder(dir)).release();
  });

  test("that was taken over is not removed by its former holder", async () => {
    const dir = temporaryDir();
    const path = join(dir, ".gigastt-pull.lock");
    const lock = await lockFolder(dir);
    writeFileSync(path, "somebody else");
    await lock.release();
    expect(readFileSync(path, "utf8")).toBe("somebody else");
  });
});

// ---

/** The compiled pull in a process of its own. */
function pullInProcess(
  it: Pulled,
  from: string,
  env: Record<string, string> = {},
): { pid: number; kill(signal: NodeJS.Signals): void; ended: Promise<{ code: number | null; stderr: string }> } {
  const options = {
    entry: it.model.entry,
    precision: "int8",
    baseDir: it.baseDir,
    from,
    cwd: "/",
    offline: false,
    env: {},
    tuning: quick,
  };
  const script = `
    import { pullModel } from ${JSON.stringify(entryFile("models/pull").href)};
    const signal = new AbortController().signal;
    await pullModel({ ...${JSON.stringify(options)}, signal, onEvent: () => {} }).catch((error) => {
      process.stderr.write(error.message);
      process.exitCode = 1;
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, stderr })),
  );
  return { pid: child.pid ?? 0, kill: (signal) => void child.kill(signal), ended };
}

/** A forward proxy: CONNECT and absolute addresses. */
async function startProxy(
  options: { refuse?: boolean } = {},
): Promise<{ url: string; seen: string[]; server: Server }> {
  const seen: string[] = [];
  const server = createHttpServer((req, res) => {
    const target = new URL(req.url ?? "");
    seen.push(target.host);
    req.pipe(
      httpRequest(target, { headers: req.headers }, (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(res);
      }),
    );
  });
  server.on("connect", (req, socket) => {
    if (options.refuse)
      return void socket.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    seen.push(req.url ?? "");
    const [host, port] = (req.url ?? "").split(":");
    const upstream = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(socket).pipe(upstream);
    });
    for (const side of [upstream, socket]) {
      side.on("error", () => {
        upstream.destroy();
        socket.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, server }; // listening on TCP
}

async function makeCertificate(): Promise<{ key: string; cert: string; certFile: string }> {
  const now = new Date();
  const ca = await createCa("test", now);
  const { certificate, privateKey } = await createServerCertificate(ca, ["127.0.0.1"], now);
  const certFile = join(temporaryDir(), "ca.pem");
  writeFileSync(certFile, ca.certificate);
  return { key: privateKey, cert: certificate + ca.certificate, certFile };
}

/** Makes a file look as if it was last written so long ago. */
function setAge(path: string, seconds: number): void {
  const at = Date.now() / 1000 - seconds;
  utimesSync(path, at, at);
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error("it did not happen within 20 s");
    await sleep(10);
  }
}

/** A process that has just ended. */
function deadHolder(): { pid: number; birth: string } {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  return { pid, birth: "gone" };
}

/** The host and PID namespace of this process, as a lock of it says. */
function currentSpace(): string {
  const dir = temporaryDir();
  const script = `
    import { lockFolder } from ${JSON.stringify(entryFile("models/lock").href)};
    await lockFolder(${JSON.stringify(dir)});
    process.kill(process.pid, "SIGKILL");`;
  spawnSync(process.execPath, ["--input-type=module", "-e", script]);
  const holder: { space: string } = JSON.parse(readFileSync(join(dir, ".gigastt-pull.lock"), "utf8"));
  return holder.space;
}
