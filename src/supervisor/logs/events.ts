/** Something that happened, for the log, the live view, the history and the hooks. `event` is a stable name. */
export interface SupervisorEvent {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly event: string;
  readonly process?: string;
  readonly [field: string]: unknown;
}

export type EventSink = (event: SupervisorEvent) => void;
