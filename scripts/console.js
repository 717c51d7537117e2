// Bundles src/console, the page at `/`, into dist/console, and compresses each file once, so that the server never does.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** What a browser loads; the licences themselves are in NOTICE. */
const BANNER =
  "/* gigastt (MIT). Contains Preact and signals (MIT), wavesurfer.js (BSD-3-Clause), uPlot (MIT). Texts of the licences: NOTICE. */";

export function buildConsole(root) {
  const { buildSync } = createRequire(import.meta.url)("esbuild");
  const source = join(root, "src", "console");
  const out = join(root, "dist", "console");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const { errors } = buildSync({
    entryPoints: {
      app: join(source, "main.tsx"),
      style: join(source, "style.css"),
      charts: join(source, "plot/charts.ts"),
      "charts-style": join(source, "plot/charts.css"),
      worklet: join(source, "audio/worklet.ts"),
      offline: join(source, "offline/worker.ts"),
    },
    outdir: out,
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2022", "safari16"],
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    banner: { js: BANNER },
    logLevel: "warning",
    tsconfig: join(source, "tsconfig.json"),
  });
  if (errors.length > 0) throw new Error("the console could not be bundled");
  for (const name of ["icon.svg", "manifest.webmanifest"])
    writeFileSync(join(out, name), readFileSync(join(source, name)));
  for (const name of readdirSync(out)) {
    const bytes = readFileSync(join(out, name));
    writeFileSync(join(out, `${name}.gz`), gzipSync(bytes, { level: 9 }));
    writeFileSync(
      join(out, `${name}.br`),
      brotliCompressSync(bytes, {
        params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
      }),
    );
  }
}
