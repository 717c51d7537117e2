import type { JobState, JobStore } from "../../store/jobs/types.ts";
import { forgetArchived } from "../archive/open.ts";
import type { CommandContext } from "../command.ts";
import { writeJson } from "../output.ts";
import { UsageError } from "../usage.ts";
import { requireLocalJob, withJobs } from "./open.ts";

type Action = "cancel" | "retry" | "purge";

const DONE: Readonly<Record<Action, string>> = { cancel: "cancelled", retry: "queued again", purge: "deleted" };
const MOST = 1_000_000;

/** `gigastt jobs cancel`, `retry` and `purge`: every job is tried; exit code 1 when one could not be changed. */
export function change(context: CommandContext, action: Action): Promise<number> {
  const { flags, positionals, stdout, stderr } = context;
  const owner = typeof flags["owner"] === "string" ? flags["owner"] : undefined;
  if (positionals.length === 0 && owner === undefined) {
    const missing = action === "purge" ? "Missing argument: ID, or --owner OWNER" : "Missing argument: ID";
    throw new UsageError([missing], ["jobs", action]);
  }
  return withJobs(context, async ({ store, blobs, config }) => {
    const states = typeof flags["state"] === "string" ? [flags["state"] as JobState] : undefined; // one of its choices
    const ids =
      owner === undefined
        ? (await Promise.all(positionals.map((id) => requireLocalJob(store, id)))).map(({ id }) => id)
        : (await store.list({ owner, states, limit: MOST })).map(({ id }) => id);
    const results: { readonly id: string; readonly problem: string | undefined }[] = [];
    for (const id of ids) results.push({ id, problem: await apply(store, action, id) });
    for (const { id, whole } of action === "purge" ? await store.doomed() : []) {
      if (!whole || !ids.includes(id)) continue;
      await blobs.remove(id);
      await store.buried(id);
    }
    // Who deletes a job does not want to find its words elsewhere.
    if (action === "purge") await forgetArchived(config, context.env, ids);
    if (flags["json"] === true)
      writeJson(
        stdout,
        results.map(({ id, problem }) => ({ id, problem: problem ?? null })),
      );
    else {
      for (const { id, problem } of results) {
        if (problem === undefined) stdout.write(`${id} ${DONE[action]}\n`);
        else stderr.write(`${id} ${problem}\n`);
      }
    }
    return results.some(({ problem }) => problem !== undefined) ? 1 : 0;
  });
}

// ---

/** Undefined when it was done, else why not. */
async function apply(store: JobStore, action: Action, id: string): Promise<string | undefined> {
  switch (action) {
    case "cancel": {
      const cancelled = await store.cancel(id);
      return cancelled?.wasOpen === true ? undefined : `has ended already: ${cancelled?.job.state ?? "deleted"}`;
    }
    case "retry":
      return (await store.retry(id)) === undefined
        ? "cannot be retried: only a failed job whose audio is stored can be"
        : undefined;
    case "purge":
      return (await store.purge(id)) ? undefined : "is deleted already";
  }
}
