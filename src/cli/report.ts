import { GigasttError } from "../shared/errors.ts";
import { printable } from "../shared/text/printable.ts";
import type { CommandContext } from "./command.ts";
import { paintFor } from "./output.ts";
import { asTyped } from "./program-name.ts";
import { UsageError } from "./usage.ts";

/**
 * Prints the error to stderr, in as few lines as it takes, and returns the exit code. A bug shows its stack.
 *
 * @param world `program`: what this person types for `gigastt`
 */
export async function reportError(
  error: unknown,
  world: Pick<CommandContext, "stderr" | "env" | "flags"> & {
    readonly version: () => string;
    readonly program?: string;
  },
): Promise<number> {
  const paint = paintFor(world.stderr, world);
  const say = (text: string): void => void world.stderr.write(`${asTyped(text, world.program ?? "gigastt")}\n`);
  const name = paint.red("gigastt:");
  if (error instanceof UsageError) {
    for (const line of error.message.split("\n")) say(`${name} ${line}`);
    say(`Run \`${["gigastt", ...error.command, "--help"].join(" ")}\` for help.`);
    return error.exitCode;
  }
  if (error instanceof GigasttError) {
    if (error.code === "GST_CONFIG") {
      // Loaded only now: a healthy start never shows a problem.
      const { ConfigError } = await import("../config/problems/problem.ts");
      const { renderProblems } = await import("./problems.ts");
      if (error instanceof ConfigError) {
        const count = error.problems.length;
        say(renderProblems(error.problems, error.source, paint));
        say(`${name} ${count === 1 ? "1 problem" : `${count} problems`} in the configuration`);
        return error.exitCode;
      }
    }
    say(`${name} ${error.message}`);
    return error.exitCode;
  }
  if (isSystemError(error)) {
    say(`${name} ${printable(error.message, 500)}`);
    return 1;
  }
  say(`${name} bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  say(
    `This should not happen. Please report it with the lines above: gigastt ${world.version()}, Node ${process.version}, ${process.platform} ${process.arch}.`,
  );
  return 1;
}

/** The operating system refused something (no space, no permission): for the user to solve, not a bug. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && "code" in error && typeof error.code === "string";
}
