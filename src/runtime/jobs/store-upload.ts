import type { IncomingMessage } from "node:http";
import { WireError } from "../../shared/errors.ts";
import { setTimeout } from "../../shared/time/timers.ts";
import type { PartWriter } from "../../store/blobs/files.ts";
import type { RuntimeContext } from "../context.ts";
import { ClientGone } from "../http/replies/errors.ts";
import { emptyBody, tooLarge } from "../http/uploads/upload.ts";
import { createUploadPace } from "../http/uploads/upload-pace.ts";

export interface StoreUploadOptions {
  readonly req: IncomingMessage;
  readonly writer: PartWriter;
  readonly limitBytes: number;
  readonly signal: AbortSignal;
}

/**
 * Writes a body to the disk while it arrives, within the limits of every upload: size, minimum rate, the client's presence. The request is left
 * paused on failure.
 */
export function storeUpload(options: StoreUploadOptions, context: RuntimeContext): Promise<void> {
  const { req, writer, limitBytes, signal } = options;
  const { minUploadKbps } = context.settings.current.limits;
  const graceMs = context.timing.uploadGraceMs;
  const pace = createUploadPace(context.clock, minUploadKbps, graceMs);
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let isOver = false;
    let hasEnded = false;
    let writing = 0;

    const finish = (error?: unknown): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(watch);
      req.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone).pause();
      signal.removeEventListener("abort", onAbort);
      if (error === undefined) resolve();
      else reject(error as Error); // a WireError, ClientGone, or what the disk said
    };
    const onAbort = (): void => finish(signal.reason);
    const onGone = (): void => {
      if (!req.complete) finish(new ClientGone());
    };
    const onEnd = (): void => {
      hasEnded = true;
      if (writing === 0) finish(bytes === 0 ? emptyBody() : undefined);
    };
    const onData = (chunk: Buffer): void => {
      pace.received(chunk.length);
      bytes += chunk.length;
      if (bytes > limitBytes) return finish(tooLarge(limitBytes));
      writing++;
      req.pause();
      // The disk's time is not the client's.
      pace.holdUp(true);
      writer.write(chunk).then(
        () => {
          writing--;
          if (isOver) return;
          pace.holdUp(false);
          if (hasEnded && writing === 0) finish();
          else req.resume();
        },
        (error: unknown) => finish(error),
      );
    };

    let watch: NodeJS.Timeout | undefined;
    const checkPace = (): void => {
      if (pace.slackMs < 0) {
        return finish(new WireError("upload_timeout", `the body arrived slower than ${minUploadKbps} kbit/s`));
      }
      watch = setTimeout(checkPace, Math.max(MIN_CHECK_MS, pace.slackMs));
    };
    checkPace();

    if (signal.aborted) return onAbort();
    if (req.destroyed && !req.complete) return onGone();
    signal.addEventListener("abort", onAbort, { once: true });
    req.on("data", onData).once("end", onEnd).once("error", onGone).once("close", onGone);
    req.resume();
  });
}

// ---

const MIN_CHECK_MS = 20;
