import { DownloadProblem, parseRetryAfterMs, problemOfStatus } from "./download-problem.ts";
import { type HttpAnswer, type HttpClient, shownUrl } from "./http.ts";
import type { ModelFile } from "./manifest.ts";
import { type PartFile, partOf } from "./part.ts";
import { sha256OfFile } from "./verify.ts";
import { sleep } from "../shared/time/timers.ts";

/** Patience of a download. */
export interface RetryPolicy {
  /** Failures in a row without progress before it gives up. */
  readonly attempts: number;
  /** First pause; doubles up to `maxMs`, with jitter. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** Longest `Retry-After` that is waited for. */
  readonly maxRetryAfterMs: number;
  /** Bytes that count as progress and forgive earlier failures. */
  readonly progressBytes: number;
}

export const defaultRetryPolicy: RetryPolicy = {
  attempts: 6,
  baseMs: 1000,
  maxMs: 30_000,
  maxRetryAfterMs: 300_000,
  progressBytes: 1 << 20,
};

export type FileEvent =
  | { readonly event: "file"; readonly file: string; readonly bytes: number; readonly resumedFrom: number }
  | { readonly event: "progress"; readonly file: string; readonly bytesDone: number; readonly bytesTotal: number }
  /** What had arrived is thrown away and the file begins again. */
  | { readonly event: "restart"; readonly file: string; readonly reason: string }
  | {
      readonly event: "retry";
      readonly file: string;
      readonly reason: string;
      readonly waitMs: number;
      readonly attempt: number;
    }
  | { readonly event: "verify"; readonly file: string; readonly bytes: number }
  | { readonly event: "installed"; readonly file: string };

export interface DownloadOptions {
  readonly file: ModelFile;
  /** Where the finished file goes. The part lies beside it. */
  readonly target: string;
  readonly url: string;
  readonly client: HttpClient;
  readonly retry: RetryPolicy;
  readonly signal: AbortSignal;
  readonly onEvent: (event: FileEvent) => void;
}

/**
 * Brings one file from a URL to its place: resumes what an earlier run left, survives broken connections, and publishes only bytes whose
 * SHA-256 is right. Wrong bytes are thrown away and fetched once more from the start.
 * Rejects with a DownloadProblem, the file system's error, or the signal's reason; the part is kept unless its bytes are known to be wrong.
 */
export async function downloadFile(options: DownloadOptions): Promise<void> {
  const { file, retry, signal, onEvent } = options;
  const part = partOf(options.target);
  const state = { useRange: true, cleanRetries: 0, failures: 0 };
  onEvent({ event: "file", file: file.name, bytes: file.bytes, resumedFrom: await resumableBytes(part, file) });
  while (true) {
    signal.throwIfAborted();
    const before = await part.size();
    try {
      await fetchRest(options, part, state.useRange);
      await verifyPart(options, part);
      await part.publish(options.target);
      onEvent({ event: "installed", file: file.name });
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof DownloadProblem)) throw error;
      if (error.discard) {
        // The server got its chance to send it whole; a second set of wrong bytes is what it has.
        state.useRange = false;
        await part.discard();
        if (state.cleanRetries++ >= 1) throw error;
        onEvent({ event: "restart", file: file.name, reason: error.message });
        continue;
      }
      if (!error.retriable) throw error;
      const gained = (await part.size()) - before;
      state.failures = gained >= retry.progressBytes ? 1 : state.failures + 1;
      await waitBeforeRetry(error, state.failures, options);
    }
  }
}

/** Checks a finished part. @throws DownloadProblem with `discard` when the bytes are wrong. */
export async function verifyPart(
  options: Pick<DownloadOptions, "file" | "signal" | "onEvent">,
  part: PartFile,
): Promise<void> {
  const { file, signal } = options;
  options.onEvent({ event: "verify", file: file.name, bytes: file.bytes });
  const found = await sha256OfFile(part.path, { signal });
  if (found === file.sha256) return;
  throw new DownloadProblem(`the bytes received have SHA-256 ${found}, expected ${file.sha256}`, {
    discard: true,
    cure: "The source has a different or damaged file: check model.mirror or --from.",
  });
}

async function resumableBytes(part: PartFile, file: ModelFile): Promise<number> {
  const origin = await part.origin();
  const size = await part.size();
  // A part of unknown origin is resumed as well: the hash decides in the end.
  if (size > file.bytes || (origin !== undefined && origin.sha256 !== file.sha256)) {
    await part.discard();
    return 0;
  }
  return size;
}

async function fetchRest(options: DownloadOptions, part: PartFile, useRange: boolean): Promise<void> {
  const { file, url, client, signal, onEvent } = options;
  const present = await part.size();
  if (present === file.bytes) return;
  const asked = useRange ? present : 0;
  const origin = await part.origin();
  const validator = origin?.url === shownUrl(url) ? origin.validator : undefined;
  const answer = await client.get(
    url,
    {
      "user-agent": "gigastt",
      // The sizes and ranges of the registry are those of the plain file.
      "accept-encoding": "identity",
      ...(asked > 0 ? { range: `bytes=${asked}-` } : {}),
      ...(asked > 0 && validator !== undefined ? { "if-range": validator } : {}),
    },
    signal,
  );
  const resumed = continues(answer, { file, asked, validator });
  if (!resumed) {
    if (present > 0)
      onEvent({ event: "restart", file: file.name, reason: "the server sent the file from the beginning" });
    await part.begin({ url: shownUrl(url), sha256: file.sha256, validator: validatorOf(answer) });
  }
  const bytes = await part.append(answer.body, {
    maxBytes: file.bytes,
    onBytes: (bytesDone) => onEvent({ event: "progress", file: file.name, bytesDone, bytesTotal: file.bytes }),
  });
  if (bytes < file.bytes) {
    throw new DownloadProblem(`the server closed the connection after ${bytes} of ${file.bytes} bytes`, {
      retriable: true,
    });
  }
}

/** True = the answer continues the part, false = it starts the file again; throws for anything else. */
function continues(
  answer: HttpAnswer,
  wanted: { readonly file: ModelFile; readonly asked: number; readonly validator: string | undefined },
): boolean {
  const { file, asked, validator } = wanted;
  const problem = headerProblem(answer, file, asked, validator);
  if (problem === undefined) return answer.status === 206;
  answer.cancel();
  throw problem;
}

function headerProblem(
  answer: HttpAnswer,
  file: ModelFile,
  asked: number,
  validator: string | undefined,
): DownloadProblem | undefined {
  const { status, shownUrl: where } = answer;
  if (status === 416) {
    return new DownloadProblem(`${where} says that the file ends before byte ${asked}`, { discard: true });
  }
  if (status !== 200 && status !== 206) {
    return problemOfStatus(status, where, parseRetryAfterMs(answer.header("retry-after"), Date.now()));
  }
  const encoding = answer.header("content-encoding");
  if (encoding !== undefined && encoding !== "identity") {
    return new DownloadProblem(`${where} came compressed (${encoding}) although a plain file was requested`);
  }
  if (status === 200) return lengthProblem(answer, file);
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(answer.header("content-range") ?? "");
  const fits = range !== null && Number(range[1]) === asked && (range[3] === "*" || Number(range[3]) === file.bytes);
  const etag = strongEtag(answer.header("etag"));
  const changed = validator !== undefined && etag !== undefined && validator.startsWith('"') && etag !== validator;
  if (!fits || changed) {
    const what = changed
      ? "the file changed on the server"
      : "the server sent a different range from the one requested";
    return new DownloadProblem(what, { discard: true });
  }
  return undefined;
}

function lengthProblem(answer: HttpAnswer, file: ModelFile): DownloadProblem | undefined {
  const length = answer.header("content-length");
  if (length === undefined || Number(length) === file.bytes) return undefined;
  const type = answer.header("content-type") ?? "";
  return new DownloadProblem(`${answer.shownUrl} has ${length} bytes, expected ${file.bytes}`, {
    cure: type.startsWith("text/html")
      ? "It is a web page: a login page of the network, or an error page of the mirror."
      : "The source has a different file: check model.mirror or --from.",
  });
}

function validatorOf(answer: HttpAnswer): string | undefined {
  return strongEtag(answer.header("etag")) ?? answer.header("last-modified");
}

/** `If-Range` takes strong validators only. */
function strongEtag(etag: string | undefined): string | undefined {
  return etag !== undefined && /^"[\x21\x23-\x7e]*"$/.test(etag) ? etag : undefined;
}

async function waitBeforeRetry(problem: DownloadProblem, failures: number, options: DownloadOptions): Promise<void> {
  const { retry, file, signal, onEvent } = options;
  if (failures >= retry.attempts) {
    throw new DownloadProblem(`${problem.message}, ${failures} times in a row`, {
      cause: problem,
      ...(problem.cure === undefined ? {} : { cure: problem.cure }),
    });
  }
  const askedMs = problem.retryAfterMs;
  if (askedMs !== undefined && askedMs > retry.maxRetryAfterMs) {
    throw new DownloadProblem(`${problem.message} and asks to retry after ${Math.ceil(askedMs / 1000)} s`, {
      cause: problem,
      cure: "Run the same command again after that time: it continues where it stopped.",
    });
  }
  const backoffMs = Math.min(retry.maxMs, retry.baseMs * 2 ** (failures - 1)) * (0.75 + Math.random() / 2);
  const waitMs = Math.round(askedMs ?? backoffMs);
  onEvent({ event: "retry", file: file.name, reason: problem.message, waitMs, attempt: failures + 1 });
  await sleep(waitMs, { signal });
}
