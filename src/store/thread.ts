import { Worker } from "node:worker_threads";
import { GigasttError, messageOf } from "../shared/errors.ts";

/** A store whose methods are plain functions: the thread that calls them waits for the disk. */
export type InThisThread<S> = {
  readonly [M in keyof S]: S[M] extends (...args: infer A) => Promise<infer R> ? (...args: A) => R : never;
};

/** What the thread is started with. */
export interface StoreThreadData {
  readonly file: string;
}

export interface StoreCall {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

export type StoreAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly code: string | undefined; readonly message: string } };

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Returns the store as one whose answers come at once, in this thread. */
export function atOnce<S>(store: InThisThread<S>, methods: readonly (keyof S & string)[]): S {
  return forwarding(methods, async (method, args) => {
    const call = store[method] as (...given: readonly unknown[]) => unknown;
    return call(...args);
  });
}

/**
 * Starts the thread of a store. A file that cannot be used rejects the first call.
 *
 * @param what names it in errors
 */
export function inThread<S>(
  entry: URL,
  {
    what,
    file,
    methods,
  }: { readonly what: string; readonly file: string; readonly methods: readonly (keyof S & string)[] },
): S {
  const data: StoreThreadData = { file };
  const worker = new Worker(entry, { name: what, workerData: data, resourceLimits: { maxYoungGenerationSizeMb: 4 } });
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  let ended: Error | undefined;

  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  // An error thrown while it opens the file arrives as a copy: its own fields are kept.
  worker.on("error", (error) => end(revived(error)));
  worker.on("exit", () => end(new GigasttError("GST_STORE_CLOSED", `the store of the ${what} is closed`)));
  worker.on("message", (answer: StoreAnswer) => {
    const call = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ("error" in answer) call?.reject(new GigasttError(answer.error.code ?? "GST_STORE_IO", answer.error.message));
    else call?.resolve(answer.value);
  });

  return forwarding(
    methods,
    (method, args) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(ended);
        const call: StoreCall = { id: nextId++, method, args };
        waiting.set(call.id, { resolve, reject });
        worker.postMessage(call, []);
      }),
  );
}

// ---

function forwarding<S>(
  methods: readonly (keyof S & string)[],
  ask: (method: keyof S & string, args: readonly unknown[]) => Promise<unknown>,
): S {
  return Object.fromEntries(
    methods.map((method) => [method, (...args: readonly unknown[]) => ask(method, args)]),
  ) as unknown as S; // each method answers what the store behind it returns
}

function revived(error: unknown): Error {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return new GigasttError(typeof code === "string" ? code : "GST_STORE_IO", messageOf(error), { cause: error });
}
