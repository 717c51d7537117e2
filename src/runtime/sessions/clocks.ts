import type { Clock } from "../../shared/time/clock.ts";
import { WireError } from "../../shared/errors.ts";
import type { Settings } from "../lifecycle/settings.ts";
import type { Timers } from "../../shared/time/timers.ts";

/** The two clocks of a session: silence and age. */
export interface SessionClocks {
  /** Starts both; called when the session is admitted. */
  start(): void;
  /** A frame came, or the server kept it from coming. Pings do not count. */
  touch(): void;
}

export interface SessionClocksOptions {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly timers: Timers;
  readonly idleTimeoutMs: () => number;
  /** The client is kept from sending: it is not idle. */
  readonly isHeld: () => boolean;
  readonly onIdle: (error: WireError) => void;
  readonly onCap: (error: WireError) => void;
}

export function createSessionClocks(options: SessionClocksOptions): SessionClocks {
  const { clock, settings, timers } = options;
  let lastFrameMs = clock.monotonicMs();
  const touch = (): void => {
    lastFrameMs = clock.monotonicMs();
  };

  const watchIdle = (): void => {
    const idleTimeoutMs = options.idleTimeoutMs();
    if (options.isHeld()) touch();
    const leftMs = lastFrameMs + idleTimeoutMs - clock.monotonicMs();
    if (leftMs > 0) timers.after(leftMs, watchIdle);
    else options.onIdle(new WireError("idle_timeout", `no frame received for ${idleTimeoutMs / 1000} s`));
  };

  const watchAge = (): void => {
    const { maxDurationMs } = settings.current.session;
    if (maxDurationMs === 0) return;
    timers.after(maxDurationMs, () => {
      options.onCap(new WireError("max_session_duration_exceeded", `a session may last ${maxDurationMs / 1000} s`));
    });
  };

  return {
    start: () => {
      touch();
      watchIdle();
      watchAge();
    },
    touch,
  };
}
