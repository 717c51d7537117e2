import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/** The walls of the architecture, by walking the imports themselves: lint settings rot silently. */

/** What each folder of src/ may import. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  console: ["shared"],
  config: ["shared"],
  models: ["shared", "config"],
  store: ["shared", "config"],
  engine: ["shared", "config", "models"],
  runtime: ["shared", "config", "models", "engine", "store"],
  render: ["shared", "config"],
  audit: ["shared", "config", "render"],
  checks: ["shared", "config", "render", "audit"],
  supervisor: ["shared", "config", "render", "models", "store"],
  cli: ["shared", "config", "models", "render", "audit", "checks", "supervisor", "store"],
};

/** The only files that may import each package. A package that is not here may not be imported: a new one gets its line and an ADR. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  "@bufbuild/protobuf": ["models/onnx/read.ts", "models/onnx/write.ts", "models/synthetic/graph-builder.ts"],
  "@clack/prompts": ["cli/deploy/init/ask.ts"],
  "@opentelemetry/api": ["runtime/tracing/open-telemetry.ts"],
  "@opentelemetry/exporter-trace-otlp-http": ["runtime/tracing/open-telemetry.ts"],
  "@opentelemetry/resources": ["runtime/tracing/open-telemetry.ts"],
  "@opentelemetry/sdk-trace": ["runtime/tracing/open-telemetry.ts"],
  "@orama/stemmers": ["store/archive/terms.ts"],
  "@peculiar/x509": ["shared/tls/pki.ts"],
  "@tus/server": ["runtime/jobs/resumable.ts"],
  "age-encryption": ["supervisor/state/backup-format.ts"],
  "@fastify/busboy": ["runtime/http/uploads/upload-form.ts"],
  aws4fetch: ["store/blobs/s3.ts"],
  ajv: ["config/problems/validate.ts"],
  bullmq: ["store/jobs/redis/queue.ts"],
  bcryptjs: ["cli/deploy/secret-store.ts"],
  crossws: ["runtime/sessions/websocket.ts"],
  "dockerfile-ast": ["audit/parse/dockerfile.ts"],
  h3: ["runtime/http/app.ts", "runtime/http/replies/reply.ts", "runtime/runtime.ts"],
  diff: ["cli/commands/render.ts"],
  execa: ["shared/process/program.ts"],
  "ipaddr.js": [
    "runtime/access/client-address.ts",
    "runtime/access/local-caller.ts",
    "runtime/jobs/callback-target.ts",
  ],
  listhen: ["runtime/http/lan.ts"],
  "lru-cache": ["runtime/access/rate-limit.ts"],
  "multicast-dns": ["runtime/wyoming/zeroconf.ts"],
  "onnxruntime-node": [
    "engine/acoustic/ctc-head.ts",
    "engine/acoustic/model.ts",
    "engine/acoustic/sessions.ts",
    "engine/acoustic/tensors.ts",
    "engine/acoustic/transducer-head.ts",
    "engine/acoustic/transducer.ts",
  ],
  "opus-decoder": ["engine/audio/codec/opus.ts"],
  pino: ["shared/log.ts"],
  "prom-client": ["runtime/metrics/metrics.ts", "runtime/metrics/appliance.ts"],
  "reflect-metadata": ["shared/tls/pki.ts"],
  postgres: ["store/archive/postgres/link.ts"],
  undici: ["models/http.ts"],
  uqr: ["cli/qr-code.ts"],
  ioredis: ["store/jobs/redis/link.ts"],
  // Its Redis driver imports ioredis too.
  unstorage: ["supervisor/state/history-store.ts"],
  ws: ["checks/live/probes/silent-session.ts", "cli/bench/live-stream.ts", "checks/verify/speech.ts"],
  // config reads and edits with comments kept, render writes, audit reads foreign files with positions.
  yaml: ["config/file/parse.ts", "config/file/edit.ts", "render/text/yaml.ts", "audit/parse/yaml.ts"],
};

/** Packages of the page. They are bundled into dist/console when it is built, so they are development dependencies: no installation carries them. */
const BUNDLED: Readonly<Record<string, readonly string[]>> = {
  uplot: ["console/plot/charts.ts"],
  "wavesurfer.js": ["console/parts/waveform.tsx"],
};
/** What the page itself is written in. */
const PAGE_LANGUAGE: readonly string[] = ["preact", "@preact/signals"];

/** The only files that may import node:child_process, and why. */
const CHILD_PROCESS: Readonly<Record<string, string>> = {
  "cli/bench/server.ts": "the server that is measured, for minutes, by its lines",
  "shared/process/process-identity.ts": "ps on macOS, from code that cannot wait",
  "supervisor/detach.ts": "the supervisor itself, which outlives the command that starts it",
  "supervisor/helpers/systemd-notify.ts": "one shell for all heartbeats",
  "supervisor/process/child.ts": "the supervised children",
  "supervisor/process/orphan-guard.ts": "a shell that outlives the supervisor",
};

const root = fileURLToPath(new URL("../../src/", import.meta.url));
const files = new Map(
  readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => [name.replaceAll("\\", "/"), readFileSync(join(root, name), "utf8")] as const),
);
const imports = [...files].flatMap(([file, text]) => importsOf(file, text));
/** Files that are started or loaded by path: they take the environment from the process. */
const entries = new Set([
  "cli/main.ts",
  ...[...files.values()].flatMap((text) =>
    [...text.matchAll(/entryFile\("([^"]+)"\)/g)].map(([, name]) => `${name}.ts`),
  ),
]);

describe("the walls of src/", () => {
  it("walks files and finds imports of every kind", () => {
    expect(files.size).toBeGreaterThan(100);
    expect(imports.filter(({ kind }) => kind === "dynamic").length).toBeGreaterThan(5);
    expect(
      importsOf(
        "a/b.ts",
        'import x from "y";\nimport type { z } from "../c.ts";\nexport { q } from "./d.ts";\nawait import("e");\nimport "f";\n// import "g";\n/* from "h" */',
      ),
    ).toEqual([
      { file: "a/b.ts", target: "y", kind: "static", typeOnly: false },
      { file: "a/b.ts", target: "c.ts", kind: "static", typeOnly: true },
      { file: "a/b.ts", target: "a/d.ts", kind: "static", typeOnly: false },
      { file: "a/b.ts", target: "f", kind: "static", typeOnly: false },
      { file: "a/b.ts", target: "e", kind: "dynamic", typeOnly: false },
    ]);
  });

  it("a folder has at most 26 files, or a reason", () => {
    const reasons: Record<string, string> = { "cli/commands": "one file a command" };
    const counts = new Map<string, number>();
    for (const file of files.keys()) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
    expect([...counts].filter(([folder, count]) => count > 26 && reasons[folder] === undefined)).toEqual([]);
  });

  it("every folder imports only what it may", () => {
    const folders = new Set([...files.keys()].map(folderOf));
    expect([...folders].filter((folder) => !Object.hasOwn(FOLDERS, folder))).toEqual([]);
    const broken = imports.filter(({ file, target }) => {
      const [from, to] = [folderOf(file), folderOf(target)];
      return files.has(target) && from !== to && !FOLDERS[from]?.includes(to);
    });
    expect(broken.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
  });

  it("the runtime knows the engine by its contract and loads it late, the engine knows the types of config alone", () => {
    const face = imports.filter(({ file, target }) => folderOf(file) === "runtime" && folderOf(target) === "engine");
    const late = new Set(["engine/engine.ts", "engine/fake.ts"]);
    const broken = face.filter(
      ({ target, kind }) => target !== "engine/contract.ts" && !(kind === "dynamic" && late.has(target)),
    );
    expect(broken.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
    const config = imports.filter(({ file, target }) => folderOf(file) === "engine" && folderOf(target) === "config");
    const more = config.filter(({ target }) => target !== "config/types.ts");
    expect(more.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
  });

  it("every relative import exists and is written with its extension", () => {
    const missing = imports.filter(({ target }) => isSource(target) && !files.has(target));
    expect(missing.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
    const bare = [...files].flatMap(([file, text]) =>
      [...text.matchAll(/from "(\.[^"]*)"/g)]
        .filter(([, path]) => !isSource(path ?? ""))
        .map(([, path]) => `${file}: ${path}`),
    );
    expect(bare).toEqual([]);
  });

  it("every package is imported by its owner alone, types included", () => {
    const packages = imports.filter(({ target }) => !isSource(target) && !isBuiltin(target));
    const owners = { ...OWNERS, ...BUNDLED };
    const broken = packages.filter(
      ({ file, target }) =>
        !owners[packageOf(target)]?.includes(file) &&
        !(folderOf(file) === "console" && PAGE_LANGUAGE.includes(packageOf(target))),
    );
    expect(broken.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
    const used = new Set(packages.map(({ file, target }) => `${packageOf(target)} ${file}`));
    const stale = Object.entries(owners).flatMap(([name, owners]) =>
      owners.filter((file) => !used.has(`${name} ${file}`)).map((file) => `${name} ${file}`),
    );
    expect(stale, "owners in this test that no longer import their package").toEqual([]);
  });

  it("every imported package is a dependency, and Node's own modules are imported with node:", () => {
    const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    const undeclared = Object.keys(OWNERS).filter((name) => manifest.dependencies[name] === undefined);
    expect(undeclared).toEqual([]);
    const shipped = [...Object.keys(BUNDLED), ...PAGE_LANGUAGE].filter(
      (name) => manifest.devDependencies[name] === undefined,
    );
    expect(shipped).toEqual([]);
    expect(
      imports.filter(({ target }) => builtinModules.includes(target)).map(({ file, target }) => `${file} → ${target}`),
    ).toEqual([]);
  });

  it("the page reaches nothing that a browser has not", () => {
    const reached = new Set([...files.keys()].filter((file) => folderOf(file) === "console"));
    for (const file of reached) {
      for (const { target, typeOnly } of imports.filter((found) => found.file === file)) {
        if (!typeOnly && files.has(target)) reached.add(target);
      }
    }
    const broken = imports.filter(({ file, target }) => reached.has(file) && isBuiltin(target));
    expect(broken.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
  });

  it("there is no cycle among static imports, type imports included", () => {
    expect(cycles()).toEqual([]);
  });

  it("external programs are started by shared/process/program.ts; node:child_process is left to programs that outlive a call", () => {
    const users = imports.filter(({ target }) => target === "node:child_process").map(({ file }) => file);
    expect([...new Set(users)].sort()).toEqual(Object.keys(CHILD_PROCESS).sort());
  });

  it("SQLite is loaded by one file and opened by one other", () => {
    const naming = [...files].filter(([, text]) => /"(?:node:sqlite|libsql)"\)/.test(withoutComments(text)));
    expect(naming.map(([file]) => file)).toEqual(["store/sqlite-engine.ts"]);
    const users = imports.filter(({ target, typeOnly }) => target === "store/sqlite-engine.ts" && !typeOnly);
    expect(users.map(({ file }) => file)).toEqual(["store/sqlite.ts"]);
    const opening = imports.filter(({ file, target }) => target === "store/sqlite.ts" && folderOf(file) !== "store");
    expect(opening.map(({ file }) => file)).toEqual([]);
  });

  it("timers come from shared/time/timers.ts: Node's own fire at once when the delay is longer than 24.8 days", () => {
    const broken = [...files].filter(([file, source]) => {
      // The page runs in a browser and imports only the table of the wire.
      if (file === "shared/time/timers.ts" || folderOf(file) === "console") return false;
      const text = withoutComments(source);
      const imported = /import \{([^}]*)\} from "[./]+\/(?:(?:shared\/)?time\/)?timers\.ts"/.exec(text)?.[1] ?? "";
      const called = [...text.matchAll(/(?<![.\w])(setTimeout|setInterval)\(/g)].map(([, name]) => name ?? "");
      return /"(?:node:)?timers(?:\/promises)?"/.test(text) || called.some((name) => !imported.includes(name));
    });
    expect(broken.map(([file]) => file)).toEqual([]);
  });

  it("there is no barrel: nothing is exported from another file", () => {
    const barrels = [...files].flatMap(([file, text]) =>
      [...withoutComments(text).matchAll(/^export\s+(?:\*|(?:type\s+)?\{[^}]*\})\s+from\b/gm)].length > 0 ? [file] : [],
    );
    expect(barrels).toEqual([]);
  });

  it("process.env is read by program entries alone", () => {
    const broken = [...files].filter(
      ([file, text]) =>
        /\bprocess\s*\.\s*env\b|\bprocess\[|\benv\b[^;]*from "node:process"/.test(withoutComments(text)) &&
        !entries.has(file),
    );
    expect(broken.map(([file]) => file)).toEqual([]);
  });

  it("nothing writes to the console", () => {
    const calls = /(?<![\w.])console\s*\.\s*(?:log|error|warn|info|debug|trace|dir|table)\b/;
    const broken = [...files].filter(([, text]) =>
      calls.test(withoutComments(text).replace(/"(?:[^"\\\n]|\\.)*"/g, '""')),
    );
    expect(broken.map(([file]) => file)).toEqual([]);
  });
});

interface Import {
  readonly file: string;
  /** Path below src/ for our own files, else the specifier. */
  readonly target: string;
  readonly kind: "static" | "dynamic";
  readonly typeOnly: boolean;
}

function importsOf(file: string, source: string): Import[] {
  const text = withoutComments(source);
  const found: Import[] = [];
  for (const [, keyword = "", type, , specifier = ""] of text.matchAll(
    /^\s*(import|export)\s+(type\s+)?((?:[\w*${}\s,]|\btype\b)+?\s+from\s+)?"([^"\n]+)"/gm,
  )) {
    if (keyword === "export" && !/\bfrom\b/.test(text)) continue;
    found.push({ file, target: targetOf(file, specifier), kind: "static", typeOnly: type !== undefined });
  }
  for (const [, specifier = ""] of text.matchAll(/\bimport\(\s*"([^"]+)"\s*\)/g)) {
    found.push({ file, target: targetOf(file, specifier), kind: "dynamic", typeOnly: false });
  }
  return found;
}

/** Comments blanked out; strings stay. Good enough for code that a formatter has been over. */
function withoutComments(text: string): string {
  return text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[^]*?\*\/|\/\/[^\n]*/g,
    (_, string?: string) => string ?? "",
  );
}

function targetOf(file: string, specifier: string): string {
  return specifier.startsWith(".") ? normalize(join(dirname(file), specifier)) : specifier;
}

function folderOf(file: string): string {
  return file.slice(0, Math.max(0, file.indexOf("/")));
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function isSource(path: string): boolean {
  return /\.tsx?$/.test(path);
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith("node:") || builtinModules.includes(specifier);
}

/** Each cycle once, as `a → b → a`. */
function cycles(): string[] {
  const next = new Map<string, string[]>();
  for (const edge of imports) {
    const { file, target, kind } = edge;
    if (kind === "static" && files.has(target)) next.set(file, [...(next.get(file) ?? []), target]);
  }
  const state = new Map<string, "open" | "done">();
  const found: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      found.push([...path.slice(path.indexOf(file)), file].join(" → "));
      return;
    }
    state.set(file, "open");
    for (const target of next.get(file) ?? []) visit(target, [...path, file]);
    state.set(file, "done");
  };
  for (const file of files.keys()) visit(file, []);
  return found;
}
