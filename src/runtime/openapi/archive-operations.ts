import { ARCHIVE_SOURCES } from "../../store/archive/types.ts";
import { LARGEST_PAGE, MOST_HITS } from "../archive/request.ts";
import { BOOLEAN, INTEGER, NUMBER, TEXT, array, id, object, oneOf, query, ref, whole } from "./operation.ts";
import type { OperationsOf } from "./operation.ts";
import { FORMAT_PARAMETERS, transcriptContent } from "./transcribe-parameters.ts";

const ENTRY = [
  {
    id: TEXT,
    object: { const: "archive.transcript" },
    created_at: NUMBER,
    source: oneOf(ARCHIVE_SOURCES),
    duration: NUMBER,
    word_count: INTEGER,
  },
  { title: TEXT, language: TEXT, model: TEXT, owner: TEXT },
] as const;
const HIT = object({ word: INTEGER, start: NUMBER, end: NUMBER, text: TEXT, marks: array(array(INTEGER)) });

/** What the document says of the archive. */
export const ARCHIVE_OPERATIONS: OperationsOf<"archive"> = {
  archive: {
    GET: {
      parameters: [
        query("q", 'Words in any form, "a phrase", begin*; all of it must occur.', { type: "string", maxLength: 500 }),
        query("from", "From this day (UTC), time or Unix second on.", TEXT),
        query("to", "Up to this day, or before this time.", TEXT),
        query("source", "Where it came from.", oneOf(ARCHIVE_SOURCES)),
        query("owner", "Only of this owner; for keys with the scope admin.", TEXT),
        query("limit", "Transcripts of a page.", whole(1, LARGEST_PAGE)),
        query("hits", "Places to list of each transcript.", whole(0, MOST_HITS)),
        query("after", "`next` of the page before.", TEXT),
      ],
      answer: {
        "application/json": object(
          {
            object: { const: "list" },
            data: array(object({ ...ENTRY[0], matches: INTEGER, hits: array(HIT) }, ENTRY[1])),
            has_more: BOOLEAN,
          },
          { next: TEXT },
        ),
      },
      leadsTo: { id: "$response.body#/data/0/id", operations: ["archiveEntry-get", "archiveEntry-delete"] },
    },
  },
  archiveEntry: {
    GET: {
      parameters: [id("An id of the list."), ...FORMAT_PARAMETERS],
      answer: transcriptContent({ anyOf: [{ allOf: [object(...ENTRY), ref("Transcript")] }, ref("Transcript")] }),
    },
    DELETE: { parameters: [id("An id of the list.")], status: 204 },
  },
};
