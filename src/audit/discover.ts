import { readdir, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { EXAMPLES, readHeader } from "../render/header.ts";
import { installationRoot } from "../shared/process/entry.ts";
import { GigasttError } from "../shared/errors.ts";
import { runProgram } from "../shared/process/program.ts";
import { maskMarkdown } from "./markdown.ts";
import type { ClassifiedFile, GitFacts, UnreadFile } from "./model/facts.ts";
import { isRecognised } from "./model/fronts/not-read.ts";
import { classify } from "./classify.ts";
import { CLOSED, isDenied, readSource } from "./read.ts";
import type { Source } from "./source.ts";
import { createSource } from "./source.ts";
import type { FileTree } from "./tree.ts";
import { createTree } from "./tree.ts";

const SKIPPED_FOLDERS = new Set([
  "node_modules",
  ".git",
  ".hg",
  ".svn",
  "dist",
  "coverage",
  "__pycache__",
  ".venv",
  ".terraform",
]);
const MAX_FILES = 100_000;
/** Text of files without a known kind that is kept, since an include may name one of them: memory does not follow the size of a tree. */
const MAX_UNKNOWN_CHARS = 2 ** 24;
/** Programs, pages, media and archives hold no configuration: they are not read. */
const OTHER_CONTENT =
  /\.(?:[ch](?:pp)?|[jt]sx|ts|py|go|rs|java|kt|rb|php|css|scss|html?|svg|map|lock|log|csv|tsv|sql|png|jpe?g|gif|webp|ico|woff2?|ttf|pdf|docx?|xlsx?|zip|t?gz|bz2|xz|zst|7z|rar|tar|iso|img|so|a|o|exe|dll|bin|onnx|wav|mp[34]|flac|ogg|opus|webm|m4a|mkv|mov|db|sqlite3?)$/i;

export interface Discovered {
  readonly tree: FileTree;
  readonly files: readonly ClassifiedFile[];
  /** What was to be audited and could not be read. */
  readonly unread: readonly UnreadFile[];
  /** Folder that `path` of the sources is relative to. */
  readonly root: string;
}

/**
 * Reads the audited paths. One path: names are relative to it (to its folder when it is a file); several: to `cwd`.
 * Files beside an audited file are read too, so that its includes and `.env` are found, but are not audited themselves.
 */
export async function discover(
  paths: readonly string[],
  cwd: string,
  config?: string,
  onProgress?: (done: number, all: number) => void,
): Promise<Discovered> {
  const absolute = paths.map((path) => resolve(cwd, path));
  const infos = await Promise.all(
    absolute.map(async (path, i) => {
      try {
        return await stat(path);
      } catch (error) {
        throw new GigasttError("GST_AUDIT_PATH", `audit: path not found: "${paths[i]}". Check the spelling`, {
          cause: error,
          exitCode: 2,
        });
      }
    }),
  );
  const only = absolute[0];
  const root = absolute.length === 1 && only !== undefined ? (infos[0]?.isDirectory() ? only : dirname(only)) : cwd;
  const others: string[] = [];
  const unread: UnreadFile[] = [];
  const audited = new Set<string>();
  const all = new Set<string>();
  for (const [i, path] of absolute.entries()) {
    if (infos[i]?.isDirectory()) {
      const shown = (folder: string): Source => createSource(relative(root, folder) || ".", "");
      const closed: string[] = [];
      const found = await walk(path, MAX_FILES, { closed });
      for (const file of found) if (!isOfProgram(file, path)) audited.add(file);
      for (const folder of closed) unread.push({ source: shown(folder), ...CLOSED });
      if (found.length === MAX_FILES)
        unread.push({
          source: shown(path),
          reason: `it has more than ${MAX_FILES} files, and the others were not looked at`,
          cure: "Name the folders that hold configuration.",
        });
    } else {
      audited.add(path);
      for (const file of await walk(dirname(path), 500, { depth: 3 })) all.add(file);
    }
  }
  if (config !== undefined) audited.add(resolve(cwd, config));
  for (const file of audited) all.add(file);
  const explicit = new Set(absolute);
  const sources: Source[] = [];
  const files: ClassifiedFile[] = [];
  const guides: Source[] = [];
  let unknownChars = 0;
  const addGuide = (guide: Source): void => {
    for (const masked of maskMarkdown(guide, unread)) {
      sources.push(masked.source);
      files.push(masked);
    }
  };
  for (const [i, file] of [...all].sort().entries()) {
    if (i > 0 && i % 1000 === 0) onProgress?.(i, all.size);
    const shown = relative(root, file).split(sep).join("/");
    if (OTHER_CONTENT.test(file) && !explicit.has(file)) {
      others.push(shown);
      continue;
    }
    const read = await readSource(file, shown);
    if (read.source === undefined) {
      others.push(shown);
      const { problem } = read;
      if (problem && audited.has(file) && (explicit.has(file) || mayBeConfiguration(problem.source)))
        unread.push(problem);
      continue;
    }
    const { source } = read;
    if (isExample(source.text) && absolute.some((start) => below(file, start) && below(INSTALLATION, start))) continue;
    if (/\.(?:md|markdown)$/i.test(file)) {
      if (explicit.has(file)) addGuide(source);
      else if (audited.has(file)) guides.push(source);
      continue;
    }
    const kind =
      config !== undefined && file === resolve(cwd, config) ? "config" : classify(source, explicit.has(file));
    if (kind === "unknown" && (unknownChars += source.text.length) > MAX_UNKNOWN_CHARS && !isRecognised(source)) {
      others.push(shown);
      continue;
    }
    sources.push(source);
    if (isBackupCopy(file) && !explicit.has(file) && !HOLDS_SECRETS.has(kind)) continue;
    if (audited.has(file) || kind === "dotenv") files.push({ source, kind });
  }
  // Beside configuration a guide is about something else; a folder of guides alone is what there is to audit.
  if (!files.some(({ kind }) => kind !== "unknown" && kind !== "gitignore"))
    for (const guide of guides) addGuide(guide);
  // The example of a checkout is not the configuration of a box that has its own beside it.
  const own = new Set(files.map(({ source }) => source.path));
  const replaced = ({ source, kind }: ClassifiedFile): boolean =>
    kind === "config" &&
    own.has(source.path.replace(/(^|\/)gigastt\.config\.yaml$/, "$1gigastt.local.yaml")) &&
    source.path.endsWith("gigastt.config.yaml");
  return { tree: createTree(sources, others), files: files.filter((file) => !replaced(file)), unread, root };
}

/** Which secret-bearing files git tracks or would take. Empty outside a repository or without git. */
export async function readGitFacts(root: string, files: readonly ClassifiedFile[]): Promise<GitFacts> {
  const tracked = new Set<string>();
  const exposed = new Set<string>();
  const candidates = files
    .filter(
      (file) =>
        (file.kind === "dotenv" || file.kind === "htpasswd" || file.kind === "key") &&
        file.source.absolute !== undefined,
    )
    .map((file) => file.source);
  if (candidates.length === 0) return { tracked, exposed };
  const names = candidates
    .map((source) => relative(root, source.absolute ?? ""))
    .filter((name) => !name.startsWith(".."));
  const list = async (flags: readonly string[], into: Set<string>): Promise<void> => {
    const options = { cwd: root, timeoutMs: 5000, maxOutputBytes: 16 * 2 ** 20 };
    const { trouble, stdout } = await runProgram("git", ["ls-files", "-z", ...flags, "--", ...names], options);
    // No repository or no git: nothing to say.
    if (trouble !== undefined) return;
    for (const name of stdout.split("\0")) if (name !== "") into.add(name.split(sep).join("/"));
  };
  await list([], tracked);
  await list(["--others", "--exclude-standard"], exposed);
  return { tracked, exposed };
}

// ---

/** Copies that editors, cp --backup and package managers leave behind: no program reads them, except through an include. */
function isBackupCopy(path: string): boolean {
  return /(?:~|\.(?:bak|backup|old|orig|save|swp|~\d+~|dpkg-[a-z]+|ucf-[a-z]+|rpm(?:save|new|orig)|pacnew|pacsave))$|^#.*#$/i.test(
    basename(path),
  );
}

/** A copy of a secret is as secret as the file itself. */
const HOLDS_SECRETS: ReadonlySet<ClassifiedFile["kind"]> = new Set(["dotenv", "htpasswd", "key"]);

/** The state folder of a supervisor keeps earlier configurations and rendered sets; they are not in use. */
function isStateFolder(names: ReadonlySet<string>): boolean {
  return (
    names.has("generations") && ["supervisor.json", "children.json", "history", "logs"].some((name) => names.has(name))
  );
}

const INSTALLATION = fileURLToPath(installationRoot());
/** What a checkout brings along: tests full of mistakes, pages that quote them, templates. None of it is anybody's deployment. */
const PROGRAM_FOLDERS =
  /^(?:\.ci|bin|deploy\/(?:examples|home-assistant)|docs|models|scripts|src|templates|test|vendor)\//;

/** An audit of the folder that holds this program is about the operator's own files; the program's files are audited when they are named. */
function isOfProgram(file: string, start: string): boolean {
  return below(INSTALLATION, start) && PROGRAM_FOLDERS.test(relative(INSTALLATION, file).split(sep).join("/"));
}

function isExample(text: string): boolean {
  const header = readHeader(text);
  return header.kind !== "foreign" && header.toolVersion === EXAMPLES;
}

/** True for the folder itself, too. */
function below(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** By its name alone where nothing of it may be read. */
function mayBeConfiguration(source: Source): boolean {
  return classify(source) !== "unknown" || (source.text === "" && /\.(?:conf|ya?ml)$/.test(source.path));
}

/** Files below a folder, in order, at most `limit`. Adds folders that this user may not list to `closed`. */
async function walk(
  folder: string,
  limit: number,
  { depth = 40, closed = [] }: { readonly depth?: number; readonly closed?: string[] },
): Promise<string[]> {
  const out: string[] = [];
  const visit = async (at: string, left: number): Promise<void> => {
    const entries = await readdir(at, { withFileTypes: true }).catch((error: unknown) => {
      if (isDenied(error)) closed.push(at);
      return [];
    });
    const isState = isStateFolder(new Set(entries.map(({ name }) => name)));
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (isState && (at !== folder || entry.name === "generations")) continue;
      if (out.length >= limit) return;
      const path = join(at, entry.name);
      if (entry.isDirectory()) {
        if (left > 0 && !SKIPPED_FOLDERS.has(entry.name)) await visit(path, left - 1);
      } else if (entry.isFile() || entry.isSymbolicLink()) out.push(path);
    }
  };
  await visit(folder, depth);
  return out;
}
