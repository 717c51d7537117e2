import { chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Stage } from "../docker.test.ts";
import { IMAGES } from "./base-images.ts";
import { WAV } from "./client.ts";
import { buildCommand } from "./image-suite.ts";
import { openProject, type Project } from "./project.ts";
import { must } from "./run.ts";

const PORT = 9876;
const CONFIG = `auth: { keys: required }
jobs: { enabled: true }
deploy:
  auth: { kind: server }
  store: { repository: "https://git.example.com/anna/store", files: "https://git.example.com/anna/store/raw/main" }
`;
/** What umbrelOS adds to a package: its own proxy container and the folder of the app. */
const UMBREL_PART = `services: { app_proxy: { image: "${IMAGES.node}", entrypoint: [node, -e, "setTimeout(()=>{},1e9)"] } }\n`;
const CREATE_KEY = ["node", "/app/bin/gigastt.js", "secrets", "create", "key", "laptop"];

/** The entries of the stores: every compose part read by Compose, three of them run as their store runs them. */
export function storeSuite(stage: () => Stage): void {
  describe.sequential("entries for the stores of home servers", () => {
    const folder = (): string => join(stage().checkout, "home");
    const file = (name: string): string => readFileSync(join(folder(), "deploy", name), "utf8");
    let project: Project | undefined;

    beforeAll(async () => {
      const built = await stage().docker.shell(buildCommand(), { cwd: stage().checkout });
      expect(built.code, built.output).toBe(0);
      mkdirSync(folder());
      writeFileSync(join(folder(), "gigastt.config.yaml"), CONFIG);
      await openProject(stage(), "home").line("../gigastt render casaos umbrel unraid truenas portainer");
      writeFileSync(join(folder(), "deploy/umbrel/gigastt/umbrel-part.yml"), UMBREL_PART);
    }, 240_000);
    afterAll(() => project?.remove(), 60_000);

    it("are accepted by Compose without a warning", async () => {
      for (const [place, files] of [
        ["casaos/Apps/gigastt", "-f docker-compose.yml"],
        ["portainer", "-f docker-compose.yml"],
        ["umbrel/gigastt", "-f docker-compose.yml -f umbrel-part.yml"],
      ]) {
        const config = await openProject(stage(), `home/deploy/${place}`).try(
          `docker compose ${files} config --quiet`,
          {
            env: { APP_DATA_DIR: "/tmp/app" },
          },
        );
        expect([config.code, config.output], place).toEqual([0, ""]);
      }
    });

    it(
      "for CasaOS and Portainer: comes up, asks for a key, knows the key after an update",
      { timeout: 120_000 },
      async () => {
        for (const place of ["casaos/Apps/gigastt", "portainer"]) {
          project = openProject(stage(), `home/deploy/${place}`);
          await project.line("docker compose up -d --wait");
          const key = keyIn(await project.inside("gigastt", ...CREATE_KEY));
          expect(await transcribe(stage().docker.address, undefined)).toMatchObject({ status: 401 });
          // A new key is known within a second.
          await expect
            .poll(async () => (await transcribe(stage().docker.address, key)).status, { timeout: 30_000 })
            .toBe(200);
          const heard = await transcribe(stage().docker.address, key);
          expect(heard.text.length).toBeGreaterThan(10);
          // The store's update: a new container over the same volumes.
          await project.line("docker compose up -d --wait --force-recreate");
          expect(await transcribe(stage().docker.address, key)).toEqual(heard);
          await project.remove();
        }
      },
    );

    it("for Umbrel: runs as the owner of the app's folders", { timeout: 90_000 }, async () => {
      const data = join(folder(), "umbrel-data");
      for (const name of readdirSync(join(folder(), "deploy/umbrel/gigastt/data"))) {
        mkdirSync(join(data, "data", name), { recursive: true });
        chownSync(join(data, "data", name), 1000, 1000);
      }
      project = openProject(stage(), "home/deploy/umbrel/gigastt");
      const files = "-p gigastt -f docker-compose.yml -f umbrel-part.yml";
      await project.line(`docker compose ${files} up -d --wait server app_proxy`, { env: { APP_DATA_DIR: data } });
      const key = keyIn(await stage().docker.docker("exec", "gigastt-server-1", ...CREATE_KEY));
      const script = `fetch("http://server:${PORT}/v1/models",{headers:{authorization:"Bearer ${key}"}}).then(r=>console.log(r.status))`;
      const status = async (): Promise<string> =>
        (await stage().docker.docker("exec", "gigastt-app_proxy-1", "node", "-e", script)).trim();
      await expect.poll(status, { timeout: 30_000 }).toBe("200");
      await project.line(`docker compose ${files} down --volumes --timeout 5`, { env: { APP_DATA_DIR: data } });
    });

    it("for Unraid: the template's options start a healthy server", { timeout: 90_000 }, async () => {
      const template = file("unraid/gigastt.xml");
      const extra = /<ExtraParams>(.*)<\/ExtraParams>/.exec(template)![1]!; // rendered above
      const settings = [...template.matchAll(/Target="([^"]*)".*Type="(\w+)".*>([^<]*)<\/Config>/g)];
      const options = settings.map(([, target, type, value]) => {
        const text = value!.replaceAll("&quot;", '"').replace("/mnt/user/appdata", folder());
        if (type === "Port") return `-p ${text}:${target}`;
        if (type === "Variable") return `-e '${target}=${text}'`;
        mkdirSync(text, { recursive: true });
        chownSync(text, 99, 100); // Unraid makes the folder for nobody:users
        return `-v ${text}:${target}`;
      });
      const { docker } = stage();
      await must("chmod", ["-R", "o+x", folder()]);
      const ran = await docker.shell(`docker run -d --name unraid ${extra} ${options.join(" ")} gigastt:0.1.0`);
      expect(ran.code, ran.output).toBe(0);
      const key = keyIn(await docker.docker("exec", "unraid", ...CREATE_KEY));
      await expect.poll(async () => (await transcribe(docker.address, key)).status, { timeout: 60_000 }).toBe(200);
      await docker.docker("rm", "--force", "--volumes", "unraid");
    });

    it("for TrueNAS: the template's variables are those of the other stores", () => {
      const values = parse(file("truenas/gigastt/ix_values.yaml")) as {
        consts: { environment: { name: string; value: string }[] };
      }; // rendered above
      const stack = parse(file("portainer/docker-compose.yml")) as {
        services: { gigastt: { environment: Record<string, string> } };
      }; // same
      const pairs = values.consts.environment.map(({ name, value }) => [name, value]);
      expect(Object.fromEntries(pairs)).toEqual(stack.services.gigastt.environment);
    });
  });
}

// ---

function keyIn(output: string): string {
  const key = /gst_\S+/.exec(output)?.[0] ?? /: (\S{20,})/.exec(output)?.[1];
  if (key === undefined) throw new Error(`no key in: ${output}`);
  return key;
}

async function transcribe(address: string, key: string | undefined): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://${address}:${PORT}/v1/transcribe`, {
    method: "POST",
    headers: { "content-type": "audio/wav", ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
    body: new Uint8Array(WAV),
  }).catch(() => undefined);
  if (response === undefined) return { status: 0, text: "" };
  const body = (await response.json()) as { text?: string }; // the server's own answer
  return { status: response.status, text: body.text ?? "" };
}
