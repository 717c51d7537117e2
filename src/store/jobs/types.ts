/** `uploading`: its audio is not complete. `purging` is not a state that a reader sees: such a job is gone. */
export type JobState = "uploading" | "queued" | "active" | "done" | "failed" | "cancelled";
export const PRIORITIES = ["interactive", "normal", "bulk"] as const;
export type Priority = (typeof PRIORITIES)[number];

/** When the audio of a job is deleted: with its success, or a time after its end. */
export interface Retention {
  readonly audioMs: number;
  /** Of a job that did not succeed: it can be retried so long. */
  readonly failedAudioMs: number;
  readonly resultMs: number;
}

/** What a client asked for. */
export interface JobWishes {
  readonly priority: Priority;
  /** Query of the synchronous route, checked. */
  readonly params: string;
  readonly idempotencyKey: string | undefined;
  readonly callbackUrl: string | undefined;
  readonly retention: Retention;
}

/** A job before its audio. */
export interface JobDraft extends JobWishes {
  readonly id: string;
  readonly owner: string;
  /** Size of its audio, for an upload that can be resumed; it counts as stored from the beginning. */
  readonly bytes?: number;
}

/** The complete audio of a job: parts of one size, in order. */
export interface StoredAudio {
  readonly parts: number;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

export interface JobFault {
  readonly code: string;
  readonly message: string;
}

/** A job as readers see it. Times are Unix milliseconds. */
export interface Job {
  readonly id: string;
  readonly owner: string;
  readonly state: JobState;
  readonly priority: Priority;
  readonly params: string;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly startedMs: number | undefined;
  readonly finishedMs: number | undefined;
  /** Runs that began and were not handed back. */
  readonly attempts: number;
  /** Audio recognised and kept, seconds; never falls. */
  readonly doneS: number;
  /** Length of the audio, once known. */
  readonly totalS: number | undefined;
  /** Announced, while it is uploaded so that it can be resumed; 0 during another upload. */
  readonly audioBytes: number;
  readonly audioParts: number;
  /** Its audio is still stored. */
  readonly hasAudio: boolean;
  readonly fault: JobFault | undefined;
  readonly cancelRequested: boolean;
  readonly callbackUrl: string | undefined;
  /** When a retry may begin at the earliest. */
  readonly notBeforeMs: number;
  /** When result and record are deleted; 0 before its end. */
  readonly expiresMs: number;
}

/** The right to work on a job until the lease ends. Every write of a worker names it; a write with an older token changes nothing. */
export interface Claim {
  readonly id: string;
  readonly token: number;
}

/** A claimed job with what earlier runs read. */
export interface ClaimedJob extends Claim {
  readonly job: Job;
  /** Readings of earlier runs, JSON each; empty when they were made by another model. */
  readonly readings: readonly string[];
}

/** `resume`: the turn of a job that this worker has parked. */
export type Turn = ({ readonly kind: "claimed" } & ClaimedJob) | ({ readonly kind: "resume" } & Claim);

/** What a worker learns when it writes. `stale`: another worker has the job, or it is gone. */
export type Standing =
  | { readonly kind: "stale" }
  | { readonly kind: "held"; readonly cancelRequested: boolean; readonly shouldYield: boolean };

export interface Quotas {
  /** Jobs of one owner that are not finished, uploads included. 0 = no limit, here and below. */
  readonly unfinishedJobs: number;
  /** Of one owner at the same time. */
  readonly activeJobs: number;
  readonly audioSecondsPerDay: number;
  /** Audio of one owner, stored. */
  readonly storedBytes: number;
  /** Jobs of all owners that are not finished. */
  readonly allUnfinishedJobs: number;
}

export interface QuotaRefusal {
  readonly kind: "refused";
  readonly limit: Exclude<keyof Quotas, "activeJobs">;
  readonly allowed: number;
  /** When another try may succeed, if that is known. */
  readonly untilMs: number | undefined;
}

export type BeginResult = { readonly kind: "begun" } | QuotaRefusal;
export type SubmitResult =
  | { readonly kind: "queued"; readonly job: Job }
  /** The same key with the same content: the job that it made. The new one is gone. */
  | { readonly kind: "repeated"; readonly job: Job }
  /** The same key with other content. The new job is gone. */
  | { readonly kind: "conflict" }
  | { readonly kind: "gone" }
  | QuotaRefusal;

export type JobEventType = "queued" | "started" | "progress" | "retrying" | "done" | "failed" | "cancelled";
export interface JobEvent {
  /** Rises over all jobs; the `id` of server-sent events. */
  readonly seq: number;
  readonly job: string;
  readonly atMs: number;
  readonly type: JobEventType;
  readonly doneS: number;
  readonly totalS: number | undefined;
  readonly fault: JobFault | undefined;
}

export interface JobFilter {
  readonly owner?: string | undefined;
  readonly states?: readonly JobState[] | undefined;
  readonly limit: number;
  /** Only jobs older than this one. */
  readonly before?: { readonly createdMs: number; readonly id: string } | undefined;
}

export interface JobStats {
  readonly queued: number;
  readonly active: number;
  readonly uploading: number;
  readonly dead: number;
  /** Audio that waits or runs, seconds; estimated from its size until its length is known. */
  readonly waitingS: number;
  readonly oldestQueuedMs: number | undefined;
  /** Active jobs whose lease has ended. */
  readonly stuck: number;
  readonly storedBytes: number;
  readonly pendingCallbacks: number;
}

/** A notification that is due. */
export interface Delivery {
  readonly job: Job;
  /** Same for every try. */
  readonly messageId: string;
  readonly url: string;
  readonly tries: number;
  readonly sinceMs: number;
}

/**
 * Durable jobs: executed at least once, published exactly once. Every engine passes the suite in test/contract/job-store.ts.
 * A method that resolves has made its change durable, except for `commit` and `renew`, which may lose their last second in a power cut.
 */
export interface JobStore {
  /** Makes room for an upload, or says which limit refuses it. */
  begin(draft: JobDraft, quotas: Quotas): Promise<BeginResult>;
  /**
   * The audio is complete and on the disk: the job is queued.
   * @param asked replaces the wishes of `begin`, where the wishes came with the audio
   */
  submit(id: string, audio: StoredAudio, quotas: Quotas, asked?: JobWishes): Promise<SubmitResult>;
  /** An upload goes on: it does not stand still. */
  touch(id: string): Promise<void>;
  /** The upload was given up: its parts may be deleted. */
  abandon(id: string): Promise<void>;

  /**
   * The job whose turn it is: a queued one with a new token, or one that this worker has parked.
   * @param reader identity of the model and its rules: readings of another one are dropped
   */
  claim(worker: string, reader: string, activeJobsPerOwner: number): Promise<Turn | undefined>;
  /** The job stands still until `claim` says that its turn has come; its worker keeps the lease. */
  park(claim: Claim): Promise<boolean>;
  /** Keeps the lease and asks whether to go on. */
  renew(claim: Claim): Promise<Standing>;
  /** Keeps windows and progress, and the lease. */
  commit(
    claim: Claim,
    kept: { readonly readings: readonly string[]; readonly doneS: number; readonly totalS: number | undefined },
  ): Promise<Standing>;
  /**
   * Gives a job back with what it has; the run does not count as an attempt.
   * @param notBeforeMs the next run begins then at the earliest
   */
  release(claim: Claim, notBeforeMs?: number): Promise<boolean>;
  /** Publishes the result. False: the claim is stale or the job was to be cancelled, and nothing was published. */
  finish(claim: Claim, result: string, durationS: number): Promise<boolean>;
  /** @param isFinal the input is at fault: a retry would fail as well */
  fail(claim: Claim, fault: JobFault, isFinal: boolean): Promise<boolean>;
  /** The worker stopped because the job was to be cancelled. */
  confirmCancel(claim: Claim): Promise<boolean>;

  /** Queued again, or `undefined` when it does not exist or has not ended badly, or its audio is gone. */
  retry(id: string): Promise<Job | undefined>;
  /** Undefined when it does not exist; `wasOpen` false when it had ended before. */
  cancel(id: string): Promise<{ readonly job: Job; readonly wasOpen: boolean } | undefined>;
  /** Result, audio and record go as soon as possible, whatever the state. */
  purge(id: string): Promise<boolean>;

  get(id: string): Promise<Job | undefined>;
  list(filter: JobFilter): Promise<readonly Job[]>;
  result(id: string): Promise<string | undefined>;
  events(jobs: readonly string[], afterSeq: number): Promise<readonly JobEvent[]>;
  stats(): Promise<JobStats>;

  /** Takes jobs from workers whose lease has ended, gives up uploads that stand still, marks what has expired. Returns how many jobs changed. */
  sweep(): Promise<number>;
  /** Jobs whose audio is to be deleted now; `whole`: with their record. */
  doomed(): Promise<readonly { readonly id: string; readonly whole: boolean }[]>;
  /** The blobs of a doomed job are gone. */
  buried(id: string): Promise<void>;
  /** Jobs that exist, by id: for finding blobs without one. */
  exists(ids: readonly string[]): Promise<readonly string[]>;

  /** Notifications that are due, each at most once until its time to try again. */
  deliveries(): Promise<readonly Delivery[]>;
  /** @param retryAtMs undefined: delivered, or given up */
  settleDelivery(id: string, retryAtMs: number | undefined): Promise<void>;

  /** Says that this replica lives; returns all that said so within a minute. Without others to share with: none. */
  join(self: Replica): Promise<readonly Replica[]>;

  close(): Promise<void>;
}

/** A process that works on the same jobs. */
export interface Replica {
  readonly name: string;
  readonly role: string;
  readonly version: string;
  /** Of the settings that must be equal on all. */
  readonly configHash: string;
}
