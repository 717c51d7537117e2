import { join, relative } from "node:path";
import { createPatch } from "diff";
import { RENDER_TARGETS, renderFiles, targetsOf, type RenderedFile, type RenderTarget } from "../../render/render.ts";
import { compareFiles, writeFiles, type FileState } from "../../render/write.ts";
import { readVersion } from "../../shared/version.ts";
import type { Command, CommandContext } from "../command.ts";
import { notFollowed, outDir } from "../deploy/paths.ts";
import { loadCliConfig } from "../load-config.ts";
import { paintFor, table, writeJson, type Paint } from "../output.ts";
import { UsageError } from "../usage.ts";

export const command: Command = {
  summary: "Write proxy files, manifests and units from the configuration",
  topic: "deploy",
  rank: 1,
  positionals: `[${[...RENDER_TARGETS, "all"].join("|")}]…`,
  choices: [...RENDER_TARGETS, "all"],
  flags: {
    out: {
      type: "string",
      short: "o",
      value: "DIR",
      describe: "folder to write to; default: deploy/ beside the configuration",
    },
    check: {
      type: "boolean",
      describe: "write nothing; exit 1 and show the difference when a file is missing, stale or edited",
    },
    diff: { type: "boolean", describe: "write nothing; show what would change" },
    force: { type: "boolean", describe: "also overwrite files that were edited by hand or made by other programs" },
    stdout: { type: "boolean", describe: "print the files instead of writing them" },
    json: { type: "boolean", describe: "answer JSON" },
  },
  help: `Every number in the files is derived from the configuration; the same configuration gives the same bytes.
Without a target, or with "all", it renders what the configuration needs. On a host: proxy, systemd unit and firewall. For Compose: project, Dockerfile and firewall. For Kubernetes: manifests and Dockerfile. With deploy.monitoring also alerts for Prometheus and a dashboard for Grafana.

  gigastt render                     write what the configuration needs
  gigastt render caddy --stdout      look at one file
  gigastt render all --check         in CI: fail when a file no longer matches the configuration
  gigastt render casaos --out store  the entry for an app store: also umbrel, unraid, truenas, portainer
`,
  aboutService: ({ check, diff }) => check === true || diff === true,
  run: render,
};

// ---

async function render(context: CommandContext): Promise<number> {
  const { flags, stdout, stderr } = context;
  const modes = ["check", "diff", "stdout"].filter((flag) => flags[flag] === true);
  if (modes.length > 1) throw new UsageError([`--${modes.join(" and --")} cannot be combined`], ["render"]);
  if (flags["force"] === true && modes.length > 0)
    throw new UsageError([`--force has no effect with --${modes[0]}`], ["render"]);
  const { config, hash, path } = await loadCliConfig(context);
  const targets = chosenTargets(context, targetsOf(config));
  const files = renderFiles(config, targets, { toolVersion: readVersion(), configHash: hash });
  const paint = paintFor(stdout, context);

  if (flags["stdout"] === true) {
    stdout.write(
      files.length === 1
        ? files[0]!.text
        : files.map((file) => `${paint.bold(`==> ${file.path}`)}\n${file.text}`).join("\n"),
    );
    return 0;
  }
  const out = outDir({ path }, context.cwd, flags["out"]);
  if (flags["check"] === true || flags["diff"] === true) {
    const states = await compareFiles(out, files);
    const changed = states.filter(({ state }) => state !== "same");
    if (flags["json"] === true) writeJson(stdout, { ok: changed.length === 0, out, files: states.map(toJson) });
    else {
      for (const state of changed) stdout.write(diffOf(state, paint));
      const summary =
        changed.length === 0
          ? `${states.length} files match the configuration.`
          : `${changed.length} of ${states.length} files differ: ${changed.map(({ file, state }) => `${file.path} (${STATE_TEXT[state]})`).join(", ")}.`;
      stderr.write(`${summary}\n`);
    }
    return flags["check"] === true && changed.length > 0 ? 1 : 0;
  }
  const states = await writeFiles(out, files, { force: flags["force"] === true });
  if (flags["json"] === true) writeJson(stdout, { ok: true, out, files: states.map(toJson) });
  else {
    const shown = relative(context.cwd, out) || ".";
    stdout.write(
      `${table(states.map(({ file, state }) => [state === "same" ? paint.dim("unchanged") : paint.green(state === "new" ? "new" : "replaced"), join(shown, file.path)]))}\n`,
    );
    const alone = notFollowed({ path }, context.cwd, out);
    if (alone !== undefined) stderr.write(`${alone}\n`);
  }
  return 0;
}

const STATE_TEXT: Readonly<Record<FileState["state"], string>> = {
  new: "missing",
  same: "same",
  stale: "stale",
  edited: "edited by hand",
  foreign: "not made by gigastt",
};

function chosenTargets({ positionals }: CommandContext, all: readonly RenderTarget[]): readonly RenderTarget[] {
  if (positionals.length === 0) return all;
  const unknown = positionals.filter((name) => name !== "all" && !isTarget(name));
  if (unknown.length > 0) {
    throw new UsageError(
      unknown.map((name) => `unknown target "${name}"; use one of ${[...RENDER_TARGETS, "all"].join(", ")}`),
      ["render"],
    );
  }
  return RENDER_TARGETS.filter(
    (target) => positionals.includes(target) || (positionals.includes("all") && all.includes(target)),
  );
}

function isTarget(name: string): name is RenderTarget {
  return RENDER_TARGETS.some((target) => target === name);
}

function diffOf({ file, state, current }: FileState, paint: Paint): string {
  const patch = createPatch(
    file.path,
    current ?? "",
    file.text,
    state === "new" ? "missing" : STATE_TEXT[state],
    "rendered",
  );
  const lines = patch.split("\n").slice(2);
  return lines
    .map((line) =>
      line.startsWith("+")
        ? paint.green(line)
        : line.startsWith("-")
          ? paint.red(line)
          : line.startsWith("@@")
            ? paint.cyan(line)
            : line,
    )
    .join("\n");
}

function toJson({ file, state }: FileState): { path: string; state: FileState["state"]; mode: string } {
  return { path: file.path, state, mode: modeOf(file) };
}

function modeOf(file: RenderedFile): string {
  return file.mode.toString(8).padStart(4, "0");
}
