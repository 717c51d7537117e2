import { isEveryone, parseAddress } from "../address.ts";
import { goDurationMs } from "../caddy.ts";
import { askedBelow, type FrontPath } from "./lost-path.ts";
import { frontOf, type Front, type FrontFact, type FrontTimer, type IsUpstream } from "./front.ts";
import type { IsReached } from "./published.ts";
import { bare, chainOf, listOf } from "./traefik-chain.ts";
import { traefikPages } from "./traefik-pages.ts";
import type { TraefikSetting } from "./traefik-settings.ts";

/** `respondingTimeouts.readTimeout` of Traefik 3 where nothing sets it: a whole request with its body. */
const DEFAULT_READ_MS = 60_000;

/** Returns the ways to the server through a Traefik: one for each router. `major` is its version as far as an image says it. */
export function traefikFronts(
  settings: readonly TraefikSetting[],
  isUpstream: IsUpstream,
  isOurs: (setting: TraefikSetting) => boolean,
  major: number | undefined,
  isReached: IsReached,
): readonly Front[] {
  const pages = traefikPages(settings, isReached);
  const names = new Set<string>();
  for (const { key, value } of settings) {
    const service = /^http\.services\.([^.]+)\.loadbalancer\.servers\[\d+\]\.url$/.exec(key)?.[1];
    if (service !== undefined && isUpstream([parseAddress(value)])) names.add(service);
  }
  const rules = settings.filter(({ key }) => /^http\.routers\.[^.]+\.rule$/.test(key));
  return rules.flatMap((rule) => {
    const router = rule.key.slice(0, -".rule".length);
    const get = (name: string): TraefikSetting | undefined => settings.find(({ key }) => key === `${router}.${name}`);
    const service = bare(get("service")?.value ?? "");
    if (!names.has(service) && !isOurs(rule)) return [];
    const points = listOf(get("entrypoints")?.value);
    const middlewares = listOf(get("middlewares")?.value);
    return [
      frontOf({
        program: "Traefik",
        span: rule.span,
        ...entryPoints(settings, points, rule, major),
        ...through(settings, middlewares),
        paths: pathsOf(settings, middlewares, rule),
        pages,
        health: settings
          .filter(({ key }) => key === `http.services.${service || ruleName(rule)}.loadbalancer.healthcheck.path`)
          .map(({ span, value }) => ({ span, path: value })),
      }),
    ];
  });
}

// ---

/** Traefik passes a path on as it came, unless a middleware changes it. */
function pathsOf(
  settings: readonly TraefikSetting[],
  names: readonly string[],
  rule: TraefikSetting,
): readonly FrontPath[] {
  const prefixes = [...rule.value.matchAll(/(!\s*)?\bPathPrefix\(([^)]*)\)/g)].filter(([, not]) => not === undefined);
  const prefix = /^\s*[`'"]([^`'"]+)[`'"]\s*$/.exec(prefixes[0]?.[2] ?? "")?.[1];
  if (prefixes.length !== 1 || prefix === undefined || /\|\|/.test(rule.value)) return [];
  const { settings: inside, isWhole } = chainOf(settings, names);
  // A middleware of another file may change the path.
  if (!isWhole) return [];
  if (inside.some(({ name }) => /^(?:stripprefixregex|replacepath|replacepathregex|addprefix|plugin)\b/.test(name)))
    return [];
  const stripped = inside
    .filter(({ name }) => name.startsWith("stripprefix.prefixes"))
    .flatMap(({ setting }) => listOf(setting.value));
  const asked = askedBelow(prefix);
  const cut = stripped.find((item) => asked.toLowerCase().startsWith(item));
  const seen = cut === undefined ? asked : asked.slice(cut.length) || "/";
  const fix =
    cut === undefined
      ? `Give the router a middleware with \`stripPrefix: { prefixes: [${prefix}] }\`.`
      : "Take stripPrefix from this router: the server's routes begin with this prefix.";
  return [{ span: rule.span, asked, seen, fix }];
}

/** What the chain of a router does; chains of chains are followed. */
function through(
  settings: readonly TraefikSetting[],
  names: readonly string[],
): Pick<Front, "bodies" | "buffers" | "origins" | "hidesOrigin"> {
  const inside = chainOf(settings, names).settings;
  const of = (pattern: RegExp): readonly TraefikSetting[] =>
    inside.filter(({ name }) => pattern.test(name)).map(({ setting }) => setting);
  const first = (list: readonly TraefikSetting[], what: string, fix: string): readonly FrontFact[] =>
    list.slice(0, 1).map(({ span }) => ({ span, what, fix }));
  return {
    bodies: of(/^buffering\.maxrequestbodybytes$/).map(({ value, span }) => ({
      span,
      bytes: Number(value),
      what: `buffering.maxRequestBodyBytes ${value}`,
      fix: "Take the buffering middleware from this router: the server has a limit of its own.",
    })),
    buffers: first(
      of(/^buffering(?:\.|$)/),
      "the buffering middleware collects every answer",
      "Take it from this router: the server has a body limit of its own.",
    ),
    origins: of(
      /^headers\.accesscontrolalloworiginlist(?:regex)?(?:\[\d+\])?$|^headers\.customresponseheaders\.access-control-allow-origin$/,
    ).map(({ key, value, span }) => ({
      span,
      what: `${key.endsWith("-origin") ? "customResponseHeaders" : "accessControlAllowOriginList"} ${value}`,
      fix: "Take it from this router, and list the pages in server.allowedOrigins.",
      isSecond: false,
    })),
    hidesOrigin: of(/^headers\.customrequestheaders\.origin$/).map(({ value, span }) => ({
      span,
      what: `customRequestHeaders sets Origin to "${value}"`,
      fix: "Take it from this router, and list the pages in server.allowedOrigins.",
    })),
  };
}

/** What the entry points of a router do; without any named, all of them. */
function entryPoints(
  settings: readonly TraefikSetting[],
  names: readonly string[],
  rule: TraefikSetting,
  major: number | undefined,
): Pick<Front, "keepsAddress" | "upload" | "answer"> {
  const known = new Set(settings.flatMap(({ key }) => /^entrypoints\.([^.]+)\./.exec(key)?.[1] ?? []));
  const points = names.length > 0 ? names.filter((name) => known.has(name)) : [...known];
  const keepsAddress: FrontFact[] = [];
  const upload: FrontTimer[] = [];
  const answer: FrontTimer[] = [];
  for (const point of points) {
    const get = (name: string): TraefikSetting | undefined =>
      settings.find(({ key }) => key === `entrypoints.${point}.${name}`);
    const insecure = get("forwardedheaders.insecure");
    const trusted = get("forwardedheaders.trustedips");
    const open = insecure?.value === "true" ? insecure : listOf(trusted?.value).some(isEveryone) ? trusted : undefined;
    if (open !== undefined)
      keepsAddress.push({
        span: open.span,
        what: `forwardedHeaders of the entry point ${point} trusts every client's X-Forwarded-For`,
        fix: "Delete it; behind a CDN or another proxy list its networks in trustedIPs.",
      });
    const read = get("transport.respondingtimeouts.readtimeout");
    const readMs = read === undefined ? (major === 2 ? 0 : DEFAULT_READ_MS) : durationMs(read.value);
    if (readMs !== undefined && readMs > 0)
      upload.push({
        span: read?.span ?? firstOf(settings, point)?.span ?? rule.span,
        ms: readMs,
        what:
          read === undefined
            ? `respondingTimeouts.readTimeout of ${point} is not set (60s)`
            : `readTimeout ${read.value}`,
        fix: `Write \`transport: { respondingTimeouts: { readTimeout: 0s } }\` for the entry point ${point}: the server has a rate limit for uploads of its own.`,
      });
    const write = get("transport.respondingtimeouts.writetimeout");
    const writeMs = write === undefined ? undefined : durationMs(write.value);
    if (write !== undefined && writeMs !== undefined && writeMs > 0)
      answer.push({
        span: write.span,
        ms: writeMs,
        what: `writeTimeout ${write.value}`,
        fix: "Delete it: it counts queueing, transcription and the whole answer.",
      });
  }
  for (const { key, value, span } of settings) {
    const ms = /serverstransports?\..*forwardingtimeouts\.responseheadertimeout$/.test(key) ? durationMs(value) : 0;
    if (ms !== undefined && ms > 0)
      answer.push({ span, ms, what: `responseHeaderTimeout ${value}`, fix: "Delete it, or raise it above that time." });
  }
  return { keepsAddress, upload, answer };
}

function ruleName({ key }: TraefikSetting): string {
  return key.split(".")[2] ?? "";
}

function firstOf(settings: readonly TraefikSetting[], point: string): TraefikSetting | undefined {
  return settings.find(({ key }) => key === `entrypoints.${point}.address`);
}

/** A duration of Go, or whole seconds. */
function durationMs(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) * 1000 : goDurationMs(text);
}
