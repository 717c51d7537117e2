import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { wavFile } from "../../src/shared/wav.ts";
import { docCommands } from "../support/doc-commands.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";

/** The pages of docs/clients: every command runs as it stands there; only the address and the folder differ. */
const root = fileURLToPath(new URL("../../", import.meta.url));
/** The other pages have suites of their own. */
const pages = ["bazarr.md", "browser.md", "n8n.md", "obsidian.md", "open-webui.md", "speakr.md"];
const dir = mkdtempSync(join(tmpdir(), "gigastt-clients-"));
const run = promisify(execFile);
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({
    engine: createFakeEngine(),
    config: { server: { ...(await serverSection()), allowedOrigins: ["app://obsidian.md"] } },
  });
  const sound = new Int16Array(32_000).map((_, i) => ((i * 7919) % 20_000) - 10_000);
  writeFileSync(join(dir, "talk.wav"), wavFile(sound));
  writeFileSync(join(dir, "talk.pcm"), Buffer.from(sound.buffer));
});
afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

describe("pages of clients", () => {
  it.each(pages)("%s has the same blocks of code in Russian, and the list names it", (page) => {
    const blocks = (path: string): string[] => readFileSync(join(root, path, page), "utf8").match(/```[^]*?```/g) ?? [];
    expect(blocks("docs/ru/clients")).toEqual(blocks("docs/clients"));
    for (const list of ["docs/clients/README.md", "docs/ru/clients/README.md"])
      expect(readFileSync(join(root, list), "utf8")).toContain(`(${page})`);
  });

  const noCurl =
    spawnSync("curl", ["--fail-with-body", "--version"]).status === 0
      ? ""
      : " (skipped: there is no curl that knows --fail-with-body)";
  const commands = pages
    .flatMap((page) => docCommands(`docs/clients/${page}`))
    .filter(({ text }) => text.startsWith("curl "));

  it("have a command for each program", () => {
    const tried = new Set(commands.map(({ page }) => page.replace("docs/clients/", "")));
    expect(pages.filter((page) => !tried.has(page))).toEqual([]);
  });

  it.skipIf(noCurl).each(commands.map(({ page, line, text }) => [`${page}:${line}`, text]))(
    `%s${noCurl}`,
    async (_where, text) => {
      const command = text.replaceAll("127.0.0.1:9876", `127.0.0.1:${server.port}`);
      const { stdout } = await run("sh", ["-e", "-c", command], { cwd: dir });
      if (text.includes("OPTIONS")) return expect(stdout).toBe("");
      if (text.includes("detect-language")) return expect(JSON.parse(stdout).language_code).toBe("ru");
      expect(stdout).toMatch(/раз (?:<[\d:.]+>)?два/);
    },
  );
});

async function serverSection() {
  const { defaultConfig } = await import("../../src/config/defaults.ts");
  return defaultConfig.server;
}
