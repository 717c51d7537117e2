import { type CasesOfRule, casesOf, COMPOSE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-021", [
  {
    name: "a network of the proxy's own",
    ...COMPOSE,
    from: '    volumes: ["./Caddyfile:/etc/caddy/Caddyfile:ro"]\n    networks: [edge]',
    to: '    volumes: ["./Caddyfile:/etc/caddy/Caddyfile:ro"]\n    networks: [front]',
    also: [
      {
        file: "compose.yaml",
        from: "networks:\n  edge:\n    enable_ipv6: true",
        to: "networks:\n  front: {enable_ipv6: true}\n  edge:\n    enable_ipv6: true",
      },
    ],
    at: "networks: [front]",
  },
  {
    name: "the proxy left in the default network",
    ...COMPOSE,
    from: '    volumes: ["./Caddyfile:/etc/caddy/Caddyfile:ro"]\n    networks: [edge]',
    to: '    volumes: ["./Caddyfile:/etc/caddy/Caddyfile:ro"]',
    at: "proxy:",
  },
]);
