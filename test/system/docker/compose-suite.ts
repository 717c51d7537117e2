import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { escapes } from "../../../src/render/text/escape.ts";
import { docCommands, type DocCommand } from "../../support/doc-commands.ts";
import type { WsClient } from "../../support/ws-client.ts";
import type { Stage } from "../docker.test.ts";
import { IMAGES } from "./base-images.ts";
import { ask, DOMAIN, beginSentence, openSession, WAV, type Client } from "./client.ts";
import { buildCommand } from "./image-suite.ts";
import { caddyRoot, openProject, type Project } from "./project.ts";
import { until } from "./run.ts";

/** The commands of the page, one by one, in the hands of a test. */
const PAGE = docCommands("docs/deploy/compose.md").map(({ text }) => text);
const page = (start: string): string => {
  const found = PAGE.find((text) => text.startsWith(start));
  if (found === undefined) throw new Error(`docs/deploy/compose.md has no command that begins with ${start}`);
  return found;
};

/** Caddy, passwords, Redis: the documentation's own example. */
export function composeSuite(stage: () => Stage): void {
  describe.sequential("compose project of the documentation: Caddy with passwords", () => {
    let project: Project;
    let client: Client;
    let password: string;
    const secrets = (name: string): string => join(stage().checkout, "deploy/compose/secrets", name);
    const drained = async (session: WsClient, stop: () => Promise<unknown>): Promise<void> => {
      await beginSentence(session);
      const started = Date.now();
      await stop();
      const final = await session.nextOf("final");
      expect(String(final["text"]).length).toBeGreaterThan(5);
      expect((await session.closed).code).toBe(1001);
      process.stdout.write(`compose: stopped in ${Date.now() - started} ms with a live session\n`);
    };

    beforeAll(async () => {
      const built = await stage().docker.shell(buildCommand(), { cwd: stage().checkout });
      expect(built.code, built.output).toBe(0);
      project = openProject(stage());
      // No Let's Encrypt without the internet: the page's own variant for a network without a public name.
      const output = await project.line(`${page("./gigastt init")} --tls internal --overlay redis`);
      password = /Password of anna \(shown only once\): (\S+)/.exec(output)![1]!; // init prints it
      await project.line(page("cd "));
    }, 240_000);
    afterAll(() => project?.remove(), 60_000);

    it(
      "refuses to start with an empty secret, names it, and starts nothing behind it",
      { timeout: 60_000 },
      async () => {
        const kept = readFileSync(secrets("users.caddy"));
        for (const spoil of [() => writeFileSync(secrets("users.caddy"), ""), () => rmSync(secrets("users.caddy"))]) {
          spoil();
          const up = await project.try(page("docker compose up"));
          expect(up.code).not.toBe(0);
          expect((await project.try("docker compose logs prepare")).output).toContain(
            "users.caddy is missing or empty",
          );
          expect(await project.line("docker compose ps --status running --services")).not.toContain("proxy");
        }
        writeFileSync(secrets("users.caddy"), kept, { mode: 0o600 });
        await project.remove();
      },
    );

    it(
      "is accepted by compose and comes up: secrets prepared, server healthy, then the proxy",
      { timeout: 120_000 },
      async () => {
        await project.line(page("docker compose config"));
        await project.line(page("docker compose up"));
        const listed = await project.line(page("docker compose ps"));
        expect(listed.match(/\(healthy\)/g)).toHaveLength(3);
        expect(await project.inspect("prepare", "{{.State.ExitCode}}")).toBe("0");
        const at = async (service: string, what: string): Promise<number> =>
          Date.parse(await project.inspect(service, `{{.State.${what}}}`));
        expect(await at("prepare", "FinishedAt")).toBeLessThan(await at("proxy", "StartedAt"));
        expect(await at("gigastt", "StartedAt")).toBeLessThan(await at("proxy", "StartedAt"));
        client = { address: stage().docker.address, ca: await caddyRoot(project), user: `anna:${password}` };
      },
    );

    it("lets the proxy reach the server, asks for a password, and publishes nothing but the proxy", async () => {
      expect((await ask({ ...client, user: "anna:wrong" }, "/v1/models")).status).toBe(401);
      const answer = await ask(client, "/v1/transcribe", WAV);
      expect([answer.status, (JSON.parse(answer.body) as { text: string }).text.length > 5]).toEqual([200, true]); // native shape
      expect((await ask({ address: client.address }, "/")).status).toBe(308);
      await expect(ask({ address: client.address, port: 9876 }, "/health")).rejects.toThrow("ECONNREFUSED");
    });

    it.each([
      ["gigastt", "10001"],
      ["proxy", "10002"],
      ["redis", "10003"],
    ])("runs %s as user %s on a read-only root, seen from inside", async (service, uid) => {
      expect(await project.inside(service, "id", "-u")).toBe(uid);
      const write = await project.try(
        `docker compose exec -T ${service} sh -c 'touch /x || touch /usr/x || touch /etc/x'`,
      );
      expect(write.code).not.toBe(0);
      expect(write.stderr.match(/Read-only file system/g)).toHaveLength(3);
      const status = await project.inside(service, "grep", "-E", "^(CapEff|CapBnd|NoNewPrivs)", "/proc/1/status");
      // Caddy's binary does not start where its file capability (ports below 1024, bit 10) is out of bounds, and gets none of it.
      const bound = service === "proxy" ? "0000000000000400" : "0000000000000000";
      expect(status.replaceAll("\t", "").split("\n")).toEqual([
        "CapEff:0000000000000000",
        `CapBnd:${bound}`,
        "NoNewPrivs:1",
      ]);
    });

    it("shows secrets to the proxy's user alone", async () => {
      expect(await project.inside("proxy", "stat", "-c", "%a %u", "/run/gigastt/secrets/users.caddy")).toBe(
        "400 10002",
      );
      expect((await project.try("docker compose exec -T gigastt ls /run/gigastt")).code).not.toBe(0);
      expect((await project.inspect("gigastt", "{{json .Mounts}}")).includes("secrets")).toBe(false);
    });

    it("gives Redis to the server only, and to nobody outside", async () => {
      const ping = `const s=require("net").connect(6379,"redis",()=>s.write("PING\\r\\n"));s.on("data",d=>{console.log(String(d).trim());s.end()});s.on("error",e=>{console.log(e.code);process.exit(1)})`;
      expect(await project.inside("gigastt", "node", "-e", ping)).toBe("+PONG");
      expect((await project.try("docker compose exec -T proxy nc -z -w 2 redis 6379")).code).not.toBe(0);
    });

    it("takes a new password by the documented steps while a session goes on", { timeout: 60_000 }, async () => {
      const session = await openSession(client);
      const next = await project.line(page("(cd ../.. && ./gigastt secrets rotate"));
      await project.line(page("docker compose run --rm prepare"));
      await project.line(page("docker compose exec proxy caddy reload"));
      const old = client;
      client = { ...client, user: `anna:${next}` };
      await until("the new password", async () => (await ask(client, "/v1/models")).status === 200);
      expect((await ask(old, "/v1/models")).status).toBe(401);
      await beginSentence(session);
      session.send({ type: "stop" });
      expect((await session.closed).code).toBe(1000);
    });

    it(
      "drains through the proxy by the documented stop: final result and 1001, both end with 0",
      { timeout: 90_000 },
      async () => {
        await drained(await openSession(client), () => project.line(page("docker compose stop gigastt")));
        for (const service of ["gigastt", "proxy"])
          expect([service, await project.inspect(service, "{{.State.ExitCode}} {{.State.OOMKilled}}")]).toEqual([
            service,
            "0 false",
          ]);
      },
    );

    it(
      "ends sessions without their final result when plain `compose stop` takes the proxy first: why the order is documented",
      { timeout: 120_000 },
      async () => {
        await project.line(page("docker compose up"));
        const session = await openSession(client);
        await beginSentence(session);
        await project.line("docker compose stop");
        await session.closed;
        expect(session.received.at(-1)?.type).not.toBe("final");
      },
    );

    it("keeps its certificate authority over `down` and `up`", { timeout: 120_000 }, async () => {
      await project.line("docker compose down");
      await project.line(page("docker compose up"));
      expect(await caddyRoot(project)).toBe(client.ca);
    });
  });

  describe("files for compose", () => {
    it("keep every value that .env may hold: dollars of a bcrypt hash, quotes, spaces, hashes, backslashes", async () => {
      const values = [
        "$2a$14$Zl3M.8sB/Ab${HOME}$$x",
        'a "quoted" # word',
        "back\\slash\\n",
        "trailing space ",
        "ключ=значение",
      ];
      const dir = stage().docker.dir;
      writeFileSync(join(dir, "values.env"), values.map((value, n) => `V${n}=${escapes.env(value)}\n`).join(""));
      const environment = values.map((_, n) => `      V${n}: "\${V${n}:?missing}"`).join("\n");
      writeFileSync(
        join(dir, "values.yaml"),
        `name: values\nservices:\n  probe:\n    image: ${IMAGES.node}\n    network_mode: none\n    environment:\n${environment}\n`,
      );
      const seen = await stage().docker.docker(
        "compose",
        "--env-file",
        join(dir, "values.env"),
        "--file",
        join(dir, "values.yaml"),
        "run",
        "--rm",
        "-T",
        "probe",
        "node",
        "-p",
        `JSON.stringify(${JSON.stringify(values.map((_, n) => `V${n}`))}.map(n=>process.env[n]))`,
      );
      expect(JSON.parse(seen)).toEqual(values);
    });

    it("have the same commands in both languages of the page", () => {
      const texts = (path: string): string[] => docCommands(path).map(({ text }: DocCommand) => text);
      expect(texts("docs/ru/deploy/compose.md")).toEqual(PAGE);
      expect(PAGE[1]).toContain(DOMAIN);
    });
  });
}
