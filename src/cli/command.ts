import type { InstalledService } from "./installed.ts";

/** One flag of a command. */
export interface FlagSpec {
  readonly type: "string" | "boolean";
  /** One-letter alias. */
  readonly short?: string;
  /** Placeholder of the value in the help, e.g. `FILE`. */
  readonly value?: string;
  /** Empty: the flag works, but help and completions leave it out. */
  readonly describe: string;
  readonly multiple?: boolean;
  /** True: never proposed for a mistyped flag, because it opens the server to more clients. */
  readonly guarded?: boolean;
  /** The values it takes. With `boolean`: the flag stands alone or as `--flag=CHOICE`. */
  readonly choices?: readonly string[];
}

/** Headings of `gigastt --help`, in their order. */
export const TOPICS = {
  run: "Run the service",
  recognise: "Recognise speech",
  "set-up": "Set up this machine",
  deploy: "Deploy and check",
} as const;

/** One top-level command before its code is loaded. */
export interface RegistryEntry {
  readonly topic: keyof typeof TOPICS;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

export type Registry = Readonly<Record<string, RegistryEntry>>;

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
  /** The installed service, when the command is about it: see `aboutService`. */
  readonly service?: InstalledService;
  /** All commands, for those that describe the command line itself. */
  readonly registry: Registry;
}

/** One command, or a group of them (`config check`, `models pull`). */
export interface Command {
  readonly summary: string;
  /** Top-level commands only: the heading of `gigastt --help` that the command stands under. */
  readonly topic?: keyof typeof TOPICS;
  /** Top-level commands only: the place under that heading, from 1. */
  readonly rank?: number;
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
  /** About the box that runs: without a named configuration it means the installed service. */
  readonly aboutService?: boolean | ((flags: CommandContext["flags"]) => boolean);
  /** Returns the exit code: 0 ok, 1 failed, 2 usage or configuration. */
  readonly run?: (context: CommandContext) => Promise<number>;
}
