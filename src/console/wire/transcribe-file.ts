import { ROUTES } from "../../shared/protocol.ts";
import { WireFailure, createEventReader } from "./events.ts";
import type { ServerEvent } from "./events.ts";
import { at } from "./address.ts";

/**
 * Sends a file and delivers the events of its recognition. `fetch` cannot tell how much it has sent: XMLHttpRequest can.
 *
 * @param onSent share of the file that has been sent, 0..1
 */
export function transcribeFile(
  file: Blob,
  {
    channels,
    signal,
    onSent,
    onEvent,
  }: {
    channels: "mix" | "split";
    signal: AbortSignal;
    onSent: (share: number) => void;
    onEvent: (event: ServerEvent) => void;
  },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let failure: WireFailure | undefined;
    const read = createEventReader((event) => {
      if (event.type === "error") failure = new WireFailure(event.message, event.code, event.retry_after_ms);
      else onEvent(event);
    });
    request.open("POST", `${at(ROUTES.transcribeStream.path)}?progress=true&peaks=true&channels=${channels}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.addEventListener("progress", ({ loaded, total }) => onSent(total > 0 ? loaded / total : 1));
    request.upload.addEventListener("load", () => onSent(1));
    request.addEventListener("progress", () => {
      if (request.status === 200) read(request.responseText);
    });
    request.addEventListener("load", () => {
      if (request.status !== 200) return reject(refusalOf(request));
      read(request.responseText);
      if (failure === undefined) resolve();
      else reject(failure);
    });
    request.addEventListener("error", () => reject(new WireFailure("")));
    request.addEventListener("abort", () => reject(signal.reason));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    if (signal.aborted) return reject(signal.reason);
    request.send(file);
  });
}

// ---

/** A proxy in between answers in its own way: then only the status is known. */
function refusalOf({ status, responseText }: XMLHttpRequest): WireFailure {
  try {
    const { error, code, retry_after_ms } = JSON.parse(responseText) as Record<string, unknown>; // checked below
    if (typeof error === "string") {
      return new WireFailure(
        error,
        typeof code === "string" ? code : undefined,
        typeof retry_after_ms === "number" ? retry_after_ms : undefined,
      );
    }
  } catch {
    // Another program's answer.
  }
  return new WireFailure(`HTTP ${status}`, `http_${status}`, status === 429 || status === 503 ? 5000 : undefined);
}
