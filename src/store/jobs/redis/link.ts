import { readFile } from "node:fs/promises";
import type { Redis, RedisOptions } from "ioredis";
import { GigasttError, messageOf } from "../../../shared/errors.ts";
import { storeUnreachable } from "../../unreachable.ts";

/** Where the queue is. */
export interface RedisPlace {
  /** redis://, rediss:// or the path of a socket file. */
  readonly url: string;
  readonly passwordFile: string | undefined;
  /** Certificate of the authority that signed the server's; undefined = those of the system. */
  readonly caFile: string | undefined;
  /** Before every key: installations that share a Redis have different ones. */
  readonly prefix: string;
}

/** A connection with the keys of one installation. */
export interface RedisLink {
  readonly client: Redis;
  /** Before the keys of BullMQ. */
  readonly prefix: string;
  /** When the connection came back after it was lost, of `performance.now()`; -Infinity before. */
  readonly backSinceMs: number;
  /** Returns the full key; all are in one slot of a cluster. */
  key(name: string): string;
  /** Sends commands together; throws when one fails. */
  read(commands: readonly (readonly [name: string, ...args: (string | number)[]])[]): Promise<unknown[]>;
  evaluate(script: string, keys: readonly string[], ...args: readonly string[]): Promise<unknown>;
  close(): void;
}

/** A command without an answer fails after this: a hanging Redis must not hold requests. */
const COMMAND_MS = 5000;
const CONNECT_MS = 5000;
const LONGEST_RECONNECT_MS = 2000;

/** Connects, or rejects when Redis does not answer in time. Afterwards it reconnects by itself; commands fail at once while it is away. */
export async function openLink(place: RedisPlace): Promise<RedisLink> {
  const { Redis } = await import("ioredis"); // only with jobs.engine: redis
  const client = new Redis(place.url, await optionsOf(place));
  // Every command says so itself.
  client.on("error", () => {});
  try {
    await client.connect();
  } catch (error) {
    client.disconnect();
    throw unreachable(error);
  }
  let backSinceMs = Number.NEGATIVE_INFINITY;
  client.on("ready", () => {
    backSinceMs = performance.now();
  });
  const prefix = `{${place.prefix}}`;
  return {
    client,
    prefix,
    get backSinceMs() {
      return backSinceMs;
    },
    key: (name) => `${prefix}:jobs:${name}`,
    read: async (commands) => {
      const answers = await client
        .pipeline(commands.map((command) => [...command]))
        .exec()
        .catch(rethrow);
      return (answers ?? []).map(([error, value]) => {
        if (error !== null) throw unreachable(error);
        return value;
      });
    },
    evaluate: (script, keys, ...args) => client.eval(script, keys.length, ...keys, ...args).catch(rethrow),
    close: () => client.disconnect(),
  };
}

/** Returns the error of a job store whose Redis does not answer. The address may carry a password: it is not named. */
export function unreachable(cause: unknown): GigasttError {
  if (cause instanceof GigasttError) return cause;
  return storeUnreachable(
    `the Redis of jobs.redis does not answer: ${messageOf(cause)}. Start it, or check jobs.redis.url and its password`,
    cause,
  );
}

// ---

function rethrow(error: unknown): never {
  throw unreachable(error);
}

async function optionsOf({ passwordFile, caFile, url }: RedisPlace): Promise<RedisOptions> {
  return {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
    enableOfflineQueue: false,
    // BullMQ asks for this; without an offline queue nothing waits for a reconnect.
    maxRetriesPerRequest: null,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (times) => Math.min(100 * times, LONGEST_RECONNECT_MS),
    ...(passwordFile === undefined ? {} : { password: (await readFile(passwordFile, "utf8")).trim() }),
    ...(caFile !== undefined && url.startsWith("rediss:") ? { tls: { ca: await readFile(caFile, "utf8") } } : {}),
  };
}
