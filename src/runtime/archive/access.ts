import { WireError } from "../../shared/errors.ts";
import type { ArchivedTranscript, ArchiveStore } from "../../store/archive/types.ts";
import type { RuntimeContext } from "../context.ts";
import { isLocalCaller } from "../access/local-caller.ts";
import { ownerOf } from "../access/owner.ts";
import type { Exchange } from "../http/connections/exchanges.ts";

/** What a request may see of the archive. */
export interface Reader {
  readonly store: ArchiveStore;
  /** Undefined: transcripts of all owners. */
  readonly owner: string | undefined;
  /** May see and ask whose a transcript is. */
  readonly seesOwners: boolean;
}

/** Throws while there is no archive to read. */
export function requireReader(exchange: Exchange, context: RuntimeContext): Reader {
  const { archive, keys, settings } = context;
  if (archive === undefined) {
    throw new WireError(
      "archive_disabled",
      "the archive is off on this server; its operator turns it on with archive.enabled: true",
    );
  }
  if (archive.store === undefined) {
    throw new WireError("archive_unavailable", "the store of the archive does not answer; try again", {
      retryAfterMs: 2000,
    });
  }
  const isAdmin = keys.holder(exchange.req)?.key.scopes.includes("admin") === true;
  return {
    store: archive.store,
    owner: settings.current.archive.shared || isAdmin ? undefined : ownerOf(exchange),
    seesOwners: isAdmin || (exchange.use === undefined && isLocalCaller(exchange.req)),
  };
}

/** Returns the transcript. One of another owner is not found, as one that does not exist. */
export async function requireTranscript({ store, owner }: Reader, id: string | undefined): Promise<ArchivedTranscript> {
  const found = id === undefined || id.length > LONGEST_ID ? undefined : await store.get(id);
  if (found === undefined || (owner !== undefined && found.owner !== owner)) {
    throw new WireError("transcript_not_found", "no archived transcript has this id; it may have been deleted");
  }
  return found;
}

const LONGEST_ID = 100;
