import { ROUTES } from "../../../shared/protocol.ts";
import { json } from "../../http/replies/reply.ts";
import type { Route } from "../../route.ts";
import { requireReader } from "../access.ts";
import { archiveQuery, cursorAfter } from "../request.ts";
import { foundView } from "../view.ts";

/** The reader's transcripts, newest first: all, or those that hold what is searched. */
export const archive: Route = {
  ...ROUTES.archive,
  handle: async (exchange, context, { query }) => {
    const reader = requireReader(exchange, context);
    const { found, hasMore } = await reader.store.search(archiveQuery(query, reader));
    const last = found.at(-1);
    return json(200, {
      object: "list",
      data: found.map((entry) => foundView(entry, reader)),
      has_more: hasMore,
      ...(hasMore && last !== undefined ? { next: cursorAfter(last.order) } : {}),
    });
  },
};
