import { directListeners } from "../../config/listeners.ts";
import { configVariables } from "../config-file.ts";
import { CONTAINER_MODELS, containerConfig, dataVolumes } from "../container-config.ts";
import { RenderError } from "../errors.ts";
import type { RenderInput } from "../target.ts";
import { storeTexts, type StoreTexts } from "./texts.ts";

/** What the entry of every store says, each in its own format. */
export interface StoreApp {
  readonly image: { readonly name: string; readonly tag: string };
  /** Port of the API and of the page. */
  readonly port: number;
  /** Page that the store opens, a path. */
  readonly page: string;
  /** Ports of the other protocols. */
  readonly otherPorts: readonly { readonly name: string; readonly port: number; readonly variable: string }[];
  readonly volumes: readonly StoreVolume[];
  readonly environment: Readonly<Record<string, string>>;
  /** The server asks for API keys. */
  readonly hasKeys: boolean;
  readonly repository: string;
  /** Address of the rendered folder and of the icon in it. */
  readonly files: string;
  readonly icon: string;
  readonly texts: StoreTexts;
}

export interface StoreVolume {
  readonly name: string;
  readonly path: string;
  readonly isReadOnly: boolean;
}

/** Name of the app, its container and its folders in every store. */
export const APP_NAME = "gigastt";

/**
 * Returns what a store's entry says. `login`: the store asks for its own login before it lets a request through; everywhere else the port is
 * open to the home network, so the server has to ask for keys.
 */
export function storeApp({ config, derived }: RenderInput, { login }: { readonly login: boolean }): StoreApp {
  const { deploy, server, auth } = config;
  if (deploy.proxy.kind !== "none")
    throw new RenderError(
      `a store entry is the server alone (deploy.proxy.kind is ${deploy.proxy.kind}). Set deploy.proxy.kind: none; the home server brings its own proxy.`,
    );
  const hasKeys = auth.keys === "required";
  if (!hasKeys && !login)
    throw new RenderError(
      "a store entry publishes the server in the home network, where it needs keys (auth.keys is off). Set auth.keys: required and deploy.auth.kind: server.",
    );
  const { repository, files } = deploy.store;
  if (repository === undefined || files === undefined)
    throw new RenderError(
      `a store entry names where it comes from (deploy.store.${repository === undefined ? "repository" : "files"} is null). Set deploy.store.repository and deploy.store.files.`,
    );
  const isMounted = deploy.compose.model === "volume";
  const base = files.replace(/\/+$/, "");
  return {
    image: imageParts(deploy.images.app),
    port: server.port,
    page: config.console.enabled ? "/" : "/health",
    otherPorts: directListeners(config)
      .filter(({ isLocal }) => !isLocal)
      .map(({ name, spec, port }) => ({ name, port, variable: `GIGASTT_${spec.section.toUpperCase()}_PORT` })),
    volumes: [
      ...(isMounted ? [{ name: "models", path: CONTAINER_MODELS, isReadOnly: true }] : []),
      ...Object.entries(dataVolumes(config)).map(([name, path]) => ({ name, path, isReadOnly: false })),
    ],
    environment: configVariables(
      // Home servers answer to names like umbrel.local, which no name server outside the home network can give.
      containerConfig(config, derived, { trustedCidrs: [], names: ["*.local"], mountedModel: isMounted }),
    ),
    hasKeys,
    repository,
    files: base,
    icon: `${base}/icon.png`,
    texts: storeTexts({ hasKeys, drainS: Math.ceil(config.shutdown.drainMs / 1000), isMounted }),
  };
}

/** Returns the version that the store shows: the image's tag. */
export function versionOf({ image }: StoreApp): string {
  return image.tag.split("@")[0]!; // split gives at least one part
}

// ---

/** Returns name and tag of an image; the digest stays with the tag. A store shows the tag as the version. */
function imageParts(image: string): StoreApp["image"] {
  const match = /^(.+?):([^:/@]+(?:@sha256:[0-9a-f]+)?)$/.exec(image);
  const tag = match?.[2];
  if (tag === undefined || tag.split("@")[0] === "latest")
    throw new RenderError(
      `a store shows the image's tag as the version (deploy.images.app is ${image}). Set deploy.images.app with a tag, for example ghcr.io/anna/gigastt:0.1.0.`,
    );
  return { name: match![1]!, tag }; // both groups matched
}
