import { GigasttError } from "../shared/errors.ts";

/** The command line itself is wrong. One line per mistake; exit code 2. */
export class UsageError extends GigasttError {
  /** Words after `gigastt` whose `--help` tells more. */
  readonly command: readonly string[];

  constructor(messages: readonly string[], command: readonly string[]) {
    super("GST_USAGE", messages.join("\n"), { exitCode: 2 });
    this.name = "UsageError";
    this.command = command;
  }
}
