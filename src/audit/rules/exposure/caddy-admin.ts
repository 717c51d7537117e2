import type { Rule } from "../../types.ts";
import { appCaddyPoints } from "../../model/facts.ts";
import { caddyHead } from "../../model/caddy.ts";
import { parseAddress, isLoopbackHost } from "../../model/address.ts";
import { addCaddy, replace } from "../kit/edits.ts";

export const rule: Rule = {
  id: "GA-EXP-015",
  severity: "warning",
  confidence: "certain",
  title: "Caddy's admin API is open to every local process, or to the network",
  why: "The admin API has no password and can load any configuration. On TCP every local user, every container in the host network and every request that a local program can be tricked into sending reaches it. `admin off` does not help where reloads are expected: they need it.",
  evidence: ["Caddy documentation, global option admin; advisories of February 2026."],
  reads: ["caddyfile", "caddy-json", "systemd"],
  fixKind: "safe",
  *check(facts) {
    const ours = new Set(appCaddyPoints(facts).map((point) => point.file));
    const reload = facts.units
      .find((unit) => unit.name === "caddy.service" && unit.get("Service", "ExecReload"))
      ?.get("Service", "ExecReload");
    for (const file of facts.caddy) {
      const admin = file.options.find((option) => option.name === "admin");
      const value = admin?.args[0];
      const json = file.source.path.endsWith(".json");
      if (admin && value?.value === "off") {
        if (reload)
          yield {
            span: caddyHead(admin),
            message: "`admin off`, but the unit reloads Caddy through the admin API",
            fix: "Use `admin unix//run/caddy/admin.sock`.",
            related: [{ span: reload, message: "the reload that fails" }],
            ...(json ? {} : { edits: [replace(value, "unix//run/caddy/admin.sock")] }),
          };
        continue;
      }
      if (value?.value.startsWith("unix/")) continue;
      const address = value ? parseAddress(value.value) : undefined;
      const remote = address !== undefined && !isLoopbackHost(address.host);
      if (!remote && !ours.has(file)) continue;
      const point = appCaddyPoints(facts).find((item) => item.file === file);
      const span = admin ? caddyHead(admin) : (point?.site.addresses[0] ?? file.sites[0]?.addresses[0]);
      if (!span) continue;
      const block = file.optionsBlock;
      yield {
        span,
        message: remote
          ? `the admin API listens on ${value?.value}: the network can reconfigure the proxy`
          : `the admin API listens on ${value ? value.value : "localhost:2019 (default)"}: every local process can reconfigure the proxy`,
        fix: "Set the global option `admin unix//run/caddy/admin.sock`.",
        ...(remote ? { severity: "error" as const } : admin ? {} : { severity: "note" as const }),
        edits: json
          ? []
          : [
              value
                ? replace(value, "unix//run/caddy/admin.sock")
                : block
                  ? addCaddy(block, "admin unix//run/caddy/admin.sock")
                  : {
                      span: { source: file.source, start: 0, end: 0 },
                      text: "{\n\tadmin unix//run/caddy/admin.sock\n}\n",
                    },
            ],
      };
    }
  },
};
