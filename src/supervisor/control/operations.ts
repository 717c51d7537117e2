import { GigasttError, messageOf } from "../../shared/errors.ts";
import type { OperationRecord } from "../../shared/process/messages.ts";

/** What changes the service, one at a time. */
export interface Operations {
  /** The one that runs, and since when. */
  readonly current: { readonly name: string; readonly since: string } | undefined;
  /** The last one that ended. */
  readonly last: OperationRecord | undefined;
  /** Throws what `run` would throw at once. */
  requireIdle(): void;
  /**
   * Throws GST_BUSY while another one runs, and GST_STOPPING once everything ends. It waits for an automatic one:
   * a command typed right after the configuration was edited is not refused because of it.
   */
  run<T>(name: string, work: () => Promise<T>, options?: { readonly isAutomatic?: boolean }): Promise<T>;
  /** Calls `next` once none is running, before another can begin. */
  whenIdle<T>(next: () => T | Promise<T>): Promise<T>;
}

/** @param onChange one has begun or ended */
export function createOperations(isStopping: () => boolean, onChange: () => void = noop): Operations {
  let current: Running | undefined;
  let last: OperationRecord | undefined;
  const requireIdle = (): void => {
    if (isStopping())
      throw new GigasttError("GST_STOPPING", "gigastt is stopping: wait for it to end, then start it again");
    if (current !== undefined)
      throw new GigasttError(
        "GST_BUSY",
        `${current.name} has been running since ${current.since}: wait for it (gigastt status)`,
      );
  };
  return {
    get last() {
      return last;
    },
    requireIdle,
    get current() {
      return current === undefined ? undefined : { name: current.name, since: current.since };
    },
    async run(name, work, { isAutomatic = false } = {}) {
      for (let running = current; running?.isAutomatic === true; running = current) await running.done;
      requireIdle();
      const startedMs = performance.now();
      let failure: string | null = null;
      const result = work();
      current = { name, since: new Date().toISOString(), done: result.then(noop, noop), isAutomatic };
      onChange();
      try {
        return await result;
      } catch (error) {
        failure = messageOf(error);
        throw error;
      } finally {
        current = undefined;
        last = { name, at: new Date().toISOString(), tookMs: Math.round(performance.now() - startedMs), failure };
        onChange();
      }
    },
    async whenIdle(next) {
      // A call that waited longer may have begun another.
      for (let done = current?.done; done !== undefined; done = current?.done) await done;
      return await next();
    },
  };
}

// ---

interface Running {
  readonly name: string;
  readonly since: string;
  readonly done: Promise<void>;
  readonly isAutomatic: boolean;
}

function noop(): void {}
