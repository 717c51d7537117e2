import { type CasesOfRule, casesOf, COMPOSE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-012", [
  {
    name: "world-readable",
    base: "secrets",
    file: "htpasswd",
    from: "",
    to: "",
    modes: { htpasswd: 0o644 },
  },
  {
    name: "chmod in a script",
    base: "secrets",
    file: "renew.sh",
    from: "chmod 640",
    to: "chmod 644",
    at: "chmod",
  },
  {
    name: "secret the container cannot read",
    ...COMPOSE,
    from: "networks:\n  edge:\n    enable_ipv6",
    to: "secrets:\n  hash: {file: ./hash.key}\nnetworks:\n  edge:\n    enable_ipv6",
    also: [{ file: "compose.yaml", from: 'user: "10001:10001"', to: 'user: "10002:10002"\n    secrets: [hash]' }],
    add: { "hash.key": "-----BEGIN PRIVATE KEY-----\nx\n" },
    at: "hash.key",
  },
]);
