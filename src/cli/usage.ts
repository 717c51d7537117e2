import { GigasttError } from "../shared/errors.ts";
import { printable } from "../shared/text/printable.ts";
import { didYouMean } from "../shared/text/suggest.ts";

/** The command line itself is wrong. One line per mistake; exit code 2. */
export class UsageError extends GigasttError {
  /** Words after `gigastt` whose `--help` says more. */
  readonly command: readonly string[];

  constructor(messages: readonly string[], command: readonly string[]) {
    super("GST_USAGE", messages.join("\n"), { exitCode: 2 });
    this.name = "UsageError";
    this.command = command;
  }
}

/** A positional that must be one of a few words. */
export function choiceOf<T extends string>(
  name: string,
  word: string,
  choices: readonly T[],
  path: readonly string[],
): T {
  const found = choices.find((choice) => choice === word);
  if (found !== undefined) return found;
  const meant = didYouMean(word, choices);
  throw new UsageError(
    [`${name} must be one of ${choices.join(", ")}, found "${printable(word)}"${meant === "" ? "" : `; ${meant}`}`],
    path,
  );
}
