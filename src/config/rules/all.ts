import { ARCHIVE_RULES } from "./archive.ts";
import { CAPACITY_RULES } from "./capacity.ts";
import { DEPLOY_RULES } from "./deploy.ts";
import { JOBS_RULES } from "./jobs.ts";
import type { CrossRule } from "./rule.ts";
import { LISTENER_RULES } from "./listeners.ts";
import { PROXY_RULES } from "./proxy.ts";
import { SERVER_RULES } from "./server.ts";
import { SESSION_RULES } from "./session.ts";
import { SUPERVISOR_RULES } from "./supervisor.ts";

/** Rules that no single key's schema can say. */
export const CROSS_RULES: readonly CrossRule[] = [
  ...DEPLOY_RULES,
  ...PROXY_RULES,
  ...LISTENER_RULES,
  ...SERVER_RULES,
  ...SESSION_RULES,
  ...CAPACITY_RULES,
  ...JOBS_RULES,
  ...ARCHIVE_RULES,
  ...SUPERVISOR_RULES,
];
