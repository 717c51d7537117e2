/** First descriptor of the socket-activation convention (sd_listen_fds(3)). */
export const FIRST_LISTEN_FD = 3;

/** A listening socket that was passed to this process, with its name of `LISTEN_FDNAMES`. */
export interface InheritedSocket {
  readonly fd: number;
  readonly name: string | undefined;
}

/** Returns the listening sockets that were passed to this process: `LISTEN_FDS`, if `LISTEN_PID` names no other process. */
export function inheritedSockets(env: NodeJS.ProcessEnv, pid: number): readonly InheritedSocket[] {
  const count = Number(env["LISTEN_FDS"] ?? 0);
  // A child of the activated process inherits the variables too; the pid says for whom they are meant.
  const owner = env["LISTEN_PID"] ?? "";
  if (!Number.isInteger(count) || count < 1 || count > MOST || (owner !== "" && Number(owner) !== pid)) return [];
  const names = env["LISTEN_FDNAMES"]?.split(":") ?? [];
  return Array.from({ length: count }, (_, index) => ({ fd: FIRST_LISTEN_FD + index, name: names[index] }));
}

/** Returns the variables that pass sockets to a child which has them as descriptors 3, 4, …, in this order. */
export function listenVariables(names: readonly string[]): NodeJS.ProcessEnv {
  return names.length === 0 ? {} : { LISTEN_FDS: String(names.length), LISTEN_FDNAMES: names.join(":") };
}

// ---

/** More cannot be meant. */
const MOST = 64;
