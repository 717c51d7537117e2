import type { Rule } from "../../types.ts";
import { appServices, appWorkloads } from "../../model/facts.ts";
import { composeBytes } from "../../model/compose.ts";
import { quantityBytes } from "../../model/kubernetes.ts";
import type { YamlNode } from "../../parse/yaml.ts";
import { yamlAt, yamlBoolean, yamlEntrySpan, yamlKey, yamlStrings, yamlText } from "../../parse/yaml.ts";
import { addYaml, replace } from "../kit/edits.ts";
import { mebibytes } from "../kit/wording.ts";
import { appContainer } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-SBX-002",
  severity: "warning",
  confidence: "certain",
  title: "The root file system is writable, or read-only without room for what the server writes",
  why: "On a read-only root an intruder cannot leave files behind. The server still needs /tmp for uploads in flight (limits.body times pool.size) and the folders its config names: without them it fails at the first large file rather than at the start.",
  evidence: ["docker-bench-security 5.13", "trivy KSV-0014"],
  reads: ["compose", "kubernetes", "config"],
  fixKind: "safe",
  *check(facts) {
    const { assume } = facts;
    const bodies = assume.number("limits.body") * assume.number("pool.size");
    const related = [...assume.related("limits.body"), ...assume.related("pool.size")];
    const want = Math.ceil(bodies / 2 ** 20) + 56;
    const paths = ["model.dir", "supervisor.stateDir"].flatMap((key) => {
      const path = assume.text(key as "model.dir"); // both are text keys
      return path !== undefined && path.startsWith("/") && assume.isSet(key) ? [{ key, path }] : [];
    });
    for (const service of appServices(facts)) {
      const readOnly = yamlAt(service.node, "read_only");
      if (yamlBoolean(readOnly) !== true) {
        const add = readOnly ? undefined : addYaml(service.node, "read_only: true");
        const tmp =
          add && !yamlAt(service.node, "tmpfs")
            ? addYaml(service.node, `tmpfs: ["/tmp:mode=1777,size=${want}m"]`)
            : undefined;
        yield {
          span: yamlEntrySpan(service.node, "read_only") ?? service.nameSpan,
          message: `the root file system of ${service.name} is writable`,
          fix: `Set \`read_only: true\` and \`tmpfs: ["/tmp:mode=1777,size=${want}m"]\`.`,
          edits: readOnly ? [replace(readOnly, "true")] : add ? [add, ...(tmp ? [tmp] : [])] : [],
          severity: "note",
        };
        continue;
      }
      const mounts = composeMounts(service.node, (node) => service.project.text(node));
      const tmp = mounts.find((mount) => covers(mount.target, "/tmp"));
      if (!tmp || tmp.readOnly) {
        const add = yamlAt(service.node, "tmpfs")
          ? undefined
          : addYaml(service.node, `tmpfs: ["/tmp:mode=1777,size=${want}m"]`);
        yield {
          span: yamlKey(service.node, "tmpfs") ?? yamlEntrySpan(service.node, "read_only") ?? service.nameSpan,
          message: `${service.name} has a read-only root and no writable /tmp: uploads fail`,
          fix: `Add \`tmpfs: ["/tmp:mode=1777,size=${want}m"]\`.`,
          edits: add ? [add] : [],
          severity: "error",
        };
      } else if (tmp.bytes !== undefined && tmp.bytes < bodies) {
        yield {
          span: tmp.node,
          message: `/tmp of ${service.name} holds ${mebibytes(tmp.bytes)}, but ${assume.number("pool.size")} uploads of ${mebibytes(assume.number("limits.body"))} need ${mebibytes(bodies)}`,
          fix: `Set its size to ${want}m.`,
          edits: sizeEdit(tmp.node, `${want}m`),
          related,
        };
      } else if (tmp.bytes === undefined && tmp.tmpfs) {
        yield {
          span: tmp.node,
          message: `/tmp of ${service.name} has no size: it may take half of the machine's memory`,
          fix: `Write \`/tmp:mode=1777,size=${want}m\`.`,
          related,
          severity: "note",
        };
      }
      for (const mount of mounts) {
        if (mount.readOnly || mount.tmpfs || !/^\/(?:models|etc)(?:\/|$)/.test(mount.target)) continue;
        yield {
          span: yamlEntrySpan(mount.node, "read_only") ?? mount.node,
          message: `${mount.target} of ${service.name} is mounted writable: an attacker who takes over the server can change ${mount.target.startsWith("/models") ? "its model" : "its configuration"}`,
          fix: mount.node.kind === "map" ? "Set `read_only: true`." : "Append `:ro`.",
          severity: "note",
        };
      }
      for (const { key, path } of paths) {
        const mount = mounts.find((item) => covers(item.target, path));
        if (mount && !(mount.readOnly && key === "supervisor.stateDir")) continue;
        yield {
          span: yamlEntrySpan(service.node, "read_only") ?? service.nameSpan,
          message: `${key} is ${path}, which no writable mount of ${service.name} covers`,
          fix: `Mount a volume on ${path}.`,
          related: assume.related(key),
          severity: "error",
        };
      }
    }
    for (const workload of appWorkloads(facts)) {
      const container = appContainer(facts, workload);
      if (!container) continue;
      const context = yamlAt(container.node, "securityContext");
      const readOnly = yamlAt(context, "readOnlyRootFilesystem");
      if (yamlBoolean(readOnly) !== true) {
        const add = readOnly || !context ? undefined : addYaml(context, "readOnlyRootFilesystem: true");
        yield {
          span:
            yamlEntrySpan(context, "readOnlyRootFilesystem") ??
            yamlKey(container.node, "securityContext") ??
            container.span,
          message: `the root file system of container ${container.name} is writable`,
          fix: "Set `readOnlyRootFilesystem: true` and mount an emptyDir on /tmp.",
          edits: readOnly ? [replace(readOnly, "true")] : add && hasTmp(container.node) ? [add] : [],
        };
        continue;
      }
      const mounts = (yamlAt(container.node, "volumeMounts")?.items ?? []).map((item) => ({
        name: yamlText(yamlAt(item, "name")),
        target: yamlText(yamlAt(item, "mountPath")) ?? "",
        readOnly: yamlBoolean(yamlAt(item, "readOnly")) === true,
        node: item,
      }));
      for (const mount of mounts) {
        const volume = (yamlAt(workload.pod, "volumes")?.items ?? []).find(
          (item) => yamlText(yamlAt(item, "name")) === mount.name,
        );
        // A ConfigMap or Secret is read-only anyway.
        const fixed = yamlAt(volume, "configMap") ?? yamlAt(volume, "secret") ?? yamlAt(volume, "projected");
        if (mount.readOnly || fixed || !/^\/(?:models|etc)(?:\/|$)/.test(mount.target)) continue;
        yield {
          span: yamlEntrySpan(mount.node, "readOnly") ?? mount.node,
          message: `${mount.target} of container ${container.name} is mounted writable: an attacker who takes over the server can change its model`,
          fix: "Set `readOnly: true`.",
          severity: "note",
        };
      }
      const tmp = mounts.find((mount) => covers(mount.target, "/tmp") && !mount.readOnly);
      if (!tmp) {
        yield {
          span: yamlEntrySpan(context, "readOnlyRootFilesystem") ?? container.span,
          message: `container ${container.name} has a read-only root and no writable /tmp: uploads fail`,
          fix: "Mount an emptyDir on /tmp.",
          severity: "error",
        };
      } else {
        const volume = (yamlAt(workload.pod, "volumes")?.items ?? []).find(
          (item) => yamlText(yamlAt(item, "name")) === tmp.name,
        );
        const limit = yamlAt(volume, "emptyDir", "sizeLimit");
        const bytes = quantityBytes(yamlText(limit));
        const empty = yamlAt(volume, "emptyDir");
        if (empty && !limit)
          yield {
            span: yamlEntrySpan(volume, "emptyDir") ?? empty,
            message: "/tmp has no sizeLimit: uploads may fill the node's disk",
            fix: `Set \`emptyDir: {sizeLimit: ${want}Mi}\`.`,
            edits: [replace(yamlEntrySpan(volume, "emptyDir") ?? empty, `emptyDir: {sizeLimit: ${want}Mi}`)],
            related,
            severity: "note",
          };
        const storage = yamlAt(container.node, "resources", "limits", "ephemeral-storage");
        const room = quantityBytes(yamlText(storage));
        if (storage && room !== undefined && bytes !== undefined && room < bytes)
          yield {
            span: yamlEntrySpan(yamlAt(container.node, "resources", "limits"), "ephemeral-storage") ?? storage,
            message: `the ephemeral-storage limit is ${mebibytes(room)}, below the ${mebibytes(bytes)} that /tmp may hold: the pod is evicted before /tmp is full`,
            fix: `Set it to ${Math.ceil(bytes / 2 ** 20) + 64}Mi.`,
            edits: [replace(storage, `${Math.ceil(bytes / 2 ** 20) + 64}Mi`)],
            related: [{ span: limit ?? storage, message: "the size of /tmp" }],
          };
        if (limit && bytes !== undefined && bytes < bodies) {
          yield {
            span: yamlEntrySpan(yamlAt(volume, "emptyDir"), "sizeLimit") ?? limit,
            message: `/tmp holds ${mebibytes(bytes)}, but ${assume.number("pool.size")} uploads of ${mebibytes(assume.number("limits.body"))} need ${mebibytes(bodies)}`,
            fix: `Set sizeLimit: ${want}Mi.`,
            edits: [replace(limit, `${want}Mi`)],
            related,
          };
        }
      }
      for (const { key, path } of paths) {
        if (mounts.some((mount) => covers(mount.target, path))) continue;
        yield {
          span: yamlEntrySpan(context, "readOnlyRootFilesystem") ?? container.span,
          message: `${key} is ${path}, which no mount of container ${container.name} covers`,
          fix: `Mount a volume on ${path}.`,
          related: assume.related(key),
          severity: "error",
        };
      }
    }
  },
};

interface Mount {
  readonly target: string;
  readonly bytes: number | undefined;
  readonly readOnly: boolean;
  /** In memory: `tmpfs`, or a volume of that type. */
  readonly tmpfs: boolean;
  readonly node: YamlNode;
}

function composeMounts(service: YamlNode, text: (node: YamlNode | undefined) => string | undefined): Mount[] {
  const out: Mount[] = [];
  for (const { node } of yamlStrings(yamlAt(service, "tmpfs"))) {
    const [target = "", options = ""] = (text(node) ?? "").split(":");
    out.push({
      target,
      bytes: composeBytes(/(?:^|,)size=([^,]+)/.exec(options)?.[1]),
      readOnly: false,
      tmpfs: true,
      node,
    });
  }
  for (const node of yamlAt(service, "volumes")?.items ?? []) {
    if (node.kind === "map") {
      out.push({
        target: yamlText(yamlAt(node, "target")) ?? "",
        bytes: composeBytes(yamlText(yamlAt(node, "tmpfs", "size"))),
        readOnly: yamlBoolean(yamlAt(node, "read_only")) === true,
        tmpfs: yamlText(yamlAt(node, "type")) === "tmpfs",
        node,
      });
    } else {
      const parts = (text(node) ?? "").split(":");
      out.push({
        target: parts.length > 1 ? (parts[1] ?? "") : (parts[0] ?? ""),
        bytes: undefined,
        readOnly: /(?:^|,)ro(?:,|$)/.test(parts[2] ?? ""),
        tmpfs: false,
        node,
      });
    }
  }
  return out;
}

function covers(mount: string, path: string): boolean {
  return mount !== "" && (path === mount || path.startsWith(`${mount.replace(/\/$/, "")}/`));
}

function hasTmp(container: YamlNode): boolean {
  return (yamlAt(container, "volumeMounts")?.items ?? []).some(
    (item) => yamlText(yamlAt(item, "mountPath")) === "/tmp",
  );
}

function sizeEdit(node: YamlNode, size: string): { span: YamlNode; text: string }[] {
  const raw = node.source.text.slice(node.start, node.end);
  return /size=[^,"'\s]+/.test(raw) ? [{ span: node, text: raw.replace(/size=[^,"'\s]+/, `size=${size}`) }] : [];
}
