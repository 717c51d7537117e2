import { filesOf, restoreCure } from "../../models/bundle.ts";
import { inspectModel, type Installation } from "../../models/locate.ts";
import { type FileVerdict, verifyFiles } from "../../models/verify.ts";
import { GigasttError } from "../../shared/errors.ts";
import { readableBytes } from "../../shared/units.ts";
import type { CommandContext } from "../command.ts";
import { paintFor, writeJson } from "../output.ts";
import { loadModelsWorld, namedModel, precisionFlag } from "./common.ts";

/** `gigastt models verify [MODEL]`: reads every file again, whatever the stamp remembers. */
export async function verify(context: CommandContext): Promise<number> {
  const { registry, baseDir } = await loadModelsWorld(context);
  const named = namedModel(context, registry);
  const precision = precisionFlag(context);
  const entries = named ? [named] : registry.models;
  const all = (await Promise.all(entries.map((entry) => inspectModel(entry, baseDir)))).flat();
  const fitting = all.filter((installation) => precision === undefined || installation.precision === precision);
  const present = fitting.filter(({ state }) => state !== "absent");
  if (present.length === 0) {
    const what = named ? `${named.id}${precision === undefined ? "" : ` (${precision})`}` : "a model";
    const cure = named ? restoreCure(named, precision) : "Run `gigastt models pull`.";
    throw new GigasttError("GST_MODEL_MISSING", `${what} is not installed in ${baseDir}. ${cure}`);
  }
  const results: { installation: Installation; verdicts: readonly FileVerdict[] }[] = [];
  const json = context.flags["json"] === true;
  for (const installation of present) {
    const verdicts = await verifyOne(installation, context);
    results.push({ installation, verdicts });
    if (!json) print(context, installation, verdicts);
  }
  const ok = results.every(({ verdicts }) => verdicts.every(({ state }) => state === "ok"));
  if (json) {
    writeJson(context.stdout, {
      ok,
      models: results.map(({ installation: { entry, precision, dir }, verdicts }) => ({
        id: entry.id,
        precision,
        dir,
        files: verdicts.map((verdict) => ({
          name: verdict.file.name,
          state: verdict.state,
          problem: verdict.state === "ok" ? null : verdict.problem,
        })),
      })),
    });
  }
  return ok ? 0 : 1;
}

async function verifyOne(installation: Installation, context: CommandContext): Promise<readonly FileVerdict[]> {
  const { entry, precision, dir } = installation;
  const { stderr, signal } = context;
  let shownAt = 0;
  const onProgress = (file: { name: string; bytes: number }, done: number): void => {
    if (!stderr.isTTY || performance.now() - shownAt < 100) return;
    shownAt = performance.now();
    stderr.write(`\r\u001B[Kreading ${file.name} ${Math.floor((done / file.bytes) * 100)} %`);
  };
  const keepsStamp = entry.source.kind !== "bundled";
  try {
    return await verifyFiles(dir, filesOf(entry, precision) ?? [], { signal, fresh: true, keepsStamp, onProgress });
  } finally {
    if (shownAt > 0) stderr.write("\r\u001B[K");
  }
}

function print(
  context: CommandContext,
  { entry, precision, dir }: Installation,
  verdicts: readonly FileVerdict[],
): void {
  const paint = paintFor(context.stdout, context);
  const lines = verdicts.map((verdict) =>
    verdict.state === "ok"
      ? `  ${paint.green("ok")}   ${verdict.file.name} (${readableBytes(verdict.file.bytes)})`
      : `  ${paint.red("bad")}  ${verdict.file.name}: ${verdict.problem}`,
  );
  const bad = verdicts.some(({ state }) => state !== "ok");
  if (bad) lines.push(`  ${restoreCure(entry, precision)}`);
  context.stdout.write(`${paint.bold(`${entry.id} ${precision}`)} in ${dir}\n${lines.join("\n")}\n`);
}
