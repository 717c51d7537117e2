import type { Rule } from "../../types.ts";
import { appCaddyPoints } from "../../model/facts.ts";
import { caddyHead, child } from "../../model/caddy.ts";
import { removeLines } from "../kit/edits.ts";

export const rule: Rule = {
  id: "GA-STR-003",
  severity: "error",
  confidence: "certain",
  title: "Caddy uses another HTTP version than the server",
  why: "`versions h2c` sends every request as HTTP/2 without TLS, which neither an HTTP/1.1 server nor a WebSocket understands: all requests fail with 502. `h1` is not a version; Caddy 2.10.1 and later refuse to start.",
  evidence: [
    "Tried on Caddy 2.6.2: REST answers 502 `unexpected EOF`, WebSockets 502 `http2: invalid Upgrade request header`.",
    "caddyserver/caddy#7112",
  ],
  reads: ["caddyfile", "caddy-json"],
  fixKind: "safe",
  *check(facts) {
    const ours = appCaddyPoints(facts);
    for (const { targets } of ours)
      for (const { scheme, span } of targets)
        if (scheme === "h2c")
          yield {
            span,
            message: "h2c:// makes Caddy speak HTTP/2 only, the server speaks HTTP/1.1",
            fix: "Write the address without a scheme.",
          };
    for (const point of facts.caddyPoints) {
      const versions = child(point.proxy, "transport", "versions");
      if (!versions) continue;
      const tokens = versions.args.map((argument) => argument.value);
      const bad = tokens.filter((token) =>
        token === "1.1" || token === "2" ? false : token !== "h2c" && token !== "3" ? true : ours.includes(point),
      );
      if (bad.length === 0) continue;
      yield {
        span: caddyHead(versions),
        message: `\`versions ${tokens.join(" ")}\`: ${bad.map((token) => (token === "h2c" ? "h2c makes Caddy speak HTTP/2 only, the server speaks HTTP/1.1" : token === "3" ? "the server does not speak HTTP/3" : `"${token}" is not a version Caddy knows (1.1, 2, h2c, 3)`)).join("; ")}`,
        fix: "Delete the line: HTTP/1.1 and WebSockets work without it.",
        ...(point.file.source.path.endsWith(".json") ? {} : { edits: [removeLines(caddyHead(versions))] }),
      };
    }
  },
};
