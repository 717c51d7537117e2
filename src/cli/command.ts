/** One flag of a command. */
export interface FlagSpec {
  readonly type: "string" | "boolean";
  /** One-letter alias. */
  readonly short?: string;
  /** Placeholder of the value in the help, e.g. `FILE`. */
  readonly value?: string;
  readonly describe: string;
  readonly multiple?: boolean;
  /** The values it takes. With `boolean`: the flag stands alone or as `--flag=CHOICE`. */
  readonly choices?: readonly string[];
}

/** What a command sees of the world. Nothing else: no `process` below the CLI entry. */
export interface CommandContext {
  readonly flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly positionals: readonly string[];
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Aborts on the first SIGINT or SIGTERM, for commands that do not handle signals themselves. */
  readonly signal: AbortSignal;
}

/** One command, or a group of them (`config check`, `models pull`). */
export interface Command {
  readonly summary: string;
  /** Positionals as the usage line shows them, e.g. `FILE…|-`. Empty = none allowed. */
  readonly positionals?: string;
  /** Words the positional may be, for completions. */
  readonly choices?: readonly string[];
  readonly flags?: Readonly<Record<string, FlagSpec>>;
  /** A longer text and examples, shown by `--help`. */
  readonly help?: string;
  readonly subcommands?: Readonly<Record<string, Command>>;
  /** True when the command installs its own signal handlers (serve, up). */
  readonly ownSignals?: boolean;
  /** Returns the exit code: 0 ok, 1 failed, 2 usage or configuration. */
  readonly run?: (context: CommandContext) => Promise<number>;
}
