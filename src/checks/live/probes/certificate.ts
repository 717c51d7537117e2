import { expiryOf, timeLeft } from "../../../shared/tls/certificate.ts";
import { printable } from "../../../shared/text/printable.ts";
import { notChecked, verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import { problem } from "../kit.ts";
import type { Probe } from "../probe.ts";

export const probe: Probe = {
  id: "GA-LIV-012",
  severity: "error",
  confidence: "certain",
  title: "Clients do not accept the certificate",
  why: "An expired certificate, one for another name, or one without its intermediate makes every new client fail, often only some of them: browsers complete a chain that other clients cannot.",
  evidence: ["Read in the handshake: the chain as this machine (or --ca) trusts it, the name, and the dates."],
  reads: ["TLS handshake"],
  fixKind: "manual",
  sameAs: [],
  turn: "first",
  tls: true,
  run: async (live) => {
    const shake = live.firstHandshake;
    if (shake === undefined) return notChecked("there was no handshake");
    const { certificate, problem: code } = shake;
    const place = live.target.url.origin;
    const dates = { notBefore: new Date(certificate.valid_from), notAfter: new Date(certificate.valid_to) };
    const now = new Date();
    const evidence = `subject ${name(certificate.subject)}, issuer ${name(certificate.issuer)}, ${certificate.valid_from ?? "?"} to ${certificate.valid_to ?? "?"}`;
    const problems: Problem[] = [];
    if (code !== undefined) {
      const { message, fix } = explain(code);
      problems.push(problem(live, "TLS handshake", evidence, { place, message, fix }));
    }
    const expiry = expiryOf(dates, now);
    const left = timeLeft(dates.notAfter, now);
    if (expiry === "soon" || expiry === "urgent")
      problems.push(
        problem(live, "TLS handshake", evidence, {
          place,
          severity: "warning",
          message: `the certificate ends in ${left}: its renewal does not work`,
          fix: "Check the renewal: `systemctl list-timers`, the proxy's log, `gigastt certs renew`.",
        }),
      );
    return verdictOf(problems, `${shake.protocol}, trusted, ${left} left`);
  },
};

// ---

function explain(code: string): { message: string; fix: string } {
  if (code === "CERT_HAS_EXPIRED")
    return {
      message: "the certificate has expired",
      fix: "Renew it, then find out why the automatic renewal failed: `systemctl list-timers`, the proxy's log.",
    };
  if (code === "CERT_NOT_YET_VALID")
    return {
      message: "the certificate is not valid yet",
      fix: "Check the clock of the machine that issued it, and of this one.",
    };
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return {
      message: "the certificate is for another name",
      fix: "Set deploy.domain to the name clients use, and get a certificate for it.",
    };
  if (code === "UNABLE_TO_VERIFY_LEAF_SIGNATURE")
    return {
      message: "the chain is incomplete, or its CA is not known",
      fix: "Serve the whole chain (fullchain.pem); if the CA is your own, give it with --ca.",
    };
  return {
    message: `the certificate is not trusted (${printable(code)})`,
    fix: "Use tls.mode: acme, or give your own CA with --ca.",
  };
}

function name(subject: unknown): string {
  const cn: unknown = typeof subject === "object" && subject !== null ? Reflect.get(subject, "CN") : undefined;
  return printable(typeof cn === "string" ? cn : "?");
}
