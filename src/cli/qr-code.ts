import { showsUtf8 } from "./deploy/init/plain-terminal.ts";
import type { CommandContext } from "./command.ts";

/**
 * A QR code of half blocks, two modules in each line of text, with the two light modules around it that scanners of screens need.
 * undefined where the terminal's letters have no blocks.
 */
export async function qrCode(
  text: string,
  { env, flags }: Pick<CommandContext, "env" | "flags">,
): Promise<string | undefined> {
  if (!showsUtf8(env) || env["TERM"] === "dumb") return undefined;
  const { renderUnicodeCompact } = await import("uqr");
  const lines = renderUnicodeCompact(text, { border: 2 }).split("\n");
  // Blocks are the light modules. Without colours of its own the code would be a negative on a light terminal.
  const plain = flags["no-color"] === true || Boolean(env["NO_COLOR"]);
  return lines.map((line) => (plain ? line : `\u001b[40;97m${line}\u001b[0m`)).join("\n");
}
