import type { FormattableTranscript } from "../../shared/transcript/transcript.ts";
import type { ArchiveSource } from "../../store/archive/types.ts";
import type { Job } from "../../store/jobs/types.ts";
import { archiveWishes } from "../http/transcribe/transcribe-query.ts";

/** A transcript that may be kept. */
export interface Kept {
  /** That of the job; another one is made. */
  readonly id?: string;
  readonly owner: string;
  readonly source: Exclude<ArchiveSource, "import">;
  readonly title?: string | undefined;
  readonly createdMs?: number;
  readonly transcripts: readonly FormattableTranscript[];
}

/** Returns a finished job for the archive; undefined when its client wants it left out. */
export function keptJob(
  { id, owner, params, createdMs }: Job,
  transcripts: readonly FormattableTranscript[],
): (Kept & { createdMs: number }) | undefined {
  const { isRefused, title } = archiveWishes(new URLSearchParams(params));
  return isRefused ? undefined : { id, owner, source: "job", title, createdMs, transcripts };
}
