import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What the load client sends; every value has a default there (50 requests a second, 8 live sessions). */
export interface LoadOptions {
  readonly url: string;
  readonly perSecond?: number;
  readonly recognitionsPerSecond?: number;
  readonly sessions?: number;
  /** Share of live sessions whose client hangs up without a word. */
  readonly abortShare?: number;
  /** Every other chain of sessions is longer than a drain. */
  readonly longSessions?: boolean;
  /** 1 = real time. */
  readonly liveSpeed?: number;
  /** Failed work is tried again, as a client of a crashed service does. */
  readonly retry?: boolean;
}

/** What became of everything the load client began. */
export interface LoadAccount {
  readonly requests: {
    readonly sent: number;
    /** Count by status; what is no 200 carries its code and kind. */
    readonly answered: Readonly<Record<string, number>>;
    /** One line per failed try: refused, reset, no answer. */
    readonly failed: readonly string[];
    readonly resumed: number;
    readonly slowestMs: Readonly<Record<string, number>>;
    readonly p95Ms: Readonly<Record<string, number>>;
  };
  readonly sessions: {
    readonly begun: number;
    readonly finished: number;
    /** Final and 1001. */
    readonly wentAway: number;
    readonly aborted: number;
    readonly truncated: number;
    readonly lost: readonly string[];
    readonly resumed: number;
  };
  readonly transcripts: { readonly right: number; readonly wrong: readonly string[] };
}

export interface Load {
  account(): Promise<LoadAccount>;
  /** Begins nothing new and waits for what is under way; `seconds` is how long new work was begun. */
  stop(): Promise<{ readonly account: LoadAccount; readonly seconds: number }>;
  kill(): void;
}

const START_DEADLINE_MS = 60_000;

const client = fileURLToPath(new URL("../fixtures/load/client.js", import.meta.url));

/** Starts the load and resolves once every live session has been greeted. */
export async function startLoad(options: LoadOptions): Promise<Load> {
  const child = fork(client, [JSON.stringify(options)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const answer = <T extends object>(key: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const onMessage = (message: unknown): void => {
        if (typeof message !== "object" || message === null || !(key in message)) return;
        child.off("message", onMessage);
        resolve(message as T); // our own fixture
      };
      child.on("message", onMessage);
      child.once("exit", (code, signal) => reject(new Error(`the load client ended with ${signal ?? String(code)}`)));
    });
  const giveUp = setTimeout(() => child.kill("SIGKILL"), START_DEADLINE_MS);
  await answer("running");
  clearTimeout(giveUp);
  return {
    account: async () => {
      const asked = answer<{ account: LoadAccount }>("account");
      child.send("account");
      return (await asked).account;
    },
    stop: () => {
      const asked = answer<{ account: LoadAccount; seconds: number }>("seconds");
      child.send("stop");
      return asked;
    },
    kill: () => void child.kill("SIGKILL"),
  };
}
