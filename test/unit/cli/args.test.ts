import { describe, expect, it } from "vitest";
import { positionalBounds } from "../../../src/cli/args.ts";
import type { Command, CommandContext } from "../../../src/cli/command.ts";
import { registryOf, runLine, type Outcome } from "./_run.ts";

const echo = async ({ flags, positionals, stdout }: CommandContext): Promise<number> => {
  stdout.write(JSON.stringify({ flags, positionals }));
  return 0;
};
const speak: Command = {
  summary: "Say something",
  positionals: "FILE…",
  flags: {
    format: { type: "string", short: "f", choices: ["text", "json", "srt"], describe: "shape of the output" },
    output: { type: "string", short: "o", value: "FILE", describe: "where to" },
    tag: { type: "string", value: "TAG", multiple: true, describe: "a tag" },
    json: { type: "boolean", describe: "answer JSON" },
  },
  run: echo,
};
const registry = registryOf({
  speak,
  quiet: { summary: "No arguments", run: echo },
  models: {
    summary: "Models",
    flags: { dir: { type: "string", value: "DIR", describe: "folder" } },
    subcommands: {
      list: { summary: "List", run: echo, flags: { json: { type: "boolean", describe: "answer JSON" } } },
      pull: {
        summary: "Pull",
        positionals: "[ID]",
        run: echo,
        flags: { dir: { type: "string", value: "DIR", describe: "folder" } },
      },
    },
  },
});
const line = (...argv: string[]): Promise<Outcome> => runLine(argv, { registry });
const error = async (...argv: string[]): Promise<string> => {
  const outcome = await line(...argv);
  expect([outcome.code, outcome.stdout]).toEqual([2, ""]);
  return outcome.stderr.trimEnd();
};

describe("what a command gets", () => {
  it("flags in every spelling, positionals in order, everything after --", async () => {
    const outcome = await line(
      "speak",
      "-f",
      "json",
      "a",
      "--output=x",
      "--tag",
      "1",
      "--tag=2",
      "-",
      "--",
      "--json",
      "-z",
    );
    expect(JSON.parse(outcome.stdout)).toEqual({
      flags: { format: "json", output: "x", tag: ["1", "2"] },
      positionals: ["a", "-", "--json", "-z"],
    });
  });
  it("global flags before and after the command's name", async () => {
    for (const argv of [
      ["--config", "speak", "speak", "a"],
      ["speak", "--config", "speak", "a"],
      ["speak", "a", "-c", "speak"],
    ]) {
      expect(JSON.parse((await line(...argv)).stdout)).toEqual({ flags: { config: "speak" }, positionals: ["a"] });
    }
  });
  it("a subcommand behind flags, and a flag value that looks like a subcommand", async () => {
    expect(JSON.parse((await line("models", "--dir", "list", "pull", "x")).stdout)).toEqual({
      flags: { dir: "list" },
      positionals: ["x"],
    });
  });
  it("a repeated switch is no mistake", async () => {
    expect(JSON.parse((await line("models", "list", "--json", "--json")).stdout)).toEqual({
      flags: { json: true },
      positionals: [],
    });
  });
  it("reads how many arguments a usage text allows", () => {
    expect(["", "FILE", "[KEY]", "FILE…", "FILE…|-", "A [B]"].map(positionalBounds)).toEqual([
      { min: 0, max: 0 },
      { min: 1, max: 1 },
      { min: 0, max: 1 },
      { min: 1, max: Infinity },
      { min: 1, max: Infinity },
      { min: 1, max: 2 },
    ]);
  });
});

describe("mistakes on the command line", () => {
  it("a name that begins with a dash, also with an h in it, is no flag and asks for no help", async () => {
    expect(await error("speak", "-dash.wav")).toBe(
      "gigastt: unknown flag -dash.wav; a name that begins with a dash goes after --\n" +
        "gigastt: missing argument: FILE…\nRun `gigastt speak --help` for help.",
    );
    expect(JSON.parse((await line("speak", "-otalk.srt", "a")).stdout)).toMatchObject({
      flags: { output: "talk.srt" },
    });
  });

  it("an unknown command", async () => {
    expect(await error("speek")).toMatchInlineSnapshot(`
      "gigastt: unknown command "speek", did you mean speak?
      Run \`gigastt --help\` for help."
    `);
    expect(await error("transmogrify")).toMatchInlineSnapshot(`
      "gigastt: unknown command "transmogrify"
      Run \`gigastt --help\` for help."
    `);
  });
  it("an unknown subcommand", async () => {
    expect(await error("models", "lst")).toMatchInlineSnapshot(`
      "gigastt: unknown command "lst" in models, did you mean list?
      Run \`gigastt models --help\` for help."
    `);
    expect(await error("models", "frobnicate")).toMatchInlineSnapshot(`
      "gigastt: unknown command "frobnicate" in models, it has list, pull
      Run \`gigastt models --help\` for help."
    `);
  });
  it("a group without a subcommand", async () => {
    expect(await error("models")).toMatchInlineSnapshot(`
      "gigastt: missing command: one of list, pull
      Run \`gigastt models --help\` for help."
    `);
  });
  it("an unknown flag", async () => {
    expect(await error("speak", "a", "--jsn")).toMatchInlineSnapshot(`
      "gigastt: unknown flag --jsn, did you mean --json?
      Run \`gigastt speak --help\` for help."
    `);
    expect(await error("speak", "a", "--frobnicate=1")).toMatchInlineSnapshot(`
      "gigastt: unknown flag --frobnicate
      Run \`gigastt speak --help\` for help."
    `);
    expect(await error("speak", "a", "-x")).toMatchInlineSnapshot(`
      "gigastt: unknown flag -x
      Run \`gigastt speak --help\` for help."
    `);
    expect(await error("quiet", "--__proto__", "--constructor")).toMatchInlineSnapshot(`
      "gigastt: unknown flag --__proto__
      gigastt: unknown flag --constructor
      Run \`gigastt quiet --help\` for help."
    `);
  });
  it("a flag with one dash", async () => {
    expect(await error("speak", "a", "-json")).toMatchInlineSnapshot(`
      "gigastt: -json has one dash, did you mean --json?
      Run \`gigastt speak --help\` for help."
    `);
  });
  it("a flag of the command before its name", async () => {
    expect(await error("--json", "speak", "a")).toMatchInlineSnapshot(`
      "gigastt: --json is not a global flag; put a command's flags after its name
      Run \`gigastt --help\` for help."
    `);
  });
  it("a flag without its value, at the end and before another flag", async () => {
    expect(await error("speak", "a", "--output")).toMatchInlineSnapshot(`
      "gigastt: --output needs a value: --output FILE
      Run \`gigastt speak --help\` for help."
    `);
    expect(await error("speak", "a", "--output", "--json")).toMatchInlineSnapshot(`
      "gigastt: --output needs a value, found the flag --json; a value that starts with a dash is written --output=--json
      Run \`gigastt speak --help\` for help."
    `);
    expect(await error("speak", "a", "--output=")).toMatchInlineSnapshot(`
      "gigastt: --output needs a value, found an empty text
      Run \`gigastt speak --help\` for help."
    `);
  });
  it("a value for a switch", async () => {
    expect(await error("speak", "a", "--json=yes")).toMatchInlineSnapshot(`
      "gigastt: --json takes no value, found "yes"
      Run \`gigastt speak --help\` for help."
    `);
  });
  it("a flag twice", async () => {
    expect(await error("speak", "a", "-o", "1", "-o", "2")).toMatchInlineSnapshot(`
      "gigastt: -o is given twice; give it once
      Run \`gigastt speak --help\` for help."
    `);
  });
  it("a value that is not one of the choices", async () => {
    expect(await error("speak", "a", "--format", "jsn")).toMatchInlineSnapshot(`
      "gigastt: --format must be one of text, json, srt, found "jsn"; did you mean json?
      Run \`gigastt speak --help\` for help."
    `);
    expect(await error("speak", "a", "--format", "pdf")).toMatchInlineSnapshot(`
      "gigastt: --format must be one of text, json, srt, found "pdf"
      Run \`gigastt speak --help\` for help."
    `);
  });
  it("too few and too many arguments", async () => {
    expect(await error("speak")).toMatchInlineSnapshot(`
      "gigastt: missing argument: FILE…
      Run \`gigastt speak --help\` for help."
    `);
    expect(await error("quiet", "please", "now")).toMatchInlineSnapshot(`
      "gigastt: unexpected arguments "please", "now": the command takes no arguments
      Run \`gigastt quiet --help\` for help."
    `);
    expect(await error("models", "pull", "a", "b")).toMatchInlineSnapshot(`
      "gigastt: unexpected argument "b": the command takes [ID]
      Run \`gigastt models pull --help\` for help."
    `);
  });
  it("several mistakes are reported at once", async () => {
    expect(await error("speak", "--jsn", "--format", "pdf", "--output")).toMatchInlineSnapshot(`
      "gigastt: unknown flag --jsn, did you mean --json?
      gigastt: --format must be one of text, json, srt, found "pdf"
      gigastt: --output needs a value: --output FILE
      gigastt: missing argument: FILE…
      Run \`gigastt speak --help\` for help."
    `);
  });
  it("control characters of an argument do not reach the terminal", async () => {
    expect(await error("\u001b[31mspeak")).toMatchInlineSnapshot(`
      "gigastt: unknown command "\\u001b[31mspeak"
      Run \`gigastt --help\` for help."
    `);
    expect(await error("quiet", "a\u0007\nb", "--x\u001b]0;t\u0007")).toMatchInlineSnapshot(`
      "gigastt: unknown flag --x\\u001b]0;t\\u0007
      gigastt: unexpected argument "a\\u0007\\u000ab": the command takes no arguments
      Run \`gigastt quiet --help\` for help."
    `);
  });
  it("an argument of a megabyte is cut", async () => {
    expect((await error("x".repeat(1_000_000))).length).toBeLessThan(300);
    expect((await error("quiet", `--${"x".repeat(1_000_000)}`)).length).toBeLessThan(300);
  });
});

describe("help", () => {
  it("of gigastt: --help, -h, help and nothing at all", async () => {
    const help = await line("--help");
    expect(help.code).toBe(0);
    expect(help.stdout).toMatchInlineSnapshot(`
      "Self-hosted Russian speech recognition.

      Usage: gigastt COMMAND [FLAGS]

      Run the service:
        speak   Say something
        quiet   No arguments
        models  Models

      Flags:
        -c, --config FILE    configuration file
            --set KEY=VALUE  set one configuration key, for example pool.size=8; may be repeated
            --no-color       no colours; the NO_COLOR variable does the same
        -h, --help           show help
        -V, --version        show the version

      Exit codes: 0 ok, 1 failed, 2 usage or configuration, 130 interrupted (Ctrl-C), 143 terminated.

      \`gigastt COMMAND --help\` shows the help of a command.
      "
    `);
    for (const argv of [["-h"], ["help"], []]) expect(await line(...argv)).toEqual(help);
  });
  it("of a command, wherever --help stands and whatever else is wrong", async () => {
    const help = await line("speak", "--help");
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toMatchInlineSnapshot(`
      "Say something.

      Usage: gigastt speak FILE… [FLAGS]

      Flags:
        -f, --format text|json|srt  shape of the output
        -o, --output FILE           where to
            --tag TAG               a tag
            --json                  answer JSON

      Global flags:
        -c, --config FILE    configuration file
            --set KEY=VALUE  set one configuration key, for example pool.size=8; may be repeated
            --no-color       no colours; the NO_COLOR variable does the same
        -h, --help           show help
      "
    `);
    for (const argv of [
      ["help", "speak"],
      ["--help", "speak"],
      ["speak", "-h", "--frobnicate"],
    ]) {
      expect((await line(...argv)).stdout).toBe(help.stdout);
    }
  });
  it("of a group and of a subcommand", async () => {
    expect((await line("models", "--help")).stdout).toMatchInlineSnapshot(`
      "Models.

      Usage: gigastt models COMMAND [FLAGS]

      Commands:
        list  List
        pull  Pull

      Flags:
            --dir DIR  folder

      Global flags:
        -c, --config FILE    configuration file
            --set KEY=VALUE  set one configuration key, for example pool.size=8; may be repeated
            --no-color       no colours; the NO_COLOR variable does the same
        -h, --help           show help

      \`gigastt models COMMAND --help\` shows the help of a command.
      "
    `);
    expect((await line("help", "models", "pull")).stdout).toContain("Usage: gigastt models pull [ID] [FLAGS]");
  });
  it("is coloured on a terminal only, unless NO_COLOR or --no-color forbids it or FORCE_COLOR asks for it", async () => {
    const coloured = async (options: object, ...argv: string[]): Promise<boolean> =>
      (await runLine([...argv, "--help"], { registry, ...options })).stdout.includes("\u001b[");
    expect(await coloured({ isTTY: true })).toBe(true);
    expect(await coloured({})).toBe(false);
    expect(await coloured({ isTTY: true, env: { NO_COLOR: "1" } })).toBe(false);
    expect(await coloured({ isTTY: true, env: { TERM: "dumb" } })).toBe(false);
    expect(await coloured({ isTTY: true }, "--no-color")).toBe(false);
    expect(await coloured({ env: { FORCE_COLOR: "1" } })).toBe(true);
  });
  it("--version tells the version and refuses arguments it does not know", async () => {
    expect(await line("--version")).toEqual({ code: 0, stdout: "gigastt 9.9.9\n", stderr: "" });
    expect(await line("-V")).toMatchObject({ code: 0 });
    expect(await error("--version", "--frobnicate")).toMatchInlineSnapshot(`
      "gigastt: unknown flag --frobnicate
      Run \`gigastt --help\` for help."
    `);
  });
});

describe("errors of a command", () => {
  const failing = (thrown: unknown): Promise<Outcome> =>
    runLine(["fail"], {
      registry: registryOf({
        fail: {
          summary: "Fail",
          run: async () => {
            throw thrown;
          },
        },
      }),
    });
  it("a refusal by the operating system is one line without a stack", async () => {
    const thrown = Object.assign(new Error("EACCES: permission denied, open '/x'"), {
      code: "EACCES",
      syscall: "open",
    });
    expect(await failing(thrown)).toEqual({
      code: 1,
      stdout: "",
      stderr: "gigastt: EACCES: permission denied, open '/x'\n",
    });
  });
  it("a bug shows its stack, the versions and asks for a report", async () => {
    const { code, stderr } = await failing(new TypeError("x is not a function"));
    expect(code).toBe(1);
    expect(stderr).toContain("gigastt: bug: TypeError: x is not a function\n    at ");
    expect(stderr).toContain("Please report it with the lines above: gigastt 9.9.9, Node v");
    expect((await failing("a text")).stderr).toContain("gigastt: bug: a text\n");
  });
});
