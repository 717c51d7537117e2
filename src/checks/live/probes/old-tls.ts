import type { SecureVersion } from "node:tls";
import { verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import { problem, refusedAloud } from "../kit.ts";
import type { Probe } from "../probe.ts";

const OLD: readonly (readonly [SecureVersion, string])[] = [
  ["TLSv1", "TLS 1.0"],
  ["TLSv1.1", "TLS 1.1"],
];

export const probe: Probe = {
  id: "GA-LIV-010",
  severity: "error",
  confidence: "certain",
  title: "Old TLS is accepted",
  why: "TLS 1.0 and 1.1 are retired (RFC 8996): they rest on SHA-1 and MD5, and no client that can speak to this service needs them.",
  evidence: ["Handshakes that offer nothing newer than TLS 1.0 and TLS 1.1."],
  reads: ["TLS handshake"],
  fixKind: "manual",
  sameAs: ["GA-TLS-001"],
  turn: "first",
  tls: true,
  run: async (live) => {
    const problems: Problem[] = [];
    for (const [version, name] of OLD) {
      const done = await live
        .handshake({ minVersion: version, maxVersion: version, ciphers: "DEFAULT@SECLEVEL=0" })
        .catch(refusedAloud(live));
      if (done === undefined) continue;
      problems.push(
        problem(live, `TLS handshake with at most ${name}`, `${done.protocol} ${done.cipher}`, {
          place: live.target.url.origin,
          message: `${name} is accepted`,
          fix: "Allow TLS 1.2 and 1.3 only: nginx `ssl_protocols TLSv1.2 TLSv1.3;`, Caddy by default.",
        }),
      );
    }
    return verdictOf(problems, "TLS 1.0 and 1.1 are refused");
  },
};
