import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { shouldPull } from "../../../../src/cli/models/offer.ts";
import { defaultConfig } from "../../../../src/config/defaults.ts";
import type { CommandContext } from "../../../../src/cli/command.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-offer-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** What `up` decides, and what it said, for a person who types this. */
async function decide(typed: string, { flags = {}, isTerminal = true, offline = false } = {}) {
  const terminal = (): PassThrough => Object.assign(new PassThrough(), { isTTY: isTerminal });
  const [stdin, stdout, stderr] = [terminal(), terminal(), terminal()];
  stdin.end(typed);
  const said: string[] = [];
  stderr.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  const context = { flags, stdin, stdout, stderr, env: { ...process.env } } as unknown as CommandContext; // all that it reads
  const pull = await shouldPull(context, { ...defaultConfig.model, dir: join(dir, "models"), offline });
  return { pull, said: said.join("") };
}

describe("the one question of up", () => {
  it("names the model with size and licence; only yes means yes", async () => {
    const { pull, said } = await decide("y\n");
    expect(said).toMatch(/demo model.*\n.*Download GigaAM v3 e2e RNN-T \([\d.]+ MB, MIT licence\).*\[y\/N\]/s);
    expect(pull).toBe(true);
    for (const answer of ["\n", "n\n", "", "yeah\n"]) expect((await decide(answer)).pull, answer).toBe(false);
  });

  it("is not asked without a terminal, in the background, offline, or when a flag answers it", async () => {
    for (const how of [
      { isTerminal: false },
      { flags: { detach: true } },
      { flags: { "no-pull": true } },
      { offline: true },
    ])
      expect(await decide("y\n", how), JSON.stringify(how)).toEqual({ pull: false, said: "" });
    expect(await decide("", { flags: { pull: true }, isTerminal: false })).toEqual({ pull: true, said: "" });
    await expect(decide("", { flags: { pull: true, "no-pull": true } })).rejects.toThrow();
  });
});
