import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { resolve } from "node:path";
import { Writable } from "node:stream";
import { GigasttError, messageOf } from "../shared/errors.ts";
import type { CommandContext } from "./command.ts";
import { UsageError } from "./usage.ts";
import { canAsk } from "./yes.ts";

/** Reads a secret from standard input: a prompt without echo on a terminal, else everything up to the end, without its last line end. */
export async function readSecretInput(context: CommandContext, question: string): Promise<string> {
  if (canAsk(context)) return askHidden(context, question);
  const chunks: Buffer[] = [];
  context.stdin.on("data", (chunk: Buffer | string) => chunks.push(Buffer.from(chunk)));
  await once(context.stdin, "end");
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

/** The first line of a file; `flag` names it in the message when it cannot be read. */
export async function readSecretFile({ cwd }: CommandContext, flag: string, path: string): Promise<string> {
  const text = await readFile(resolve(cwd, path), "utf8").catch((error: unknown) => {
    throw new GigasttError("GST_USAGE", `--${flag} ${path} cannot be read: ${messageOf(error)}. Check the path.`, {
      exitCode: 2,
    });
  });
  return text.split(/\r?\n/, 1)[0] ?? "";
}

/** Asks in the terminal without showing the answer. Throws UsageError when nothing is answered. */
export function askHidden({ stdin, stderr }: CommandContext, question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: stdin, output: silent, terminal: true });
  stderr.write(question);
  return new Promise((answered, refused) => {
    // Ctrl-C and Ctrl-D close it: without this they would have no effect.
    terminal.once("close", () => {
      stderr.write("\n");
      refused(new UsageError(["nothing was entered"], []));
    });
    terminal.question("", (answer) => {
      answered(answer);
      terminal.close();
    });
  });
}
