import type { JobStore, Replica } from "../types.ts";
import type { RedisLink } from "./link.ts";

/** A replica that says nothing for so long is gone. */
const GONE_MS = 60_000;

/** Who works on the same jobs. */
export function createReplicas(link: RedisLink, nowMs: () => number): Pick<JobStore, "join"> {
  const key = link.key("replicas");
  return {
    join: async (self) => {
      const [, all] = await link.read([
        ["hset", key, self.name, JSON.stringify({ ...self, seenMs: nowMs() })],
        ["hgetall", key],
      ]);
      const seen = Object.values(all as Record<string, string>).map(
        (text) => JSON.parse(text) as Replica & { readonly seenMs: number }, // written above
      );
      const gone = seen.filter(({ seenMs }) => seenMs < nowMs() - GONE_MS);
      if (gone.length > 0) await link.read([["hdel", key, ...gone.map(({ name }) => name)]]);
      return seen.filter((replica) => !gone.includes(replica));
    },
  };
}
