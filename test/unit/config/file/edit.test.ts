import { expect, it } from "vitest";
import { setConfigValues } from "../../../../src/config/file/edit.ts";

it("sets values and keeps comments, order and layout", () => {
  const before = `# my box
server:
  port: 9000 # behind Caddy

pool:
  # four people
  size: 4
`;
  expect(setConfigValues(before, { "pool.size": 6, "engine.workers": 2 })).toBe(`# my box
server:
  port: 9000 # behind Caddy

pool:
  # four people
  size: 6
engine:
  workers: 2
`);
});

it("starts a file that is empty or only comments", () => {
  expect(setConfigValues("", { "pool.size": 6 })).toBe("pool:\n  size: 6\n");
  expect(setConfigValues("# nothing yet\n", { "pool.size": 6 })).toContain("# nothing yet");
});
