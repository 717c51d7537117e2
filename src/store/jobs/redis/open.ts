import { LEASE_MS_OF } from "../policy.ts";
import type { JobStore } from "../types.ts";
import { createIntake } from "./intake.ts";
import { openLink } from "./link.ts";
import type { RedisLink, RedisPlace } from "./link.ts";
import { openTicketQueue } from "./queue.ts";
import { createReaders } from "./readers.ts";
import { createReplicas } from "./replicas.ts";
import { requireSchema } from "./schema.ts";
import { createJobTable } from "./table.ts";
import { createTurns } from "./turns.ts";
import { createUpkeep } from "./upkeep.ts";
import { createWork } from "./work.ts";

export interface RedisJobsOptions {
  /** Default: the time of Redis, which all replicas share. */
  readonly nowMs?: () => number;
  /** 0..1, for the spread of retries. */
  readonly random?: () => number;
}

/** Opens the jobs that several machines share. Rejects when Redis does not answer or was written by an incompatible release. */
export async function openRedisJobs(place: RedisPlace, options: RedisJobsOptions = {}): Promise<JobStore> {
  const link = await openLink(place);
  try {
    await requireSchema(link);
    const clock = await sharedClock(link);
    const { nowMs = clock.nowMs, random = Math.random } = options;
    const table = createJobTable(link, { nowMs, random });
    const tickets = await openTicketQueue(link);
    const turns = createTurns(table, tickets);
    const upkeep = createUpkeep(table, turns);
    return {
      ...createIntake(table, turns),
      ...createWork(table, turns, tickets),
      ...createReaders(table),
      ...upkeep,
      ...createReplicas(link, nowMs),
      sweep: async () => {
        await clock.adjust();
        // While Redis was away no lease could be renewed: its workers have their turn first.
        return performance.now() < link.backSinceMs + LEASE_MS_OF.redis ? 0 : upkeep.sweep();
      },
      close: async () => {
        await tickets.close();
        link.close();
      },
    };
  } catch (error) {
    link.close();
    throw error;
  }
}

// ---

/** The time of Redis, carried on by this machine's monotonic clock: a jump of the wall clock here changes nothing. */
async function sharedClock(link: RedisLink): Promise<{ nowMs(): number; adjust(): Promise<void> }> {
  let offsetMs = 0;
  const adjust = async (): Promise<void> => {
    const [answer] = await link.read([["time"]]);
    const [seconds, micros] = (answer as string[]).map(Number);
    offsetMs = (seconds ?? 0) * 1000 + (micros ?? 0) / 1000 - performance.now();
  };
  await adjust();
  return { nowMs: () => Math.round(performance.now() + offsetMs), adjust };
}
