import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { defaultConfig } from "../../../src/config/defaults.ts";
import { unresolve } from "../../../src/config/resolve.ts";
import { settableKeys } from "../../../src/config/schema/node.ts";
import { configSchema } from "../../../src/config/schema/schema.ts";
import { readVariables } from "../../../src/config/variables.ts";
import { derive } from "../../../src/config/derived.ts";
import type { ResolvedConfig } from "../../../src/config/types.ts";
import { configText, configVariables } from "../../../src/render/config-file.ts";
import { containerConfig } from "../../../src/render/container-config.ts";
import { renderFiles } from "../../../src/render/render.ts";
import { STORE_TARGETS, type StoreTarget } from "../../../src/render/store/store.ts";
import { fuzzRuns } from "../../support/fuzz.ts";
import { STORE_READERS } from "../../support/store-readers.ts";
import { configWith } from "./base-config.ts";
import { forStore, randomConfig } from "./random-config.ts";

const source = { toolVersion: "0.0.0", configHash: "0".repeat(64) };

describe("entries for the stores of home servers", () => {
  it.each(STORE_TARGETS)("for %s keep every rule of its documents, whatever the configuration", (target) => {
    fc.assert(
      fc.property(storeConfig, (config) => {
        const files = rendered(config, target);
        expect([...STORE_READERS[target](files)]).toEqual([]);
      }),
      fuzzRuns(200),
    );
  });

  it("give the container exactly the configuration that a mounted file would give", () => {
    fc.assert(
      fc.property(storeConfig, (config) => {
        const isMounted = config.deploy.compose.model === "volume";
        const place = { trustedCidrs: [], names: ["*.local"], mountedModel: isMounted };
        const wanted = containerConfig(config, derive(config), place);
        const { raw, warnings } = readVariables(configSchema, configVariables(wanted));
        expect(warnings).toEqual([]);
        const file: unknown = parse(configText(wanted));
        const standard = unresolve(configSchema, defaultConfig);
        const at = (value: unknown, key: string): unknown => withUnit(valueAt(value, key) ?? valueAt(standard, key));
        for (const key of settableKeys(configSchema).keys()) expect(at(raw, key), key).toEqual(at(file, key));
      }),
      fuzzRuns(200),
    );
  });

  it("leave Umbrel's login in front of a server without keys, and take it away from one with keys", () => {
    const compose = (keys: "off" | "required"): string =>
      rendered(configWith({ auth: { keys }, deploy: STORE }), "umbrel").get("umbrel/gigastt/docker-compose.yml")!;
    expect(compose("off")).not.toContain("PROXY_AUTH_ADD");
    expect(compose("required")).toContain('PROXY_AUTH_ADD: "false"');
  });

  it.each([
    ["deploy.proxy.kind", { proxy: { kind: "caddy" as const } }, "off", "umbrel"],
    ["auth.keys", {}, "off", "casaos"],
    ["deploy.store.repository", { store: { repository: undefined, files: undefined } }, "required", "casaos"],
    ["deploy.store.files", { store: { ...STORE_URLS(), files: undefined } }, "required", "unraid"],
    ["deploy.images.app", { images: { app: "gigastt:latest" } }, "required", "truenas"],
    ["deploy.images.app", { images: { app: "localhost:5000/gigastt" } }, "required", "portainer"],
  ] as const)("refuse without %s, with the cure", (key, deploy, keys, target) => {
    const config = configWith({ auth: { keys }, deploy: { ...STORE, ...deploy } });
    expect(() => rendered(config, target)).toThrow(new RegExp(`${key.replaceAll(".", "\\.")}.*Set `));
  });
});

// ---

function STORE_URLS(): { repository: string; files: string } {
  return { repository: "https://git.example.com/anna/store", files: "https://git.example.com/anna/store/raw/main" };
}

const STORE = { store: STORE_URLS() };

const storeConfig = fc
  .record({
    base: randomConfig,
    wyoming: fc.boolean(),
    hosts: fc.constantFrom([], ["stt.lan"], ["*.home.arpa", "stt.lan"]),
    image: fc.constantFrom(
      "gigastt:0.1.0",
      "localhost:5000/anna/gigastt:1.20",
      `ghcr.io/a/gigastt:v2@sha256:${"0a".repeat(32)}`,
    ),
    repository: fc.constantFrom(
      "https://github.com/anna/store",
      "https://git.example.com",
      "http://192.168.1.7:3000/Anna_B/gigastt-store/",
      "https://xn--80ak6aa92e.com/~x",
    ),
  })
  .map(({ base, wyoming, hosts, image, repository }): ResolvedConfig => {
    const config = forStore(base);
    return configWith({
      ...config,
      wyoming: { ...config.wyoming, enabled: wyoming, host: "0.0.0.0", allowWithoutKey: wyoming },
      server: { ...config.server, allowedHosts: hosts },
      deploy: {
        ...config.deploy,
        images: { ...config.deploy.images, app: image },
        store: { ...config.deploy.store, repository },
      },
    });
  });

/** A time of nothing is written both ways. */
function withUnit(value: unknown): unknown {
  return value === "0s" ? 0 : value;
}

function valueAt(value: unknown, key: string): unknown {
  return key.split(".").reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], value); // raw values are nested records
}

function rendered(config: ResolvedConfig, target: StoreTarget): ReadonlyMap<string, string> {
  return new Map(renderFiles(config, [target], source).map(({ path, text }) => [path, text]));
}
