import type { Address } from "./address.ts";
import type { Assumptions } from "./assume.ts";
import type { ComposeProject, ComposeService } from "./compose.ts";
import { commandWords } from "./compose.ts";
import type { KubeContainer, KubeObject, KubeWorkload } from "./kubernetes.ts";
import { selects, stringMap } from "./kubernetes.ts";
import { yamlAt, yamlNumber, yamlStrings, yamlText } from "../parse/yaml.ts";

/** Which parts of the audited files are our server. Rules about its limits look only at those. */
export interface App {
  readonly isService: (service: ComposeService) => boolean;
  readonly isContainer: (container: KubeContainer) => boolean;
  /** An upstream that leads to the server. */
  readonly isUpstream: (addresses: readonly Address[], name?: string) => boolean;
  /** Names of the compose services and Kubernetes Services that are the server. */
  readonly names: ReadonlySet<string>;
}

const NAME =
  /giga-?stt|gigaam|(?:^|[^a-z])(?:stt|asr)(?:[^a-z]|$)|speech-?to-?text|speech-?recog|transcri(?:be|ber|ption)(?:[^a-z]|$)/i;
const OTHER_IMAGE =
  /(?:^|\/)(?:nginx|caddy|traefik|haproxy|envoy|redis|valkey|postgres|mysql|mariadb|mongo|rabbitmq|prometheus|grafana|oauth2-proxy|certbot|busybox|alpine|tailscale|cloudflared|wireguard|gluetun|authelia|autoheal|watchtower)(?:[:@-]|$)/i;

export function createApp(
  assume: Assumptions,
  projects: readonly ComposeProject[],
  workloads: readonly KubeWorkload[],
  objects: readonly KubeObject[],
  isConfigured: {
    readonly service: (service: ComposeService) => boolean;
    readonly container: (container: KubeContainer) => boolean;
  },
): App {
  const port = assume.number("server.port");
  const isService = (service: ComposeService): boolean => {
    if (OTHER_IMAGE.test(service.image) || isOneShot(service)) return false;
    if (NAME.test(imageName(service.image))) return true;
    // A name is a guess: `ts-stt` beside the server's own image is its sidecar.
    const isGuess = service.image !== "" && service.project.services.some((other) => NAME.test(imageName(other.image)));
    if (!isGuess && NAME.test(service.name) && !/models?$/i.test(service.name)) return true;
    const words = [
      ...commandWords(yamlAt(service.node, "command")).words,
      ...commandWords(yamlAt(service.node, "entrypoint")).words,
    ];
    if (words.some((word) => /(?:^|\/)gigastt(?:\.js)?$/.test(word))) return true;
    return (
      isConfigured.service(service) ||
      service.ports.some((item) => item.target === port) ||
      yamlStrings(yamlAt(service.node, "expose")).some((item) => Number(item.text) === port)
    );
  };
  const isContainer = (container: KubeContainer): boolean => {
    if (OTHER_IMAGE.test(container.image)) return false;
    if (NAME.test(imageName(container.image)) || NAME.test(container.name)) return true;
    if (isConfigured.container(container)) return true;
    return (yamlAt(container.node, "ports")?.items ?? []).some(
      (item) => yamlNumber(yamlAt(item, "containerPort")) === port,
    );
  };
  const names = new Set<string>();
  for (const project of projects)
    for (const service of project.services) if (isService(service)) names.add(service.name.toLowerCase());
  for (const workload of workloads) {
    if (!workload.containers.some(isContainer)) continue;
    for (const object of objects) {
      if (object.kind === "Service" && selects(stringMap(yamlAt(object.node, "spec", "selector")), workload.podLabels))
        names.add(object.name.toLowerCase());
    }
  }
  const forced = assume.text("upstream")?.toLowerCase();
  return {
    isService,
    isContainer,
    names,
    isUpstream: (addresses, name) =>
      (name !== undefined && (NAME.test(name) || names.has(name.toLowerCase()) || name.toLowerCase() === forced)) ||
      addresses.some(
        (address) =>
          address.port === port ||
          NAME.test(address.host) ||
          names.has(address.host) ||
          names.has(address.host.split(".")[0] ?? "") ||
          (forced !== undefined && (forced === address.host || forced === `${address.host}:${address.port}`)),
      ),
  };
}

/** Whether a service is a preparation step: runs once and ends. */
export function isOneShot(service: ComposeService): boolean {
  if (yamlText(yamlAt(service.node, "network_mode")) === "none") return true;
  return service.project.services.some(
    (other) =>
      yamlText(yamlAt(other.node, "depends_on", service.name, "condition")) === "service_completed_successfully",
  );
}

/** The last part of an image reference without tag and digest. */
export function imageName(image: string): string {
  return (image.split("@")[0] ?? "").split("/").at(-1)?.split(":")[0] ?? "";
}
