import { StringDecoder } from "node:string_decoder";

/** One line may be this long; the rest of it is cut and marked. */
const MAX_LINE_CHARACTERS = 32 * 1024;

/** Cuts a byte stream into lines; a line that never ends is cut, so that a broken child cannot fill our memory. */
export function createLineSplitter(onLine: (line: string) => void): { push(chunk: Uint8Array): void; end(): void } {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let cutting = false;
  const emit = (line: string): void => {
    if (cutting) {
      cutting = false;
      return;
    }
    const clean = line.endsWith("\r") ? line.slice(0, -1) : line;
    if (clean !== "") onLine(clean);
  };
  return {
    push: (chunk) => {
      const parts = (rest + decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts)
        emit(part.length > MAX_LINE_CHARACTERS ? `${part.slice(0, MAX_LINE_CHARACTERS)}…` : part);
      if (rest.length > MAX_LINE_CHARACTERS) {
        if (!cutting) onLine(`${rest.slice(0, MAX_LINE_CHARACTERS)}…`);
        cutting = true;
        rest = "";
      }
    },
    end: () => {
      const last = rest + decoder.end();
      rest = "";
      if (last !== "") emit(last);
    },
  };
}

/** Keeps the last lines in memory. */
export function createLineRing(capacity: number): { push(line: string): void; last(count: number): readonly string[] } {
  let lines: string[] = [];
  return {
    push: (line) => {
      lines.push(line);
      // Cut in blocks: one copy per `capacity` lines instead of one per line.
      if (lines.length >= capacity * 2) lines = lines.slice(-capacity);
    },
    last: (count) => lines.slice(-Math.min(count, capacity)),
  };
}

/**
 * A child's line as the log keeps it: JSON objects stay as they are, anything else (the message of a native abort, a
 * stack trace) becomes one, with the time we read it.
 */
export function asLogLine(
  line: string,
  source: { readonly stream: "stdout" | "stderr"; readonly nowMs: number },
): string {
  if (line.startsWith("{")) {
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value === "object" && value !== null && "time" in value && "level" in value) return line;
    } catch {
      // Not JSON after all.
    }
  }
  const level = source.stream === "stderr" ? "error" : "info";
  return JSON.stringify({
    level,
    time: new Date(source.nowMs).toISOString(),
    event: "output",
    stream: source.stream,
    text: line,
  });
}
