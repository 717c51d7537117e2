import type { FileKind } from "../../../../src/audit/parts.ts";
import type { Rule } from "../../../../src/audit/types.ts";
import { OF_CADDY } from "./caddy.ts";
import { OF_HAPROXY } from "./haproxy.ts";
import { OF_NGINX } from "./nginx.ts";
import type { Proof } from "./proof.ts";
import { OF_TRAEFIK } from "./traefik.ts";

export const PROOFS: readonly Proof[] = [...OF_NGINX, ...OF_CADDY, ...OF_HAPROXY, ...OF_TRAEFIK];

/** Programs that carry traffic, by the kinds of their files. */
export const PROGRAMS: Readonly<Record<string, readonly FileKind[]>> = {
  nginx: ["nginx"],
  caddy: ["caddyfile", "caddy-json"],
  haproxy: ["haproxy"],
  traefik: ["traefik"],
  apache: ["apache"],
  cloudflared: ["cloudflared"],
  tailscale: ["tailscale"],
};

/** Returns the programs about whose traffic a rule says something. */
export function programsOf({ reads }: Pick<Rule, "reads">): readonly string[] {
  return Object.keys(PROGRAMS).filter((program) => PROGRAMS[program]!.some((kind) => reads.includes(kind)));
}

const APACHE = "Apache's documentation; no Apache among the programs of the suites";
const CLOUD = "Cloudflare's documentation; its limits hold only on its own network";
const SERVER = "the server does it, whatever the proxy: ";

/** Why a rule has no proof: for all its programs, or for one. */
export const WITHOUT_PROOF: Readonly<Record<string, string | Readonly<Record<string, string>>>> = {
  "GA-XFF-001": { apache: APACHE },
  "GA-XFF-007": `${SERVER}test/contract/connections-per-client.test.ts and test/contract/proxy/gate.test.ts`,
  "GA-STR-001": { apache: APACHE },
  "GA-STR-005": { apache: APACHE, cloudflared: CLOUD },
  "GA-STR-008": { apache: APACHE, cloudflared: CLOUD },
  "GA-STR-018": { apache: APACHE },
  "GA-LIF-017": { nginx: "needs an address that swallows connections; nginx's proxy_connect_timeout is documented" },
  "GA-LIF-021": "needs the networks of a container engine",
  "GA-EXP-003": "needs the network of a container: 127.0.0.1 is another one there",
  "GA-EXP-004": { tailscale: "needs a tailnet; the server answers every client that reaches it" },
  "GA-EXP-009": `${SERVER}test/contract/http.test.ts shows origin_denied`,
  "GA-EXP-022": { apache: APACHE },
  "GA-EXP-010": {
    caddy: "Caddy refuses the file: test/unit/audit/fix.programs.test.ts has both names before both versions",
  },
  "GA-EXP-013": "a secret in a file, not traffic",
  "GA-EXP-014": "the journal, not traffic",
  "GA-EXP-016": "a browser acts on the policy; nothing else shows on the wire",
  "GA-SBX-008": "needs a name server whose answers change",
  "GA-TLS-001": { caddy: "Caddy refuses a file with an older version of TLS" },
  "GA-TLS-005": "a version, not traffic",
  "GA-PRS-001": "a file, not traffic",
  "GA-PRS-002": "a file, not traffic",
  "GA-IGN-001": "a comment, not traffic",
};

/** Returns why a rule has no proof for a program; undefined when it needs one. */
export function reasonFor(rule: string, program: string): string | undefined {
  const reason = WITHOUT_PROOF[rule];
  return typeof reason === "object" ? reason[program] : reason;
}
