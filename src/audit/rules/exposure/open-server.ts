import type { Rule } from "../../types.ts";
import { knownListeners } from "../../model/listeners.ts";
import { frontHits } from "../kit/fronts.ts";

export const rule: Rule = {
  id: "GA-EXP-004",
  severity: "error",
  confidence: "certain",
  title: "The server itself is open: to the network, the internet, or every web page",
  why: "Without a proxy the server has no TLS, and asks for no key unless auth.keys is required; on a network address it answers every machine there (home-network mode, server.lan, adds TLS). With corsAllowAny any web page that a user visits can send audio to the server and read the text.",
  evidence: ["docs/threat-model.md"],
  reads: ["config", "tailscale"],
  fixKind: "manual",
  *check(facts) {
    const { assume } = facts;
    yield* frontHits(facts, "exposes", () =>
      assume.text("auth.keys") === "required" ? undefined : "it asks for no key",
    );
    const target = assume.text("deploy.target");
    const contained =
      target === "compose" ||
      target === "kubernetes" ||
      facts.services.length > 0 ||
      facts.workloads.length > 0 ||
      facts.dockerfiles.length > 0;
    for (const { spec, keys, isOpen } of knownListeners(assume)) {
      const span = assume.span(keys.host);
      // Home-network mode has TLS of its own, and is meant for every device there.
      if (!span || !isOpen || contained || (spec.name === "http" && assume.flag("server.lan"))) continue;
      const isProxied = spec.tls === "proxy";
      if (spec.takesKeys && assume.text("auth.keys") === "required") {
        yield {
          span,
          message: `${keys.host} is ${assume.text(keys.host)} on a plain host: API keys and audio cross the network in clear text`,
          fix: isProxied
            ? `Set ${keys.host} to 127.0.0.1 and put a proxy with TLS in front.`
            : `Let the firewall pass its clients alone (deploy.firewall.allowFrom) and ignore this finding.`,
          severity: "warning",
        };
        continue;
      }
      yield {
        span,
        message: `${keys.host} is ${assume.text(keys.host)} on a plain host: every machine of the network reaches the server without TLS or password`,
        fix: isProxied
          ? `Set ${keys.host} to 127.0.0.1 and put the proxy in front, or set auth.keys: required.`
          : `Set ${keys.host} to 127.0.0.1, or let the firewall pass its clients alone (deploy.firewall.allowFrom) and ignore this finding.`,
        ...(isProxied ? {} : { severity: "warning" as const }),
      };
    }
    const cors = assume.span("server.corsAllowAny");
    if (cors && assume.flag("server.corsAllowAny")) {
      yield {
        span: cors,
        message: "server.corsAllowAny lets every web page use the server",
        fix: "List the pages in server.allowedOrigins.",
      };
    }
  },
};
