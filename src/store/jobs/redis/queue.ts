import type { Job, Queue, Worker } from "bullmq";
import { LEASE_MS_OF, MAX_ATTEMPTS, SWEEP_MS_OF } from "../policy.ts";
import { unreachable } from "./link.ts";
import type { RedisLink } from "./link.ts";

/** A job that BullMQ hands out: who takes it holds BullMQ's lock on it. */
export interface Ticket {
  readonly id: string;
  /** Token of the job when it was offered: an old ticket is of no use. */
  readonly token: number;
}

/** The queue of what may run now. It orders and hands out; whether a ticket is still good is the job's own record to say. */
export interface TicketQueue {
  /** @param priority 1 is next */
  offer(ticket: Ticket, priority: number): Promise<void>;
  /** Nothing when it was taken or does not exist. */
  withdraw(ticket: Ticket): Promise<void>;
  reorder(ticket: Ticket, priority: number): Promise<void>;
  /** @param lock of the taker, another one each time */
  take(lock: string): Promise<Ticket | undefined>;
  /** The taker works on. */
  extend(ticket: Ticket): Promise<void>;
  /** The taker has ended, whatever came of it. */
  settle(ticket: Ticket): Promise<void>;
  /** Returns the first tickets with their priorities. */
  first(count: number): Promise<readonly { readonly ticket: Ticket; readonly priority: number }[]>;
  close(): Promise<void>;
}

/** The steps that BullMQ has for priorities. */
export const PRIORITIES: number = 2 ** 21 - 1;

const NAME = "run";

export async function openTicketQueue(link: RedisLink): Promise<TicketQueue> {
  const { Queue: QueueOf, Worker: WorkerOf } = await import("bullmq"); // only with jobs.engine: redis
  const shared = { connection: link.client, prefix: link.prefix, skipVersionCheck: true };
  const queue: Queue = new QueueOf(NAME, {
    ...shared,
    skipMetasUpdate: true,
    streams: { events: { maxLen: 100 } },
    defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
  });
  queue.on("error", () => {});
  const worker: Worker = new WorkerOf(NAME, null, {
    ...shared,
    autorun: false,
    lockDuration: LEASE_MS_OF.redis,
    stalledInterval: SWEEP_MS_OF.redis,
    maxStalledCount: MAX_ATTEMPTS,
  });
  worker.on("error", () => {});
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  await worker.startStalledCheckTimer();
  const taken = new Map<string, Job>();

  return {
    offer: (ticket, priority) =>
      guarded(async () => {
        await queue.add(NAME, {}, { jobId: nameOf(ticket), priority });
      }),
    withdraw: (ticket) =>
      guarded(async () => {
        await queue.remove(nameOf(ticket));
      }),
    reorder: (ticket, priority) =>
      guarded(async () => {
        await (await queue.getJob(nameOf(ticket)))?.changePriority({ priority });
      }),
    take: (lock) =>
      guarded(async () => {
        const job = await worker.getNextJob(lock, { block: false });
        const ticket = job?.id === undefined ? undefined : ticketOf(job.id);
        if (job !== undefined && ticket !== undefined) taken.set(ticket.id, job);
        return ticket;
      }),
    extend: (ticket) =>
      guarded(async () => {
        const job = taken.get(ticket.id);
        // A lock that ran out during an outage is not needed: the lease in the record counts.
        if (job?.token !== undefined) await worker.extendJobLocks([job.id ?? ""], [job.token], LEASE_MS_OF.redis);
      }),
    settle: (ticket) =>
      guarded(async () => {
        const job = taken.get(ticket.id);
        if (job?.id !== nameOf(ticket)) return;
        taken.delete(ticket.id);
        // Without its lock the ticket is handed out again, found to be old, and settled then.
        await job.moveToCompleted(null, job.token ?? "", false).catch(() => queue.remove(nameOf(ticket)));
      }),
    first: (count) =>
      guarded(async () =>
        (await queue.getPrioritized(0, count - 1)).flatMap(({ id, priority }) => {
          const ticket = id === undefined ? undefined : ticketOf(id);
          return ticket === undefined ? [] : [{ ticket, priority }];
        }),
      ),
    close: async () => {
      await Promise.allSettled([worker.close(true), queue.close()]);
    },
  };
}

// ---

function nameOf({ id, token }: Ticket): string {
  return `${id}_${token}`;
}

function ticketOf(name: string): Ticket | undefined {
  const [, id, token] = /^(.+)_(\d+)$/.exec(name) ?? [];
  return id === undefined ? undefined : { id, token: Number(token) };
}

async function guarded<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw unreachable(error);
  }
}
