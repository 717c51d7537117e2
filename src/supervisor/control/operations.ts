import { GigasttError } from "../../shared/errors.ts";

/** What changes the service, one at a time. */
export interface Operations {
  /** The one that runs, and since when. */
  readonly current: { readonly name: string; readonly since: string } | undefined;
  /**
   * Throws GST_BUSY while another one runs, and GST_STOPPING once everything ends. It waits for an automatic one:
   * a command typed right after the configuration was edited is not refused because of it.
   */
  run<T>(name: string, work: () => Promise<T>, options?: { readonly isAutomatic?: boolean }): Promise<T>;
  /** Calls `next` once none is running, before another can begin. */
  whenIdle<T>(next: () => T | Promise<T>): Promise<T>;
}

export function createOperations(isStopping: () => boolean): Operations {
  let current: Running | undefined;
  return {
    get current() {
      return current === undefined ? undefined : { name: current.name, since: current.since };
    },
    async run(name, work, { isAutomatic = false } = {}) {
      for (let running = current; running?.isAutomatic === true; running = current) await running.done;
      if (isStopping())
        throw new GigasttError("GST_STOPPING", "gigastt is stopping: wait for it to end, then start it again");
      if (current !== undefined)
        throw new GigasttError(
          "GST_BUSY",
          `${current.name} has been running since ${current.since}: wait for it (gigastt status)`,
        );
      const result = work();
      current = { name, since: new Date().toISOString(), done: result.then(noop, noop), isAutomatic };
      try {
        return await result;
      } finally {
        current = undefined;
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
