import { serverMemoryBytes, serverMemoryMiB } from "../../../config/memory.ts";
import type { Rule } from "../../types.ts";
import { appServices, appUnits, appWorkloads } from "../../model/facts.ts";
import { composeBytes } from "../../model/compose.ts";
import { pm2App } from "../../model/pm2.ts";
import { quantityBytes } from "../../model/kubernetes.ts";
import { yamlAt, yamlEntrySpan, yamlKey, yamlNumber, yamlText } from "../../parse/yaml.ts";
import { addUnit, replace } from "../kit/edits.ts";
import { mebibytes } from "../kit/wording.ts";
import { appContainer } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-SBX-003",
  severity: "warning",
  confidence: "certain",
  title: "The memory or process limit is missing, or too small for the pool",
  why: "Without a limit a flood of uploads takes the whole machine down. A limit below the model plus sessions plus bodies in flight is worse: the kernel kills the server and with it every session.",
  evidence: ["docker-bench-security 5.11 and 5.29", "trivy KSV-0018"],
  reads: ["compose", "kubernetes", "systemd", "process-manager", "config"],
  fixKind: "safe",
  *check(facts) {
    const { assume } = facts;
    const pool = assume.number("pool.size");
    const needs = (size: number): { need: number; want: number; words: string } => {
      const config = {
        pool: { size },
        limits: { bodyBytes: assume.number("limits.body"), asrBodyBytes: assume.number("limits.asrBody") },
        model: { precision: "int8" },
        engine: { workers: "auto" },
      } as const;
      const need = serverMemoryBytes(config);
      return {
        need,
        want: serverMemoryMiB(config),
        words: `the model, ${size} sessions and their uploads need about ${mebibytes(need)}`,
      };
    };
    const related = [...assume.related("pool.size"), ...assume.related("limits.body")];
    for (const service of appServices(facts)) {
      const { need, want, words } = needs(facts.assumeFor(service).number("pool.size"));
      const limits = yamlAt(service.node, "deploy", "resources", "limits");
      const node = yamlAt(limits, "memory") ?? yamlAt(service.node, "mem_limit");
      const bytes = composeBytes(service.project.text(node));
      if (!node) {
        yield {
          span: yamlKey(limits && yamlAt(service.node, "deploy", "resources"), "limits") ?? service.nameSpan,
          message: `${service.name} has no memory limit`,
          fix: `Set \`deploy: {resources: {limits: {memory: ${want}M, pids: 256}}}\`.`,
        };
      } else if (bytes !== undefined && bytes < need) {
        yield {
          span: node,
          message: `the memory limit of ${service.name} is ${mebibytes(bytes)}, but ${words}`,
          fix: `Set it to ${want}M or more, or lower pool.size.`,
          edits: [replace(node, `${want}M`)],
          related,
        };
      }
      const pids = yamlAt(limits, "pids") ?? yamlAt(service.node, "pids_limit");
      if (pids && (yamlNumber(pids) ?? 64) < 64 && (yamlNumber(pids) ?? 0) > 0)
        yield {
          span: pids,
          message: `${service.name} may start ${yamlText(pids)} threads, fewer than Node and the engine do`,
          fix: "Set `pids: 256`.",
          edits: [replace(pids, "256")],
        };
      if (!pids) {
        yield {
          span: yamlKey(yamlAt(service.node, "deploy", "resources"), "limits") ?? service.nameSpan,
          message: `${service.name} has no limit of processes`,
          fix: "Set `pids: 256` beside the memory limit.",
          severity: "note",
        };
      }
    }
    const { need, want, words } = needs(pool);
    for (const source of facts.processManagers) {
      const app = pm2App(source);
      const limit = app?.setting("max_memory_restart");
      const bytes = composeBytes(limit?.text);
      const { need, want, words } = needs(pool);
      // A supervisor has its server in another process, which PM2 does not measure.
      if (app === undefined || limit === undefined || bytes === undefined || bytes >= need || app.isSupervised)
        continue;
      yield {
        span: limit.span,
        message: `PM2 restarts the server above ${mebibytes(bytes)}, but ${words}: each restart ends every live session`,
        fix: `Set \`max_memory_restart: "${want}M"\` or more, or delete it.`,
        edits: [replace(limit.value, `"${want}M"`)],
        related,
      };
    }
    for (const workload of appWorkloads(facts)) {
      const container = appContainer(facts, workload);
      const resources = yamlAt(container?.node, "resources");
      const request = yamlAt(resources, "requests", "memory");
      const asked = quantityBytes(yamlText(request));
      const node = yamlAt(resources, "limits", "memory");
      const bytes = quantityBytes(yamlText(node));
      if (!container) continue;
      if (asked !== undefined && asked < need && (bytes ?? 0) >= need)
        yield {
          span: yamlEntrySpan(yamlAt(resources, "requests"), "memory") ?? container.span,
          message: `${container.name} requests ${yamlText(request)} of memory, but ${words}: on a full node it is the first to be killed`,
          fix: `Request ${want}Mi as well.`,
          ...(request ? { edits: [replace(request, `${want}Mi`)] } : {}),
          related,
        };
      if (!node) {
        yield {
          span: yamlKey(resources, "limits") ?? yamlKey(container.node, "resources") ?? container.span,
          message: `container ${container.name} has no memory limit`,
          fix: `Set requests and limits of memory to ${want}Mi.`,
        };
      } else if (bytes !== undefined && bytes < need) {
        yield {
          span: yamlEntrySpan(yamlAt(resources, "limits"), "memory") ?? node,
          message: `the memory limit of ${container.name} is ${mebibytes(bytes)}, but ${words}`,
          fix: `Set it to ${want}Mi or more, or lower pool.size.`,
          edits: [replace(node, `${want}Mi`)],
          related,
        };
      }
    }
    const sockets = 2 * (pool + assume.number("pool.queue")) + 256;
    for (const unit of appUnits(facts)) {
      if (!unit.base) continue;
      const limit = unit.get("Service", "MemoryMax");
      const bytes = unitBytes(limit?.value);
      // A hand-over runs the old and the new server side by side.
      const both = want * 2;
      if (!limit || (bytes !== undefined && bytes < need * 2)) {
        yield {
          span: limit ?? unit.span,
          message: limit
            ? `MemoryMax is ${mebibytes(bytes ?? 0)}, but ${words}, twice during a hand-over`
            : `${unit.name} has no memory limit: a leak takes the whole machine down`,
          fix: `Set \`MemoryMax=${both}M\`.`,
          edits: [limit ? replace(limit, `MemoryMax=${both}M`) : addUnit(unit.span, `MemoryMax=${both}M`)],
          related,
          ...(limit ? {} : { severity: "note" as const }),
        };
      }
      const tasks = unit.get("Service", "TasksMax");
      if (!tasks || (/^\d+$/.test(tasks.value) && Number(tasks.value) < 64))
        yield {
          span: tasks ?? unit.span,
          message: tasks
            ? `TasksMax=${tasks.value} is fewer threads than Node and the engine start`
            : `${unit.name} has no limit of processes of its own`,
          fix: "Set `TasksMax=512`.",
          edits: [tasks ? replace(tasks, "TasksMax=512") : addUnit(unit.span, "TasksMax=512")],
          severity: "note",
        };
      const files = unit.get("Service", "LimitNOFILE");
      const soft = Number((files?.value ?? "1024").split(":")[0]);
      if (soft < sockets)
        yield {
          span: files ?? unit.span,
          message: `LimitNOFILE is ${files ? soft : "not set (1024)"}, but ${pool} sessions and ${assume.number("pool.queue")} waiting ones may need ${sockets} files and sockets`,
          fix: "Set `LimitNOFILE=16384`.",
          edits: [files ? replace(files, "LimitNOFILE=16384") : addUnit(unit.span, "LimitNOFILE=16384")],
          related: assume.related("pool.queue"),
        };
    }
  },
};

/** Bytes of a unit's size (`3072M`, powers of 1024); undefined for `infinity` and percentages. */
function unitBytes(text: string | undefined): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(text ?? "");
  return match ? Number(match[1]) * 1024 ** ["", "K", "M", "G", "T"].indexOf(match[2] ?? "") : undefined;
}
