import { verdictOf, ok, type Problem } from "../../../audit/observe/verdict.ts";
import { askAnonymously, isOurs, problem, wantsCredentials } from "../kit.ts";
import type { Probe } from "../probe.ts";
import { ALL_ROUTES, carries, samplePath } from "../../../shared/protocol.ts";
import type { HttpMethod } from "../../../shared/protocol.ts";

/** Routes, and ways of writing them that a matcher may miss while the server understands them. */
const ROUTES: readonly (readonly [method: HttpMethod, path: string, route: string])[] = [
  ...ALL_ROUTES.filter((route) => route.access === "protected" && !carries(route, "probe", "websocket")).map(
    (route) => [route.methods[0]!, samplePath(route), route.path] as const,
  ), // every route has one
  ["GET", "/health/../v1/models", "/v1/models"],
  ["GET", "//v1/models", "/v1/models"],
];

export const probe: Probe = {
  id: "GA-LIV-005",
  severity: "error",
  confidence: "certain",
  title: "A REST route needs no credentials",
  why: "One location without the password is enough: anyone who finds it transcribes at your cost and reads the model route. Paths written another way (a doubled slash, dots) must not lead past the check.",
  evidence: ["Sent: requests without credentials to each route, and with its path written in two other ways."],
  reads: ROUTES.map(([method, path]) => `${method} ${path}`),
  fixKind: "manual",
  sameAs: ["GA-EXP-005", "GA-EXP-006"],
  run: async (live) => {
    const wanted = wantsCredentials(live);
    if (wanted === false) return ok("open on purpose");
    const open = live.assume.list("deploy.publicPaths");
    const problems: Problem[] = [];
    for (const [method, path, route] of ROUTES) {
      if (open.includes(route)) continue;
      const answer = await askAnonymously(live, path, {
        method,
        ...(method === "POST" ? { body: NO_AUDIO, announcedBytes: NO_AUDIO.length } : {}),
      });
      // 404 and 405 come from the server itself too, but give nothing away.
      if (answer === undefined || !isOurs(answer) || [404, 405].includes(answer.status)) continue;
      problems.push(
        problem(live, `${method} ${path} without credentials`, `${answer.status}`, {
          message: `${method} ${path} reaches the server without credentials (${answer.status})`,
          fix: "Set deploy.auth.kind and render again, or let the proxy ask for credentials everywhere but on deploy.publicPaths. If this is intended: --open, or deploy.auth.kind: none.",
          ...(wanted === undefined ? { severity: "warning" as const, confidence: "needs-context" as const } : {}),
        }),
      );
    }
    return verdictOf(problems, "every route refuses requests without credentials");
  },
};

/** Sixteen bytes that are not audio: enough to see which program answers. */
const NO_AUDIO: Uint8Array = new TextEncoder().encode("gigastt audit...");
