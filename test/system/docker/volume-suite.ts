import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeSyntheticModel, SYNTHETIC_ID } from "../../../src/models/synthetic/synthetic-model.ts";
import { docCommands } from "../../support/doc-commands.ts";
import type { Stage } from "../docker.test.ts";
import { IMAGES, NGINX_VERSION } from "./base-images.ts";
import { ask, DOMAIN, openSession, speak, type Client } from "./client.ts";
import { openProject, type Project } from "./project.ts";

const POOL = 4;
const RATE_BURST = 5;
/** Twelve MiB that are 44 s of sound: 48 kHz, 24 bit, stereo, as field recorders write. */
const LARGE_WAV = waveFile(12 * 2 ** 20);
const CONFIG = `model: { id: ${SYNTHETIC_ID} }
pool: { size: ${POOL} }
deploy:
  target: compose
  domain: ${DOMAIN}
  proxy: { kind: nginx, version: ${NGINX_VERSION} }
  tls: { mode: internal }
  auth: { kind: mtls }
  images: { nginx: "${IMAGES.nginx}", nodeBuild: "${IMAGES.nodeBuild}" }
  compose: { project: mutual, model: volume, overlays: [build] }
`;

/** nginx, client certificates, a model of GigaAM's size in a volume, the local build; then the edge box. */
export function volumeSuite(stage: () => Stage): void {
  describe.sequential("compose project with nginx, client certificates, a model volume and a local build", () => {
    let project: Project;
    let client: Client;
    let env: NodeJS.ProcessEnv;
    const folder = (): string => join(stage().checkout, "mutual");
    const pem = (name: string): string => readFileSync(join(folder(), "deploy/compose/tls", name), "utf8");
    const limits = async (): Promise<{ memory: number; cpus: number; pids: number }> => {
      const [memory, cpus, pids] = (
        await project.inspect("gigastt", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}")
      ).split(" ");
      return { memory: Number(memory), cpus: Number(cpus) / 1e9, pids: Number(pids) };
    };

    beforeAll(async () => {
      const { checkout } = stage();
      mkdirSync(folder());
      writeFileSync(join(folder(), "gigastt.config.yaml"), CONFIG);
      env = { GIGASTT_SOURCE: checkout };
      const setUp = openProject(stage(), "mutual");
      await setUp.line("../gigastt certs create");
      await setUp.line("../gigastt certs client laptop");
      await setUp.line("../gigastt render");
      project = openProject(stage(), "mutual/deploy/compose");
      client = {
        address: stage().docker.address,
        ca: pem("ca.pem"),
        cert: pem("clients/laptop.pem"),
        key: pem("clients/laptop.key"),
      };
      await makeSyntheticModel({ baseDir: join(folder(), "models"), pointwise: false });
    }, 120_000);
    afterAll(() => project?.remove(), 60_000);

    it("says which variable the local build needs", async () => {
      const refused = await project.try("docker compose config --quiet");
      expect([refused.code === 0, refused.stderr.includes("GIGASTT_SOURCE")]).toEqual([false, true]);
    });

    it(
      "builds, takes the model by the documented copy, and comes up with it readable by user 10001",
      { timeout: 300_000 },
      async () => {
        const [create, copy] = docCommands("docs/deploy/compose.md")
          .map(({ text }) => text)
          .filter((text) => /^docker compose (?:create|cp) /.test(text));
        await project.line(create!, { env });
        await project.line(copy!.replace(/ \S+ prepare:/, ` ../../models/${SYNTHETIC_ID} prepare:`), { env });
        await project.line("docker compose up -d --wait", { env });
        const [owner, mode] = (
          await project.inside("gigastt", "stat", "-c", "%u %a", `/models/${SYNTHETIC_ID}/encoder.int8.onnx`)
        ).split(" ");
        expect([owner, Number.parseInt(mode!, 8) & 0o022]).toEqual(["10001", 0]);
        expect((await project.try("docker compose exec -T gigastt touch /models/x", { env })).stderr).toContain(
          "Read-only",
        );
        expect((await ask(client, "/health")).body).toContain(SYNTHETIC_ID);
      },
    );

    it("lets in who has a certificate of the CA and nobody else", async () => {
      expect((await ask(client, "/v1/models")).status).toBe(200);
      expect((await ask({ ...client, cert: undefined, key: undefined }, "/v1/models")).status).not.toBe(200);
      expect(await project.inside("proxy", "id", "-u")).toBe("10002");
      expect(await project.inside("proxy", "stat", "-c", "%a %u", "/run/gigastt/tls/server.key")).toBe("400 10002");
      expect((await project.try("docker compose exec -T proxy touch /etc/nginx/x", { env })).stderr).toContain(
        "Read-only",
      );
    });

    it(
      "stays below its memory limit with a full pool on a model of GigaAM's size: three large files and a session, which then drains",
      { timeout: 300_000 },
      async () => {
        const files = Array.from({ length: POOL - 1 }, () => ask(client, "/v1/transcribe", LARGE_WAV));
        const session = await openSession(client);
        await speak(session);
        for (const answer of await Promise.all(files)) expect(answer.status).toBe(200);
        await speak(session);
        const stop = project.line("docker compose stop gigastt && docker compose stop", { env });
        await session.nextOf("final");
        expect((await session.closed).code).toBe(1001);
        await stop;
        expect(await project.inspect("gigastt", "{{.State.OOMKilled}} {{.State.ExitCode}}")).toBe("false 0");
      },
    );

    it(
      "counts each client by its own address, not by Docker's gateway, over IPv4 and IPv6",
      { timeout: 120_000 },
      async () => {
        appendFileSync(join(folder(), "gigastt.config.yaml"), `rateLimit: { perMinute: 1, burst: ${RATE_BURST} }\n`);
        await openProject(stage(), "mutual").line("../gigastt render");
        await project.line("docker compose up -d --wait", { env });
        const status = async (address: string): Promise<number> =>
          (await ask({ ...client, address }, "/v1/models")).status;
        for (let n = 0; n < RATE_BURST; n++) expect(await status(stage().docker.address)).toBe(200);
        expect(await status(stage().docker.address)).toBe(429);
        expect(await status(stage().docker.address6)).toBe(200);
      },
    );

    it("fits a box with two cores by its overlay", { timeout: 120_000 }, async () => {
      const before = await limits();
      const config = join(folder(), "gigastt.config.yaml");
      writeFileSync(config, readFileSync(config, "utf8").replace("overlays: [build]", "overlays: [build, edge]"));
      await openProject(stage(), "mutual").line("../gigastt render");
      await project.line("docker compose up -d --wait", { env });
      const after = await limits();
      expect(after).toMatchObject({ cpus: 2, pids: 128 });
      expect(after.memory).toBeLessThanOrEqual(before.memory);
      expect((await ask({ ...client, address: stage().docker.address6 }, "/health")).status).toBe(200);
    });
  });
}

/** Noise, so that nothing is silence to be skipped. */
function waveFile(bytes: number): Buffer {
  const file = Buffer.alloc(bytes);
  file.write("RIFF");
  file.writeUInt32LE(bytes - 8, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(2, 22);
  file.writeUInt32LE(48_000, 24);
  file.writeUInt32LE(48_000 * 6, 28);
  file.writeUInt16LE(6, 32);
  file.writeUInt16LE(24, 34);
  file.write("data", 36);
  file.writeUInt32LE(bytes - 44, 40);
  for (let at = 44; at + 3 <= bytes; at += 3) file.writeIntLE(((at * 2_654_435_761) % 2 ** 22) - 2 ** 21, at, 3);
  return file;
}
