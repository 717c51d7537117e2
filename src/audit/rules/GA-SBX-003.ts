import type { Rule } from "../types.ts";
import { appServices, appWorkloads } from "../model/facts.ts";
import { composeBytes } from "../model/compose.ts";
import { quantityBytes } from "../model/kubernetes.ts";
import { yamlAt, yamlEntrySpan, yamlKey, yamlText } from "../parse/yaml.ts";
import { environment } from "./compose-kit.ts";
import { mebibytes, replace } from "./kit.ts";
import { appContainer } from "./kube-kit.ts";

/** Process and sessions of the int8 model before any work, MiB: the renderer's own figures. */
const BASE_MIB = 1024;
const SESSION_MIB = 48;

export const rule: Rule = {
  id: "GA-SBX-003",
  severity: "warning",
  confidence: "certain",
  title: "The memory or process limit is missing, or too small for the pool",
  why: "Without a limit a flood of uploads takes the whole machine down. A limit below the model plus sessions plus bodies in flight is worse: the kernel kills the server in the middle of everybody's sentence.",
  evidence: ["docker-bench-security 5.11 and 5.29", "trivy KSV-0018"],
  reads: ["compose", "kubernetes", "config"],
  fixKind: "safe",
  *check(facts) {
    const { assume } = facts;
    const pool = assume.number("pool.size");
    const needs = (size: number): { need: number; want: number; words: string } => {
      const need = (BASE_MIB + size * SESSION_MIB) * 2 ** 20 + assume.number("limits.body") * size;
      return {
        need,
        want: Math.ceil(need / 2 ** 20 / 256) * 256,
        words: `the model, ${size} sessions and their uploads need about ${mebibytes(need)}`,
      };
    };
    const related = [...assume.related("pool.size"), ...assume.related("limits.body")];
    for (const service of appServices(facts)) {
      const given = Number(environment(service).find((entry) => entry.name === "GIGASTT_POOL_SIZE")?.value);
      const { need, want, words } = given > 0 ? needs(given) : needs(pool);
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
      if (!yamlAt(limits, "pids") && !yamlAt(service.node, "pids_limit")) {
        yield {
          span: yamlKey(yamlAt(service.node, "deploy", "resources"), "limits") ?? service.nameSpan,
          message: `${service.name} has no limit of processes`,
          fix: "Set `pids: 256` beside the memory limit.",
          severity: "note",
        };
      }
    }
    const { need, want, words } = needs(pool);
    for (const workload of appWorkloads(facts)) {
      const container = appContainer(facts, workload);
      const resources = yamlAt(container?.node, "resources");
      const node = yamlAt(resources, "limits", "memory");
      const bytes = quantityBytes(yamlText(node));
      if (!container) continue;
      if (!node) {
        yield {
          span: yamlKey(container.node, "resources") ?? container.span,
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
  },
};
