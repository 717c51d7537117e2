import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { runRules } from "../../src/audit/audit.ts";
import { classify } from "../../src/audit/classify.ts";
import { maskMarkdown } from "../../src/audit/markdown.ts";
import type { ClassifiedFile, Facts, GitFacts } from "../../src/audit/model/facts.ts";
import { buildFacts } from "../../src/audit/model/facts.ts";
import type { Versions } from "../../src/audit/model/versions.ts";
import type { Source } from "../../src/audit/source.ts";
import { createSource } from "../../src/audit/source.ts";
import { createTree } from "../../src/audit/tree.ts";
import type { Finding } from "../../src/audit/types.ts";

export interface FilesOptions {
  readonly assume?: Readonly<Record<string, string>>;
  readonly versions?: Partial<Versions>;
  /** Permission bits per path; secrets default to 0600, everything else to 0644. */
  readonly modes?: Readonly<Record<string, number>>;
  readonly git?: GitFacts;
  readonly configHash?: string;
  /** Paths that could not be read, and why. */
  readonly unread?: Readonly<Record<string, string>>;
}

/** Facts of texts in memory, as `gigastt audit` would build them from a folder. */
export function factsOf(files: Readonly<Record<string, string>>, options: FilesOptions = {}): Facts {
  const classified = Object.keys(files)
    .sort()
    .flatMap((path): ClassifiedFile[] => {
      const text = files[path] ?? "";
      const probe = createSource(path, text);
      if (path.endsWith(".md")) return [...maskMarkdown(probe)];
      const kind = classify(probe);
      const secret = kind === "dotenv" || kind === "htpasswd" || kind === "key";
      const mode = options.modes?.[path] ?? (secret ? 0o600 : 0o644);
      return [{ source: sourceOf(path, text, mode), kind }];
    });
  const unread = Object.entries(options.unread ?? {});
  const read = classified.filter((file) => options.unread?.[file.source.path] === undefined);
  return buildFacts({
    tree: createTree(
      read.map((file) => file.source),
      unread.map(([path]) => path),
    ),
    files: read,
    unread: unread.map(([path, reason]) => ({
      source: createSource(path, files[path] ?? ""),
      reason,
      cure: "Keep what is generated (lists of addresses, keys) in a file of its own, apart from what is written by hand.",
    })),
    given: options.assume ?? {},
    versions: options.versions ?? {},
    today: "2026-11-21",
    ...(options.git ? { git: options.git } : {}),
    ...(options.configHash === undefined ? {} : { configHash: options.configHash }),
  });
}

const sources = new Map<string, Source>();

/** The last source of a path as long as its text stays: suites that change one file of many parse only that one again. */
function sourceOf(path: string, text: string, mode: number): Source {
  const known = sources.get(path);
  if (known && known.text === text && known.mode === mode) return known;
  const source = createSource(path, text, { mode, uid: 10001 });
  sources.set(path, source);
  return source;
}

/** Findings of texts in memory. */
export function auditFiles(files: Readonly<Record<string, string>>, options: FilesOptions = {}): readonly Finding[] {
  return runRules(factsOf(files, options), { today: "2026-11-21" }).findings;
}

/** `rule file:line` of every finding, for short assertions. */
export function brief(findings: readonly Finding[]): string[] {
  return findings.map((finding) => `${finding.rule} ${finding.file}:${finding.line}`);
}

export const AUDIT_FIXTURES: string = fileURLToPath(new URL("../fixtures/audit/", import.meta.url));

/** All files of a fixture folder by relative path. */
export function readFolder(folder: string): Record<string, string> {
  const out: Record<string, string> = {};
  const visit = (at: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) visit(path);
      else out[relative(folder, path)] = readFileSync(path, "utf8");
    }
  };
  visit(folder);
  return out;
}
