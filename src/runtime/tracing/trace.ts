/** What a span tells besides its times. Never text, file names, paths or addresses. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Adds the error code of the answer, if there was one. */
export function withError(attributes: Attributes, code: unknown): Attributes {
  return typeof code === "string" ? { ...attributes, "error.type": code } : attributes;
}

export type TraceStep = "receive" | "queue" | "decode" | "window" | "answer";

/** The trace of one request, session or job. Times are those of the clock's `monotonicMs`. */
export interface Trace {
  /** 32 hexadecimal digits, for logs and exemplars. */
  readonly id: string;
  /** A step that has ended. */
  step(name: TraceStep, fromMs: number, toMs: number, attributes?: Attributes): void;
  /** @param name of the whole, as far as it was not known at the beginning */
  end(toMs: number, attributes: Attributes, outcome: { readonly name?: string; readonly isFailed: boolean }): void;
}

export interface TraceBeginning {
  readonly name: string;
  readonly kind: "server" | "consumer";
  readonly startMs: number;
  readonly attributes: Attributes;
  /** The W3C header of the caller, where the caller may decide about traces. */
  readonly traceparent?: string | undefined;
}

export interface Tracing {
  /** Returns undefined where this one is not traced. A trace that is never ended is never sent. */
  begin(beginning: TraceBeginning): Trace | undefined;
  /** Sends what is left, within two seconds. */
  close(): Promise<void>;
}

export const NO_TRACING: Tracing = { begin: () => undefined, close: async () => {} };
