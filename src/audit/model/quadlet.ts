import type { UnitEntry, UnitParse } from "../parse/systemd.ts";
import type { YamlEntry, YamlNode } from "../parse/yaml.ts";
import type { Span } from "../source.ts";
import { baseName, dirName } from "../tree.ts";
import { createProject, type ComposeProject } from "./compose.ts";
import { EMPTY, map, scalar, seq, spanOf } from "./made-nodes.ts";

/** Returns the containers among quadlets; those of a pod are published by it. */
export function quadletProjects(units: readonly UnitParse[]): readonly ComposeProject[] {
  const isPod = ({ source }: UnitParse): boolean => source.path.endsWith(".pod");
  return units
    .filter((unit) => !isPod(unit))
    .map((unit) => {
      const name = unit.entries.find(({ section, key }) => section === "Container" && key === "Pod")?.value;
      const pod = units.find((other) => isPod(other) && baseName(other.source.path) === name);
      return quadletProject(unit, pod);
    });
}

/**
 * Returns a Podman quadlet (`*.container`) as the compose project that says the same, so that every rule about containers reads it. The values keep
 * their places in the unit.
 */
function quadletProject(unit: UnitParse, pod: UnitParse | undefined): ComposeProject {
  const { source } = unit;
  const whole: Span = unit.sections.find(({ name }) => name === "Container") ?? { source, start: 0, end: 0 };
  const all = (key: string, section = "Container"): readonly UnitEntry[] =>
    unit.entries.filter((entry) => entry.section === section && entry.key === key && entry.value !== "");
  const service = new Map<string, YamlEntry>();
  const put = (name: string, from: UnitEntry | undefined, value: YamlNode | undefined): void => {
    if (from !== undefined && value !== undefined) service.set(name, { key: { ...spanOf(from), text: name }, value });
  };
  const one = (
    name: string,
    key: string,
    change: (value: string) => string = (value) => value,
    section?: string,
  ): void => {
    const entry = all(key, section).at(-1);
    if (entry !== undefined) put(name, entry, scalar(entry, change(entry.value)));
  };
  const many = (name: string, key: string, change: (value: string) => string = (value) => value): void => {
    const entries = all(key);
    put(
      name,
      entries[0],
      entries.length === 0
        ? undefined
        : seq(
            whole,
            entries.flatMap((entry) => wordsOf(entry.value).map((word) => scalar(entry, change(word)))),
          ),
    );
  };
  one("image", "Image");
  const published = [...unit.entries, ...(pod?.entries ?? [])].filter(
    ({ section, key, value }) =>
      (section === "Container" || section === "Pod") && key === "PublishPort" && value !== "",
  );
  if (published[0] !== undefined)
    put(
      "ports",
      published[0],
      seq(
        whole,
        published.map((entry) => scalar(entry, entry.value)),
      ),
    );
  many("volumes", "Volume");
  many("environment", "Environment");
  many("env_file", "EnvironmentFile");
  many("cap_drop", "DropCapability", (word) => word.toUpperCase());
  many("cap_add", "AddCapability", (word) => word.toUpperCase());
  many("tmpfs", "Tmpfs");
  one("user", "User");
  one("read_only", "ReadOnly");
  one("mem_limit", "Memory");
  one("container_name", "ContainerName");
  one("stop_grace_period", "StopTimeout", (value) => `${value}s`);
  one("stop_signal", "StopSignal");
  one("pids_limit", "PidsLimit");
  // Read by the rule about units: systemd's own limit counts beside that of the engine.
  one(STOP_TIMEOUT, "TimeoutSec", undefined, "Service");
  one(STOP_TIMEOUT, "TimeoutStopSec", undefined, "Service");
  for (const entry of all("PodmanArgs"))
    for (const [, option = "", value = ""] of entry.value.matchAll(/--(stop-timeout|memory|pids-limit)[= ](\S+)/g)) {
      const name = OF_PODMAN[option];
      if (name !== undefined) put(name, entry, scalar(entry, option === "stop-timeout" ? `${value}s` : value));
    }
  one("restart", "Restart", (value) => (value === "always" ? "always" : value), "Service");
  const network = all("Network").at(-1);
  if (network?.value === "host") put("network_mode", network, scalar(network, "host"));
  const privileges = all("NoNewPrivileges").at(-1);
  if (privileges?.value === "true")
    put("security_opt", privileges, seq(privileges, [scalar(privileges, "no-new-privileges:true")]));
  const health = all("HealthCmd").at(-1);
  if (health !== undefined) put("healthcheck", health, map(health, [["test", scalar(health, health.value)]]));
  const command = all("Exec").at(-1);
  if (command !== undefined) put("command", command, scalar(command, command.value));
  const name = all("ContainerName").at(-1)?.value ?? baseName(source.path).replace(/\.container$/, "");
  const body: YamlNode = { ...EMPTY, ...whole, kind: "map", entries: service };
  const root = map(whole, [["services", map(whole, [[name, body]])]]);
  return createProject(dirName(source.path), [source], root, undefined, undefined, inQuadletWords);
}

/** The name under which a quadlet's TimeoutStopSec stands in its service. */
export const STOP_TIMEOUT = "x-timeout-stop-sec";

const OF_PODMAN: Readonly<Record<string, string>> = {
  "stop-timeout": "stop_grace_period",
  memory: "mem_limit",
  "pids-limit": "pids_limit",
};

/** Returns a sentence of a rule about containers in the words of a quadlet: `cap_drop: [ALL]` is `DropCapability=ALL` there. */
function inQuadletWords(text: string): string {
  return KEYS.reduce((sentence, [pattern, key]) => sentence.replace(pattern, key), text);
}

// ---

const KEYS: readonly (readonly [RegExp, string])[] = [
  [/`docker compose stop`/g, "`systemctl stop`"],
  [/`stop_grace_period: (\d+)s`/g, "`StopTimeout=$1` in [Container] and `TimeoutStopSec=` above it in [Service]"],
  [/stop_grace_period/g, "StopTimeout"],
  [/`cap_drop: \[ALL\]`/g, "`DropCapability=all`"],
  [/`security_opt: \["no-new-privileges:true"\]`/g, "`NoNewPrivileges=true`"],
  [/`user: "([^"]+)"`/g, "`User=$1`"],
  [/`read_only: true`/g, "`ReadOnly=true`"],
  [/`tmpfs: \["([^"]+)"\]`/g, "`Tmpfs=$1`"],
  [/`restart: [\w-]+`/g, "`Restart=always` in [Service]"],
  [/`pids: (\d+)`/g, "`PidsLimit=$1`"],
  [/`deploy: \{resources: \{limits: \{memory: (\w+), pids: (\d+)\}\}\}`/g, "`Memory=$1` and `PidsLimit=$2`"],
  [/a healthcheck that asks/g, "`HealthCmd=` that asks"],
];

function wordsOf(value: string): readonly string[] {
  return (value.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^["']|["']$/g, ""));
}
