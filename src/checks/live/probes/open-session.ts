import { UPGRADE_HEADERS } from "../../../shared/outside/client.ts";
import { notChecked, ok, verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import { askAnonymously, asksForCredentials, problem, wantsCredentials } from "../kit.ts";
import type { Probe } from "../probe.ts";

export const probe: Probe = {
  id: "GA-LIV-004",
  severity: "error",
  confidence: "certain",
  title: "A live session needs no credentials",
  why: "The WebSocket handshake takes another way through a proxy than a request: a location of its own, a matcher, an upgrade rule. A password on the rest of the site says nothing about it.",
  evidence: ["Sent: WebSocket handshakes on /v1/ws and /ws without credentials, and a plain request to compare with."],
  reads: ["GET /v1/ws", "GET /ws"],
  fixKind: "manual",
  sameAs: ["GA-EXP-005", "GA-EXP-006"],
  run: async (live) => {
    const wanted = wantsCredentials(live);
    if (wanted === false) return ok("open on purpose");
    const sockets: Problem[] = [];
    let refused = false;
    for (const path of ["/v1/ws", "/ws"]) {
      const answer = await askAnonymously(live, path, { headers: UPGRADE_HEADERS });
      if (answer === undefined || asksForCredentials(answer)) refused = true;
      if (answer?.status !== 101) continue;
      sockets.push(
        problem(live, `GET ${path} Upgrade: websocket, without credentials`, "101", {
          message: `${path} opens a live session without credentials`,
          fix: `Let the proxy ask for credentials on ${path} as on every other route.`,
        }),
      );
    }
    if (wanted === undefined && !refused) {
      const plain = await live.ask("/v1/models", { anonymous: true });
      if (!asksForCredentials(plain)) return notChecked("no route asks for credentials: see GA-LIV-005");
    }
    return verdictOf(sockets, "no session without credentials");
  },
};
