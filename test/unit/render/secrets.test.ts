import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { holdsSecret, resolvedName } from "../../../src/config/resolve.ts";
import { settableKeys } from "../../../src/config/schema/node.ts";
import { configSchema } from "../../../src/config/schema/schema.ts";
import type { ResolvedConfig } from "../../../src/config/types.ts";
import { renderManagedProxy } from "../../../src/render/proxy/managed.ts";
import {
  PROXY_TARGETS,
  renderFiles,
  RENDER_TARGETS,
  type RenderedFile,
  type RenderTarget,
} from "../../../src/render/render.ts";
import { fuzzCases } from "../../support/fuzz.ts";
import { forCluster, forStore, randomConfig } from "./random-config.ts";
import { STORE_TARGETS } from "../../../src/render/store/store.ts";

const source = { toolVersion: "0.0.0", configHash: "0".repeat(64) };
const word = fc.stringMatching(/^[A-Za-z0-9_-]{12,24}$/);
const SECRET_KEYS = [...settableKeys(configSchema)].filter(([, node]) => holdsSecret(node)).map(([key]) => key);

/** A configuration with a value of its own in every key that the schema calls secret, and in the arguments of the event command. */
function planted(config: ResolvedConfig, words: readonly string[]): ResolvedConfig {
  const copy = structuredClone(config) as unknown as Record<string, Record<string, unknown>>; // a plain tree of sections
  for (const [index, key] of SECRET_KEYS.entries()) {
    const path = key.split(".");
    const parent = path
      .slice(0, -1)
      .reduce<Record<string, unknown>>((at, name) => at[name] as Record<string, unknown>, copy);
    parent[path.at(-1)!] = `rediss://user:${words[index]}@host.example/${words[index]}`;
  }
  copy["supervisor"]!["eventCommand"] = ["/usr/bin/notify", "--token", words.at(-1)];
  return copy as unknown as ResolvedConfig;
}

/** Every spelling in which the value could stand in a file. */
const spellings = (text: string): readonly string[] => [
  text,
  encodeURIComponent(text),
  Buffer.from(text).toString("base64").replace(/=+$/, ""),
  Buffer.from(text).toString("hex"),
];

function isOpen({ path, text, mode }: RenderedFile): boolean {
  if ((mode & 0o077) === 0) return false;
  const kinds = /\.ya?ml$/.test(path)
    ? parseAllDocuments(text).map((document) => (document.toJS() as { kind?: unknown })?.kind)
    : [];
  return !(kinds.length > 0 && kinds.every((kind) => kind === "Secret"));
}

describe("secrets", () => {
  it("are found in the schema under names that exist in a resolved configuration", () => {
    expect(SECRET_KEYS).toEqual(["jobs.callbackSecret", "supervisor.webhook", "supervisor.redis.url"]);
    for (const [key, node] of settableKeys(configSchema))
      if (holdsSecret(node)) expect(resolvedName("x", node), key).toBe("x");
  });

  it("never stand in a rendered file that others may read, whatever the configuration", () => {
    fc.assert(
      fc.property(
        randomConfig,
        fc.uniqueArray(word, { minLength: SECRET_KEYS.length + 1, maxLength: SECRET_KEYS.length + 1 }),
        (base, words) => {
          const config = planted(base, words);
          const { kind } = config.deploy.proxy;
          const targets = RENDER_TARGETS.filter((target) =>
            PROXY_TARGETS.some((name) => name === target) ? kind === target : isOfAny(target),
          );
          const place = { configDir: "/s/proxy", tempDir: "/s/tmp", adminSocket: "/s/a", pidFile: "/s/p", root: false };
          const build = { version: undefined, openssl: undefined };
          const files = [
            ...renderFiles(config, targets, source),
            ...renderFiles(forCluster(config), ["kubernetes"], source),
            ...renderFiles(forStore(config), STORE_TARGETS, source),
            ...(kind === "none" ? [] : renderManagedProxy(config, build, place, source)),
          ];
          for (const file of files.filter(isOpen)) {
            for (const spelling of words.flatMap(spellings))
              expect(file.text.includes(spelling), file.path).toBe(false);
          }
        },
      ),
      { numRuns: fuzzCases(100) },
    );
  });
});

/** Any configuration renders for it; a cluster and the stores need a configuration of their own. */
function isOfAny(target: RenderTarget): boolean {
  return target !== "kubernetes" && !STORE_TARGETS.some((store) => store === target);
}
