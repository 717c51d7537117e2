import type { CaddyPoint } from "../../model/caddy.ts";
import { children } from "../../model/caddy.ts";
import type { Facts } from "../../model/facts.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import type { NginxScope } from "../../model/nginx.ts";
import type { CaddySite } from "../../parse/caddyfile-tree.ts";
import { isLoopbackHost, parseAddress } from "../../model/address.ts";
import type { ComposeService } from "../../model/compose.ts";
import { arg, ownAll } from "../../model/nginx.ts";
import type { NginxPoint } from "../../model/nginx-points.ts";
import { proxiesRunning, proxyKind } from "./compose.ts";
import { effectiveHeaders } from "./headers.ts";

/**
 * Whether only another proxy of the tree reaches this one, and that proxy overwrites the client's X-Forwarded-For: what the inner one passes on is
 * then the outer one's word.
 */
export function isInnerNginx(facts: Facts, point: NginxPoint): boolean {
  const containers = running(facts, point.pass.source.path, "nginx");
  if (containers.length > 0) return isInnerContainer(facts, containers);
  const listens = point.server === undefined ? [] : ownAll(point.server, "listen");
  const ports = listens.map((item) => parseAddress(arg(item, 0)));
  return (
    ports.length > 0 &&
    ports.every(({ host, unix, port }) => unix || (isLoopbackHost(host) && port !== undefined)) &&
    ports.some((own) =>
      outerTargets(facts).some(
        (target) => (own.unix && target.host === own.host) || (isLoopbackHost(target.host) && target.port === own.port),
      ),
    )
  );
}

/** The same of a Caddy in a container. */
export function isInnerCaddy(facts: Facts, point: CaddyPoint): boolean {
  const containers = running(facts, point.file.source.path, "caddy");
  return containers.length > 0 && isInnerContainer(facts, containers);
}

/** The passes of nginx to another proxy of the tree that leads to the server. */
export const outerNginxPoints: (facts: Facts) => readonly NginxPoint[] = once((facts) => {
  const inner = innerPlaces(facts);
  const ours = new Set(appNginxPoints(facts));
  if (inner.length === 0) return [];
  return facts.nginxPoints.filter((point) => {
    if (ours.has(point)) return false;
    const names = point.server === undefined ? [] : namesOf(point.server);
    return point.targets.some((target) =>
      inner.some((place) => place.server !== point.server && leadsTo(target, names, place)),
    );
  });
});

/** The same of Caddy. */
export const outerCaddyPoints: (facts: Facts) => readonly CaddyPoint[] = once((facts) => {
  const inner = innerPlaces(facts);
  const ours = new Set(appCaddyPoints(facts));
  if (inner.length === 0) return [];
  return facts.caddyPoints.filter((point) => {
    if (ours.has(point)) return false;
    const names = point.site.addresses.map(({ value }) => parseAddress(value).host);
    return point.targets.some((target) =>
      inner.some((place) => place.server !== point.site && leadsTo(target, names, place)),
    );
  });
});

// ---

/** Computes something of the facts once: many rules ask. */
function once<T>(compute: (facts: Facts) => T): (facts: Facts) => T {
  const known = new WeakMap<Facts, { readonly value: T }>();
  return (facts) => {
    const found = known.get(facts) ?? { value: compute(facts) };
    known.set(facts, found);
    return found.value;
  };
}

/** Proxy containers by the file that they run. */
const runners = once(() => new Map<string, readonly ComposeService[]>());

function running(facts: Facts, path: string, kind: "nginx" | "caddy"): readonly ComposeService[] {
  if (facts.services.length === 0) return [];
  const found = runners(facts).get(path) ?? proxiesRunning(facts, path, kind);
  runners(facts).set(path, found);
  return found;
}

/** Where a proxy listens that leads to the server. */
interface Place {
  readonly server: NginxScope | CaddySite;
  readonly host: string;
  readonly port: number;
  readonly names: readonly string[];
  /** Names of its containers. */
  readonly containers: readonly string[];
}

const innerPlaces: (facts: Facts) => readonly Place[] = once((facts) => {
  const containersOf = (path: string, kind: "nginx" | "caddy"): readonly string[] =>
    running(facts, path, kind).map(({ name }) => name.toLowerCase());
  const nginx = appNginxPoints(facts).flatMap(({ server, pass }): readonly Place[] =>
    server === undefined
      ? []
      : ownAll(server, "listen").map((item) => {
          const { host, port } = nginxListen(arg(item, 0));
          return { server, host, port, names: namesOf(server), containers: containersOf(pass.source.path, "nginx") };
        }),
  );
  const caddy = appCaddyPoints(facts).flatMap(({ site, file }): readonly Place[] =>
    site.addresses.map(({ value }) => {
      const { scheme, host, port } = parseAddress(value);
      return {
        server: site,
        host: "",
        port: port ?? (scheme === "http" ? 80 : 443),
        names: host === "" ? [] : [host],
        containers: containersOf(file.source.path, "caddy"),
      };
    }),
  );
  return [...nginx, ...caddy];
});

/** `80`, `*:80`, `[::]:80`, `10.0.0.7:8080`, `localhost`. */
function nginxListen(text: string): { readonly host: string; readonly port: number } {
  if (/^\d+$/.test(text)) return { host: "", port: Number(text) };
  const { host, port } = parseAddress(text.replace(/^\*/, ""));
  return { host: /^(?:0\.0\.0\.0|::)$/.test(host) ? "" : host, port: port ?? 80 };
}

function namesOf(server: NginxScope): readonly string[] {
  return ownAll(server, "server_name").flatMap(({ args }) => args.map(({ value }) => value.toLowerCase()));
}

/** A container's name, an address that is listened on by itself, or the same site on any address. */
function leadsTo(
  { host, port }: { readonly host: string; readonly port: number | undefined },
  names: readonly string[],
  place: Place,
): boolean {
  if ((port ?? 80) !== place.port) return false;
  return (
    place.containers.includes(host) ||
    (host !== "" && host === place.host) ||
    (place.host === "" && names.some((name) => place.names.includes(name)))
  );
}

/** Not published, beside a proxy that is, and that passes on to it. */
function isInnerContainer(facts: Facts, containers: readonly ComposeService[]): boolean {
  return containers.every(({ project, name, ports }) => {
    const outer = project.services.filter((other) => proxyKind(other) !== undefined && other.ports.length > 0);
    if (ports.length > 0 || outer.length === 0) return false;
    return outer.every((other) => {
      const kind = proxyKind(other);
      // Traefik overwrites the header by itself; HAProxy appends, and its rules are not followed here.
      if (kind === "other") return /traefik/.test(other.image);
      const targets = kind === "nginx" ? nginxOverwrites(facts) : caddyOverwrites(facts);
      return targets.some(({ host }) => host === name.toLowerCase());
    });
  });
}

interface Target {
  readonly host: string;
  readonly port: number | undefined;
}

/** A server that passes on to its own port answers nothing. */
function outerTargets(facts: Facts): readonly Target[] {
  return [...nginxOverwrites(facts), ...caddyOverwrites(facts)];
}

const nginxOverwrites: (facts: Facts) => readonly Target[] = once((facts) =>
  facts.nginxPoints
    .filter(({ scope }) => effectiveHeaders(scope).headers.get("x-forwarded-for")?.value === "$remote_addr")
    .flatMap(({ targets }) => targets),
);

/** Caddy overwrites it unless a line says otherwise. */
const caddyOverwrites: (facts: Facts) => readonly Target[] = once((facts) =>
  facts.caddyPoints
    .filter(({ proxy }) =>
      children(proxy, "header_up").every(
        ({ args }) => !/^\+?x-forwarded-for$/i.test(args[0]?.value ?? "") || !/header\./i.test(args[1]?.value ?? ""),
      ),
    )
    .flatMap(({ targets }) => targets),
);
