/** First descriptor of the socket-activation convention (sd_listen_fds(3)). */
const FIRST_FD = 3;

/** The listening socket we were started with, if any: `LISTEN_FDS` says how many, `LISTEN_PID` (when set) for whom. */
export function inheritedDescriptor(env: NodeJS.ProcessEnv, pid: number): number | undefined {
  const count = Number(env["LISTEN_FDS"] ?? 0);
  const meantForUs = env["LISTEN_PID"] === undefined || env["LISTEN_PID"] === "" || Number(env["LISTEN_PID"]) === pid;
  return Number.isInteger(count) && count >= 1 && meantForUs ? FIRST_FD : undefined;
}
