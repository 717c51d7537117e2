import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { stageModel } from "../../models/import.ts";
import type { ModelLicense } from "../../models/registry-guard.ts";
import { LANGUAGE_NAMES } from "../../shared/languages.ts";
import { installationRoot } from "../../shared/process/entry.ts";
import type { Command, CommandContext } from "../command.ts";
import { writeJson } from "../output.ts";
import { UsageError } from "../usage.ts";
import { JSON_FLAG, loadModelsWorld } from "./common.ts";
import { tryModels } from "./trial.ts";

export const importModel: Command = {
  summary: "Copy a model of your own from a folder, after it was checked and tried",
  positionals: "DIR",
  flags: {
    id: { type: "string", value: "ID", describe: "id of the model; needed without model.json" },
    license: { type: "string", value: "NAME", describe: "licence of the model; needed without model.json" },
    holder: { type: "string", value: "NAME", describe: "who grants the licence; needed with --license" },
    languages: { type: "string", value: "LIST", describe: "what it understands, for example ru,kk; default: ru" },
    json: JSON_FLAG,
  },
  help: "The folder holds one .onnx file (CTC) or encoder, decoder and joint (RNN-T), and vocab.txt or tokens.txt. Links, devices and wrong hashes are refused; the model is loaded and recognises a sample before it takes its place.",
  run: importFolder,
};

async function importFolder(context: CommandContext): Promise<number> {
  const [dir, ...rest] = context.positionals;
  if (dir === undefined || rest.length > 0) throw new UsageError(["name one folder"], ["models", "import"]);
  const { registry, baseDir } = await loadModelsWorld(context);
  const frontEnd = registry.models[0]!.frontEnd; // a registry has at least one model
  const staged = await stageModel({
    from: resolve(context.cwd, dir),
    baseDir,
    registry,
    id: text(context, "id"),
    license: licenseOf(context),
    languages: languagesOf(context),
    frontEnd,
  });
  const { bundle, entry } = staged;
  try {
    await tryModels(
      {
        reference: bundle,
        candidate: bundle,
        audioPaths: [fileURLToPath(new URL("models/samples/sample_1.wav", installationRoot()))],
        threads: availableParallelism(),
      },
      { signal: context.signal, cure: "The model was not imported." },
    );
    const place = await staged.publish();
    if (context.flags["json"] === true) writeJson(context.stdout, { dir: place, ...entry });
    else {
      const { name, holder } = entry.license;
      context.stdout.write(
        `imported ${entry.id} (${bundle.precision}, ${bundle.transducer ? "RNN-T" : "CTC"}) to ${place}\nlicence ${name}, ${holder}; languages ${entry.languages?.join(", ")}\nuse it: gigastt up --set model.id=${entry.id}\n`,
      );
    }
    return 0;
  } catch (error) {
    await staged.discard();
    throw error;
  }
}

function licenseOf(context: CommandContext): ModelLicense | undefined {
  const [name, holder] = [text(context, "license"), text(context, "holder")];
  if (name === undefined && holder === undefined) return undefined;
  if (name === undefined || holder === undefined)
    throw new UsageError(["--license and --holder go together"], ["models", "import"]);
  return { name, holder };
}

function languagesOf(context: CommandContext): readonly string[] | undefined {
  const list = text(context, "languages")?.split(",");
  const unknown = list?.find((code) => !(code in LANGUAGE_NAMES));
  if (unknown === undefined) return list;
  throw new UsageError(
    [`--languages must be of ${Object.keys(LANGUAGE_NAMES).join(", ")}, found "${unknown.slice(0, 40)}"`],
    ["models", "import"],
  );
}

function text({ flags }: CommandContext, name: string): string | undefined {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
}
