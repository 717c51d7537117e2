import { readHeader } from "../../../render/header.ts";
import type { Rule } from "../../types.ts";
import { yamlAt, yamlEntrySpan, yamlStrings } from "../../parse/yaml.ts";
import { isProxyService, projectsWithApp } from "../kit/compose.ts";

export const rule: Rule = {
  id: "GA-LIF-009",
  severity: "note",
  confidence: "certain",
  title: "Compose stops the proxy before the server can drain through it",
  why: "Services stop in reverse order of depends_on: the proxy first. It closes every session at once, and the server has no connection left through which to drain. Compose cannot express the other order; `gigastt down`, or stopping the server first by hand, can.",
  evidence: ["docker/compose#2619"],
  reads: ["compose"],
  fixKind: "manual",
  *check(facts) {
    for (const project of projectsWithApp(facts)) {
      const apps = new Set(
        project.services.filter((service) => facts.app.isService(service)).map((service) => service.name),
      );
      // A file that names the command accounts for the order, and a rendered set is stopped with it.
      if (project.files.some((file) => readHeader(file.text).kind !== "foreign")) continue;
      if (project.files.some((file) => /gigastt down|docker compose stop \S/.test(file.text))) continue;
      for (const service of project.services) {
        const node = yamlAt(service.node, "depends_on");
        const names = node?.kind === "map" ? [...node.entries.keys()] : yamlStrings(node).map((item) => item.text);
        if (!isProxyService(service) || !names.some((name) => apps.has(name))) continue;
        yield {
          span: yamlEntrySpan(service.node, "depends_on") ?? service.nameSpan,
          message: `${service.name} depends on the server, so \`docker compose stop\` stops it first and cuts the sessions`,
          fix: "Stop with `gigastt down`, or `docker compose stop SERVER && docker compose stop`; say so in a comment of the file.",
        };
      }
    }
  },
};
