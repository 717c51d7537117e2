import type { CommitPolicy, EndpointMode, SessionConfig, StreamConfig } from "../../../config/types.ts";
import { WireError } from "../../../shared/errors.ts";
import type { HotWord } from "../../../shared/hot-words.ts";
import { parseHotWords } from "../../../shared/hot-words.ts";
import type { SessionOptions } from "../../sessions/dialect.ts";
import {
  DEFAULT_SESSION_RATE_HZ,
  MIN_PROTOCOL_VERSION,
  PROTOCOL_VERSION,
  SESSION_RATES_HZ,
} from "../../../shared/protocol.ts";

const ENDPOINT_MODES: readonly EndpointMode[] = ["auto", "assistant", "manual"];
const COMMIT_POLICIES: readonly CommitPolicy[] = ["auto", "on_finalize", "stable_prefix"];
const MIN_SILENCE_RANGE_MS = { min: 100, max: 10_000 };

export function defaultSessionOptions(stream: StreamConfig): SessionOptions {
  return {
    sampleRateHz: DEFAULT_SESSION_RATE_HZ,
    endpoint: stream.endpoint,
    minSilenceMs: stream.minSilenceMs,
    commitPolicy: stream.commitPolicy,
  };
}

/** The first message of an admitted session. */
export function readyMessage(model: string, limits: SessionConfig): object {
  return {
    type: "ready",
    model,
    sample_rate: DEFAULT_SESSION_RATE_HZ,
    version: PROTOCOL_VERSION,
    min_protocol_version: MIN_PROTOCOL_VERSION,
    supported_rates: SESSION_RATES_HZ,
    max_session_secs: limits.maxDurationMs / 1000,
    idle_timeout_secs: limits.idleTimeoutMs / 1000,
  };
}

/** Outcome of a `configure`: every good field is taken, every bad one keeps its old value and is answered by an error of its own. */
export interface Configured {
  readonly options: SessionOptions;
  readonly errors: readonly WireError[];
  /** The version cannot be spoken: the session ends. */
  readonly unsupported: WireError | undefined;
}

export function applyConfigure(fields: Readonly<Record<string, unknown>>, before: SessionOptions): Configured {
  const errors: WireError[] = [];
  const take = <T>(name: string, old: T, accept: (value: unknown) => T | undefined, refuse: () => WireError): T => {
    const value = fields[name];
    // null is what many clients send for "not set"
    if (value === undefined || value === null) return old;
    const taken = accept(value);
    if (taken === undefined) errors.push(refuse());
    return taken ?? old;
  };
  const hotWords = take<readonly HotWord[] | undefined>(
    "hotwords",
    before.hotWords,
    (value) => {
      const words = parseHotWords(value);
      return typeof words === "string" ? undefined : words;
    },
    () => new WireError("bad_request", String(parseHotWords(fields["hotwords"]))),
  );
  const options: SessionOptions = {
    ...(hotWords === undefined ? {} : { hotWords }),
    sampleRateHz: take(
      "sample_rate",
      before.sampleRateHz,
      (value) => SESSION_RATES_HZ.find((rate) => rate === value),
      () => new WireError("invalid_sample_rate", `sample_rate must be one of ${SESSION_RATES_HZ.join(", ")}`),
    ),
    endpoint: take(
      "endpoint_mode",
      before.endpoint,
      (value) => ENDPOINT_MODES.find((mode) => mode === value),
      () => new WireError("invalid_endpoint_mode", `endpoint_mode must be one of ${ENDPOINT_MODES.join(", ")}`),
    ),
    commitPolicy: take(
      "commit_policy",
      before.commitPolicy,
      (value) => COMMIT_POLICIES.find((policy) => policy === value),
      () => new WireError("invalid_commit_policy", `commit_policy must be one of ${COMMIT_POLICIES.join(", ")}`),
    ),
    minSilenceMs: take(
      "min_silence_ms",
      before.minSilenceMs,
      (value) => (isWithin(value, MIN_SILENCE_RANGE_MS) ? value : undefined),
      () =>
        new WireError(
          "bad_request",
          `min_silence_ms must be a number from ${MIN_SILENCE_RANGE_MS.min} to ${MIN_SILENCE_RANGE_MS.max}`,
        ),
    ),
  };
  return { options, errors, unsupported: unsupportedVersion(fields["protocol_version"]) };
}

function unsupportedVersion(version: unknown): WireError | undefined {
  if (version === undefined || version === null) return undefined;
  const [, major, minor] = typeof version === "string" ? (/^(\d{1,4})\.(\d{1,4})$/.exec(version) ?? []) : [];
  if (Number(major) === 1 && Number(minor) <= 2) return undefined;
  return new WireError(
    "unsupported_protocol_version",
    `protocol_version must be from ${MIN_PROTOCOL_VERSION} to ${PROTOCOL_VERSION}`,
  );
}

function isWithin(value: unknown, { min, max }: { min: number; max: number }): value is number {
  return typeof value === "number" && value >= min && value <= max;
}
