import { Secret } from "../shared/secret.ts";
import type { CommandContext, FlagSpec } from "./command.ts";
import { askHidden, readSecretFile } from "./secret-input.ts";
import { UsageError } from "./usage.ts";
import { canAsk } from "./yes.ts";

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
  const { flags, env } = context;
  const file = flags["passphrase-file"];
  let text: string;
  if (typeof file === "string") text = await readSecretFile(context, "passphrase-file", file);
  else if (env["GIGASTT_PASSPHRASE"] !== undefined) text = env["GIGASTT_PASSPHRASE"];
  else if (canAsk(context)) {
    text = await askHidden(context, "Passphrase: ");
    if (options.confirm && (await askHidden(context, "Once more: ")) !== text)
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
