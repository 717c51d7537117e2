import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type TestProjectInlineConfiguration, type ViteUserConfig } from "vitest/config";
import { SlowestFirst } from "./test/support/slowest-first.ts";

const UNIT = ["test/unit/**/*.test.ts"];
/** Need proxies, Docker, an API server, systemd, shells or root; each skips with its reason where these are missing. */
const PROGRAMS = ["test/**/*.programs.test.ts", "test/contract/proxy/*.test.ts", "test/system/**/*.test.ts"];
/** Minutes of load. */
const LONG = ["test/**/*.long.test.ts"];

// Worker threads load dist/ (Node 20 runs no TypeScript), so scripts/test.js builds before it starts vitest.
const config: ViteUserConfig = defineConfig({
  test: {
    // Native addons and terminated threads do not mix: forks, never threads.
    pool: "forks",
    // Limits against a hang. A test that must be quick measures its own time.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000 } },
    retry: 0,
    sequence: { sequencer: SlowestFirst },
    restoreMocks: true,
    unstubGlobals: true,
    projects: [
      // `npm test` runs these two.
      group(0, "unit", { workers: 2, include: UNIT, exclude: [...PROGRAMS, ...LONG] }),
      // Whole processes, sockets and the bundled model: mostly waiting, so two at a time on two cores.
      group(1, "processes", { workers: 2, include: ["test/**/*.test.ts"], exclude: [...UNIT, ...PROGRAMS, ...LONG] }),
      // `npm run test:all` adds these. "random" repeats the suites with random input, with more cases (TEST_DEPTH).
      group(2, "random", { workers: 2, include: filesWithRandomInput(), exclude: [...PROGRAMS, ...LONG] }),
      group(3, "long", { workers: 1, include: LONG }),
      group(4, "programs", { workers: 2, include: PROGRAMS }),
    ],
  },
});

export default config;

/** Groups run one after the other. */
function group(
  groupOrder: number,
  name: string,
  { workers, include, exclude = [] }: { workers: number; include: string[]; exclude?: string[] },
): TestProjectInlineConfiguration {
  return {
    extends: true,
    test: {
      name,
      include,
      exclude: ["test/bench/**", "node_modules/**", ...exclude],
      maxWorkers: workers,
      sequence: { groupOrder },
    },
  };
}

function filesWithRandomInput(): string[] {
  return readdirSync("test", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => join("test", name))
    .filter((path) => /fuzz(?:Cases|Runs)/.test(readFileSync(path, "utf8")));
}
