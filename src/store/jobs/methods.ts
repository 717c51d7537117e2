import { atOnce } from "../thread.ts";
import type { InThisThread } from "../thread.ts";
import type { JobStore } from "./types.ts";

/** The engine as plain functions: its caller decides which thread waits for the disk. */
export type SyncJobStore = InThisThread<JobStore>;

const NAMES: Readonly<Record<keyof JobStore, true>> = {
  begin: true,
  submit: true,
  touch: true,
  abandon: true,
  claim: true,
  park: true,
  renew: true,
  commit: true,
  release: true,
  finish: true,
  fail: true,
  confirmCancel: true,
  retry: true,
  cancel: true,
  purge: true,
  get: true,
  list: true,
  result: true,
  events: true,
  stats: true,
  sweep: true,
  doomed: true,
  buried: true,
  exists: true,
  deliveries: true,
  settleDelivery: true,
  join: true,
  close: true,
};

/** The methods of a job store, for what passes them on. */
export const METHODS: readonly (keyof JobStore)[] = Object.keys(NAMES) as (keyof JobStore)[]; // keys of the record above

/** Returns the engine as a store whose answers come at once, in this thread. */
export function inThisThread(store: SyncJobStore): JobStore {
  return atOnce(store, METHODS);
}
