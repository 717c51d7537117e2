/**
 * The service worker: keeps the page and its files, so that the transcripts in this browser can be read while the server is away. The
 * network always comes first for the page itself; nothing else is kept, and no request but these two kinds is looked at.
 */

/** What a service worker has; the library of types for pages does not know it. */
interface WorkerEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends WorkerEvent {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Scope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: WorkerEvent) => void): void;
  addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;
}
const worker = globalThis as unknown as Scope; // as it runs

const KEPT = "gigastt";
const page = worker.registration.scope;

worker.addEventListener("install", (event) => event.waitUntil(worker.skipWaiting()));
worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate" && request.url.replace(/#.*$/, "") === page) event.respondWith(pageOf(request));
  else if (request.url.startsWith(`${page}console/`) && request.url.includes("?v=")) event.respondWith(fileOf(request));
});

async function pageOf(request: Request): Promise<Response> {
  const kept = await caches.open(KEPT);
  try {
    const answer = await fetch(request);
    // Not the page of a sign-in that a proxy puts in front.
    if (answer.ok && !answer.redirected) {
      await kept.put(page, answer.clone());
      await forgetOld(kept, await answer.clone().text());
    }
    return answer;
  } catch (error) {
    const last = await kept.match(page);
    if (last === undefined) throw error;
    return last;
  }
}

/** Its address changes with its content. */
async function fileOf(request: Request): Promise<Response> {
  const kept = await caches.open(KEPT);
  const last = await kept.match(request);
  if (last !== undefined) return last;
  const answer = await fetch(request);
  if (answer.ok) await kept.put(request, answer.clone());
  return answer;
}

/** Files that the page does not name any more. */
async function forgetOld(kept: Cache, html: string): Promise<void> {
  for (const { url } of await kept.keys())
    if (url !== page && !html.includes(url.slice(page.length))) await kept.delete(url);
}
