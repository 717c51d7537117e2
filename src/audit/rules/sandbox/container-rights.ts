import type { Hit, Rule } from "../../types.ts";
import type { Facts } from "../../model/facts.ts";
import { appServices, appWorkloads } from "../../model/facts.ts";
import type { ComposeService } from "../../model/compose.ts";
import type { YamlNode } from "../../parse/yaml.ts";
import type { DockerfileParse } from "../../parse/dockerfile.ts";
import { yamlAt, yamlBoolean, yamlEntrySpan, yamlKey, yamlNumber, yamlStrings, yamlText } from "../../parse/yaml.ts";
import { addYaml, replace } from "../kit/edits.ts";
import { dockerfileOf, isBystander } from "../kit/compose.ts";
import { appContainer } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-SBX-001",
  severity: "warning",
  confidence: "certain",
  title: "The container has more rights than the server needs",
  why: "The server decodes audio from untrusted clients. If a decoder has a vulnerability, the container's rights decide how far an attack reaches: as root with capabilities and the Docker socket it reaches the whole machine.",
  evidence: ["Kubernetes Pod Security Standard, restricted", "KICS, trivy KSV-0001, 0003, 0012, 0020, 0104"],
  reads: ["compose", "kubernetes", "dockerfile"],
  fixKind: "safe",
  *check(facts) {
    for (const service of facts.services)
      for (const hit of dangerous(service, facts.app.isService(service)))
        yield isBystander(facts, service) ? { ...hit, severity: "note" } : hit;
    for (const service of appServices(facts)) yield* hardened(facts, service);
    for (const file of facts.dockerfiles) yield* image(file);
    yield* kubernetes(facts);
    yield* namespaces(facts);
  },
};

/** The image's own user, for runs that name none. */
function* image(file: DockerfileParse): Generator<Hit> {
  const stage = file.stages.at(-1);
  if (!stage || !/gigastt/i.test(file.source.text)) return;
  const user = stage.instructions.findLast((item) => item.name === "USER");
  const name = user?.value.split(":")[0];
  if (name !== undefined && name !== "root" && name !== "0" && (!/^\d+$/.test(name) || Number(name) >= 10_000)) return;
  const root = name === undefined || name === "0" || name === "root";
  yield {
    span: user ?? stage.from,
    message: user
      ? `the image runs as ${root ? "root" : `uid ${name}, which may be a user's own id on the host`}`
      : "the image names no user, so it runs as root",
    fix: "Write `USER 10001:10001`.",
    ...(user ? { edits: [replace(user, "USER 10001:10001")] } : {}),
    ...(root ? {} : { severity: "note" as const }),
  };
}

/** The level a namespace of the server enforces, where the tree declares the namespace. */
function* namespaces(facts: Facts): Generator<Hit> {
  const used = new Set(appWorkloads(facts).map((workload) => workload.object.namespace));
  for (const object of facts.kube) {
    if (object.kind !== "Namespace" || !used.has(object.name)) continue;
    const labels = yamlAt(object.node, "metadata", "labels");
    const key = "pod-security.kubernetes.io/enforce";
    const level = yamlAt(labels, key);
    if (yamlText(level) === "restricted") continue;
    yield {
      span:
        yamlEntrySpan(labels, key) ??
        yamlKey(yamlAt(object.node, "metadata"), "labels") ??
        yamlAt(object.node, "metadata", "name") ??
        object.node,
      message: `namespace ${object.name} enforces ${level ? `the level ${yamlText(level)}` : "no pod security level"}: a privileged pod can run in the server's namespace`,
      fix: `Set the label \`${key}: restricted\`.`,
      edits: level ? [replace(level, "restricted")] : [],
      severity: "note",
    };
  }
}

/** The API of Docker, Podman or containerd: who may ask it starts a container with the whole host inside. */
const ENGINE_SOCKET = /(?:^|\/)(?:docker|podman|containerd|crio)\.sock$/;
/** Folders of the system; those below them may be meant. */
const HOST_FOLDER = /^\/(?:|etc|root|home|usr|boot|dev|proc|sys|run|var|var\/run|var\/lib|var\/lib\/docker)$/;

interface HostMount {
  readonly source: string;
  readonly mode: "ro" | "rw";
  readonly node: YamlNode;
}

function hostMounts(service: ComposeService): readonly HostMount[] {
  return (yamlAt(service.node, "volumes")?.items ?? []).flatMap((node): readonly HostMount[] => {
    const [short = "", , options = ""] = (service.project.text(node) ?? "").split(":");
    const source = node.kind === "map" ? (service.project.text(yamlAt(node, "source")) ?? "") : short;
    const isReadOnly =
      node.kind === "map" ? yamlBoolean(yamlAt(node, "read_only")) === true : options.split(",").includes("ro");
    return source.startsWith("/")
      ? [{ source: source.replace(/(?<=.)\/+$/, ""), mode: isReadOnly ? "ro" : "rw", node }]
      : [];
  });
}

function* dangerous(service: ComposeService, isOurs: boolean): Generator<Hit> {
  if (yamlBoolean(yamlAt(service.node, "privileged")) === true) {
    yield {
      span: yamlEntrySpan(service.node, "privileged") ?? service.nameSpan,
      message: `${service.name} is privileged: it is root on the host`,
      fix: "Delete `privileged`; name the device or capability it needs.",
      severity: "error",
    };
  }
  for (const { source, mode, node } of hostMounts(service)) {
    if (ENGINE_SOCKET.test(source))
      yield {
        span: node,
        message: `${service.name} has the socket of the container engine: control over it is control over the host`,
        fix: isOurs
          ? "Delete it: the server starts no containers."
          : "Put a socket proxy with a short list of calls in between.",
        // Read-only concerns the file, not what is asked through it; a proxy that finds its sites there mostly has it so.
        ...(isOurs ? { severity: "error" as const } : mode === "ro" ? { severity: "note" as const } : {}),
      };
    // What watches a machine reads all of it.
    else if (HOST_FOLDER.test(source) && (isOurs || mode === "rw"))
      yield {
        span: node,
        message: `${service.name} ${mode === "ro" ? "reads" : "changes"} the host's own ${source === "/" ? "file system" : `folder ${source}`}`,
        fix: "Mount the folders that it needs, each by itself and read-only.",
        severity: mode === "rw" ? "error" : "warning",
      };
  }
  for (const key of ["pid", "ipc", "userns_mode"]) {
    if (yamlText(yamlAt(service.node, key)) === "host")
      yield {
        span: yamlEntrySpan(service.node, key) ?? service.nameSpan,
        message: `${service.name} shares the host's ${key} namespace`,
        fix: `Delete \`${key}: host\`, unless it watches the host's processes for a living.`,
        severity: "note",
      };
  }
}

function* hardened(facts: Facts, service: ComposeService): Generator<Hit> {
  const user = yamlAt(service.node, "user");
  const uid = service.project.text(user)?.split(":")[0];
  const dockerfile = dockerfileOf(facts, service);
  const stage = dockerfile?.stages.at(-1);
  const built = stage?.instructions.findLast((item) => item.name === "USER")?.value.split(":")[0];
  // Official images of Node start as root; an image that names the server is spoken about at its own place.
  const isPlainNode =
    dockerfile !== undefined && !/gigastt/i.test(dockerfile.source.text) && /^node(?:[:@]|$)/i.test(stage?.base ?? "");
  const base = isPlainNode ? "root" : undefined;
  const name = uid ?? built ?? base;
  const at = service.nameSpan;
  if (name === undefined || name === "0" || name === "root") {
    const add = user ? undefined : addYaml(service.node, 'user: "10001:10001"');
    yield {
      span: user ? (yamlEntrySpan(service.node, "user") ?? at) : at,
      message: `${service.name} ${name === undefined ? "names no user, so the image decides" : "runs as root"}`,
      fix: 'Set `user: "10001:10001"`.',
      edits: user ? [replace(user, '"10001:10001"')] : add ? [add] : [],
      // The server's own image has a user.
      ...(name === undefined ? { severity: "note" as const, confidence: "likely" as const } : {}),
    };
  } else if (/^\d+$/.test(name) && Number(name) < 10_000) {
    yield {
      span: user ?? at,
      message: `${service.name} runs as uid ${name}, which may be a user's own id on the host`,
      fix: 'Use a uid of 10000 or more: `user: "10001:10001"`.',
      severity: "note",
    };
  }
  const options = yamlStrings(yamlAt(service.node, "security_opt")).map((item) => item.text);
  const add = (text: string, key: string): { edits: NonNullable<Hit["edits"]> } => {
    const edit = yamlAt(service.node, key) ? undefined : addYaml(service.node, text);
    return { edits: edit ? [edit] : [] };
  };
  if (!options.some((option) => /^no-new-privileges(?:[:=]true)?$/.test(option))) {
    yield {
      span: yamlKey(service.node, "security_opt") ?? at,
      message: `${service.name} may gain privileges through setuid programs`,
      fix: 'Set `security_opt: ["no-new-privileges:true"]`.',
      ...add('security_opt: ["no-new-privileges:true"]', "security_opt"),
      severity: "note",
    };
  }
  if (options.some((option) => /^(?:seccomp|apparmor)[:=]unconfined$/.test(option))) {
    yield {
      span: yamlKey(service.node, "security_opt") ?? at,
      message: `${service.name} runs without the default seccomp or AppArmor profile`,
      fix: "Delete the `unconfined` entry.",
    };
  }
  if (!yamlStrings(yamlAt(service.node, "cap_drop")).some((item) => item.text.toUpperCase() === "ALL")) {
    yield {
      span: yamlKey(service.node, "cap_drop") ?? at,
      message: `${service.name} keeps Docker's default capabilities; the server needs none`,
      fix: "Set `cap_drop: [ALL]`.",
      ...add("cap_drop: [ALL]", "cap_drop"),
      severity: "note",
    };
  }
  for (const cap of yamlStrings(yamlAt(service.node, "cap_add"))) {
    yield {
      span: cap.node,
      message: `${service.name} gets the capability ${cap.text}; the server needs none`,
      fix: "Delete it.",
    };
  }
}

function* kubernetes(facts: Facts): Generator<Hit> {
  for (const workload of facts.workloads) {
    for (const key of ["hostPID", "hostIPC"]) {
      if (yamlBoolean(yamlAt(workload.pod, key)) === true)
        yield {
          span: yamlEntrySpan(workload.pod, key) ?? workload.object.node,
          message: `${workload.object.name} shares the node's namespace (${key})`,
          fix: `Delete \`${key}\`.`,
          severity: "error",
        };
    }
    for (const container of workload.containers) {
      const context = yamlAt(container.node, "securityContext");
      if (yamlBoolean(yamlAt(context, "privileged")) === true && workload.object.kind !== "DaemonSet")
        yield {
          span: yamlEntrySpan(context, "privileged") ?? container.span,
          message: `container ${container.name} is privileged: it is root on the node`,
          fix: "Delete `privileged`.",
          severity: "error",
        };
    }
  }
  for (const workload of appWorkloads(facts)) {
    const container = appContainer(facts, workload);
    if (!container) continue;
    const own = yamlAt(container.node, "securityContext");
    const pod = yamlAt(workload.pod, "securityContext");
    const at = own ? (yamlKey(container.node, "securityContext") ?? container.span) : container.span;
    // A wrong value is replaced, a missing one added to the container's own context.
    const put = (key: string, value: string): { edits: NonNullable<Hit["edits"]> } => {
      const there = yamlAt(own, key);
      const edit = there ? replace(there, value) : own ? addYaml(own, `${key}: ${value}`) : undefined;
      return { edits: edit ? [edit] : [] };
    };
    if (yamlBoolean(yamlAt(own, "runAsNonRoot") ?? yamlAt(pod, "runAsNonRoot")) !== true)
      yield {
        span: yamlEntrySpan(own, "runAsNonRoot") ?? yamlEntrySpan(pod, "runAsNonRoot") ?? at,
        message: `container ${container.name} may run as root (runAsNonRoot is not true)`,
        fix: "Set `runAsNonRoot: true`.",
        ...put("runAsNonRoot", "true"),
      };
    const uid = yamlNumber(yamlAt(own, "runAsUser") ?? yamlAt(pod, "runAsUser"));
    if (uid !== undefined && uid < 10_000)
      yield {
        span: yamlEntrySpan(own, "runAsUser") ?? yamlEntrySpan(pod, "runAsUser") ?? at,
        message: `container ${container.name} runs as uid ${uid}`,
        fix: "Use a uid of 10000 or more: `runAsUser: 10001`.",
        ...(uid === 0 ? {} : { severity: "note" as const }),
      };
    if (yamlBoolean(yamlAt(own, "allowPrivilegeEscalation")) !== false)
      yield {
        span: yamlEntrySpan(own, "allowPrivilegeEscalation") ?? at,
        message: `container ${container.name} may gain privileges (allowPrivilegeEscalation is not false)`,
        fix: "Set `allowPrivilegeEscalation: false`.",
        ...put("allowPrivilegeEscalation", "false"),
      };
    if (!yamlStrings(yamlAt(own, "capabilities", "drop")).some((item) => item.text.toUpperCase() === "ALL"))
      yield {
        span: yamlKey(yamlAt(own, "capabilities"), "drop") ?? yamlKey(own, "capabilities") ?? at,
        message: `container ${container.name} keeps the default capabilities; the server needs none`,
        fix: "Set `capabilities: {drop: [ALL]}`.",
        ...(yamlAt(own, "capabilities") ? {} : put("capabilities", "{drop: [ALL]}")),
      };
    const seccomp = yamlText(yamlAt(own, "seccompProfile", "type") ?? yamlAt(pod, "seccompProfile", "type"));
    if (seccomp !== "RuntimeDefault" && seccomp !== "Localhost")
      yield {
        span:
          yamlEntrySpan(yamlAt(own, "seccompProfile") ?? yamlAt(pod, "seccompProfile"), "type") ??
          yamlEntrySpan(own, "seccompProfile") ??
          yamlEntrySpan(pod, "seccompProfile") ??
          at,
        message: `container ${container.name} has no seccomp profile`,
        fix: "Set `seccompProfile: {type: RuntimeDefault}`.",
        ...(yamlAt(own, "seccompProfile") ? {} : put("seccompProfile", "{type: RuntimeDefault}")),
      };
    if (yamlBoolean(yamlAt(workload.pod, "hostNetwork")) === true)
      yield {
        span: yamlEntrySpan(workload.pod, "hostNetwork") ?? at,
        message: "the pod shares the node's network",
        fix: "Delete `hostNetwork`.",
      };
    for (const volume of yamlAt(workload.pod, "volumes")?.items ?? []) {
      const path = yamlText(yamlAt(volume, "hostPath", "path"))?.replace(/(?<=.)\/+$/, "") ?? "";
      const name = yamlText(yamlAt(volume, "name")) ?? "";
      const isWhole = ENGINE_SOCKET.test(path) || HOST_FOLDER.test(path);
      if (yamlAt(volume, "hostPath"))
        yield {
          span: yamlEntrySpan(volume, "hostPath") ?? volume,
          message: isWhole
            ? `volume ${name} is ${path} of the node: control over the pod is control over the node`
            : `volume ${name} is a folder of the node`,
          fix: "Use a PersistentVolumeClaim or an emptyDir.",
          ...(isWhole ? { severity: "error" as const } : {}),
        };
    }
  }
}
