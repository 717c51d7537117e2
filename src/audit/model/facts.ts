import { readHeader } from "../../render/header.ts";
import type { CaddyFile } from "../parse/caddyfile-tree.ts";
import { parseCaddyfile } from "../parse/caddyfile.ts";
import { parseCaddyJson } from "../parse/caddy-json.ts";
import type { DockerfileParse } from "../parse/dockerfile.ts";
import { parseDockerfile } from "../parse/dockerfile.ts";
import type { DotenvParse } from "../parse/dotenv.ts";
import { parseDotenv } from "../parse/dotenv.ts";
import type { HtpasswdEntry } from "../parse/htpasswd.ts";
import { parseHtpasswd } from "../parse/htpasswd.ts";
import { parseUnit } from "../parse/systemd.ts";
import type { YamlNode } from "../parse/yaml.ts";
import { parseYaml } from "../parse/yaml.ts";
import type { Source } from "../source.ts";
import type { FileTree } from "../tree.ts";
import { dirName } from "../tree.ts";
import type { FileKind, ParseProblem } from "../parts.ts";
import type { App } from "./app.ts";
import type { Assumptions } from "./assume.ts";
import type { CaddyPoint } from "./caddy.ts";
import { caddyPoints } from "./caddy.ts";
import type { ComposeProject, ComposeService } from "./compose.ts";
import { buildComposeProjects } from "./compose.ts";
import { embeddedConfig } from "./embedded-config.ts";
import type { Front } from "./fronts/front.ts";
import { buildFronts } from "./fronts/fronts.ts";
import { notRead } from "./fronts/not-read.ts";
import type { KubeContainer, KubeObject, KubeWorkload } from "./kubernetes.ts";
import { kubeWorkloads, readKubeObjects } from "./kubernetes.ts";
import type { MissingPart } from "./missing.ts";
import { missingParts } from "./missing.ts";
import { missingSettings } from "./missing-settings.ts";
import type { NginxRoot } from "./nginx.ts";
import { buildNginxRoots } from "./nginx-roots.ts";
import type { NginxPoint } from "./nginx-points.ts";
import { nginxPoints } from "./nginx-points.ts";
import { quadletProjects } from "./quadlet.ts";
import { runProjects } from "./container-run.ts";
import { createServerModel } from "./server.ts";
import type { Unit } from "./units.ts";
import { buildUnits, startsServer } from "./units.ts";
import type { Versions } from "./versions.ts";

/** One audited file and what it was taken for. */
export interface ClassifiedFile {
  readonly source: Source;
  readonly kind: FileKind | "key" | "unknown";
}

/** A file or folder that should have been audited. */
export interface UnreadFile {
  /** Its path, and as much of its text as was read. */
  readonly source: Source;
  /** Why not, as the end of a sentence about it. */
  readonly reason: string;
  /** What to do about it, as a sentence. */
  readonly cure: string;
}

/** What git says about files that hold secrets. */
export interface GitFacts {
  readonly tracked: ReadonlySet<string>;
  /** Inside a repository, neither tracked nor ignored: the next `git add` takes it. */
  readonly exposed: ReadonlySet<string>;
}

/** Everything rules read. Built once per audit; no file access afterwards. */
export interface Facts {
  readonly tree: FileTree;
  readonly files: readonly ClassifiedFile[];
  readonly unread: readonly UnreadFile[];
  /** What the audited files include and the audit has not seen. */
  readonly missing: readonly MissingPart[];
  readonly assume: Assumptions;
  /** The assumptions for one service, container or unit of the server, by its own variables. */
  readonly assumeFor: (place: ComposeService | KubeContainer | Unit) => Assumptions;
  readonly versions: Versions;
  readonly app: App;
  readonly configSource: Source | undefined;
  /** Of that file, else of a ConfigMap or an inline config of Compose. */
  readonly config: YamlNode | undefined;
  readonly nginx: readonly NginxRoot[];
  readonly nginxPoints: readonly NginxPoint[];
  readonly caddy: readonly CaddyFile[];
  readonly caddyPoints: readonly CaddyPoint[];
  /** Ways to the server through programs other than nginx and Caddy. */
  readonly fronts: readonly Front[];
  /** Podman quadlets are among them. */
  readonly compose: readonly ComposeProject[];
  readonly services: readonly ComposeService[];
  readonly kube: readonly KubeObject[];
  readonly workloads: readonly KubeWorkload[];
  readonly units: readonly Unit[];
  readonly dockerfiles: readonly DockerfileParse[];
  readonly dotenvs: readonly DotenvParse[];
  readonly htpasswds: readonly { readonly source: Source; readonly entries: readonly HtpasswdEntry[] }[];
  readonly crontabs: readonly Source[];
  readonly scripts: readonly Source[];
  readonly processManagers: readonly Source[];
  readonly git: GitFacts;
  readonly problems: readonly ParseProblem[];
  /** Hash of the resolved configuration, as rendered files carry it; undefined without a valid config. */
  readonly configHash: string | undefined;
  /** `YYYY-MM-DD`, for the expiry of ignores. */
  readonly today: string;
}

/** Parses all files and puts the models together. */
export function buildFacts(options: {
  readonly tree: FileTree;
  readonly files: readonly ClassifiedFile[];
  readonly unread?: readonly UnreadFile[];
  readonly given?: Readonly<Record<string, string>>;
  readonly versions?: Partial<Versions>;
  readonly git?: GitFacts;
  readonly configHash?: string | undefined;
  readonly today?: string;
}): Facts {
  const { tree, files } = options;
  const problems: ParseProblem[] = [];
  const of = (kind: ClassifiedFile["kind"]): Source[] =>
    files.filter((file) => file.kind === kind).map((file) => file.source);
  const keep = <T extends { readonly problems: readonly ParseProblem[] }>(parsed: T): T => {
    problems.push(...parsed.problems);
    return parsed;
  };

  const configSource = mainConfig(files);
  const written = configSource ? keep(parseYaml(configSource)).documents[0] : undefined;
  const given = options.given ?? {};
  const dockerfiles = of("dockerfile").map((source) => keep(parseDockerfile(source)));

  const dotenvs = of("dotenv").map((source) => keep(parseDotenv(source)));
  for (const source of [...of("compose"), ...of("kubernetes")]) keep(parseYaml(source));
  const compose = [
    ...buildComposeProjects(of("compose"), tree, dotenvs),
    ...quadletProjects(of("quadlet").map((source) => keep(parseUnit(source)))),
    ...[...of("shell"), ...of("systemd")].flatMap(runProjects),
  ];
  const kube = of("kubernetes").flatMap((source) => readKubeObjects(source));
  const workloads = kubeWorkloads(kube);
  const config = written ?? embeddedConfig(kube, compose);
  const services = compose.flatMap((project) => project.services);
  const units = buildUnits(of("systemd").map((source) => keep(parseUnit(source))));
  const { app, assume, assumeFor } = createServerModel({
    config,
    given,
    tree,
    compose,
    services,
    kube,
    workloads,
    units,
    dockerfiles,
  });

  const unread = [...(options.unread ?? []), ...notRead(files)];
  const nginx = buildNginxRoots(of("nginx"), tree).map(keep);
  const { fronts, ...ofFronts } = buildFronts({ of, services, app, tree, nginx, kube });
  problems.push(...ofFronts.problems);
  const imported = new Set<Source>();
  const caddyfiles = of("caddyfile").map((source) =>
    parseCaddyfile(source, {
      resolveImport: (from, pattern) => {
        const found = tree.resolve(pattern, [dirName(from.path), dirName(source.path)]);
        for (const file of found) if (file !== source) imported.add(file);
        return found.length > 0 || /[*?[]/.test(pattern) ? found : undefined;
      },
    }),
  );
  const caddy = [
    ...caddyfiles.filter((file) => !imported.has(file.source)),
    ...of("caddy-json").map((source) => parseCaddyJson(source)),
  ].map(keep);
  return {
    tree,
    files,
    unread,
    missing: missingParts(nginx, caddy, compose, tree, [
      ...missingSettings({ app, tree, services, workloads, kube, units }),
      ...ofFronts.missing,
    ]),
    assume,
    assumeFor,
    app,
    config,
    configSource,
    nginx,
    nginxPoints: nginx.flatMap((root) => nginxPoints(root)),
    caddy,
    caddyPoints: caddy.flatMap((file) => caddyPoints(file)),
    fronts,
    compose,
    services,
    kube,
    workloads,
    units,
    dockerfiles,
    dotenvs,
    htpasswds: of("htpasswd").map((source) => keep(parseHtpasswd(source))),
    crontabs: of("crontab"),
    scripts: of("shell"),
    processManagers: of("process-manager"),
    git: options.git ?? { tracked: new Set(), exposed: new Set() },
    versions: guessVersions(options.versions ?? {}, assume, services),
    problems,
    configHash: options.configHash,
    today: options.today ?? "0000-00-00",
  };
}

/** Our configuration among the files: the one a person wrote, not the copy that was rendered for a container. */
export function mainConfig(files: readonly ClassifiedFile[]): Source | undefined {
  const configs = files.filter((file) => file.kind === "config").map((file) => file.source);
  const depth = (source: Source): number => source.path.split("/").length;
  const written = configs.filter((source) => readHeader(source.text).kind === "foreign");
  return (written.length > 0 ? written : configs).sort((a, b) => depth(a) - depth(b))[0];
}

// ---

/** Versions given win; else what the config declares or a compose image's tag says. */
function guessVersions(given: Partial<Versions>, assume: Assumptions, services: readonly ComposeService[]): Versions {
  const tag = (name: string): string | undefined => {
    for (const service of services) {
      const match = new RegExp(`(?:^|/)${name}(?:-unprivileged)?:v?(\\d+\\.\\d+(?:\\.\\d+)?)`).exec(service.image);
      if (match) return match[1];
    }
    return undefined;
  };
  const declared = (kind: string): string | undefined => {
    const version = assume.text("deploy.proxy.version");
    return assume.text("deploy.proxy.kind") === kind && version !== undefined && /^\d/.test(version)
      ? version
      : undefined;
  };
  return {
    nginx: given.nginx ?? declared("nginx") ?? tag("nginx"),
    caddy: given.caddy ?? declared("caddy") ?? tag("caddy"),
    kubernetes: given.kubernetes,
    docker: given.docker,
  };
}

/** Whether the audited files put a proxy in front of the server. */
export function hasProxy(facts: Facts): boolean {
  return appNginxPoints(facts).length > 0 || appCaddyPoints(facts).length > 0 || facts.fronts.length > 0;
}

/** The nginx passes that lead to the server. */
export function appNginxPoints(facts: Facts): readonly NginxPoint[] {
  const named = facts.nginxPoints.filter(
    (point) => facts.app.isUpstream([point.address, ...point.targets], point.address.host) || isAppPath(point.path),
  );
  return named.length > 0
    ? named
    : loneUpstream(facts, facts.nginxPoints, (point) => point.targets.map((target) => `${target.host}:${target.port}`));
}

/** The Caddy proxies that lead to the server. */
export function appCaddyPoints(facts: Facts): readonly CaddyPoint[] {
  const named = facts.caddyPoints.filter((point) => facts.app.isUpstream(point.targets) || point.paths.some(isAppPath));
  return named.length > 0
    ? named
    : loneUpstream(facts, facts.caddyPoints, (point) => point.targets.map((target) => `${target.host}:${target.port}`));
}

/** The workloads that run the server. */
export function appWorkloads(facts: Facts): readonly KubeWorkload[] {
  return facts.workloads.filter((workload) =>
    workload.containers.some((container) => facts.app.isContainer(container)),
  );
}

export function appServices(facts: Facts): readonly ComposeService[] {
  return facts.services.filter((service) => facts.app.isService(service));
}

/** systemd units that start the server. */
export function appUnits(facts: Facts): readonly Unit[] {
  return facts.units.filter(startsServer);
}

/** Patterns that name paths only this server has. */
function isAppPath(path: string): boolean {
  return /^\^?\/v1\/\(?(?:\?:)?(?:ws|transcribe)/.test(path);
}

/** With our own config at hand and one single upstream in the proxy's files, that upstream is the server. */
function loneUpstream<P>(facts: Facts, points: readonly P[], keys: (point: P) => readonly string[]): readonly P[] {
  if (!facts.assume.hasConfig) return [];
  const distinct = new Set(points.flatMap((point) => keys(point)));
  return distinct.size === 1 ? points : [];
}
