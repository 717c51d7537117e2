import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from "undici";
import { DownloadProblem, problemOfNetworkError } from "./download-problem.ts";
import { setTimeout } from "../shared/time/timers.ts";

export interface HttpClient {
  /**
   * GET with redirects followed. Rejects with a DownloadProblem, or with the signal's reason when aborted.
   * The body must be read to its end, left, or cancelled.
   */
  get(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HttpAnswer>;
  /** Closes the connections, also busy ones. */
  close(): Promise<void>;
}

export interface HttpAnswer {
  readonly status: number;
  /** The address that answered at last, for messages: without credentials and query. */
  readonly shownUrl: string;
  /** First value of a header, by lower-case name. */
  header(name: string): string | undefined;
  /** Bytes as sent (nothing is decompressed). Throws a DownloadProblem when the sender stalls or breaks off. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Gives up the body without reading it. */
  cancel(): void;
}

export interface HttpClientOptions {
  /** For HTTPS_PROXY, HTTP_PROXY and NO_PROXY. */
  readonly env: NodeJS.ProcessEnv;
  /** Longest wait for the next byte, from the request on. */
  readonly stallMs: number;
  readonly connectTimeoutMs: number;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Creates the client of downloads, the only user of undici: Node's built-in fetch can neither use a proxy on every Node version nor leave a body compressed. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const dispatcher = createDispatcher(options);
  return {
    get: async (url, headers, signal) => {
      let current = parseUrl(url);
      // Credentials in the address go to its own origin only.
      const authorization = basicAuthorization(current);
      const home = current.origin;
      for (let redirects = 0; ; redirects++) {
        const sent = { ...headers, ...(authorization && current.origin === home ? { authorization } : {}) };
        const answer = await getOnce(current, sent, dispatcher, options.stallMs, signal);
        if (!REDIRECTS.has(answer.status)) return answer;
        answer.cancel();
        if (redirects >= MAX_REDIRECTS) {
          throw new DownloadProblem(`more than ${MAX_REDIRECTS} redirects, the last to ${answer.shownUrl}`);
        }
        current = redirectTarget(current, answer.header("location"));
      }
    },
    close: () => dispatcher.destroy(),
  };
}

/** Returns an address for messages and logs: without credentials and query (a CDN's query is a signature). */
export function shownUrl(url: URL | string): string {
  const parsed = typeof url === "string" ? (URL.canParse(url) ? new URL(url) : undefined) : url;
  // `origin` is "null" for schemes other than http and https.
  return parsed ? `${parsed.protocol}//${parsed.host}${parsed.pathname}` : "(not a URL)";
}

/** Returns the proxy that requests would use, without credentials; for hints in error messages. */
export function proxyInUse(env: NodeJS.ProcessEnv): string | undefined {
  const { httpProxy, httpsProxy } = proxySettings(env);
  const proxy = httpsProxy || httpProxy;
  return proxy ? shownUrl(proxy) : undefined;
}

function createDispatcher({ env, connectTimeoutMs }: HttpClientOptions): Dispatcher {
  // The stall watch below covers headers and body; undici's own timers are coarser.
  const common = { connect: { timeout: connectTimeoutMs }, headersTimeout: 0, bodyTimeout: 0, connections: 1 };
  const settings = proxySettings(env);
  if (!settings.httpProxy && !settings.httpsProxy) return new Agent(common);
  for (const proxy of [settings.httpProxy, settings.httpsProxy]) {
    if (proxy === "" || (URL.canParse(proxy) && /^https?:$/.test(new URL(proxy).protocol))) continue;
    throw new DownloadProblem(`the proxy must be like http://proxy:3128, found ${shownUrl(proxy)}`, {
      cure: "Correct HTTPS_PROXY or HTTP_PROXY.",
    });
  }
  return new EnvHttpProxyAgent({ ...common, ...settings });
}

/** Empty texts, never undefined: undici would fall back to the process environment. */
function proxySettings(env: NodeJS.ProcessEnv): { httpProxy: string; httpsProxy: string; noProxy: string } {
  // `proxy:3128` without a scheme is common, and every tool reads it as http.
  const address = (text: string | undefined): string =>
    text === undefined || text === "" || text.includes("://") ? (text ?? "") : `http://${text}`;
  return {
    httpProxy: address(env["http_proxy"] ?? env["HTTP_PROXY"]),
    httpsProxy: address(env["https_proxy"] ?? env["HTTPS_PROXY"]),
    noProxy: env["no_proxy"] ?? env["NO_PROXY"] ?? "",
  };
}

async function getOnce(
  url: URL,
  headers: Readonly<Record<string, string>>,
  dispatcher: Dispatcher,
  stallMs: number,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const watch = <T>(step: Promise<T>): Promise<T> => stallGuard(step, stallMs, stop, url, signal);
  const {
    statusCode,
    headers: received,
    body,
  } = await watch(request(plainUrl(url), { method: "GET", headers, dispatcher, signal: both }));
  // An abort after the headers surfaces while reading; without a listener it would be an uncaught error in between.
  body.on("error", () => undefined);
  return {
    status: statusCode,
    shownUrl: shownUrl(url),
    header: (name) => firstOf(received[name]),
    body: readBody(body, watch, () => stop.abort()),
    cancel: () => stop.abort(),
  };
}

async function* readBody(
  body: AsyncIterable<Uint8Array>,
  watch: <T>(step: Promise<T>) => Promise<T>,
  abandon: () => void,
): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  let ended = false;
  try {
    while (true) {
      // Armed only while we wait: a slow disk is not a stalled server.
      const { done, value } = await watch(chunks.next());
      if (done) break;
      yield value;
    }
    ended = true;
  } finally {
    if (!ended) abandon();
  }
}

/** Bounds one step by the stall time and gives its failure a name. */
async function stallGuard<T>(
  step: Promise<T>,
  stallMs: number,
  stop: AbortController,
  url: URL,
  signal: AbortSignal,
): Promise<T> {
  let stalled = false;
  const timer = setTimeout(() => {
    stalled = true;
    stop.abort();
  }, stallMs);
  try {
    return await step;
  } catch (error) {
    signal.throwIfAborted();
    if (stalled) {
      throw new DownloadProblem(`no byte from ${url.host} for ${Math.round(stallMs / 100) / 10} s`, {
        retriable: true,
      });
    }
    throw problemOfNetworkError(error, url.host);
  } finally {
    clearTimeout(timer);
  }
}

function redirectTarget(from: URL, location: string | undefined): URL {
  const where = shownUrl(from);
  if (location === undefined) throw new DownloadProblem(`${where} redirects without an address`);
  if (!URL.canParse(location, from.href)) throw new DownloadProblem(`${where} redirects to an invalid address`);
  const to = new URL(location, from);
  if (to.protocol !== "https:" && to.protocol !== "http:") {
    throw new DownloadProblem(`${where} redirects to ${to.protocol}, only http: and https: are followed`);
  }
  if (from.protocol === "https:" && to.protocol === "http:") {
    throw new DownloadProblem(`${where} redirects from https to plain http (${to.host}), which is refused`);
  }
  return to;
}

function parseUrl(url: string): URL {
  if (!URL.canParse(url))
    throw new DownloadProblem("the base address must be a URL like https://mirror.example.com/models/");
  const parsed = new URL(url);
  if (parsed.protocol === "https:" || parsed.protocol === "http:") return parsed;
  throw new DownloadProblem(`the base address must be http: or https:, found ${parsed.protocol}`);
}

function plainUrl(url: URL): URL {
  const plain = new URL(url);
  plain.username = "";
  plain.password = "";
  plain.hash = "";
  return plain;
}

function basicAuthorization(url: URL): string | undefined {
  if (url.username === "" && url.password === "") return undefined;
  const decode = (text: string): string => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  return `Basic ${Buffer.from(`${decode(url.username)}:${decode(url.password)}`).toString("base64")}`;
}

function firstOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
