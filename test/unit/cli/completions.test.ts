import { describe, expect, it } from "vitest";
import { runLine } from "./_run.ts";

describe("completion scripts", () => {
  it("are printed by the command, and another shell is refused", async () => {
    expect((await runLine(["completions", "bash"])).stdout).toContain("complete -F _gigastt gigastt");
    expect(await runLine(["completions", "bsh"])).toMatchInlineSnapshot(`
      {
        "code": 2,
        "stderr": "gigastt: SHELL must be one of bash, zsh, fish, found "bsh"; did you mean bash?
      Run \`gigastt completions --help\` for help.
      ",
        "stdout": "",
      }
    `);
  });
});
