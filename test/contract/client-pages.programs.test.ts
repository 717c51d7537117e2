import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";

// The examples of the page for OpenAI clients, as they stand there, in both languages.

const PYTHON = "/opt/gigastt-clients/bin/python";
const missing = existsSync(PYTHON) ? "" : ` (skipped: ${PYTHON} is missing, see .ci/tools.sh)`;
const root = process.cwd();
const folder = mkdtempSync(join(root, "test", ".client-pages-"));
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ engine: createFakeEngine() });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await server.close();
});

describe.each(["docs/clients/openai.md", "docs/ru/clients/openai.md"])("%s", (page) => {
  /** The example in a language, sent to the test's server. */
  const example = (language: string): string => {
    const code = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "s").exec(readFileSync(page, "utf8"))?.[1] ?? "";
    expect(code).toContain("http://127.0.0.1:9876");
    return code.replaceAll("http://127.0.0.1:9876", server.url);
  };
  const words = /раз/;

  it("curl", async () => {
    expect((await execa("sh", ["-c", example("sh")], { cwd: root })).stdout).toMatch(words);
  });

  it.skipIf(missing !== "")(`Python${missing}`, async () => {
    expect((await execa(PYTHON, ["-c", example("python")], { cwd: root, timeout: 50_000 })).stdout).toMatch(words);
  });

  it("Node", async () => {
    const file = join(folder, "example.mjs");
    writeFileSync(file, example("js").replace('from "openai"', 'from "openai6"'));
    expect((await execa(process.execPath, [file], { cwd: root, timeout: 50_000 })).stdout).toMatch(words);
  });
});
