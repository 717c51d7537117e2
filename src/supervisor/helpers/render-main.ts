// Entry of the short-lived process that renders for the supervisor: templates and YAML writer are not its to keep, and
// after an upgrade the new code renders.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { RenderError } from "../../render/errors.ts";
import { renderManagedProxy } from "../../render/proxy/managed.ts";
import { PROXY_TARGETS, renderFiles, targetsOf } from "../../render/render.ts";
import type { RenderedFile } from "../../render/render.ts";
import { compareFiles, writeFiles } from "../../render/write.ts";
import { writeFileAtomic } from "../../shared/files.ts";
import { messageOf } from "../../shared/errors.ts";
import { checkProxyFiles, proxyEnv, readProxyBuild } from "../companions/proxy-build.ts";
import { differs, findDrift } from "../config/rendered-set.ts";
import type { KeptFile } from "../config/rendered-set.ts";
import type { ProxyAnswer, RendererAnswer, RendererRequest, SetAnswer } from "./render.ts";

process.once("message", (request: RendererRequest) => {
  void answer(request).then((found) => process.send?.(found, () => process.disconnect()));
});

async function answer(request: RendererRequest): Promise<RendererAnswer> {
  try {
    return {
      ok: true,
      proxy: request.proxy === undefined ? undefined : await renderProxy(request, request.proxy),
      set: request.setDir === undefined ? undefined : await renderSet(request, request.setDir),
    };
  } catch (error) {
    return { ok: false, message: messageOf(error), render: error instanceof RenderError };
  }
}

/** The managed proxy's files: rendered for its build, checked by it, and put back when it refuses them. */
async function renderProxy(
  { config, source, write, env, kept }: RendererRequest,
  asked: NonNullable<RendererRequest["proxy"]>,
): Promise<ProxyAnswer> {
  const { place } = asked;
  const build = await readProxyBuild(place, env);
  const rendered = renderManagedProxy(
    { ...config, server: { ...config.server, port: asked.upstreamPort } },
    build,
    asked.render,
    source,
  );
  const files = rendered.map((file) => ({ ...file, text: keptText(kept?.proxy, file) }));
  const states = await compareFiles(place.configDir, files);
  const edited = states.filter(({ state }) => state === "edited" || state === "foreign").map(({ file }) => file.path);
  const changed = edited.length === 0 && states.some(({ file, current }) => differs(current, file.text));
  const before = states.flatMap(({ file, current }) =>
    current === undefined ? [] : [{ path: file.path, text: current }],
  );
  const about = { version: build.version, edited, changed, before };
  if (!write || edited.length > 0) return { ...about, refused: undefined };
  await mkdir(place.configDir, { recursive: true, mode: 0o700 });
  await mkdir(proxyEnv(place, env)["XDG_DATA_HOME"] ?? place.dataDir, { recursive: true, mode: 0o700 });
  await mkdir(asked.render.tempDir, { recursive: true, mode: 0o700 });
  await writeFiles(place.configDir, files, { force: false });
  const refused = changed ? await checkProxyFiles(place, env) : undefined;
  if (refused !== undefined && before.length > 0) await putBack(place.configDir, files, before);
  return { ...about, refused };
}

async function putBack(dir: string, files: readonly RenderedFile[], before: readonly KeptFile[]): Promise<void> {
  for (const { path, mode } of files) {
    const old = before.find((file) => file.path === path);
    if (old === undefined) await rm(join(dir, path), { force: true });
    else await writeFileAtomic(join(dir, path), old.text, { mode, makeFolder: true });
  }
}

/** The set of `gigastt render`: the targets that are there follow the configuration; nothing new appears, nothing edited is touched. */
async function renderSet({ config, source, write, kept }: RendererRequest, dir: string): Promise<SetAnswer> {
  const drift = await findDrift(dir, { configHash: source.configHash, toolVersion: source.toolVersion });
  const present = new Set([...drift.current, ...drift.stale, ...drift.edited].map((path) => path.split("/")[0]));
  const targets = targetsOf(config).filter(
    (target) => present.has(target) || (isProxy(target) && [...present].some(isProxy)),
  );
  const files = renderFiles(config, targets, source).map((file) => ({ ...file, text: keptText(kept?.set, file) }));
  const states = await compareFiles(dir, files);
  const edited = states.filter(({ state }) => state === "edited" || state === "foreign").map(({ file }) => file.path);
  const follow = states.filter(({ state }) => state === "stale" || state === "new").map(({ file }) => file.path);
  const left = drift.stale.filter((path) => !files.some((file) => file.path === path));
  if (!write) return { dir, changed: follow, edited, left, failed: undefined };
  try {
    await writeFiles(
      dir,
      files.filter(({ path }) => follow.includes(path)),
      { force: false },
    );
    return { dir, changed: follow, edited, left, failed: undefined };
  } catch (error) {
    return { dir, changed: [], edited, left, failed: messageOf(error) };
  }
}

function isProxy(target: string | undefined): boolean {
  return PROXY_TARGETS.some((name) => name === target);
}

/** A rollback puts back the very bytes that were healthy, where they were kept. */
function keptText(kept: readonly KeptFile[] | undefined, file: RenderedFile): string {
  return kept?.find(({ path }) => path === file.path)?.text ?? file.text;
}
