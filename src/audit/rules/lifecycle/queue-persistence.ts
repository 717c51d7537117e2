import { imageName } from "../../model/app.ts";
import type { ComposeService } from "../../model/compose.ts";
import { commandWords } from "../../model/compose.ts";
import { appServices } from "../../model/facts.ts";
import { yamlAt, yamlText } from "../../parse/yaml.ts";
import type { Hit, Rule } from "../../types.ts";

export const rule: Rule = {
  id: "GA-LIF-023",
  severity: "error",
  confidence: "likely",
  title: "The queue of jobs forgets jobs",
  why: "A job that was answered with 202 is in the queue alone. Without an append-only file a restart of Redis or Valkey loses what came since its last snapshot, without a volume everything, and a memory policy that evicts keys deletes waiting jobs.",
  evidence: ["redis.io, persistence.", "BullMQ, going to production: maxmemory-policy must be noeviction."],
  reads: ["compose", "config"],
  fixKind: "manual",
  *check(facts) {
    const projects = new Set(
      appServices(facts)
        .filter((service) => facts.assumeFor(service).text("jobs.engine") === "redis")
        .map(({ project }) => project),
    );
    for (const project of projects) {
      const stores = project.services.filter(({ image }) => /(?:^|\/)(?:redis|valkey|keydb)$/.test(imageName(image)));
      // With several, which one is the queue cannot be seen.
      if (stores.length === 1) yield* persistence(stores[0]!);
    }
  },
};

// ---

function* persistence(service: ComposeService): Generator<Hit> {
  const words = ["command", "entrypoint"].flatMap((key) => commandWords(yamlAt(service.node, key)).words).join(" ");
  if (/\S\.conf\b/.test(words) && !/--appendonly/.test(words)) return;
  const span = service.nameSpan;
  if (!/--appendonly\s+yes\b/.test(words))
    yield {
      span,
      message: `${service.name} keeps no append-only file: a restart loses jobs that were accepted`,
      fix: "Start it with `--appendonly yes --appendfsync everysec`.",
    };
  const policy = /--maxmemory-policy\s+(\S+)/.exec(words)?.[1];
  if (policy !== undefined && policy !== "noeviction")
    yield {
      span,
      message: `${service.name} evicts keys (${policy}): waiting jobs disappear when its memory is full`,
      fix: "Set `--maxmemory-policy noeviction`: submits then fail, and jobs stay.",
    };
  const folder = /--dir\s+(\S+)/.exec(words)?.[1] ?? "/data";
  const isKept = (yamlAt(service.node, "volumes")?.items ?? []).some((item) => {
    const target =
      item.kind === "map" ? yamlText(yamlAt(item, "target")) : item.text.split(":")[item.text.includes(":") ? 1 : 0];
    return target !== undefined && (folder === target || folder.startsWith(`${target}/`));
  });
  if (!isKept)
    yield {
      span,
      message: `${folder} of ${service.name} is on no volume that outlives its container by name`,
      fix: `Mount a volume: \`volumes: ["queue:${folder}"]\`.`,
    };
}
