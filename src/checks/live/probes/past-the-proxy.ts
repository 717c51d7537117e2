import { notChecked, ok, verdictOf } from "../../../audit/observe/verdict.ts";
import { problem, refused } from "../kit.ts";
import type { Probe } from "../probe.ts";

export const probe: Probe = {
  id: "GA-LIV-016",
  severity: "error",
  confidence: "certain",
  title: "The server can be reached without its proxy",
  why: "Password, TLS, headers and the overwritten address are the proxy's work. A client that reaches the server's own port bypasses all of them, and can claim any address where the server trusts that network.",
  evidence: ["Sent: GET /health to server.port of the same host in plain HTTP."],
  reads: ["GET http://…:server.port/health"],
  fixKind: "manual",
  sameAs: ["GA-EXP-001", "GA-XFF-008"],
  run: async (live) => {
    const { url } = live.target;
    const port = live.assume.number("server.port");
    if (Number(url.port || (url.protocol === "https:" ? 443 : 80)) === port)
      return notChecked("the URL is the server itself");
    if (live.loopback)
      return notChecked(
        "the URL is this machine itself, where the server's port is open on purpose; see gigastt audit host",
      );
    const direct = new URL(url);
    direct.protocol = "http:";
    direct.port = String(port);
    const answer = await live
      .ask("/health", { origin: direct, anonymous: true, timeoutMs: Math.min(2000, live.target.timeoutMs) })
      .catch(refused(live));
    if (answer === undefined) return ok(`port ${port} does not answer from outside`);
    return verdictOf(
      [
        problem(live, `GET http://${direct.host}/health`, `${answer.status} ${answer.body.split("\n")[0] ?? ""}`, {
          place: direct.origin,
          message: `port ${port} answers from outside (${answer.status}), without the proxy`,
          fix: "Bind the server to 127.0.0.1 (server.host), publish the container's port on 127.0.0.1 or not at all, and close it in the firewall.",
        }),
      ],
      "",
    );
  },
};
