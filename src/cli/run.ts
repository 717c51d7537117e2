import { printable } from "../shared/text/printable.ts";
import { didYouMean } from "../shared/text/suggest.ts";
import { GLOBAL_FLAGS, parseFlags, positionalsOf, TOP_FLAGS } from "./args.ts";
import type { Command, CommandContext, Registry } from "./command.ts";
import { renderHelp, renderTopHelp } from "./help.ts";
import { paintFor } from "./output.ts";
import { UsageError } from "./usage.ts";

/** The world a command line runs in; `flags` and `positionals` come from the line itself. */
export interface World extends Omit<CommandContext, "flags" | "positionals"> {
  readonly version: () => string;
  /** Called before the command runs: its signals are the caller's business unless it has its own. */
  readonly onCommand?: (command: Command) => void;
}

/** Runs one command line and returns its exit code. Throws GigasttError for what the user can correct. */
export async function run(argv: readonly string[], world: World): Promise<number> {
  const top = positionalsOf(argv, { ...GLOBAL_FLAGS, ...TOP_FLAGS });
  const [first, ...rest] = top.words;
  if (first === undefined) return runTop(argv, world);
  if (top.unknownBefore !== undefined) {
    throw new UsageError(
      [`${printable(top.unknownBefore)} is not a global flag; put a command's flags after its name`],
      [],
    );
  }
  const former = Object.hasOwn(FORMER_COMMANDS, first) ? FORMER_COMMANDS[first] : undefined;
  if (former !== undefined) {
    const at = argv.indexOf(first);
    return run([...argv.slice(0, at), ...former, ...argv.slice(at + 1)], world);
  }
  // `gigastt help models pull` is `gigastt models pull --help`.
  if (first === "help") {
    return rest.length === 0 ? runTop(["--help"], world) : run([...rest, "--help"], world);
  }
  const entry = Object.hasOwn(world.registry, first) ? world.registry[first] : undefined;
  if (entry === undefined) {
    const meant = didYouMean(first, Object.keys(world.registry));
    throw new UsageError([`unknown command "${printable(first)}"${meant === "" ? "" : `, ${meant}`}`], []);
  }
  const { path, command } = descend(argv, first, await entry.load());
  const { flags, positionals } = parseFlags(argv, path, command);
  const paint = paintFor(world.stdout, { env: world.env, flags });
  if (flags["help"] === true || command.run === undefined) {
    const text = renderHelp(path, command, paint, columnsOf(world.stdout));
    if (flags["help"] === true) {
      world.stdout.write(text);
      return 0;
    }
    throw new UsageError([`missing command: one of ${Object.keys(command.subcommands ?? {}).join(", ")}`], path);
  }
  world.onCommand?.(command);
  const { stdin, stdout, stderr, env, cwd, registry } = world;
  const context: CommandContext = {
    flags,
    positionals,
    stdin,
    stdout,
    stderr,
    env,
    cwd,
    registry,
    get signal() {
      return world.signal;
    },
  };
  const { run: start, aboutService = false } = command;
  const isAbout = typeof aboutService === "function" ? aboutService(flags) : aboutService;
  return isAbout ? (await import("./about-service.ts")).runAboutService(start, context) : start(context);
}

/** Command names of other servers and tools. */
const FORMER_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  start: ["up"],
  stop: ["down"],
  run: ["serve"],
  download: ["models", "pull"],
  update: ["upgrade"],
  version: ["--version"],
};

/** Loads every command: for completions and the reference page. */
export async function loadAll(registry: Registry): Promise<Record<string, Command>> {
  const entries = Object.entries(registry).map(async ([name, { load }]) => [name, await load()] as const);
  return Object.fromEntries(await Promise.all(entries));
}

// ---

/** A narrow terminal is not overrun; a wide one, a pipe and a file get lines that are good to read. */
function columnsOf({ columns }: { readonly columns?: number }): number {
  return Math.min(100, Math.max(20, columns ?? 100));
}

function runTop(argv: readonly string[], world: World): number {
  const { flags } = parseFlags(argv, [], { summary: "", flags: TOP_FLAGS });
  if (flags["version"] === true && flags["help"] !== true) world.stdout.write(`gigastt ${world.version()}\n`);
  else
    world.stdout.write(
      renderTopHelp(world.registry, paintFor(world.stdout, { env: world.env, flags }), columnsOf(world.stdout)),
    );
  return 0;
}

/** Follows the words of the line into a group: `config check` → the check command. */
function descend(argv: readonly string[], first: string, top: Command): { path: string[]; command: Command } {
  const path = [first];
  let command = top;
  while (command.subcommands !== undefined) {
    const { words } = positionalsOf(argv, { ...GLOBAL_FLAGS, ...flagsBelow(command) });
    const word = words[path.length];
    if (word === undefined) break;
    const next = Object.hasOwn(command.subcommands, word) ? command.subcommands[word] : undefined;
    if (next === undefined) {
      if (command.run !== undefined && command.positionals !== undefined) break;
      const meant = didYouMean(word, Object.keys(command.subcommands));
      const known = Object.keys(command.subcommands).join(", ");
      throw new UsageError(
        [`unknown command "${printable(word)}" in ${path.join(" ")}, ${meant === "" ? `it has ${known}` : meant}`],
        path,
      );
    }
    path.push(word);
    command = next;
  }
  return { path, command };
}

/** Flags anywhere below a group: `config --json check` must not take `check` for the value of a flag, nor the other way round. */
function flagsBelow(command: Command): NonNullable<Command["flags"]> {
  return Object.assign({}, ...Object.values(command.subcommands ?? {}).map(flagsBelow), command.flags) as NonNullable<
    Command["flags"]
  >; // merged from flags only
}
