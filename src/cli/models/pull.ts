import { defaultPullTuning, pullModel } from "../../models/pull.ts";
import type { ModelEntry, Precision } from "../../models/registry-guard.ts";
import { AUTO_MODEL } from "../../models/registry.ts";
import { systemClock } from "../../shared/time/clock.ts";
import { GigasttError } from "../../shared/errors.ts";
import type { CommandContext } from "../command.ts";
import { loadModelsWorld, type ModelsWorld, namedModel, precisionFlag } from "./common.ts";
import { createJsonView, createTextView } from "./pull-view.ts";

/** `gigastt models pull [MODEL]` */
export async function pull(context: CommandContext): Promise<number> {
  const world = await loadModelsWorld(context);
  const { config, baseDir } = world;
  const { flags, stdout, stderr, signal } = context;
  const entry = namedModel(context, world.registry) ?? wantedModel(world);
  const json = flags["json"] === true;
  const view = json ? createJsonView(stdout, systemClock) : createTextView(stderr, systemClock);
  const from = flags["from"];
  try {
    await pullModel({
      entry,
      precision: precisionFlag(context) ?? wantedPrecision(world, entry),
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

/** Without a name: the model of the configuration when it can be downloaded, else the registry's first. */
function wantedModel({ config, registry }: ModelsWorld): ModelEntry {
  const downloads = registry.models.filter(({ source }) => source.kind === "download");
  const configured = config.model.id === AUTO_MODEL ? undefined : downloads.find(({ id }) => id === config.model.id);
  const entry = configured ?? downloads[0];
  if (!entry) throw new GigasttError("GST_MODEL_SOURCE", "the registry has no model to download.", { exitCode: 2 });
  return entry;
}

function wantedPrecision({ config }: ModelsWorld, entry: ModelEntry): Precision {
  if (config.model.precision !== "auto") return config.model.precision;
  return entry.precisions.int8 === undefined ? "fp32" : "int8";
}
