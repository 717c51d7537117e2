import type { DockerfileParse } from "../parse/dockerfile.ts";
import type { YamlNode } from "../parse/yaml.ts";
import type { FileTree } from "../tree.ts";
import type { App } from "./app.ts";
import { createApp } from "./app.ts";
import type { Assumptions } from "./assume.ts";
import { createAssumptions } from "./assume.ts";
import type { ComposeProject, ComposeService } from "./compose.ts";
import { buildFile } from "./compose.ts";
import type { EnvironmentEntry } from "./environment.ts";
import { containerVariables, imageVariables, serviceVariables, unitVariables } from "./environment.ts";
import type { KubeContainer, KubeObject, KubeWorkload } from "./kubernetes.ts";
import type { Setting, Settings } from "./settings.ts";
import { configuresServer, readSettings, withoutWiring } from "./settings.ts";
import type { Unit } from "./units.ts";
import { startsServer } from "./units.ts";

/** A part of the audited files that may start the server. */
type Place = ComposeService | KubeContainer | Unit;

export interface ServerModel {
  readonly app: App;
  /** What holds for the server, taking the variables of all its places together. */
  readonly assume: Assumptions;
  readonly assumeFor: (place: Place) => Assumptions;
}

/** Finds the server among services, containers and units, and reads its settings there. */
export function createServerModel(options: {
  readonly config: YamlNode | undefined;
  readonly given: Readonly<Record<string, string>>;
  readonly tree: FileTree;
  readonly compose: readonly ComposeProject[];
  readonly services: readonly ComposeService[];
  readonly kube: readonly KubeObject[];
  readonly workloads: readonly KubeWorkload[];
  readonly units: readonly Unit[];
  readonly dockerfiles: readonly DockerfileParse[];
}): ServerModel {
  const { config, given, tree, dockerfiles } = options;
  const containers = options.workloads.flatMap((workload) => workload.containers);
  const variables = new Map<Place, readonly EnvironmentEntry[]>([
    ...options.services.map((place) => [place, serviceVariables(place, buildFile(place, dockerfiles), tree)] as const),
    ...containers.map((place) => [place, containerVariables(place, options.kube)] as const),
    ...options.units.map((place) => [place, unitVariables(place, tree)] as const),
  ]);
  const isConfigured = (place: Place): boolean => configuresServer(variables.get(place) ?? []);
  const known = { service: isConfigured, container: isConfigured };
  const appWith = (assume: Assumptions): App =>
    createApp(assume, options.compose, options.workloads, options.kube, known);

  const first = appWith(createAssumptions({ config, given }));
  const settings = new Map<string, Setting>();
  const add = (found: Settings): void => {
    for (const [key, setting] of found) if (!settings.has(key)) settings.set(key, setting);
  };
  for (const unit of options.units) if (startsServer(unit)) add(readSettings(variables.get(unit) ?? []));
  for (const place of [...options.services.filter(first.isService), ...containers.filter(first.isContainer)])
    add(withoutWiring(readSettings(variables.get(place) ?? [])));
  // An image alone, without the service or unit that runs it.
  if (settings.size === 0)
    for (const dockerfile of dockerfiles) add(withoutWiring(readSettings(imageVariables(dockerfile))));

  const assume = createAssumptions({ config, given, settings });
  const own = new Map<Place, Assumptions>();
  const assumeFor = (place: Place): Assumptions => {
    const entries = variables.get(place) ?? [];
    const found =
      own.get(place) ?? createAssumptions({ config, given, settings: withoutWiring(readSettings(entries)) });
    own.set(place, found);
    return found;
  };
  return { app: appWith(assume), assume, assumeFor };
}
