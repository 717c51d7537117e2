import { defaultPullTuning, pullModel } from "../../models/pull.ts";
import { wantedModel, wantedPrecision } from "../../models/wanted.ts";
import { systemClock } from "../../shared/time/clock.ts";
import { GigasttError } from "../../shared/errors.ts";
import type { CommandContext } from "../command.ts";
import { loadModelsWorld, namedModel, precisionFlag } from "./common.ts";
import { createJsonView, createTextView } from "./pull-view.ts";

/** `gigastt models pull [MODEL]` */
export async function pull(context: CommandContext): Promise<number> {
  const world = await loadModelsWorld(context);
  const { config, baseDir } = world;
  const { flags, stdout, stderr, signal } = context;
  const entry = namedModel(context, world.registry) ?? wantedModel(config.model, world.registry);
  const json = flags["json"] === true;
  const view = json ? createJsonView(stdout, systemClock) : createTextView(stderr, systemClock);
  const from = flags["from"];
  try {
    await pullModel({
      entry,
      precision: precisionFlag(context) ?? wantedPrecision(config.model, entry),
      baseDir,
      from: typeof from === "string" ? from : config.model.mirror,
      cwd: context.cwd,
      offline: config.model.offline || flags["offline"] === true,
      env: context.env,
      signal,
      onEvent: (event) => view.show(event),
      tuning: defaultPullTuning,
    });
    return 0;
  } catch (error) {
    view.end();
    if (signal.aborted) {
      stderr.write("gigastt: stopped. The downloaded part is kept: run the same command again to resume.\n");
    } else if (json && error instanceof GigasttError) {
      stdout.write(`${JSON.stringify({ event: "failed", code: error.code, message: error.message })}\n`);
    }
    throw error;
  } finally {
    view.end();
  }
}
