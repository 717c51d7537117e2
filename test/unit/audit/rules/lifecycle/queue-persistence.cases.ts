import { type CasesOfRule, casesOf, COMPOSE } from "../../../../support/audit-case.ts";

const queue = (command: string, volume: string): { readonly from: string; readonly to: string } => ({
  from: "  proxy:\n",
  to: `  queue:\n    image: valkey/valkey:8.1.4\n    command: valkey-server --requirepass x ${command}\n${volume}    networks: [edge]\n  proxy:\n`,
});
const jobs = {
  also: [
    {
      file: "compose.yaml",
      from: "      ALLOWED_ORIGINS",
      to: "      GIGASTT_JOBS_ENGINE: redis\n      ALLOWED_ORIGINS",
    },
  ],
};
const kept = "    volumes: [queue:/data]\n";

export const cases: CasesOfRule = casesOf("GA-LIF-023", [
  { name: "no append-only file", ...COMPOSE, ...queue("--maxmemory-policy noeviction", kept), ...jobs, at: "queue:" },
  {
    name: "keys that are evicted",
    ...COMPOSE,
    ...queue("--appendonly yes --maxmemory-policy allkeys-lru", kept),
    ...jobs,
    at: "queue:",
  },
  { name: "no volume", ...COMPOSE, ...queue("--appendonly yes", ""), ...jobs, at: "queue:" },
]);
