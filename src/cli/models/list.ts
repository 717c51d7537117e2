import { DEFAULT_LANGUAGES, bundleHash, filesOf } from "../../models/bundle.ts";
import { inspectModel, type Installation, locateModel } from "../../models/locate.ts";
import type { ModelBundle } from "../../models/manifest.ts";
import { findRewritten } from "../../models/optimized.ts";
import { optimizedDir } from "../../models/paths.ts";
import type { ModelEntry } from "../../models/registry-guard.ts";
import { messageOf } from "../../shared/errors.ts";
import { readableBytes } from "../../shared/units.ts";
import type { CommandContext } from "../command.ts";
import { paintFor, table, wrap, writeJson } from "../output.ts";
import { loadModelsWorld } from "./common.ts";

/** `gigastt models list` */
export async function list(context: CommandContext): Promise<number> {
  const { config, registry, baseDir } = await loadModelsWorld(context);
  const copies = optimizedDir(context.env);
  const models = await Promise.all(
    registry.models.map(async (entry) => ({ entry, installations: await inspectWithForms(entry, baseDir, copies) })),
  );
  let inUse: ModelBundle | undefined;
  let problem: string | undefined;
  try {
    inUse = await locateModel(config.model, { env: context.env, registry });
  } catch (error) {
    problem = messageOf(error);
  }
  if (context.flags["json"] === true) {
    writeJson(context.stdout, {
      dir: baseDir,
      inUse: inUse
        ? { id: inUse.id, precision: inUse.precision, bundleHash: inUse.bundleHash, notice: inUse.notice ?? null }
        : null,
      problem: problem ?? null,
      models: models.map(({ entry, installations }) => modelJson(entry, installations)),
    });
    return 0;
  }
  const paint = paintFor(context.stdout, context);
  const rows = models.flatMap(({ entry, installations }) =>
    installations.map((installation) => {
      const used = inUse?.id === entry.id && inUse.precision === installation.precision;
      const cells = [
        used ? "*" : " ",
        entry.id,
        installation.precision,
        sizeOf(installation),
        languagesOf(entry),
        entry.license.name,
        stateOf(installation),
      ];
      return used ? cells.map(paint.bold) : cells;
    }),
  );
  const about = inUse
    ? `* in use (model.id ${config.model.id}, model.precision ${config.model.precision}).${inUse.notice === undefined ? "" : ` ${inUse.notice}`}`
    : `${problem}`;
  context.stdout.write(
    `${table([["", "MODEL", "WEIGHTS", "SIZE", "LANGUAGES", "LICENCE", "STATE"], ...rows])}\n\n${wrap(about, 100).join("\n")}\nDownloaded models: ${baseDir}\n`,
  );
  return 0;
}

/** An installation, and whether a rewritten form of its encoder is kept. */
interface Listed extends Installation {
  readonly isRewritten: boolean;
}

async function inspectWithForms(entry: ModelEntry, baseDir: string, copies: string): Promise<readonly Listed[]> {
  const installations = await inspectModel(entry, baseDir);
  return Promise.all(
    installations.map(async (installation) => {
      const encoder = entry.precisions[installation.precision]?.encoder;
      const sha256 = entry.files.find(({ name }) => name === encoder)?.sha256;
      return { ...installation, isRewritten: (await findRewritten(copies, sha256)) !== undefined };
    }),
  );
}

function stateOf({ entry, state, wrong, isRewritten }: Listed): string {
  if (state === "complete") {
    const how = { bundled: "bundled", local: "made here", download: "installed" }[entry.source.kind];
    return isRewritten ? `${how}, encoder rewritten` : how;
  }
  return state === "absent" ? "not installed" : `incomplete: ${wrong.map(({ file }) => file.name).join(", ")}`;
}

function sizeOf({ entry, precision }: Installation): string {
  return readableBytes((filesOf(entry, precision) ?? []).reduce((sum, { bytes }) => sum + bytes, 0));
}

function languagesOf({ languages = DEFAULT_LANGUAGES }: ModelEntry): string {
  return languages.join(" ");
}

function modelJson(entry: ModelEntry, installations: readonly Listed[]): unknown {
  return {
    id: entry.id,
    name: entry.name,
    version: entry.version,
    summary: entry.summary,
    license: entry.license,
    languages: entry.languages ?? DEFAULT_LANGUAGES,
    source: entry.source,
    precisions: installations.map(({ precision, state, dir, wrong, isRewritten }) => ({
      precision,
      state,
      isRewritten,
      dir,
      bundleHash: bundleHash(filesOf(entry, precision) ?? []),
      files: filesOf(entry, precision),
      wrong: wrong.map(({ file, bytesFound }) => ({ name: file.name, bytesFound: bytesFound ?? null })),
    })),
  };
}
