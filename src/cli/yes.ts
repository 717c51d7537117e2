import { createInterface } from "node:readline";
import type { CommandContext } from "./command.ts";

/** Whether there is a terminal to ask on. */
export function canAsk({ stdin }: Pick<CommandContext, "stdin">): boolean {
  return "isTTY" in stdin && stdin.isTTY === true;
}

/** Asks on stderr; only `y` and `yes` mean yes. */
export async function askYes(
  { stdin, stderr }: Pick<CommandContext, "stdin" | "stderr">,
  question: string,
): Promise<boolean> {
  const terminal = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await new Promise<string>((resolve) => {
      terminal.question(`${question} [y/N] `, resolve);
      terminal.once("close", () => resolve(""));
    });
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
