/** First descriptor of the socket-activation convention (sd_listen_fds(3)). */
export const FIRST_LISTEN_FD = 3;

/** Returns how many listening sockets were passed to this process: `LISTEN_FDS`, if `LISTEN_PID` names no other process. */
export function inheritedSockets(env: NodeJS.ProcessEnv, pid: number): number {
  const count = Number(env["LISTEN_FDS"] ?? 0);
  // A child of the activated process inherits the variables too; the pid says for whom they are meant.
  const owner = env["LISTEN_PID"] ?? "";
  return Number.isInteger(count) && count >= 1 && (owner === "" || Number(owner) === pid) ? count : 0;
}
