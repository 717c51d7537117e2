import { verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import { problem, refusedAloud } from "../kit.ts";
import type { Probe } from "../probe.ts";

/** Suites of TLS 1.2 without authenticated encryption or without forward secrecy. */
const WEAK = [
  "ECDHE-ECDSA-AES128-SHA",
  "ECDHE-RSA-AES128-SHA",
  "ECDHE-ECDSA-AES256-SHA",
  "ECDHE-RSA-AES256-SHA",
  "ECDHE-ECDSA-AES128-SHA256",
  "ECDHE-RSA-AES128-SHA256",
  "AES128-SHA",
  "AES256-SHA",
  "AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
].join(":");

export const probe: Probe = {
  id: "GA-LIV-011",
  severity: "warning",
  confidence: "certain",
  title: "TLS 1.3 is missing, or weak suites are accepted",
  why: "TLS 1.3 hides the certificate, needs one round trip less and has no weak suites. In TLS 1.2 suites with CBC or without forward secrecy are still offered by many defaults: a recording of today can be read when the key leaks later.",
  evidence: ["A handshake with TLS 1.3 alone, and one with TLS 1.2 that offers only CBC and static RSA suites."],
  reads: ["TLS handshake"],
  fixKind: "manual",
  sameAs: ["GA-TLS-001"],
  turn: "first",
  tls: true,
  run: async (live) => {
    const problems: Problem[] = [];
    const place = live.target.url.origin;
    const modern = await live.handshake({ minVersion: "TLSv1.3", maxVersion: "TLSv1.3" }).catch(refusedAloud(live));
    if (modern === undefined)
      problems.push(
        problem(live, "TLS handshake with TLS 1.3", "refused", {
          place,
          message: "TLS 1.3 is not offered",
          fix: "Allow TLS 1.2 and 1.3: nginx `ssl_protocols TLSv1.2 TLSv1.3;`, Caddy by default.",
        }),
      );
    const weak = await live
      .handshake({ minVersion: "TLSv1.2", maxVersion: "TLSv1.2", ciphers: `${WEAK}:@SECLEVEL=0` })
      .catch(refusedAloud(live));
    if (weak !== undefined)
      problems.push(
        problem(live, "TLS 1.2 handshake with CBC and static RSA suites", weak.cipher, {
          place,
          message: `the suite ${weak.cipher} is accepted`,
          fix: "List only ECDHE suites with GCM or CHACHA20 in ssl_ciphers; Caddy does so by default.",
        }),
      );
    return verdictOf(problems, "TLS 1.3, and no weak suite in 1.2");
  },
};
