import { constants, createReadStream, existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, open, readdir, rm, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { arch, machine, platform } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { locateModel } from "../../models/locate.ts";
import type { ModelBundle } from "../../models/manifest.ts";
import { verifyBundle } from "../../models/verify.ts";
import { renderTemplate } from "../../render/text/template-files.ts";
import { GigasttError } from "../../shared/errors.ts";
import { installationRoot } from "../../shared/process/entry.ts";
import { runProgram } from "../../shared/process/program.ts";
import { readVersion } from "../../shared/version.ts";
import { isShipped, shippedPaths } from "../bundle/contents.ts";
import type { Command, CommandContext } from "../command.ts";
import { loadCliConfig } from "../load-config.ts";
import { UsageError } from "../usage.ts";
import { renameDurably } from "../../shared/files.ts";

export const command: Command = {
  summary: "Write one file that installs gigastt on a machine without a network",
  topic: "set-up",
  rank: 10,
  positionals: "[FILE]",
  help: "The archive holds the program with the packages it needs, this Node.js, the model of the configuration, checksums and install.sh. It runs on machines of the same system and processor. Unpack it there and run: sh install.sh",
  run: bundle,
};

async function bundle(context: CommandContext): Promise<number> {
  const { positionals, cwd, env, stderr, stdout, signal } = context;
  if (positionals.length > 1) throw new UsageError(["name one file"], ["bundle"]);
  if (platform() !== "linux") throw new GigasttError("GST_BUNDLE", "a bundle is made on Linux. Run it there.");
  const { config } = await loadCliConfig(context, { quiet: true });
  const model = await locateModel(config.model, { env });
  await verifyBundle(model);
  const version = readVersion();
  const name = `gigastt-${version}-linux-${arch()}`;
  const file = resolve(cwd, positionals[0] ?? `${name}.tar.gz`);
  const stage = await mkdtemp(join(dirname(file), ".gigastt-bundle-"));
  try {
    const folder = join(stage, name);
    await fill(folder, { model, version });
    stderr.write("packing …\n");
    const packed = join(stage, "packed.tar.gz");
    const end = await runProgram("tar", ["-C", stage, "-czf", packed, name], { timeoutMs: 1_800_000, signal });
    if (end.trouble !== undefined) {
      const cure = end.isMissing ? "Install tar." : "Free some disk space, or name a FILE elsewhere.";
      throw new GigasttError("GST_BUNDLE", `the archive could not be written: ${end.trouble}. ${cure}`);
    }
    await syncFile(packed);
    await renameDurably(packed, file);
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
  stdout.write(`${file}\nOn the other machine: tar xzf ${basename(file)} && sh ${name}/install.sh\n`);
  return 0;
}

// ---

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, "r+");
  await handle.sync().finally(() => handle.close());
}

async function fill(folder: string, { model, version }: { model: ModelBundle; version: string }): Promise<void> {
  const root = fileURLToPath(installationRoot());
  const app = join(folder, "app");
  for (const path of await shippedPaths(root))
    await cp(join(root, path), join(app, path), {
      recursive: true,
      dereference: true,
      mode: constants.COPYFILE_FICLONE,
      filter: (source) => isShipped(root, source),
    });
  await cp(process.execPath, join(folder, "node"));
  const from = model.encoderPath.startsWith(root)
    ? undefined
    : await copyModel(model, join(folder, "models", model.id));
  const { id, precision } = model;
  const view = { machine: machine(), version, id, precision, pulled: from === "registry", imported: from === "folder" };
  const script = renderTemplate("bundle/install.sh", view, "shell");
  await writeFile(join(folder, "install.sh"), script, { mode: 0o755 });
  await writeFile(join(folder, "SHA256SUMS"), await checksums(folder));
}

/** Returns how it is installed again: by the registry's hashes, or with its own manifest. */
async function copyModel(model: ModelBundle, to: string): Promise<"registry" | "folder"> {
  const from = dirname(model.encoderPath);
  await mkdir(to, { recursive: true });
  for (const { name } of model.files) await cp(join(from, name), join(to, name));
  if (!existsSync(join(from, "model.json"))) return "registry";
  await cp(join(from, "model.json"), join(to, "model.json"));
  return "folder";
}

async function checksums(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const lines: string[] = [];
  for (const entry of entries.filter((found) => found.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array); // no encoding is set
    lines.push(`${hash.digest("hex")}  ${relative(folder, path)}\n`);
  }
  return lines.toSorted().join("");
}
