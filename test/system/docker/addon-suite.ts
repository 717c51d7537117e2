import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Stage } from "../docker.test.ts";
import { until } from "./run.ts";

const IMAGE = "gigastt:0.1.0";
const ADDON = "gigastt-home-assistant";
const HOST = "a0d7b954-gigastt";
const NAMES = ["supervisor", "addon", "neighbour"];

/** Home Assistant's supervisor as the add-on sees it: takes the discovery message, and passes requests of signed-in users on. */
const SUPERVISOR = `
  const seen = [];
  require("node:http").createServer((req, res) => {
    if (req.url === "/seen") return res.end(JSON.stringify(seen));
    let body = "";
    req.on("data", (part) => (body += part)).on("end", () => {
      seen.push({ path: req.url, token: req.headers.authorization, body: JSON.parse(body) });
      // As when Home Assistant itself is still starting.
      res.statusCode = seen.length === 1 ? 503 : 200;
      res.end("{}");
    });
  }).listen(80);`;

/** Asks for a page by a name that is not the server's own, as Home Assistant passes on what its users ask. */
const ASK = `
  const headers = { host: "home.example.org:8123", "x-ingress-path": "/api/hassio_ingress/token" };
  require("node:http").get({ host: "${HOST}", port: 9876, path: process.argv[1], headers }, (res) => {
    res.resume().on("end", () => console.log(res.statusCode + " " + res.headers["content-security-policy"]));
  }).on("error", (error) => console.log(error.code));`;

const DESCRIBE = `
  const socket = require("node:net").connect(Number(process.argv[2]), process.argv[1]);
  socket.write('{"type":"describe"}\\n');
  let text = "";
  socket.on("data", (part) => { text += part; if (text.includes('"asr"')) { console.log(text); process.exit(0); } });`;

/** User and command of every process; the image has no ps. */
const OWNERS = `for p in /proc/[0-9]*; do echo "$(sed -n 's/^Uid:[^0-9]*\\([0-9]*\\).*/\\1/p' $p/status) $(tr '\\0' ' ' <$p/cmdline)"; done`;

/** The add-on as Home Assistant builds, starts and uses it. */
export function addonSuite(stage: () => Stage): void {
  describe.sequential("add-on for Home Assistant", () => {
    const docker = (...args: string[]): Promise<string> => stage().docker.docker(...args);
    const from = (name: string, script: string, ...args: string[]): Promise<string> =>
      docker("exec", name, "node", "-e", script, ...args);
    const helper = (name: string, ip: string, script: string): Promise<string> =>
      docker(
        "run",
        "--detach",
        "--name",
        name,
        "--network",
        "hassio",
        "--ip",
        ip,
        "--user",
        "0:0",
        "--entrypoint",
        "node",
        IMAGE,
        "-e",
        script,
      );

    beforeAll(async () => {
      const folder = join(stage().checkout, "deploy/home-assistant/gigastt");
      const built = await stage().docker.shell(`docker build --build-arg IMAGE=${IMAGE} -t ${ADDON} .`, {
        cwd: folder,
      });
      expect(built.code, built.output).toBe(0);
      const data = join(stage().docker.dir, "addon-data");
      mkdirSync(data);
      const { options } = parse(readFileSync(join(folder, "config.yaml"), "utf8")) as { options: object }; // its own test checks it
      // The supervisor writes them for itself alone.
      writeFileSync(join(data, "options.json"), JSON.stringify(options), { mode: 0o600 });
      await docker("network", "create", "--subnet", "172.30.32.0/23", "hassio");
      await helper("supervisor", "172.30.32.2", SUPERVISOR);
      await helper("neighbour", "172.30.33.9", "setInterval(() => {}, 1000)");
      await docker(
        "run",
        "--detach",
        "--init",
        "--name",
        "addon",
        "--network",
        "hassio",
        "--hostname",
        HOST,
        "--network-alias",
        HOST,
        "--env",
        "SUPERVISOR_TOKEN=token",
        "--volume",
        `${data}:/data`,
        ADDON,
      );
    }, 120_000);
    afterAll(async () => {
      await stage().docker.try("rm", "--force", "--volumes", ...NAMES);
      await stage().docker.try("network", "rm", "hassio");
    }, 60_000);

    it("says where Wyoming is, and answers there", { timeout: 120_000 }, async () => {
      interface Message {
        readonly path: string;
        readonly token: string;
        readonly body: { readonly service: string; readonly config: { readonly uri: string } };
      }
      const seen = await until(
        "the discovery message",
        async () => {
          const got = JSON.parse(
            await from("supervisor", `fetch("http://127.0.0.1/seen").then((r) => r.text()).then(console.log)`),
          ) as Message[]; // its own list
          return got.length > 1 && got;
        },
        90_000,
      );
      expect(seen[1]).toEqual({
        path: "/discovery",
        token: "Bearer token",
        body: { service: "wyoming", config: { uri: `tcp://${HOST}:10300` } },
      });
      expect(await from("supervisor", DESCRIBE, HOST, "10300")).toContain('"gigastt"');
    });

    it("lets the users of Home Assistant in under its name, and no other program", { timeout: 60_000 }, async () => {
      await until("readiness", async () => (await from("supervisor", ASK, "/ready")).startsWith("200"), 60_000);
      expect(await from("supervisor", ASK, "/")).toMatch(/^200 .*frame-ancestors 'self'/);
      expect(await from("supervisor", ASK, "/console/status")).toMatch(/^200 /);
      expect(await from("neighbour", ASK, "/")).toMatch(/^403 /);
      expect(await from("neighbour", ASK, "/console/status")).toMatch(/^403 /);
    });

    it("runs as the image's user, keeps its data below /data, and starts again", { timeout: 120_000 }, async () => {
      const owners = await docker("exec", "addon", "sh", "-c", OWNERS);
      // Docker's init, run.mjs with the supervisor in it, the runtime.
      const [, ...programs] = owners.split("\n").filter((line) => / \S*node /.test(line));
      expect(programs.length, owners).toBeGreaterThan(1);
      for (const line of programs) expect(line, owners).toMatch(/^10001 /);
      expect((await docker("exec", "addon", "ls", "/data")).split("\n").sort()).toEqual(
        ["gigastt.config.yaml", "jobs", "models", "options.json", "state", "store"].sort(),
      );
      await docker("restart", "--time", "90", "addon");
      await until("readiness", async () => (await from("supervisor", ASK, "/ready")).startsWith("200"), 60_000);
    });

    it(
      "ends with a message where an option is wrong, and with code 0 when it is stopped",
      { timeout: 120_000 },
      async () => {
        await docker("stop", "--time", "90", "addon");
        expect(await docker("inspect", "--format", "{{.State.ExitCode}}", "addon")).toBe("0");
        const data = join(stage().docker.dir, "addon-data");
        const options = JSON.parse(readFileSync(join(data, "options.json"), "utf8")) as object; // written above
        writeFileSync(
          join(data, "options.json"),
          JSON.stringify({ ...options, settings: [{ name: "server.hostt", value: "x" }] }),
        );
        const ended = await stage().docker.try("run", "--rm", "--volume", `${data}:/data`, ADDON);
        expect(ended.code).not.toBe(0);
        expect(ended.output).toContain("server.hostt");
        expect(ended.output).not.toMatch(/^\s+at /m);
      },
    );
  });
}
