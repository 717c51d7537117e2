import { formatDuration } from "../../shared/units.ts";
import { atMost, type CrossRule } from "./rule.ts";

/** Rules over the keys of the section `supervisor`. */
export const SUPERVISOR_RULES: readonly CrossRule[] = [
  {
    severity: "error",
    says: "`supervisor.restartDelayMin` is at most `supervisor.restartDelayMax`.",
    keys: ["supervisor.restartDelayMin", "supervisor.restartDelayMax"],
    check: ({ supervisor }) =>
      atMost(
        "supervisor.restartDelayMax",
        "restartDelayMin",
        supervisor.restartDelayMinMs,
        supervisor.restartDelayMaxMs,
      ),
  },
  {
    severity: "error",
    says: "`supervisor.healthTimeout` is at most `supervisor.healthInterval`.",
    keys: ["supervisor.healthTimeout", "supervisor.healthInterval"],
    check: ({ supervisor }) =>
      atMost("supervisor.healthInterval", "healthTimeout", supervisor.healthTimeoutMs, supervisor.healthIntervalMs),
  },
  {
    severity: "error",
    says: "`supervisor.proxy.managed` needs a proxy on this machine: `deploy.target: host` and a `deploy.proxy.kind`.",
    keys: ["supervisor.proxy.managed", "deploy.proxy.kind", "deploy.target"],
    check: ({ supervisor, deploy }) =>
      supervisor.proxy.managed && (deploy.proxy.kind === "none" || deploy.target !== "host")
        ? {
            rule: "needs deploy.proxy.kind caddy or nginx, and deploy.target host",
            found: `kind ${deploy.proxy.kind}, target ${deploy.target}`,
            cure: "set deploy.proxy.kind: caddy, or proxy.managed: false",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "A managed nginx needs certificates it may read: not `deploy.tls.mode: acme`.",
    keys: ["supervisor.proxy.managed", "deploy.proxy.kind", "deploy.tls.mode"],
    check: ({ supervisor, deploy }) =>
      supervisor.proxy.managed && deploy.proxy.kind === "nginx" && deploy.tls.mode === "acme"
        ? {
            rule: "needs certificates its user may read: certbot keeps them for root",
            found: "nginx with tls.mode acme",
            cure: "set deploy.proxy.kind: caddy, which gets its own, or tls.mode: files or internal",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`supervisor.redis.managed` and `supervisor.redis.url` exclude each other.",
    keys: ["supervisor.redis.managed", "supervisor.redis.url"],
    check: ({ supervisor }) =>
      supervisor.redis.managed && supervisor.redis.url !== undefined
        ? {
            rule: "must be false when supervisor.redis.url names another Redis",
            found: "true",
            cure: "keep the url and delete managed, or delete the url",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`supervisor.history: redis` needs a Redis.",
    keys: ["supervisor.history", "supervisor.redis.managed", "supervisor.redis.url"],
    check: ({ supervisor }) =>
      supervisor.history === "redis" && !supervisor.redis.managed && supervisor.redis.url === undefined
        ? {
            rule: "needs a Redis",
            found: "redis",
            cure: "set supervisor.redis.managed: true, or supervisor.redis.url to one that runs elsewhere",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`supervisor.crashWindow` is too short for `supervisor.crashLimit` restarts.",
    keys: [
      "supervisor.crashWindow",
      "supervisor.crashLimit",
      "supervisor.restartDelayMin",
      "supervisor.restartDelayMax",
    ],
    check: ({ supervisor }) => {
      let delay = supervisor.restartDelayMinMs;
      let total = 0;
      for (let i = 0; i < supervisor.crashLimit && total <= supervisor.crashWindowMs; i++) {
        total += delay;
        delay = Math.min(delay * 2, supervisor.restartDelayMaxMs);
      }
      return total > supervisor.crashWindowMs
        ? {
            rule: `is too short to hold ${supervisor.crashLimit} restarts with their delays: a crash loop is never detected`,
            found: formatDuration(supervisor.crashWindowMs),
            cure: "raise crashWindow or lower crashLimit",
          }
        : undefined;
    },
  },
];
