import type { Rule } from "../../types.ts";
import { yamlAt, yamlEntrySpan, yamlText } from "../../parse/yaml.ts";
import { isBystander } from "../kit/compose.ts";
import { baseOf } from "../kit/dockerfile.ts";

export const rule: Rule = {
  id: "GA-SBX-004",
  severity: "warning",
  confidence: "certain",
  title: "The image can change without an edit",
  why: "`latest` is the image that was pushed last: two machines run different code, a restart at night becomes an upgrade, and no older version is named to go back to. With `pull always` every restart is such an upgrade.",
  evidence: ["trivy DS-0001", "kube-linter latest-tag"],
  reads: ["compose", "kubernetes", "dockerfile"],
  fixKind: "manual",
  *check(facts) {
    for (const service of facts.services) {
      const node = yamlAt(service.node, "image");
      const policy = yamlText(yamlAt(service.node, "pull_policy"));
      const floating = isFloating(service.image);
      if (node && floating && !yamlAt(service.node, "build")) {
        yield {
          span: yamlEntrySpan(service.node, "image") ?? node,
          message: `${service.name} runs ${service.image}: ${service.image.includes(":") ? "a moving tag" : "without a tag, so `latest`"}`,
          fix: "Name a version, best with its digest: `image: name:1.2.3@sha256:…`.",
          ...(isBystander(facts, service) ? { severity: "note" as const } : {}),
        };
      }
      if (policy === "always" && !service.image.includes("@sha256:") && floating) {
        yield {
          span: yamlEntrySpan(service.node, "pull_policy") ?? service.nameSpan,
          message: `pull_policy: always makes every start of ${service.name} an unplanned upgrade`,
          fix: "Delete it and pin the image.",
          ...(isBystander(facts, service) ? { severity: "note" as const } : {}),
        };
      }
    }
    for (const file of facts.dockerfiles) {
      const names = new Set(file.stages.map((stage) => stage.name?.toLowerCase()));
      for (const stage of file.stages) {
        const { image: base, place } = baseOf(file, stage);
        if (names.has(base.toLowerCase()) || base === "scratch" || !isFloating(base)) continue;
        yield {
          span: place,
          message: `the base image ${base} is ${base.includes(":") ? "a moving tag" : "without a tag, so `latest`"}: two builds of one source differ`,
          fix: "Name a version, best with its digest.",
          ...(/gigastt/i.test(file.source.text) ? {} : { severity: "note" as const }),
        };
      }
    }
    for (const workload of facts.workloads) {
      for (const container of workload.containers) {
        if (!isFloating(container.image)) continue;
        yield {
          span: yamlEntrySpan(container.node, "image") ?? container.span,
          message: `container ${container.name} runs ${container.image || "no image"}: ${container.image.includes(":") ? "a moving tag" : "without a tag, so `latest`"}`,
          fix: "Name a version, best with its digest.",
        };
      }
    }
  },
};

function isFloating(image: string): boolean {
  if (image === "" || image.includes("@sha256:") || /[${]/.test(image)) return false;
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  return tag === undefined || /^(?:latest|main|master|edge|nightly|dev|stable)$/.test(tag);
}
