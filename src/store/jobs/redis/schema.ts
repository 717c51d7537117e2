import { GigasttError } from "../../../shared/errors.ts";
import type { RedisLink } from "./link.ts";

/** Raised with every change of what is kept. */
const SCHEMA = 1;
/** The oldest release, by its SCHEMA, that reads and writes what this one does. */
const USABLE_FROM = 1;

/** Notes the layout of the keys, or refuses one that this release cannot use, before anything is changed. */
export async function requireSchema(link: RedisLink): Promise<void> {
  const key = link.key("schema");
  const [answer] = await link.read([["hmget", key, "version", "usable_from"]]);
  const [version, usableFrom] = (answer as (string | null)[]).map(Number);
  if ((usableFrom ?? 0) > SCHEMA) {
    throw new GigasttError(
      "GST_STORE_NEWER",
      `the jobs in Redis were written by a newer gigastt: schema ${version}, this release knows up to ${SCHEMA}. Install that release again, or set another jobs.redis.prefix`,
    );
  }
  if ((version ?? 0) < SCHEMA) await link.read([["hset", key, "version", SCHEMA, "usable_from", USABLE_FROM]]);
}
