import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// Follows the recipes of CONTRIBUTING.md, from its own code blocks, in a copy of the project.

interface Step {
  readonly recipe: string;
  readonly file: string;
  /** Text that the block goes before; undefined for a new file. */
  readonly before: string | undefined;
  readonly code: string;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));
const steps = stepsOf(readFileSync(join(root, "CONTRIBUTING.md"), "utf8"));
const COPIED = ["src", "scripts", "test", "docs", "package.json", "package-lock.json", "tsconfig.json"];
const ALSO_COPIED = ["tsconfig.build.json", "vitest.config.ts", "gigastt.config.yaml", "gigastt.schema.json"];
const LINKED = ["node_modules", "models", "vendor", "templates", "deploy", "bin", "README.md"];
const MINUTES = 60_000;

let work = "";
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "gigastt-recipes-"));
  for (const name of [...COPIED, ...ALSO_COPIED]) cpSync(join(root, name), join(work, name), { recursive: true });
  for (const name of LINKED) symlinkSync(join(root, name), join(work, name));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe("the recipes of CONTRIBUTING.md", () => {
  it("name the files that are promised: two for a route and a rule, one for a key and a command", () => {
    const count = (recipe: string): number => steps.filter((step) => step.recipe === recipe).length;
    expect([
      count("A new route"),
      count("A new audit rule"),
      count("A new configuration key"),
      count("A new command"),
    ]).toEqual([2, 2, 1, 1]);
  });

  it(
    "followed to the letter, everything generated is written and every check passes",
    () => {
      apply(steps);
      expectOk(node("scripts/docs.js"));
      expectOk(typeCheck());
      expectOk(vitest("test/unit/docs/generated", "test/unit/docs/wire-reference", "test/unit/audit/rules", "walls"));
      expect(read("src/cli/registry.ts")).toContain('summary: "Print a greeting"');
      expect(read("src/runtime/handlers.ts")).toContain("uptime,");
      expect(read("gigastt.config.yaml")).toContain("resumeWindow: ");
      expect(read("docs/reference/http.md")).toContain("`GET /v1/uptime`");
      expect(read("docs/audit/sandbox.md")).toContain("## GA-SBX-090");
    },
    5 * MINUTES,
  );

  it.each([
    ["a route that nothing answers", "src/runtime/native/routes/uptime.ts", "uptime"],
    ["an answer without its line in the table", "src/shared/protocol.ts", "uptime"],
  ])(
    "%s does not compile",
    (_, file, word) => {
      without(file, () => {
        node("scripts/docs.js");
        const { output, status } = typeCheck();
        expect([status === 0, output]).toEqual([false, expect.stringContaining(word)]);
      });
    },
    5 * MINUTES,
  );

  it.each([
    ["a rule without cases", "test/unit/audit/rules/sandbox/fixed-hostname.cases.ts"],
    ["cases without a rule", "src/audit/rules/sandbox/fixed-hostname.ts"],
  ])(
    "%s fails the test of the rules",
    (_, file) => {
      without(file, () => {
        node("scripts/docs.js");
        const { output, status } = vitest("test/unit/audit/rules.test.ts");
        expect([status === 0, output]).toEqual([false, expect.stringContaining("GA-SBX-090")]);
      });
    },
    5 * MINUTES,
  );

  it(
    "a key without its description fails the test of the schema",
    () => {
      changed("src/config/sections/session.ts", /\n +description: "How long a client may come back[^\n]*/, () => {
        const { output, status } = vitest("test/unit/docs/generated");
        expect([status === 0, output]).toEqual([false, expect.stringContaining("resumeWindow")]);
      });
    },
    MINUTES,
  );

  it(
    "a command without its summary or topic stops the build with the line to add",
    () => {
      for (const line of [/\n {2}summary: [^\n]*/, /\n {2}topic: [^\n]*/, /\n {2}rank: [^\n]*/])
        changed("src/cli/commands/greet.ts", line, () => {
          const { output, status } = node("scripts/docs.js");
          expect([status === 0, output]).toEqual([
            false,
            expect.stringContaining("src/cli/commands/greet.ts: `export"),
          ]);
        });
    },
    MINUTES,
  );

  it(
    "generated files that were not written are named",
    () => {
      expectOk(node("scripts/docs.js"));
      changed("docs/reference/config.md", /\n[^\n]*resumeWindow[^\n]*/, () => {
        const { output, status } = node("scripts/docs.js", "--check");
        expect([status, output]).toEqual([1, "docs/reference/config.md is out of date: run node scripts/docs.js\n"]);
      });
    },
    MINUTES,
  );
});

function stepsOf(text: string): Step[] {
  return text.split(/^### /m).flatMap((part) => {
    const recipe = part.split("\n")[0] ?? "";
    return [...part.matchAll(/^`([^`]+)`(?:, before `([^`]+)`| \(new\)):\n\n```ts\n([^]*?)^```$/gm)].map(
      ([, file = "", before, code = ""]) => ({ recipe, file, before, code }),
    );
  });
}

function apply(list: readonly Step[]): void {
  for (const { file, before, code } of list) {
    const path = join(work, file);
    mkdirSync(dirname(path), { recursive: true });
    if (before === undefined) writeFileSync(path, code);
    else {
      const text = read(file);
      expect(text.split(`\n${before}`), `${before} in ${file}`).toHaveLength(2);
      writeFileSync(
        path,
        text.replace(`\n${before}`, () => `\n${code}${before}`),
      );
    }
  }
}

/** Runs a check while one file of the recipes is as it was before. */
function without(file: string, check: () => void): void {
  const step = steps.find((candidate) => candidate.file === file);
  const text = read(file);
  if (step?.before === undefined) rmSync(join(work, file));
  else writeFileSync(join(work, file), text.replace(step.code, ""));
  try {
    check();
  } finally {
    writeFileSync(join(work, file), text);
  }
}

/** Runs a check while a piece of a file is missing. */
function changed(file: string, piece: RegExp, check: () => void): void {
  const text = read(file);
  expect(text).toMatch(piece);
  writeFileSync(join(work, file), text.replace(piece, ""));
  try {
    check();
  } finally {
    writeFileSync(join(work, file), text);
  }
}

interface Ran {
  readonly status: number | null;
  readonly output: string;
}

function node(...args: string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: work,
    encoding: "utf8",
    env: { PATH: process.env["PATH"], HOME: work, NO_COLOR: "1" },
  });
  return { status, output: stdout + stderr };
}

function typeCheck(): Ran {
  return node("node_modules/typescript/bin/tsc", "-p", "tsconfig.json", "--incremental", "false");
}

function vitest(...files: string[]): Ran {
  return node("node_modules/vitest/vitest.mjs", "run", "--project", "unit", ...files);
}

function expectOk({ status, output }: Ran): void {
  expect(status, output).toBe(0);
}

function read(file: string): string {
  return readFileSync(join(work, file), "utf8");
}
