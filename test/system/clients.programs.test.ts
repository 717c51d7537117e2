import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { wavFile } from "../../src/shared/wav.ts";
import { createPacedEngine } from "../support/paced-engine.ts";
import { missingPython, talkPython } from "../support/python.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";

/** Bazarr's and Speakr's requests by the libraries they use, and the page of docs/clients/browser.md. */
const root = fileURLToPath(new URL("../../", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "gigastt-programs-"));
const FILM_SECONDS = 3600;
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ engine: createFakeEngine() });
  const sound = new Int16Array(32_000).map((_, i) => ((i * 7919) % 20_000) - 10_000);
  writeFileSync(join(dir, "talk.wav"), wavFile(sound));
});
afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

function pageScript(): string {
  const page = readFileSync(join(root, "docs/clients/browser.md"), "utf8");
  const script = /<script type="module">([^]*?)<\/script>/.exec(page)?.[1] ?? "";
  return script.replaceAll("127.0.0.1:9876", `127.0.0.1:${server.port}`);
}

const noRequests = missingPython("requests", "httpx");
describe.skipIf(noRequests !== undefined)(`Bazarr and Speakr by their libraries${reason(noRequests)}`, () => {
  interface Answer {
    readonly status: number;
    readonly code: string | null;
    readonly body: string;
    readonly seconds: number;
  }

  it("a film of an hour is taken within Bazarr's default time to send it, and its path is not logged", async () => {
    // Recognises nothing: what counts is how the film arrives.
    const quick = await startTestServer({ engine: createPacedEngine() });
    const answers = (await talkPython("asr-clients.py", {
      url: quick.url,
      talk: join(dir, "talk.wav"),
      film_seconds: FILM_SECONDS,
    })) as Readonly<Record<"language" | "film" | "failed", Answer>> & { readonly talk: { readonly text: string } }; // what our program prints
    await quick.close();
    expect([answers.language.status, JSON.parse(answers.language.body).language_code]).toEqual([200, "ru"]);
    expect([answers.film.status, answers.film.body]).toEqual([
      200,
      expect.stringContaining(`\n${FILM_SECONDS * 32_000}\n`),
    ]);
    expect([answers.failed.code, answers.failed.body]).toEqual(["unsupported_task", ""]);
    expect(answers.talk.text).toBe("64044 bytes");
    expect(JSON.stringify(quick.lines)).not.toMatch(/media|video_file|Фильм|Совещание/);
    expect(quick.runtime.context.uploads.heldBytes).toBe(0);
  });
});

it("a browser's page shows subtitles of the chosen file", async () => {
  const elements = new Map<string, Record<string, unknown>>([
    ["#file", {}],
    ["#text", {}],
  ]);
  const document = { querySelector: (name: string) => elements.get(name) };
  new Function("document", "fetch", pageScript())(document, fetch);
  const choose = elements.get("#file")?.["onchange"] as (event: unknown) => Promise<void>; // the script has set it
  await choose({ target: { files: [new Blob([readFileSync(join(dir, "talk.wav"))])] } });
  expect(elements.get("#text")?.["textContent"]).toMatch(/^1\n00:00:0/);
});

function reason(text: string | undefined): string {
  return text === undefined ? "" : ` (${text})`;
}
