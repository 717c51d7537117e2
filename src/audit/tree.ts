import type { Source } from "./source.ts";

/** The audited files by path, and how paths inside configs find them. */
export interface FileTree {
  readonly sources: readonly Source[];
  /** Exact path relative to the audited root. */
  readonly get: (path: string) => Source | undefined;
  /** Files an include pattern names, looked for in the folders given, then by the well-known prefixes, then by the longest unique tail. */
  readonly resolve: (pattern: string, folders: readonly string[]) => readonly Source[];
  /** Entry exists without having been read (binary, too large). */
  readonly exists: (path: string) => boolean;
}

const PREFIXES = ["/etc/nginx/", "/usr/local/nginx/conf/", "/usr/local/etc/nginx/", "/opt/nginx/conf/", "/etc/caddy/"];

export function createTree(sources: readonly Source[], others: readonly string[] = []): FileTree {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const known = new Set([...byPath.keys(), ...others]);
  const byName = new Map<string, Source[]>();
  for (const source of sources) {
    const name = baseName(source.path);
    byName.set(name, [...(byName.get(name) ?? []), source]);
  }
  const matching = (pattern: string): Source[] => {
    if (!/[*?[]/.test(pattern)) {
      const found = byPath.get(pattern);
      return found ? [found] : [];
    }
    const regex = globToRegExp(pattern);
    return sources.filter((source) => regex.test(source.path)).sort((a, b) => (a.path < b.path ? -1 : 1));
  };
  return {
    sources,
    get: (path) => byPath.get(path),
    exists: (path) => known.has(path),
    resolve(pattern, folders) {
      const relative = PREFIXES.find((prefix) => pattern.startsWith(prefix));
      const wanted = relative === undefined ? [pattern] : [pattern.slice(relative.length), pattern.slice(1)];
      for (const want of wanted) {
        if (want.startsWith("/")) continue;
        for (const folder of folders) {
          const found = matching(joinPath(folder, want));
          if (found.length > 0) return found;
        }
      }
      // A copy of a tree keeps the tail of its paths: two parts must agree, or a unique name.
      const parts = pattern.split("/").filter((part) => part !== "" && part !== "." && part !== "..");
      if (!pattern.startsWith("/")) return [];
      for (let keep = parts.length - 1; keep >= 2; keep -= 1) {
        const tail = parts.slice(-keep).join("/");
        const regex = globToRegExp(tail, true);
        const found = sources.filter((source) => regex.test(source.path));
        if (found.length > 0) return found.sort((a, b) => (a.path < b.path ? -1 : 1));
      }
      const named = byName.get(parts.at(-1) ?? "") ?? [];
      // Of several files of that name the one beside the file that includes it: copies are flat.
      const beside = named.filter((source) => dirName(source.path) === folders[0]);
      return named.length === 1 ? named : beside;
    },
  };
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function dirName(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "" : path.slice(0, slash);
}

/** Joins and normalises with `/`; `..` above the root stays. */
export function joinPath(folder: string, path: string): string {
  const out: string[] = [];
  for (const part of [...folder.split("/"), ...path.split("/")]) {
    if (part === "" || part === ".") continue;
    if (part === ".." && out.length > 0 && out.at(-1) !== "..") out.pop();
    else out.push(part);
  }
  return out.join("/");
}

/** A shell glob as an anchored regular expression; `*` stays inside a folder. */
export function globToRegExp(glob: string, tail = false): RegExp {
  let out = "";
  for (let i = 0; i < glob.length; i += 1) {
    const char = glob[i] ?? "";
    if (char === "*") {
      if (glob[i + 1] === "*") {
        out += ".*";
        i += 1;
        if (glob[i + 1] === "/") i += 1;
      } else out += "[^/]*";
    } else if (char === "?") out += "[^/]";
    else if (char === "[") {
      const close = glob.indexOf("]", i + 2);
      if (close === -1) out += "\\[";
      else {
        const body = glob
          .slice(i + 1, close)
          .replace(/\\/g, "\\\\")
          .replace(/^!/, "^");
        out += safeClass(body);
        i = close;
      }
    } else out += char.replace(/[.+^${}()|\]\\/]/g, "\\$&");
  }
  return new RegExp(`${tail ? "(?:^|/)" : "^"}${out}$`);
}

/** A bracket expression, or its literal text when it is not a valid class (`[z-a]`). */
function safeClass(body: string): string {
  try {
    return new RegExp(`[${body}]`).source;
  } catch {
    return `\\[${body.replace(/[.+^${}()|[\]\\/*?]/g, "\\$&")}\\]`;
  }
}
