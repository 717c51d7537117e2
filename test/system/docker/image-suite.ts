import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { GIGAAM_SIZE } from "../../../src/models/synthetic/conformer.ts";
import { makeSyntheticModel, SYNTHETIC_ID } from "../../../src/models/synthetic/synthetic-model.ts";
import { docCommands } from "../../support/doc-commands.ts";
import type { Stage } from "../docker.test.ts";
import { IMAGES } from "./base-images.ts";
import { ask, beginSentence, openSession, WAV } from "./client.ts";
import { until } from "./run.ts";

const IMAGE = "gigastt:0.1.0";
const HARDENED = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"];
const PORT = 9876;
const TINY = { ...GIGAAM_SIZE, layers: 1, width: 64, heads: 4, feedForward: 128, vocabulary: 300 };

/** The build command of the documentation, offline: npm's packages come with the base image, and the daemon's network leads nowhere. */
export function buildCommand(extra = ""): string {
  const command = docCommands("docs/deploy/compose.md").find(({ text }) => text.startsWith("docker build "));
  const offline = `docker build --build-arg NODE_BUILD=${IMAGES.nodeBuild} ${extra} `;
  return command!.text.replace(/^docker build /, offline); // the page begins with it
}

export function imageSuite(stage: () => Stage): void {
  const docker = (...args: string[]): Promise<string> => stage().docker.docker(...args);
  const start = async (args: readonly string[] = [], command: readonly string[] = []): Promise<string> => {
    await docker(
      "run",
      "--detach",
      "--name",
      "one",
      "--publish",
      `${PORT}:${PORT}`,
      ...HARDENED,
      ...args,
      IMAGE,
      ...command,
    );
    return "one";
  };
  const state = (format: string): Promise<string> => docker("inspect", "--format", `{{${format}}}`, "one");
  const healthy = (): Promise<unknown> =>
    until("the container to be healthy", async () => (await state(".State.Health.Status")) === "healthy", 90_000);
  const inside = (script: string): Promise<string> => docker("exec", "one", "sh", "-c", script);

  describe("image", () => {
    afterEach(async () => {
      await stage().docker.try("rm", "--force", "--volumes", "one");
    });

    it("is built by the documented command without a network, in less than 320 MB", { timeout: 300_000 }, async () => {
      const built = await stage().docker.shell(buildCommand(), { cwd: stage().checkout });
      expect(built.code, built.output).toBe(0);
      // The context: what the ignore file lets through, not 600 MB of node_modules.
      expect(built.output).not.toMatch(/transferring context: [\d.]+GB|transferring context: \d{3}\.\d+MB/);
      const size = async (name: string): Promise<number> =>
        Number(await docker("image", "inspect", "--format", "{{.Size}}", name));
      const [all, base] = [await size(IMAGE), await size(IMAGES.node)];
      process.stdout.write(`image: ${mb(all)} with the demo model, ${mb(base)} of it Debian and Node\n`);
      expect(all).toBeLessThan(320e6);
    });

    it("holds this platform's libraries only, no compiler, no test tool, and a bill of exactly its packages", async () => {
      const script = `const fs=require("fs"),path=require("path");
        const walk=d=>fs.readdirSync(d,{withFileTypes:true}).flatMap(e=>e.isDirectory()?walk(path.join(d,e.name)):[path.join(d,e.name)]);
        const files=walk("/app");
        const packages=files.filter(f=>/node_modules\\/(@[^/]+\\/)?[^/]+\\/package\\.json$/.test(f)).map(f=>JSON.parse(fs.readFileSync(f))).filter(p=>p.name&&p.version).map(p=>p.name+"@"+p.version);
        const bill=JSON.parse(fs.readFileSync("/app/sbom.spdx.json"));
        console.log(JSON.stringify({native:files.filter(f=>/\\.(node|so|dylib|dll)(\\.\\d|$)/.test(f)),packages,spdx:bill.spdxVersion,bill:bill.packages.map(p=>p.name+"@"+p.versionInfo),models:fs.readdirSync("/app/models")}))`;
      const found = JSON.parse(await docker("run", "--rm", "--entrypoint", "node", IMAGE, "-e", script)) as {
        native: string[];
        packages: string[];
        spdx: string;
        bill: string[];
        models: string[];
      }; // written just above
      expect(found.native.length).toBeGreaterThan(1);
      for (const file of found.native)
        expect(file).toMatch(
          new RegExp(`/${process.platform}/${process.arch}/|[/-]${process.platform}-${process.arch}[-/]`),
        );
      expect(found.packages.filter((name) => /^(?:typescript|vitest|ox\w+|@types\/)/.test(name))).toEqual([]);
      expect(found.spdx).toBe("SPDX-2.3");
      expect(new Set(found.bill.filter((name) => !name.startsWith("gigastt-appliance@")))).toEqual(
        new Set(found.packages),
      );
      expect(found.models.sort()).toEqual(["demo_ru_rnnt", "registry.json"]);
    });

    it("says what it is, and only the folders of keys and jobs belong to the user it runs as", async () => {
      const [config] = JSON.parse(await docker("image", "inspect", "--format", "[{{json .Config}}]", IMAGE)) as [
        { User: string; StopSignal: string; Labels: Record<string, string>; Entrypoint: string[]; Cmd: string[] },
      ]; // Docker's own format
      expect(config).toMatchObject({ User: "10001:10001", StopSignal: "SIGTERM", Cmd: ["serve"] });
      expect(config.Labels).toMatchObject({
        "org.opencontainers.image.title": "gigastt",
        "org.opencontainers.image.licenses": "MIT",
        "org.opencontainers.image.version": "0.1.0",
      });
      const writable = "find / -xdev -user 10001 -o -xdev -type f -perm -o+w | head";
      const found = await docker("run", "--rm", "--entrypoint", "sh", IMAGE, "-c", writable);
      expect(found.trim().split("\n").sort()).toEqual([
        "/var/lib/gigastt/archive",
        "/var/lib/gigastt/jobs",
        "/var/lib/gigastt/store",
      ]);
    });

    it(
      "is healthy by its own check, as user 10001 without capabilities on a read-only root, and recognises",
      { timeout: 120_000 },
      async () => {
        await start();
        await healthy();
        expect(await inside("id -u; id -g; tr '\\0' ' ' </proc/1/cmdline")).toBe(
          "10001\n10001\nnode /app/bin/gigastt.js serve",
        );
        expect(await inside("grep -E 'Cap(Prm|Eff|Bnd)|NoNewPrivs' /proc/1/status | tr -d '\\t'")).toBe(
          "CapPrm:0000000000000000\nCapEff:0000000000000000\nCapBnd:0000000000000000\nNoNewPrivs:1",
        );
        expect((await stage().docker.try("exec", "one", "touch", "/app/x")).stderr).toContain("Read-only file system");
        const answer = await ask({ address: stage().docker.address, port: PORT }, "/v1/transcribe", WAV);
        expect([answer.status, (JSON.parse(answer.body) as { text: string }).text.length > 5]).toEqual([200, true]); // the native shape
        // The library would have complained that it cannot keep a telemetry id on a read-only root.
        expect((await stage().docker.try("logs", "one")).output).not.toMatch(/telemetry/i);
      },
    );

    it.each(["SIGTERM", "SIGINT"])(
      "as PID 1 answers %s with a drain: the final result, 1001, code 0",
      { timeout: 120_000 },
      async (signal) => {
        await start();
        await healthy();
        const session = await openSession({ address: stage().docker.address, port: PORT });
        await beginSentence(session);
        const started = Date.now();
        await docker("kill", "--signal", signal, "one");
        const final = await session.nextOf("final");
        expect(String(final["text"]).length).toBeGreaterThan(5);
        expect((await session.closed).code).toBe(1001);
        expect(await docker("wait", "one")).toBe("0");
        process.stdout.write(`image: ended ${Date.now() - started} ms after ${signal}\n`);
        expect(await state(".State.OOMKilled")).toBe("false");
      },
    );

    it("ends with a message and no stack where its model is missing", { timeout: 60_000 }, async () => {
      const ended = await stage().docker.try(
        "run",
        "--rm",
        ...HARDENED,
        "--env",
        "GIGASTT_MODEL_ID=gigaam-v3-e2e-rnnt",
        IMAGE,
      );
      expect(ended.code).not.toBe(0);
      expect(ended.output).toContain("gigaam-v3-e2e-rnnt");
      expect(ended.output).not.toMatch(/^\s+at /m);
    });

    it("takes a model from a mount, and bakes another by build argument", { timeout: 240_000 }, async () => {
      const { checkout } = stage();
      const models = join(checkout, "models");
      mkdirSync(models, { recursive: true });
      await makeSyntheticModel({ baseDir: models, pointwise: false, size: TINY });
      const env = ["--env", "GIGASTT_MODEL_DIR=/models", "--env", `GIGASTT_MODEL_ID=${SYNTHETIC_ID}`];
      await start(["--volume", `${models}:/models:ro`, ...env]);
      await healthy();
      expect((await ask({ address: stage().docker.address, port: PORT }, "/health")).body).toContain(SYNTHETIC_ID);
      await docker("rm", "--force", "one");

      const tag = "gigastt:baked";
      const command = buildCommand(`--build-arg MODEL=${SYNTHETIC_ID}`).replace(`-t ${IMAGE}`, `-t ${tag}`);
      const built = await stage().docker.shell(command, { cwd: checkout });
      expect(built.code, built.output).toBe(0);
      await docker(
        "run",
        "--detach",
        "--name",
        "one",
        "--publish",
        `${PORT}:${PORT}`,
        "--env",
        `GIGASTT_MODEL_ID=${SYNTHETIC_ID}`,
        tag,
      );
      await healthy();
      expect((await ask({ address: stage().docker.address, port: PORT }, "/health")).body).toContain(SYNTHETIC_ID);
    });

    it(
      "builds on exactly the digest it is given: another one is refused, not replaced by the tag",
      { timeout: 60_000 },
      async () => {
        const digest = `sha256:${"0".repeat(64)}`;
        const pinned = buildCommand(`--build-arg NODE_RUNTIME=${IMAGES.node}@${digest}`).replace(
          `-t ${IMAGE}`,
          "-t gigastt:pinned",
        );
        const built = await stage().docker.shell(pinned, { cwd: stage().checkout });
        expect(built.code).not.toBe(0);
        expect(built.output).toContain(digest);
      },
    );
  });
}

function mb(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
