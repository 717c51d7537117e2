import type { TimedWord } from "../../shared/transcript/transcript.ts";

/** What the server sends about a file or a session. Other types may come: they are ignored. */
export type ServerEvent =
  | {
      readonly type: "partial" | "final";
      readonly text: string;
      readonly committed: string;
      readonly tentative: string;
      readonly words: readonly TimedWord[];
      readonly channel?: number;
    }
  | { readonly type: "progress"; readonly done_s: number; readonly total_s?: number }
  | { readonly type: "peaks"; readonly peaks: readonly number[] }
  | { readonly type: "warnings"; readonly warnings: readonly { readonly message?: string; readonly code?: string }[] }
  | { readonly type: "ready"; readonly model: string }
  | { readonly type: "error"; readonly message: string; readonly code: string; readonly retry_after_ms?: number };

/** Reads a stream of events as it grows: give it the whole text each time. */
export function createEventReader(onEvent: (event: ServerEvent) => void): (text: string) => void {
  let read = 0;
  return (text) => {
    for (let end = text.indexOf("\n\n", read); end >= 0; end = text.indexOf("\n\n", read)) {
      const block = text.slice(read, end);
      read = end + 2;
      const data = block
        .split("\n")
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trimStart())
        .join("\n");
      if (data !== "") onEvent(JSON.parse(data) as ServerEvent); // our own server's
    }
  };
}

/** A refusal of the server, or of the network when it has no code. */
export class WireFailure extends Error {
  readonly code: string | undefined;
  readonly retryAfterMs: number | undefined;
  constructor(message: string, code?: string, retryAfterMs?: number) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}
