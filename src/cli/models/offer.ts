import type { ModelConfig } from "../../config/types.ts";
import { locateModel } from "../../models/locate.ts";
import { loadRegistry } from "../../models/registry.ts";
import { modelOffer } from "../../models/wanted.ts";
import type { ModelOffer } from "../../models/wanted.ts";
import { readableBytes } from "../../shared/units.ts";
import type { CommandContext } from "../command.ts";
import { UsageError } from "../usage.ts";
import { askYes, canAsk } from "../yes.ts";

/** The one question of `up`, on a terminal only, and only while the demo model would serve. */
export async function shouldPull(context: CommandContext, model: ModelConfig): Promise<boolean> {
  const { flags } = context;
  if (flags["pull"] === true && flags["no-pull"] === true)
    throw new UsageError(["--pull and --no-pull cannot be combined"], ["up"]);
  if (flags["pull"] === true) return true;
  const mayAsk = flags["no-pull"] !== true && flags["detach"] !== true && !model.offline;
  if (!mayAsk || !canAsk(context) || context.stdout.isTTY !== true) return false;
  const offer = await offerOf(model, context.env);
  if (offer === undefined) return false;
  const size = `${readableBytes(offer.bytes)}, ${offer.license} licence`;
  context.stderr.write("The demo model is installed: it knows a few hundred phrases and is for trying things out.\n");
  return askYes(context, `Download ${offer.name} (${size}) in the background and switch to it?`);
}

// ---

/** Returns the model to download while the demo model would serve; undefined otherwise, and where no model is found at all. */
async function offerOf(config: ModelConfig, env: NodeJS.ProcessEnv): Promise<ModelOffer | undefined> {
  const found = await locateModel(config, { env }).catch(() => undefined);
  return found?.notice === undefined ? undefined : modelOffer(config, await loadRegistry());
}
