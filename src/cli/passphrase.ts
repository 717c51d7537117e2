import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { Secret } from "../shared/secret.ts";
import type { CommandContext, FlagSpec } from "./command.ts";
import { UsageError } from "./usage.ts";

export const PASSPHRASE_FLAGS: Readonly<Record<string, FlagSpec>> = {
  "passphrase-file": {
    type: "string",
    value: "FILE",
    describe: "read the passphrase from the first line of this file",
  },
};

const MIN_LENGTH = 10;

/** The passphrase from `--passphrase-file`, GIGASTT_PASSPHRASE, or asked for in the terminal without showing it. */
export async function readPassphrase(context: CommandContext, options: { readonly confirm: boolean }): Promise<Secret> {
  const { flags, env, cwd, stdin } = context;
  const file = flags["passphrase-file"];
  let text: string;
  if (typeof file === "string") text = (await readFile(resolve(cwd, file), "utf8")).split("\n")[0] ?? "";
  else if (env["GIGASTT_PASSPHRASE"] !== undefined) text = env["GIGASTT_PASSPHRASE"];
  else if ("isTTY" in stdin && stdin.isTTY === true) {
    text = await ask(context, "Passphrase: ");
    if (options.confirm && (await ask(context, "Once more: ")) !== text)
      throw new UsageError(["the two passphrases differ"], []);
  } else {
    throw new UsageError(["a passphrase is needed: --passphrase-file FILE or GIGASTT_PASSPHRASE"], []);
  }
  if (options.confirm && text.length < MIN_LENGTH) {
    throw new UsageError(
      [
        `the passphrase must have at least ${MIN_LENGTH} characters, it has ${text.length}: it protects your secrets wherever the file goes`,
      ],
      [],
    );
  }
  return new Secret(text);
}

function ask({ stdin, stderr }: CommandContext, question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: stdin, output: silent, terminal: true });
  stderr.write(question);
  return new Promise((resolve) => {
    terminal.question("", (answer) => {
      terminal.close();
      stderr.write("\n");
      resolve(answer);
    });
  });
}
