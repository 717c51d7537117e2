import type { ResolvedConfig } from "../config/types.ts";
import { createLogger } from "../shared/log.ts";
import { inheritedDescriptor } from "./inherited.ts";
import { serve } from "./serve.ts";

/** Runs the server in this process, without a supervisor. Resolves with the exit code. */
export async function runServe(options: { config: ResolvedConfig; env: NodeJS.ProcessEnv }): Promise<number> {
  const log = createLogger({ level: options.config.log.level });
  const listenFd = inheritedDescriptor(options.env, process.pid);
  const code = await serve({ ...options, log, signals: process, ...(listenFd === undefined ? {} : { listenFd }) });
  await log.flush();
  return code;
}
