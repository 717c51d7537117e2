import { defineConfig, type TestProjectInlineConfiguration, type ViteUserConfig } from "vitest/config";

const NOT_OURS = ["test/bench/**", "node_modules/**"];
const UNIT = ["test/unit/**/*.test.ts"];
/** Minutes of load, with figures of their own. */
const LONG = ["test/e2e/supervisor/@(load|soak|companions).test.ts"];
/** Deadlines, timers, whole processes, without the random input that wants a minute of processor time: one file at a time, so that a late answer is the product's. */
const TIMED = [
  "test/contract/!(fuzz-*).test.ts",
  "test/e2e/{engine,runtime}/*.test.ts",
  "test/e2e/supervisor/!(load|soak|companions).test.ts",
];
/** Proxies, daemons and clusters of the machine. .ci/suite.js runs them on one Node only, and LONG with them. */
const PROGRAMS = ["test/contract/proxy/*.test.ts", "test/system/**/*.test.ts"];

// Worker threads load dist/ (Node 20 runs no TypeScript), so scripts/test.js builds before it starts vitest.
const config: ViteUserConfig = defineConfig({
  test: {
    // Native addons and terminated threads do not mix: forks, never threads.
    pool: "forks",
    // Long, because they prove nothing: what must be quick says so itself.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000 } },
    // Locally a flaky test fails at once. In CI a suite of real processes on a shared machine may try a test once more; the
    // report shows the retry.
    retry: process.env["CI"] === undefined ? 0 : { count: 1, delay: 2000 },
    dangerouslyIgnoreUnhandledErrors: false,
    projects: [
      group(0, "unit", { workers: 2, include: UNIT }),
      group(1, "timed", { workers: 1, include: TIMED }),
      group(2, "long", { workers: 1, include: LONG }),
      group(3, "programs", { workers: 2, include: PROGRAMS }),
      // What no other group has, so that no file is forgotten.
      group(4, "others", {
        workers: 2,
        include: ["test/**/*.test.ts"],
        exclude: [...UNIT, ...TIMED, ...LONG, ...PROGRAMS],
      }),
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
    test: { name, include, exclude: [...NOT_OURS, ...exclude], maxWorkers: workers, sequence: { groupOrder } },
  };
}
