/** Messages between the supervisor and a runtime process, over the IPC channel. Both sides ignore types they do not know. */

/** Supervisor → runtime. */
export type ToRuntime =
  /** First message: the resolved configuration as JSON. The runtime boots only after it. */
  | { readonly type: "start"; readonly config: unknown }
  /** Keys that may change without a new process (limits, origins, rate, log level). Answered by `reloaded` or `reload_refused`. */
  | { readonly type: "reload"; readonly id: number; readonly config: unknown }
  /** Begin the drain as SIGTERM would. */
  | { readonly type: "drain" };

/** Runtime → supervisor. */
export type FromRuntime =
  | { readonly type: "listening"; readonly host: string; readonly port: number }
  | { readonly type: "ready"; readonly model: RuntimeModel }
  | { readonly type: "reloaded"; readonly id: number }
  | { readonly type: "reload_refused"; readonly id: number; readonly reason: string }
  | { readonly type: "draining"; readonly deadlineMs: number }
  | { readonly type: "drained"; readonly report: DrainReport }
  /** The runtime gives up and exits after this. `cure` is for people. */
  | { readonly type: "fatal"; readonly code: string; readonly message: string };

export interface RuntimeModel {
  readonly id: string;
  readonly name: string;
  readonly precision: string;
  readonly bundleHash: string;
  readonly notice: string | undefined;
}

/** What a drain did: what ended by itself and what had to be cut at the deadline. */
export interface DrainReport {
  readonly tookMs: number;
  readonly sessionsFlushed: number;
  readonly requestsFinished: number;
  readonly cut: number;
}
