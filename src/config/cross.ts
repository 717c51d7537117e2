import { CAPACITY_RULES } from "./cross-capacity.ts";
import { DEPLOY_RULES } from "./cross-deploy.ts";
import { JOBS_RULES } from "./cross-jobs.ts";
import type { CrossRule } from "./cross-rule.ts";
import { LISTENER_RULES } from "./cross-listeners.ts";
import { SERVER_RULES } from "./cross-server.ts";
import { SESSION_RULES } from "./cross-session.ts";
import { SUPERVISOR_RULES } from "./cross-supervisor.ts";

/** Rules that no single key's schema can say. */
export const CROSS_RULES: readonly CrossRule[] = [
  ...DEPLOY_RULES,
  ...LISTENER_RULES,
  ...SERVER_RULES,
  ...SESSION_RULES,
  ...CAPACITY_RULES,
  ...JOBS_RULES,
  ...SUPERVISOR_RULES,
];
