import { defineConfig, type ViteUserConfig } from "vitest/config";

// Worker threads load dist/ (Node 20 runs no TypeScript), so scripts/test.js builds before it starts vitest.
const config: ViteUserConfig = defineConfig({
  test: {
    // Native addons and terminated threads do not mix: forks, never threads.
    pool: "forks",
    maxWorkers: 2,
    include: ["test/**/*.test.ts"],
    exclude: ["test/bench/**", "node_modules/**"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Locally a flaky test fails at once. In CI a suite of real processes on a shared machine may try a test once more; the
    // report shows the retry.
    retry: process.env["CI"] === undefined ? 0 : 1,
    dangerouslyIgnoreUnhandledErrors: false,
  },
});

export default config;
