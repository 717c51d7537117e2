import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docCommands } from "../../support/doc-commands.ts";
import type { Stage } from "../docker.test.ts";
import { ask, DOMAIN, WAV, type Answer, type Client } from "./client.ts";
import { buildCommand } from "./image-suite.ts";
import { caddyRoot, openProject, type Project } from "./project.ts";
import { until } from "./run.ts";

const CONFIG = `auth: { keys: required }
jobs: { enabled: true }
deploy:
  target: compose
  domain: ${DOMAIN}
  auth: { kind: server }
  proxy: { kind: caddy }
  tls: { mode: internal }
`;
const KEY_COMMAND =
  "docker compose exec -T gigastt node /app/bin/gigastt.js secrets create key laptop --scopes transcribe,live,jobs";
const PAGE = docCommands("docs/deploy/compose.md").map(({ text }) => text);
/** A command of the page that holds these words; the checkout of the page is the folder above this test's. */
const page = (words: string): string => {
  const found = PAGE.find((text) => text.includes(words));
  if (found === undefined) throw new Error(`docs/deploy/compose.md has no command with ${words}`);
  return found.replaceAll("./gigastt", "../gigastt");
};
const PASSPHRASE = { env: { GIGASTT_PASSPHRASE: "correct horse battery" } };

/** The project after its first day: broken, backed up, wiped, restored, upgraded, taken back, removed. */
export function dayTwoSuite(stage: () => Stage): void {
  describe.sequential("compose project on day two", () => {
    let project: Project;
    let key: string;
    let job: string;
    let result: string;
    const root = (): string => join(stage().checkout, "day-two");
    const configFile = (): string => join(root(), "gigastt.config.yaml");
    const client = async (): Promise<Client> => ({
      address: stage().docker.address,
      ca: await caddyRoot(project),
      user: `any:${key}`,
    });
    const models = async (): Promise<number> => (await ask(await client(), "/v1/models")).status;
    const resultOfJob = async (): Promise<Answer> => ask(await client(), `/v1/jobs/${job}/result`);
    const updated = async (): Promise<void> => {
      await project.line("(cd ../.. && ../gigastt render)");
      await project.line(page("docker compose stop gigastt &&"));
      await project.line("docker compose up -d --wait");
    };

    beforeAll(async () => {
      const built = await stage().docker.shell(buildCommand(), { cwd: stage().checkout });
      expect(built.code, built.output).toBe(0);
      mkdirSync(root());
      writeFileSync(configFile(), CONFIG);
      project = openProject(stage(), "day-two");
      await project.line("../gigastt render");
      await project.line("cd deploy/compose");
      await project.line("docker compose up -d --wait");
      key = /gst_\S+/.exec(await project.line(KEY_COMMAND))![0]; // the command prints it
      await until("the server to know the key", async () => ((await models()) === 200 ? true : undefined));
      const { status, body } = await ask(await client(), "/v1/jobs", WAV);
      expect([status, body]).toEqual([202, expect.stringContaining("job_id")]);
      job = (JSON.parse(body) as { job_id: string }).job_id; // just seen
      result = await until("the job's result", async () => {
        const answer = await resultOfJob();
        return answer.status === 200 ? answer.body : undefined;
      });
    }, 240_000);
    afterAll(() => project?.remove(), 60_000);

    it("goes on when its configuration is broken: render refuses and changes nothing", async () => {
      writeFileSync(configFile(), `${CONFIG}pool: { size: banana }\n`);
      const before = readFileSync(join(root(), "deploy/compose/gigastt.config.yaml"), "utf8");
      const refused = await project.try("(cd ../.. && ../gigastt render)");
      expect([refused.code, refused.output]).toEqual([2, expect.stringContaining("pool.size")]);
      expect(readFileSync(join(root(), "deploy/compose/gigastt.config.yaml"), "utf8")).toBe(before);
      expect(await models()).toBe(200);
      writeFileSync(configFile(), CONFIG);
    });

    it("is backed up while it serves, wiped, and restored with its key and its job", { timeout: 180_000 }, async () => {
      const site = await project.try(page("gigastt backup site.age"), PASSPHRASE);
      expect([site.code, site.output]).toEqual([0, expect.stringContaining("Not in this file: API keys, jobs")]);
      await project.line(page("backup - >"), PASSPHRASE);
      expect(readFileSync(join(root(), "data.age"), "latin1")).toMatch(/^age-encryption\.org\/v1\n/);

      await project.line("docker compose down --volumes");
      for (const name of ["deploy", "gigastt.config.yaml"]) rmSync(join(root(), name), { recursive: true });
      mkdirSync(join(root(), "deploy/compose"), { recursive: true });

      await project.line(page("gigastt restore"), PASSPHRASE);
      await project.line(page("restore --yes --data-only"), PASSPHRASE);
      await project.line("docker compose up -d --wait");
      expect(await models()).toBe(200);
      expect((await resultOfJob()).body).toBe(result);
    });

    it("keeps what a second restore replaces, and refuses a file that is no backup", { timeout: 120_000 }, async () => {
      await project.line("docker compose stop gigastt");
      const again = await project.line(page("restore --yes --data-only"), PASSPHRASE);
      expect(again).toMatch(/what was there before: \/var\/lib\/gigastt\/store\/before-restore-/);
      const line = page("restore --yes --data-only").replace("../../data.age", "compose.yaml");
      const refused = await project.try(line, PASSPHRASE);
      expect([refused.code, refused.output]).toEqual([1, expect.stringContaining("not a gigastt backup")]);
      await project.line("docker compose up -d --wait");
      expect((await resultOfJob()).body).toBe(result);
    });

    it("is upgraded to another image, and taken back, with all it holds", { timeout: 180_000 }, async () => {
      await stage().docker.docker("tag", "gigastt:0.1.0", "gigastt:next");
      for (const image of ["gigastt:next", "gigastt:0.1.0"]) {
        writeFileSync(configFile(), CONFIG.replace("deploy:", `deploy:\n  images: { app: "${image}" }`));
        await updated();
        expect(await project.inspect("gigastt", "{{.Config.Image}}")).toBe(image);
        expect(await models()).toBe(200);
        expect((await resultOfJob()).body).toBe(result);
      }
    });

    it("is removed without a rest", { timeout: 60_000 }, async () => {
      await project.line("docker compose down --volumes");
      const left = await Promise.all([
        stage().docker.docker("ps", "--all", "--quiet", "--filter", "label=com.docker.compose.project=gigastt"),
        stage().docker.docker("volume", "ls", "--quiet", "--filter", "label=com.docker.compose.project=gigastt"),
        stage().docker.docker("network", "ls", "--quiet", "--filter", "label=com.docker.compose.project=gigastt"),
      ]);
      expect(left.map((text) => text.trim())).toEqual(["", "", ""]);
    });
  });
}
