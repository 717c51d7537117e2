import type { Server } from "node:http";
import { Server as NetServer } from "node:net";
import type { DrainReport } from "../../shared/process/messages.ts";
import { WireError } from "../../shared/errors.ts";
import type { ClosingSockets } from "../http/connections/lingering-close.ts";
import type { RuntimeContext } from "../context.ts";
import { createDeadline, endsBefore } from "../http/deadline.ts";
import type { Deadline } from "../http/deadline.ts";
import type { Exchange } from "../http/connections/exchanges.ts";
import type { SessionRegistry } from "../sessions/registry.ts";
import { setInterval, sleep } from "../../shared/time/timers.ts";

/** Drain is a state with an order and a deadline. Runs once; further calls get the same report. */
export interface Drain {
  begin(reason: string): Promise<DrainReport>;
  /**
   * Another runtime already accepts on the same socket: stop accepting, serve what is connected until it ends by itself, then (or after
   * `limitMs`) drain.
   */
  handOver(limitMs: number): Promise<DrainReport>;
  /** Cuts what is left now; during a hand-over it ends the patience first. */
  expedite(): void;
}

/** A worker in the middle of a window cannot be stopped without aborting the process: it gets this long after the deadline. */
const ENGINE_GRACE_MS = 2500;

/**
 * Kept-alive connections stay this long after a hand-over: a client that uses its connection learns `Connection: close` from the
 * answer and moves over; closing under its hands would reset the request it just sent.
 */
const IDLE_LINGER_MS = 2000;

/** Longest wait for the kernel to let go of sockets that were destroyed. */
const SOCKET_GRACE_MS = 1500;

interface Tally {
  sessionsFlushed: number;
  requestsFinished: number;
  cut: number;
}

/** What accepts connections. */
export interface Servers {
  readonly http: Server;
  /** The listeners of other protocols: all their connections are sessions. */
  readonly faces: readonly NetServer[];
}

export function createDrain(context: RuntimeContext, servers: () => Servers): Drain {
  const { sessions } = context;
  let running: Promise<DrainReport> | undefined;
  let deadline: Deadline | undefined;
  let stopWaiting = (): void => {};

  const run = async (reason: string): Promise<DrainReport> => {
    const { clock, log, metrics, settings } = context;
    const startMs = clock.monotonicMs();
    const limit = createDeadline(settings.current.shutdown.drainMs, clock);
    deadline = limit;
    const tally: Tally = { sessionsFlushed: 0, requestsFinished: 0, cut: 0 };
    log.info("drain_begin", {
      reason,
      sessions: sessions.size,
      requests: context.exchanges.size,
      limit_ms: settings.current.shutdown.drainMs,
    });
    const steps: readonly (readonly [string, () => unknown])[] = [
      ["announce", () => (context.phase.draining = true)],
      ["refuse_new_work", () => refuseNewWork(context)],
      ["hand_back_jobs", () => endsBefore(context.jobs?.stopWork() ?? Promise.resolve(), limit.now)],
      ["flush_work", () => Promise.all([flushSessions(sessions, limit, tally), finishRequests(context, limit, tally)])],
      ["await_admission", () => endsBefore(context.admission.whenIdle(), limit.now)],
      ["stop_engine", () => stopEngine(context, limit)],
      ["close_archive", () => endsBefore(context.archive?.close() ?? Promise.resolve(), limit.now)],
      ["close_jobs", () => endsBefore(context.jobs?.close() ?? Promise.resolve(), limit.now)],
      ["close_server", () => closeServers(servers(), context.closing, limit)],
    ];
    for (const [step, action] of steps) {
      const stepMs = clock.monotonicMs();
      await action();
      log.info("drain_step", { step, ms: Math.round(clock.monotonicMs() - stepMs) });
    }
    limit.clear();
    metrics.drain("flushed", tally.sessionsFlushed);
    metrics.drain("finished", tally.requestsFinished);
    metrics.drain("cut", tally.cut);
    const report: DrainReport = { tookMs: Math.round(clock.monotonicMs() - startMs), ...tally };
    log.info("drain_end", { ...report });
    return report;
  };

  const waitForEnd = async (limitMs: number): Promise<void> => {
    const { log, phase, exchanges } = context;
    log.info("handover_begin", { sessions: sessions.size, requests: exchanges.size, limit_ms: limitMs });
    phase.handedOver = true;
    // The runtime that took over continues them.
    void context.jobs?.stopWork();
    // `http.Server.close` would also close idle connections, whose clients may be about to send: only stop accepting.
    for (const server of allOf(servers())) NetServer.prototype.close.call(server);
    const until = context.clock.monotonicMs() + limitMs;
    const lingerUntil = Math.min(until, context.clock.monotonicMs() + IDLE_LINGER_MS);
    const stop = new AbortController();
    stopWaiting = () => stop.abort();
    const isBusy = (): boolean => sessions.size > 0 || exchanges.size > 0;
    const mayLeave = async (): Promise<boolean> => {
      if (isBusy()) return false;
      return context.clock.monotonicMs() >= lingerUntil || (await connectionCount(servers().http)) === 0;
    };
    while (!stop.signal.aborted && context.clock.monotonicMs() < until && !(await mayLeave())) {
      await sleep(50);
    }
  };

  return {
    begin: (reason) => {
      stopWaiting();
      running ??= run(reason);
      return running;
    },
    handOver: (limitMs) => {
      running ??= waitForEnd(limitMs).then(() => run("handover"));
      return running;
    },
    expedite: () => {
      if (deadline === undefined) stopWaiting();
      else deadline.expedite();
    },
  };
}

function allOf({ http, faces }: Servers): readonly NetServer[] {
  return [http, ...faces];
}

function connectionCount(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.getConnections((_error, count) => resolve(count));
  });
}

/** New work is refused, work that waited is dismissed, bodies still on their way are no longer wanted. */
function refuseNewWork(context: RuntimeContext): void {
  context.admission.close();
  for (const exchange of context.exchanges) {
    if (exchange.stage === "receiving") exchange.abort(new WireError("shutting_down", "the server is shutting down"));
  }
}

async function flushSessions(sessions: SessionRegistry, deadline: Deadline, tally: Tally): Promise<void> {
  const live = [...sessions];
  deadline.soon.addEventListener("abort", () => live.forEach((session) => session.hurry()), { once: true });
  for (const session of live) session.drain();
  await Promise.all(
    live.map(async (session) => {
      if (!(await endsBefore(session.ended, deadline.now))) session.terminate();
      const result = await Promise.race([session.ended, sleep(SOCKET_GRACE_MS, { ref: false })]);
      if (result?.cut === false) tally.sessionsFlushed++;
      else tally.cut++;
    }),
  );
}

async function finishRequests(context: RuntimeContext, deadline: Deadline, tally: Tally): Promise<void> {
  await Promise.all(
    [...context.exchanges].map(async (exchange) => {
      const worked = exchange.stage === "working";
      const closed = new Promise<void>((resolve) => exchange.res.once("close", resolve));
      if (!(await endsBefore(closed, deadline.soon))) await cutRequest(exchange, closed, deadline, tally);
      else if (worked) tally.requestsFinished++;
    }),
  );
}

/** Ends a request that could not finish: its coded answer if nothing was sent yet, then the end of its connection. */
async function cutRequest(exchange: Exchange, closed: Promise<void>, deadline: Deadline, tally: Tally): Promise<void> {
  tally.cut++;
  exchange.abort(new WireError("shutting_down", "the server is shutting down"));
  if (!(await endsBefore(closed, deadline.now))) exchange.res.destroy();
}

async function stopEngine({ engine, clock, log, phase }: RuntimeContext, deadline: Deadline): Promise<void> {
  const bound = createDeadline(deadline.remainingMs() + ENGINE_GRACE_MS, clock);
  const stopped = await endsBefore(engine.close(), bound.now);
  bound.clear();
  phase.engineIsStuck = !stopped;
  if (!stopped) log.error("engine_not_stopped", { waited_ms: ENGINE_GRACE_MS });
}

async function closeServers({ http, faces }: Servers, closing: ClosingSockets, deadline: Deadline): Promise<void> {
  // Its sessions have ended: what is left are sockets whose clients read their goodbye.
  for (const face of faces) NetServer.prototype.close.call(face);
  await closeHttp(http, closing, deadline);
}

async function closeHttp(server: Server, closing: ClosingSockets, deadline: Deadline): Promise<void> {
  // `http.Server.close` would also cut the connections whose clients are reading their last answer.
  const closed = new Promise<void>((resolve) => void NetServer.prototype.close.call(server, () => resolve()));
  // Kept-alive connections become idle only after their last answer has been read.
  const closeIdle = (): void => {
    if (closing.size === 0) server.closeIdleConnections();
  };
  const sweep = setInterval(closeIdle, 20);
  closeIdle();
  if (!(await endsBefore(closed, deadline.now))) server.closeAllConnections();
  await Promise.race([closed, sleep(SOCKET_GRACE_MS, { ref: false })]);
  clearInterval(sweep);
}
