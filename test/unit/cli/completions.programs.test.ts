import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderBash } from "../../../src/cli/completions/bash.ts";
import { renderFish } from "../../../src/cli/completions/fish.ts";
import { completionTree } from "../../../src/cli/completions/tree.ts";
import { renderZsh } from "../../../src/cli/completions/zsh.ts";
import { registry } from "../../../src/cli/registry.ts";
import { loadAll } from "../../../src/cli/run.ts";
import { settableKeys } from "../../../src/config/schema/node.ts";
import { configSchema } from "../../../src/config/schema/schema.ts";

/** What each shell must offer, and must not, for a line that ends at the cursor. */
const CASES: readonly (readonly [line: string, offered: readonly string[], not: readonly string[]])[] = [
  ["gigastt ", ["config", "completions", "help"], ["check", "--json"]],
  ["gigastt comp", ["completions"], ["config"]],
  ["gigastt config ", ["check", "print", "schema", "explain"], ["completions"]],
  ["gigastt --config gigastt.config.yaml config ", ["check", "print"], ["completions"]],
  ["gigastt config print --", ["--json", "--commented", "--defaults", "--config"], ["--version"]],
  ["gigastt config explain pool.s", ["pool.size"], ["pool.queue"]],
  ["gigastt completions ", ["bash", "zsh", "fish"], ["config"]],
];

let dir = "";
let script: (render: typeof renderBash, name: string) => string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-completions-"));
  const tree = completionTree(await loadAll(registry), [...settableKeys(configSchema).keys()]);
  writeFileSync(join(dir, "gigastt.config.yaml"), "");
  script = (render, name) => {
    const path = join(dir, name);
    writeFileSync(path, render(tree));
    return path;
  };
});
afterAll(() => rmSync(dir, { recursive: true }));

function run(command: string, args: readonly string[]): string[] {
  const { stdout, stderr, status } = spawnSync(command, args, { cwd: dir, encoding: "utf8", timeout: 60_000 });
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`);
  return stdout.split("\n").filter((word) => word !== "");
}

function has(shell: string): boolean {
  return spawnSync(shell, ["-c", "exit 0"]).status === 0;
}

function check(complete: (line: string) => readonly string[]): void {
  for (const [line, offered, not] of CASES) {
    const words = complete(line);
    expect(words, line).toEqual(expect.arrayContaining([...offered]));
    for (const word of not) expect(words, line).not.toContain(word);
  }
}

describe("completion scripts", () => {
  describe.skipIf(!has("bash"))("bash (skipped where bash is not installed)", () => {
    const complete = (line: string): string[] => {
      // As bash splits a line: at spaces, and around each equals sign.
      const words = line.replaceAll("=", " = ").split(/ +/);
      const program =
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gigastt; printf "%s\\n" "${COMPREPLY[@]}"';
      return run("bash", ["--norc", "-c", program, "bash", script(renderBash, "c.bash"), ...words]);
    };
    it("offers commands, subcommands, flags, keys and choices", () => check(complete));
    it("offers files for --config FILE and --config=FILE, and keys with an equals sign for --set", () => {
      expect(complete("gigastt --config giga")).toEqual(["gigastt.config.yaml"]);
      expect(complete("gigastt --config=giga")).toEqual(["gigastt.config.yaml"]);
      expect(complete("gigastt --set pool.si")).toEqual(["pool.size="]);
    });
  });

  describe.skipIf(!has("zsh"))("zsh (skipped where zsh is not installed)", () => {
    let count = 0;
    const complete = (line: string): string[] => {
      const capture = fileURLToPath(new URL("_zsh-capture.zsh", import.meta.url));
      return run("zsh", ["-f", capture, script(renderZsh, "c.zsh"), join(dir, `zsh-${count++}`), line]);
    };
    it("offers commands, subcommands, flags, keys and choices", () => check(complete), 120_000);
    it("offers files for --config FILE and --config=FILE, and keys for --set", () => {
      expect(complete("gigastt --config giga")).toContain("gigastt.config.yaml");
      expect(complete("gigastt --config=giga")).toContain("gigastt.config.yaml");
      expect(complete("gigastt --set pool.si")).toContain("pool.size");
    }, 120_000);
  });

  describe.skipIf(!has("fish"))("fish (skipped where fish is not installed)", () => {
    const complete = (line: string): string[] =>
      run("fish", ["-N", "-c", `source ${script(renderFish, "c.fish")}; complete -C '${line}'`]).map(
        (text) => text.split("\t")[0] ?? "",
      );
    it("offers commands, subcommands, flags, keys and choices", () => check(complete), 60_000);
    it("offers files for --config FILE and --config=FILE, and keys with an equals sign for --set", () => {
      expect(complete("gigastt --config giga")).toContain("gigastt.config.yaml");
      expect(complete("gigastt --config=giga")).toContain("--config=gigastt.config.yaml");
      expect(complete("gigastt --set pool.si")).toEqual(["pool.size="]);
    }, 60_000);
  });

  it("quote what a shell would take apart", () => {
    const tree = completionTree(
      { x: { summary: `it's a "test": $(rm) \`x\` \\`, flags: { "a-b": { type: "boolean", describe: "don't: x" } } } },
      [],
    );
    for (const [shell, render] of [
      ["bash", renderBash],
      ["zsh", renderZsh],
      ["fish", renderFish],
    ] as const) {
      if (!has(shell)) continue;
      const path = join(dir, `quote.${shell}`);
      writeFileSync(path, render(tree));
      expect(spawnSync(shell, ["-n", path], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
    }
  });
});
