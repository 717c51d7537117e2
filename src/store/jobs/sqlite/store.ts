import type { Database } from "../../sqlite.ts";
import type { SyncJobStore } from "../methods.ts";
import type { JobStore } from "../types.ts";
import { createEndings } from "./endings.ts";
import { createIntake } from "./intake.ts";
import { createOwners } from "./owners.ts";
import { createReaders } from "./readers.ts";
import { createJobTable } from "./table.ts";
import type { SqliteJobsOptions } from "./table.ts";
import { createUpkeep } from "./upkeep.ts";
import { createWork } from "./work.ts";

/** Jobs in one SQLite file: several processes of one machine may open it. */
export function createSqliteJobs(db: Database, options: SqliteJobsOptions): SyncJobStore {
  const table = createJobTable(db, options);
  const owners = createOwners(table);
  const endings = createEndings(table);
  return inTransactions(db, {
    ...createIntake(table, owners, endings),
    ...createWork(table, owners, endings),
    ...createReaders(table),
    ...createUpkeep(table, endings),
    join: () => [],
    close: () => db.close(),
  });
}

// ---

/** What may lose its last second in a power cut: the lease of a worker that is gone anyway, and windows that can be read again. */
const UNSYNCED: ReadonlySet<string> = new Set<keyof JobStore>(["renew", "commit", "park"]);
/** Without a transaction: nothing is written. */
const READS: ReadonlySet<string> = new Set<keyof JobStore>([
  "get",
  "list",
  "result",
  "events",
  "stats",
  "doomed",
  "exists",
  "join",
]);

/** Each method is one transaction: what it reads does not change until it has written. */
function inTransactions(db: Database, store: SyncJobStore): SyncJobStore {
  const wrapped = Object.entries(store).map(([name, method]) => {
    if (name === "close" || READS.has(name)) return [name, method];
    const call = method as (...args: readonly unknown[]) => unknown;
    return [name, (...args: unknown[]) => db.transaction(() => call(...args), { durable: !UNSYNCED.has(name) })];
  });
  return Object.fromEntries(wrapped) as SyncJobStore; // the same names with the same functions
}
