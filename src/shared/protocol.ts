/**
 * The one table of the wire: routes, formats, rates, codes and timers. Runtime, renderer, audit, command line, docs and the console read it,
 * so it imports nothing and runs in a browser too.
 */

// --- routes

/** Group of routes that speak one protocol: one folder of the runtime, one form of errors. */
export type Face = "native" | "openai" | "realtime" | "compat" | "jobs" | "archive" | "console";
/** What passes through a route: proxies choose timers, buffering and limits by it. `rest-or-sse`: the request decides, proxies allow both. */
export type Traffic = "probe" | "page" | "status" | "rest" | "sse" | "rest-or-sse" | "websocket" | "metrics";
/** `public`: proxies pass it without credentials by default. `closed`: proxies answer 404. */
export type Access = "public" | "protected" | "closed";
export type HttpMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface RouteSpec {
  readonly face: Face;
  /** `HEAD` is answered wherever `GET` is. */
  readonly methods: readonly HttpMethod[];
  /** Exact path, in which `{name}` stands for one segment; also the label in logs and metrics. */
  readonly path: string;
  readonly traffic: Traffic;
  readonly access: Access;
  /** Browsers of other origins are refused, and allowed ones get CORS headers. */
  readonly checksOrigin: boolean;
  /** A request costs a token of the client's bucket. */
  readonly isLimited: boolean;
  /** Its clients stream their upload and never repeat it: they wait in the queue for `pool.holdTimeout`. */
  readonly isHeld?: boolean;
  /** Which setting bounds its body: `limits.body`, or `limits.asrBody` for films. */
  readonly bodyLimit?: "asrBody";
  /** One phrase for the route table of the docs. */
  readonly summary: string;
  /** Set on a deprecated alias: the path to use instead. */
  readonly replacedBy?: string;
}

export const ROUTES = {
  health: {
    face: "native",
    methods: ["GET"],
    path: "/health",
    traffic: "probe",
    access: "public",
    checksOrigin: false,
    isLimited: false,
    summary: "200 as long as the event loop turns",
  },
  ready: {
    face: "native",
    methods: ["GET"],
    path: "/ready",
    traffic: "probe",
    access: "protected",
    checksOrigin: false,
    isLimited: false,
    summary: "200 while new work would be accepted",
  },
  models: {
    face: "native",
    methods: ["GET"],
    path: "/v1/models",
    traffic: "status",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "the loaded model",
  },
  model: {
    face: "openai",
    methods: ["GET"],
    path: "/v1/models/{id}",
    traffic: "status",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "one entry of the list of models",
  },
  transcribe: {
    face: "native",
    methods: ["POST"],
    path: "/v1/transcribe",
    traffic: "rest",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "audio in, transcript out",
  },
  transcribeStream: {
    face: "native",
    methods: ["POST"],
    path: "/v1/transcribe/stream",
    traffic: "sse",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "audio in, events out",
  },
  speechToText: {
    face: "native",
    methods: ["POST"],
    path: "/api/speech-to-text",
    traffic: "rest",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "audio in, `{text, language}` out, as the HTTP bridge of Wyoming has it",
  },
  transcriptions: {
    face: "openai",
    methods: ["POST"],
    path: "/v1/audio/transcriptions",
    traffic: "rest-or-sse",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    isHeld: true,
    summary: "a form with a recording in, a transcript out, see [openai.md](openai.md)",
  },
  translations: {
    face: "openai",
    methods: ["POST"],
    path: "/v1/audio/translations",
    traffic: "rest",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "400: the model does not translate",
  },
  openapi: {
    face: "native",
    methods: ["GET"],
    path: "/openapi.json",
    traffic: "status",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "these routes as an OpenAPI 3.1 document",
  },
  asyncapi: {
    face: "native",
    methods: ["GET"],
    path: "/asyncapi.json",
    traffic: "status",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "the WebSocket sessions as an AsyncAPI 3.0 document",
  },
  asr: {
    face: "compat",
    methods: ["POST"],
    path: "/asr",
    traffic: "rest",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    isHeld: true,
    bodyLimit: "asrBody",
    summary:
      "a form with a recording in, subtitles or text out, as of whisper-asr-webservice, see [compat.md](compat.md)",
  },
  detectLanguage: {
    face: "compat",
    methods: ["POST"],
    path: "/detect-language",
    traffic: "rest",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    isHeld: true,
    bodyLimit: "asrBody",
    summary: "a form with a recording in, its language out, see [compat.md](compat.md)",
  },
  jobs: {
    face: "jobs",
    methods: ["GET", "POST"],
    path: "/v1/jobs",
    traffic: "rest",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "POST: audio in, 202 with the id of a job out; GET: the list, see [jobs.md](jobs.md)",
  },
  uploads: {
    face: "jobs",
    methods: ["POST"],
    path: "/v1/uploads",
    traffic: "rest",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "begins an upload that can be resumed (tus 1.0) and becomes a job, see [jobs.md](jobs.md)",
  },
  upload: {
    face: "jobs",
    methods: ["GET", "PATCH", "DELETE"],
    path: "/v1/uploads/{id}",
    traffic: "rest",
    access: "protected",
    checksOrigin: true,
    isLimited: false,
    summary: "PATCH: the next bytes of an upload; HEAD: how many have arrived; DELETE: gives it up; GET: its job",
  },
  job: {
    face: "jobs",
    methods: ["GET", "DELETE"],
    path: "/v1/jobs/{id}",
    traffic: "status",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "state and progress of a job; DELETE cancels it",
  },
  jobResult: {
    face: "jobs",
    methods: ["GET"],
    path: "/v1/jobs/{id}/result",
    traffic: "status",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "transcript of a finished job",
  },
  jobEvents: {
    face: "jobs",
    methods: ["GET"],
    path: "/v1/jobs/{id}/events",
    traffic: "sse",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "events of a job, resumed with `Last-Event-ID`",
  },
  jobRetry: {
    face: "jobs",
    methods: ["POST"],
    path: "/v1/jobs/{id}/retry",
    traffic: "status",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "a failed job is queued again",
  },
  jobPurge: {
    face: "jobs",
    methods: ["POST"],
    path: "/v1/jobs/{id}/purge",
    traffic: "status",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "audio, transcript and record of a job are deleted",
  },
  archive: {
    face: "archive",
    methods: ["GET"],
    path: "/v1/archive",
    traffic: "status",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "finished transcripts, newest first; `q` searches them, see [archive.md](archive.md)",
  },
  archiveEntry: {
    face: "archive",
    methods: ["GET", "DELETE"],
    path: "/v1/archive/{id}",
    traffic: "status",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "one archived transcript, in any `format`; DELETE deletes it",
  },
  metrics: {
    face: "native",
    methods: ["GET"],
    path: "/metrics",
    traffic: "metrics",
    access: "closed",
    checksOrigin: true,
    isLimited: false,
    summary: "Prometheus text, when `metrics.enabled`",
  },
  live: {
    face: "native",
    methods: ["GET"],
    path: "/v1/ws",
    traffic: "websocket",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "WebSocket session, see [websocket.md](websocket.md); without an upgrade: 426",
  },
  realtime: {
    face: "realtime",
    methods: ["GET"],
    path: "/v1/realtime",
    traffic: "websocket",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary:
      "WebSocket session as OpenAI's Realtime API has it, see [realtime.md](realtime.md); without an upgrade: 426",
  },
  liveAlias: {
    face: "native",
    methods: ["GET"],
    path: "/ws",
    traffic: "websocket",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "deprecated alias of `/v1/ws`",
    replacedBy: "/v1/ws",
  },
  console: {
    face: "console",
    methods: ["GET"],
    path: "/",
    traffic: "page",
    access: "protected",
    checksOrigin: false,
    isLimited: false,
    summary: "the web console, when `console.enabled`",
  },
  consoleFile: {
    face: "console",
    methods: ["GET"],
    path: "/console/{file}",
    traffic: "page",
    access: "protected",
    checksOrigin: false,
    isLimited: false,
    summary: "the console's program, styles and icon",
  },
  consoleStatus: {
    face: "console",
    methods: ["GET"],
    path: "/console/status",
    traffic: "page",
    access: "protected",
    checksOrigin: true,
    isLimited: false,
    summary: "numbers of the server, for its own machine and for keys with the scope `admin`",
  },
  consoleSupervisor: {
    face: "console",
    methods: ["GET"],
    path: "/console/supervisor/{part}",
    traffic: "page",
    access: "protected",
    checksOrigin: true,
    isLimited: false,
    summary: "what the supervisor knows, for the same callers: `history`, `logs`, `config` or `audit`",
  },
  consoleOperation: {
    face: "console",
    methods: ["POST"],
    path: "/console/operations/{operation}",
    traffic: "page",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "`reload`, `restart` or `rollback`, for the same callers and from the server's own page alone",
  },
  consoleModel: {
    face: "console",
    methods: ["GET", "POST"],
    path: "/console/model",
    traffic: "page",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "GET: the model to download while the demo model serves, and its progress; POST starts it",
  },
  consoleSession: {
    face: "console",
    methods: ["GET", "POST", "DELETE"],
    path: "/console/session",
    traffic: "page",
    access: "protected",
    checksOrigin: true,
    isLimited: true,
    summary: "POST: the console's page signs in with a key; DELETE: signs out; GET: with which key",
  },
} as const;

type Routes = typeof ROUTES;
export type RouteName = keyof Routes;
/** Routes that are upgraded to WebSocket. */
export type WebSocketRouteName = { [K in RouteName]: Routes[K]["traffic"] extends "websocket" ? K : never }[RouteName];
/** Routes that a handler answers. */
export type HttpRouteName = Exclude<RouteName, WebSocketRouteName>;

export const ALL_ROUTES: readonly RouteSpec[] = Object.values(ROUTES);

/** Returns whether a route carries one of these kinds of traffic. */
export function carries({ traffic }: Pick<RouteSpec, "traffic">, ...kinds: readonly Traffic[]): boolean {
  return kinds.includes(traffic) || (traffic === "rest-or-sse" && (kinds.includes("rest") || kinds.includes("sse")));
}

/** Returns the paths of the routes that carry these kinds of traffic, kind by kind. */
export function pathsOf(...kinds: readonly Traffic[]): readonly string[] {
  return [...new Set(kinds.flatMap((kind) => ALL_ROUTES.filter((route) => carries(route, kind))))].map(
    ({ path }) => path,
  );
}

/** Returns a path that a client may ask for: the name of each parameter as its value. */
export function samplePath({ path }: Pick<RouteSpec, "path">): string {
  return path.replace(/[{}]/g, "");
}

/** Returns whether `OPTIONS` is answered 204 with the CORS headers: pages of other origins never read what proxies keep closed. */
export function answersPreflight(route: RouteSpec): boolean {
  return route.checksOrigin && route.access !== "closed";
}

/** Returns the `Allow` header of a route. */
export function allowedMethods(route: RouteSpec): readonly string[] {
  const { methods, traffic } = route;
  return [
    ...methods,
    ...(methods.includes("GET") && traffic !== "websocket" ? ["HEAD"] : []),
    ...(answersPreflight(route) ? ["OPTIONS"] : []),
  ];
}

// --- audio and transcripts

/** Containers and codecs that the POST routes accept; `supported_formats` of `/v1/models`. */
export const AUDIO_FORMATS: readonly string[] = ["wav", "mp3", "flac", "ogg", "opus", "webm", "m4a", "aac"];
/** Rates that a WebSocket session may announce, Hz. */
export const SESSION_RATES_HZ: readonly number[] = [8000, 16_000, 24_000, 44_100, 48_000];
/** Rate of the frames of a client that announces none, Hz. */
export const DEFAULT_SESSION_RATE_HZ = 48_000;
/** Rate the model works at, Hz. */
export const MODEL_RATE_HZ = 16_000;

/**
 * Names by which clients ask for a model; each means the loaded one. Some clients offer only names that contain `whisper` or `transcribe`,
 * some send only `whisper-1`, and some send hot words only to a model whose name begins with `gpt-transcribe`.
 */
export const MODEL_ALIASES: readonly string[] = [
  "whisper-1",
  "gpt-transcribe",
  "gpt-4o-transcribe",
  "gpt-4o-mini-transcribe",
  "gpt-4o-transcribe-diarize",
];

export const TRANSCRIPT_FORMATS = ["json", "txt", "srt", "vtt", "md", "tsv", "html"] as const;
export type TranscriptFormat = (typeof TRANSCRIPT_FORMATS)[number];

/** Media types to serve each format with. */
export const TRANSCRIPT_MEDIA_TYPES: Readonly<Record<TranscriptFormat, string>> = {
  json: "application/json; charset=utf-8",
  txt: "text/plain; charset=utf-8",
  srt: "application/x-subrip; charset=utf-8",
  vtt: "text/vtt; charset=utf-8",
  md: "text/markdown; charset=utf-8",
  tsv: "text/tab-separated-values; charset=utf-8",
  html: "text/html; charset=utf-8",
};

/** Version of the WebSocket protocol, and the oldest one still spoken. */
export const PROTOCOL_VERSION = "1.2";
export const MIN_PROTOCOL_VERSION = "1.0";

// --- console

/** How far back the console's charts go, and the time that one of their points covers, seconds. */
export type HistoryRange = "1h" | "6h" | "24h" | "7d" | "30d";
export const HISTORY_RANGES: Readonly<Record<HistoryRange, { readonly lengthS: number; readonly stepS: number }>> = {
  "1h": { lengthS: 3600, stepS: 60 },
  "6h": { lengthS: 21_600, stepS: 60 },
  "24h": { lengthS: 86_400, stepS: 120 },
  "7d": { lengthS: 604_800, stepS: 1800 },
  "30d": { lengthS: 2_592_000, stepS: 3600 },
};

/** What the console can change. */
export const CONSOLE_OPERATIONS = ["reload", "restart", "rollback"] as const;
export type ConsoleOperation = (typeof CONSOLE_OPERATIONS)[number];

// --- timers

/** A comment line in an event stream without events, ms. Proxies must wait longer than this. */
export const SSE_PING_MS = 15_000;
/** Default and longest ping interval of a WebSocket, ms. */
export const WS_PING_MS = 30_000;

// --- error codes

/** Every code that a client of the HTTP or WebSocket wire can receive, with its HTTP status. */
export const WIRE_ERROR_STATUS = {
  empty_body: 400,
  bad_request: 400,
  invalid_api_key: 401,
  insufficient_scope: 403,
  quota_exceeded: 429,
  origin_denied: 403,
  host_denied: 403,
  local_only: 403,
  metrics_disabled: 404,
  not_found: 404,
  model_not_found: 404,
  jobs_disabled: 404,
  job_not_found: 404,
  archive_disabled: 404,
  transcript_not_found: 404,
  method_not_allowed: 405,
  upload_timeout: 408,
  job_not_finished: 409,
  job_not_cancellable: 409,
  job_not_retryable: 409,
  payload_too_large: 413,
  unsupported_media: 415,
  invalid_audio: 422,
  audio_too_long: 422,
  idempotency_conflict: 422,
  transcription_error: 500,
  rate_limit_exceeded: 429,
  too_many_connections: 429,
  disk_full: 507,
  timeout: 503,
  queue_full: 503,
  initializing: 503,
  shutting_down: 503,
  pool_closed: 503,
  jobs_unavailable: 503,
  archive_unavailable: 503,
  inference_error: 500,
  inference_timeout: 503,
  policy_violation: 400,
  idle_timeout: 408,
  max_session_duration_exceeded: 408,
  configure_too_late: 400,
  input_audio_buffer_commit_empty: 400,
  invalid_sample_rate: 400,
  invalid_endpoint_mode: 400,
  invalid_commit_policy: 400,
  unsupported_protocol_version: 400,
  unsupported_language: 400,
  unsupported_task: 400,
} as const;

export type WireErrorCode = keyof typeof WIRE_ERROR_STATUS;
