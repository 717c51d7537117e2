import type { Hit, Rule } from "../../types.ts";
import { isOneShot } from "../../model/app.ts";
import type { ComposeService } from "../../model/compose.ts";
import type { YamlNode } from "../../parse/yaml.ts";
import { yamlAt, yamlBoolean, yamlEntrySpan, yamlKey, yamlStrings, yamlText } from "../../parse/yaml.ts";
import { addYaml, replace } from "../kit/edits.ts";
import { projectsWithApp } from "../kit/compose.ts";
import { appContainer } from "../kit/kubernetes.ts";
import { appWorkloads } from "../../model/facts.ts";

export const rule: Rule = {
  id: "GA-SBX-009",
  severity: "note",
  confidence: "certain",
  title: "Another container of the project has more rights than it needs",
  why: "The proxy is exposed to the network, and an init step runs as root. An attacker who takes one of them over reaches the server's network and volumes. What the server does not need, they do not need either: privileges through setuid files, capabilities, a writable root, unlimited memory and processes.",
  evidence: ["docker-bench-security 5.4, 5.11, 5.13, 5.26, 5.29", "kube-linter checks init containers like any other."],
  reads: ["compose", "kubernetes"],
  fixKind: "safe",
  *check(facts) {
    for (const project of projectsWithApp(facts)) {
      for (const service of project.services) if (!facts.app.isService(service)) yield* neighbour(service);
    }
    for (const workload of appWorkloads(facts)) {
      const app = appContainer(facts, workload);
      const init = yamlAt(workload.pod, "initContainers")?.items ?? [];
      const others = (yamlAt(workload.pod, "containers")?.items ?? []).filter((item) => item !== app?.node);
      for (const node of [...init, ...others]) yield* container(node);
    }
  },
};

function* neighbour(service: ComposeService): Generator<Hit> {
  const { node, nameSpan, name } = service;
  const once = isOneShot(service);
  const has = (key: string, pattern: RegExp): boolean =>
    yamlStrings(yamlAt(node, key)).some((item) => pattern.test(item.text));
  const hit = (key: string, message: string, line: string): Hit => {
    const add = yamlAt(node, key) ? undefined : addYaml(node, line);
    return {
      span: yamlEntrySpan(node, key) ?? nameSpan,
      message: `${name} ${message}`,
      fix: `Set \`${line}\`.`,
      edits: add ? [add] : [],
    };
  };
  if (!has("security_opt", /^no-new-privileges(?:[:=]true)?$/))
    yield hit(
      "security_opt",
      "may gain privileges through setuid programs",
      'security_opt: ["no-new-privileges:true"]',
    );
  if (!has("cap_drop", /^all$/i))
    yield {
      ...hit("cap_drop", "keeps Docker's default capabilities", "cap_drop: [ALL]"),
      // Official images start as root and change their user: without these they do not start.
      edits: [],
      fix: "Set `cap_drop: [ALL]` and add back what the image needs (nginx and Caddy: NET_BIND_SERVICE; images that change their user: CHOWN, SETUID, SETGID).",
    };
  if (yamlBoolean(yamlAt(node, "read_only")) !== true)
    yield {
      ...hit("read_only", "has a writable root file system", "read_only: true"),
      edits: [],
      fix: "Set `read_only: true` with a tmpfs for what it writes.",
    };
  const limits = yamlAt(node, "deploy", "resources", "limits");
  const lacking = [
    ...((yamlAt(limits, "memory") ?? yamlAt(node, "mem_limit")) ? [] : ["memory"]),
    ...((yamlAt(limits, "pids") ?? yamlAt(node, "pids_limit")) ? [] : ["processes"]),
  ];
  if (lacking.length > 0)
    yield {
      span: yamlKey(yamlAt(node, "deploy", "resources"), "limits") ?? nameSpan,
      message: `${name} has no limit of ${lacking.join(" and ")}`,
      fix: "Set `deploy: {resources: {limits: {memory: 256M, pids: 128}}}`.",
    };
  for (const volume of yamlAt(node, "volumes")?.items ?? []) {
    const source =
      volume.kind === "map"
        ? yamlText(yamlAt(volume, "type")) === "bind"
          ? yamlText(yamlAt(volume, "source"))
          : undefined
        : /^([./~][^:]*):/.exec(volume.text)?.[1];
    const fixed =
      volume.kind === "map"
        ? yamlBoolean(yamlAt(volume, "read_only")) === true
        : /:(?:.*,)?ro(?:,|$)/.test(volume.text);
    if (source === undefined || fixed || source.endsWith(".sock")) continue;
    yield {
      span: yamlEntrySpan(volume, "read_only") ?? volume,
      message: `${name} may change ${source} on the host`,
      fix: volume.kind === "map" ? "Set `read_only: true`." : "Append `:ro`.",
    };
  }
  if (/(?:^|\/)(?:redis|valkey|postgres|mysql|mariadb|mongo|rabbitmq)(?:[:@-]|$)/.test(service.image)) {
    const networks = yamlAt(node, "networks");
    for (const network of networks?.kind === "map"
      ? [...networks.entries.keys()]
      : yamlStrings(networks).map((item) => item.text)) {
      const definition = yamlAt(service.project.root, "networks", network);
      if (yamlBoolean(yamlAt(definition, "internal")) === true) continue;
      yield {
        span:
          yamlEntrySpan(definition, "internal") ??
          yamlKey(yamlAt(service.project.root, "networks"), network) ??
          nameSpan,
        message: `the network ${network} of ${name} has a way out`,
        fix: "Set `internal: true`: only the server talks to it.",
      };
    }
  }
  const user = service.project.text(yamlAt(node, "user"))?.split(":")[0];
  if (user === "0" || user === "root") {
    if (once && yamlText(yamlAt(node, "network_mode")) === "none") return;
    yield {
      span: yamlEntrySpan(node, "user") ?? nameSpan,
      message: `${name} runs as root${once ? " with a network" : ""}`,
      fix: once
        ? "Set `network_mode: none`: a step that only changes files needs none."
        : 'Give it a user of its own: `user: "10002:10002"`.',
    };
  } else if (user === undefined && !once) {
    yield {
      span: nameSpan,
      message: `${name} names no user, so the image decides (most start as root)`,
      fix: 'Give it a user of its own: `user: "10002:10002"`.',
      confidence: "likely",
    };
  }
}

function* container(node: YamlNode): Generator<Hit> {
  const name = yamlText(yamlAt(node, "name")) ?? "?";
  const context = yamlAt(node, "securityContext");
  const at = yamlKey(node, "securityContext") ?? yamlAt(node, "name") ?? node;
  const escalation = yamlAt(context, "allowPrivilegeEscalation");
  if (yamlBoolean(escalation) !== false)
    yield {
      span: yamlEntrySpan(context, "allowPrivilegeEscalation") ?? at,
      message: `container ${name} may gain privileges`,
      fix: "Set `allowPrivilegeEscalation: false`.",
      edits: escalation ? [replace(escalation, "false")] : [],
    };
  if (!yamlStrings(yamlAt(context, "capabilities", "drop")).some((item) => item.text.toUpperCase() === "ALL"))
    yield {
      span: yamlKey(yamlAt(context, "capabilities"), "drop") ?? yamlKey(context, "capabilities") ?? at,
      message: `container ${name} keeps the runtime's default capabilities`,
      fix: "Set `capabilities: {drop: [ALL]}`.",
    };
  const readOnly = yamlAt(context, "readOnlyRootFilesystem");
  if (yamlBoolean(readOnly) !== true)
    yield {
      span: yamlEntrySpan(context, "readOnlyRootFilesystem") ?? at,
      message: `container ${name} has a writable root file system`,
      fix: "Set `readOnlyRootFilesystem: true`.",
      edits: readOnly ? [replace(readOnly, "true")] : [],
    };
  if (!yamlAt(node, "resources", "limits", "memory"))
    yield {
      span: yamlKey(yamlAt(node, "resources"), "limits") ?? yamlKey(node, "resources") ?? yamlAt(node, "name") ?? node,
      message: `container ${name} has no memory limit`,
      fix: "Set `resources: {limits: {memory: 64Mi}}`.",
    };
}
