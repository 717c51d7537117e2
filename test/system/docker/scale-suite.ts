import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docCommands } from "../../support/doc-commands.ts";
import { depth } from "../../support/fuzz.ts";
import type { Stage } from "../docker.test.ts";
import { makeStoreImages, missingForStores } from "./base-images.ts";
import { ask, DOMAIN, WAV, type Answer, type Client } from "./client.ts";
import { buildCommand } from "./image-suite.ts";
import { caddyRoot, openProject, type Project } from "./project.ts";
import { until } from "./run.ts";

const CONFIG = `auth: { keys: required }
jobs: { enabled: true }
archive: { enabled: true }
pool: { size: 2 }
engine: { workers: 1, threads: 1 }
deploy:
  target: compose
  domain: ${DOMAIN}
  auth: { kind: server }
  proxy: { kind: caddy }
  tls: { mode: internal }
  compose: { overlays: [scale] }
`;
const KEY_COMMAND =
  "docker compose exec -T gigastt node /app/bin/gigastt.js secrets create key laptop --scopes transcribe,jobs,archive";
const PAGE = docCommands("docs/scale.md").map(({ text }) => text);
const missing = depth === "full" ? missingForStores() : "minutes of work, in .ci/long";

interface Job {
  readonly job_id: string;
  readonly status: string;
  readonly attempts: number;
}

/** The project of docs/scale.md: two workers, Valkey, S3 and PostgreSQL, while its parts are killed and replaced. */
export function scaleSuite(stage: () => Stage): void {
  describe
    .skipIf(missing !== "")
    .sequential(`compose project with workers${missing === "" ? "" : ` (skipped: ${missing})`}`, () => {
      let project: Project;
      let client: Client;
      let text: string;
      const root = (): string => join(stage().checkout, "scale");
      const workers = async (): Promise<readonly string[]> =>
        (await project.line("docker compose ps --quiet worker")).split("\n").filter((id) => id !== "");
      const send = async (recording: Buffer, name: string): Promise<string> =>
        until(`the api to take ${name}`, async () => {
          // Again after a lost answer, as a client does: the key makes it one job.
          const answer = await ask(client, "/v1/jobs", recording, { "Idempotency-Key": name }).catch(() => undefined);
          return answer?.status === 202 ? (JSON.parse(answer.body) as Job).job_id : undefined;
        });
      const get = async (path: string): Promise<Answer> =>
        until(`an answer from ${path}`, async () => {
          const answer = await ask(client, path).catch(() => undefined);
          return answer === undefined || answer.status >= 502 ? undefined : answer;
        });
      const jobs = async (): Promise<readonly Job[]> =>
        (JSON.parse((await get("/v1/jobs?limit=200")).body) as { data: readonly Job[] }).data;
      const running = async (): Promise<number> =>
        (await jobs()).filter(({ status }) => status === "processing").length;
      const resultOf = async (id: string): Promise<string> => {
        const { status, body } = await get(`/v1/jobs/${id}/result`);
        expect([id, status]).toEqual([id, 200]);
        return (JSON.parse(body) as { text: string }).text;
      };
      const ended = async (id: string): Promise<Job> =>
        until(
          `job ${id} to end`,
          async () => (await jobs()).find((job) => job.job_id === id && ["done", "failed"].includes(job.status)),
          120_000,
        );

      beforeAll(async () => {
        await makeStoreImages(stage().docker);
        const built = await stage().docker.shell(buildCommand(), { cwd: stage().checkout });
        expect(built.code, built.output).toBe(0);
        await stage().docker.docker("tag", "gigastt:0.1.0", "gigastt:next");
        mkdirSync(root(), { recursive: true });
        writeFileSync(join(root(), "gigastt.config.yaml"), CONFIG);
        project = openProject(stage(), "scale");
        await project.line("../gigastt render");
        await project.line("cd deploy/compose");
        for (const line of PAGE.filter((command) => /^(?:mkdir|openssl) /.test(command))) await project.line(line);
        await project.line("docker compose up -d --wait");
        const key = /gst_\S+/.exec(await project.line(KEY_COMMAND))![0]; // the command prints it
        client = { address: stage().docker.address, ca: await caddyRoot(project), user: `any:${key}` };
        await until("the server to know the key", async () => (await ask(client, "/v1/models")).status === 200);
      }, 480_000);
      afterAll(() => project?.remove(), 60_000);

      it("gives each store a read-only root, a user of its own, its secret alone, and no way out or in", async () => {
        for (const [service, uid, secret] of [
          ["valkey", "999", "queue/redis_password"],
          ["s3", "10004", "s3/s3_secret_key"],
          ["postgres", "999", "postgres/postgres_password"],
        ] as const) {
          expect([service, await project.inside(service, "id", "-u")]).toEqual([service, uid]);
          const write = await project.try(`docker compose exec -T ${service} sh -c 'touch /x || touch /usr/x'`);
          expect(write.stderr.match(/Read-only file system/g)).toHaveLength(2);
          expect(await project.inspect(service, "{{json .NetworkSettings.Ports}}")).not.toContain("HostPort");
          expect(await project.inside(service, "stat", "-c", "%a %u", `/run/jobs/${secret}`)).toBe(`400 ${uid}`);
          const foreign = await project.try(`docker compose exec -T ${service} cat /run/jobs/server/s3_secret_key`);
          expect(foreign.code).not.toBe(0);
        }
        expect(await project.line("docker network inspect gigastt_jobs --format '{{.Internal}}'")).toBe("true");
        const open = await project.try("docker compose exec -T valkey valkey-cli dbsize");
        expect(open.output).toContain("NOAUTH");
      });

      it(
        "loses nothing while a worker is killed, the api is replaced and workers are taken away; all results are equal",
        { timeout: 240_000 },
        async () => {
          const recording = longRecording(RECORDING_S);
          const started = Date.now();
          const first = await send(recording, "undisturbed");
          expect((await ended(first)).status).toBe("done");
          text = await resultOf(first);
          expect(text.length).toBeGreaterThan(200);
          const aloneMs = Date.now() - started;

          const ids = new Set<string>();
          for (let n = 0; n < 4; n++) ids.add(await send(recording, `before-${n}`));
          await until("two running jobs", async () => (await running()) === 2, 30_000);
          const [victim] = await workers();
          await stage().docker.docker("kill", victim!); // two are up
          ids.add(await send(recording, "worker-killed"));

          writeFileSync(
            join(root(), "gigastt.config.yaml"),
            CONFIG.replace("deploy:", `deploy:\n  images: { app: "gigastt:next" }`),
          );
          await project.line("(cd ../.. && ../gigastt render)");
          const rolling = project.line(`${page("--no-deps")} --wait`);
          ids.add(await send(recording, "api-rolling"));
          await rolling;
          expect(await project.inspect("gigastt", "{{.Config.Image}}")).toBe("gigastt:next");

          // The workers become new ones, and one of them goes.
          await project.line(page("--scale worker=1"));
          expect(await workers()).toHaveLength(1);
          ids.add(await send(recording, "scaled-down"));
          expect(ids.size).toBe(7);
          for (const id of ids) {
            expect(await ended(id)).toMatchObject({ status: "done" });
            expect([id, await resultOf(id)]).toEqual([id, text]);
          }
          expect((await jobs()).map(({ job_id }) => job_id).toSorted()).toEqual([first, ...ids].toSorted());
          // A killed run counts, a run that was handed back does not.
          expect((await jobs()).filter(({ attempts }) => attempts > 1).length).toBeLessThanOrEqual(1);
          process.stdout.write(
            `scale: one job alone ${aloneMs} ms, seven with all that ${Date.now() - started - aloneMs} ms\n`,
          );
        },
      );

      it("keeps every transcript once, in PostgreSQL, and its dump is one", { timeout: 60_000 }, async () => {
        const known = (await jobs()).map(({ job_id }) => job_id).toSorted();
        await until("the archive to have all", async () => {
          const { body } = await get("/v1/archive?limit=50");
          const seen = (JSON.parse(body) as { data: readonly { id: string }[] }).data;
          return JSON.stringify(seen.map(({ id }) => id).toSorted()) === JSON.stringify(known);
        });
        await project.line(
          page("pg_dump")
            .replace(/^.*?(docker compose exec)/, "$1")
            .replace(" exec ", " exec -T "),
        );
        expect(readFileSync(join(root(), "deploy/compose/archive.dump")).subarray(0, 5).toString()).toBe("PGDMP");
        expect(statSync(join(root(), "deploy/compose/archive.dump")).size).toBeGreaterThan(2000);
      });
    });
}

// ---

const RECORDING_S = 100;
const EVAL = fileURLToPath(new URL("../../fixtures/eval/", import.meta.url));

/** A command of the page, in a block or in a sentence. */
function page(words: string): string {
  const text = readFileSync(new URL("../../../docs/scale.md", import.meta.url), "utf8");
  const inText = [...text.matchAll(/`(docker compose [^`]+)`([^\n]* > \S+`)?/g)].map(([, command]) => command!);
  const found = [...inText, ...PAGE].find((command) => command.includes(words));
  if (found === undefined) throw new Error(`docs/scale.md has no command with ${words}`);
  return found;
}

/** Recordings of the evaluation set, one after another, of 16 kHz. */
function longRecording(lengthS: number): Buffer {
  const clips = readdirSync(EVAL)
    .filter((name) => name.endsWith(".wav"))
    .map((name) => readFileSync(join(EVAL, name)).subarray(44));
  const bytes = lengthS * 32_000;
  const parts: Buffer[] = [];
  for (let n = 0, size = 0; size < bytes; n++) {
    const clip = clips[n % clips.length]!; // there are some
    parts.push(clip);
    size += clip.length;
  }
  const sound = Buffer.concat(parts).subarray(0, bytes);
  const header = Buffer.from(WAV.subarray(0, 44));
  header.writeUInt32LE(36 + sound.length, 4);
  header.writeUInt32LE(sound.length, 40);
  return Buffer.concat([header, sound]);
}
