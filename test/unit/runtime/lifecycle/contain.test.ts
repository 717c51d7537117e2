import { createTurns } from "../../../../src/shared/time/turns.ts";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createConnection, onBehalfOf } from "../../../../src/runtime/http/connections/connection.ts";
import { createWaitingTurns } from "../../../../src/runtime/http/connections/client-share.ts";
import type { RuntimeContext } from "../../../../src/runtime/context.ts";
import { createContainment } from "../../../../src/runtime/lifecycle/contain.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const bug = new Error("bug");

function world(state: { lent: number; exchanges: number; sessions: number }) {
  const socket = Object.assign(new EventEmitter(), { destroy: vi.fn() }) as unknown as Socket; // what a connection uses of it
  const context = {
    log: { error: vi.fn() },
    metrics: { error: vi.fn() },
    admission: {
      total: 4,
      get available() {
        return 4 - state.lent;
      },
    },
    get exchanges() {
      return Object.assign(
        Array.from({ length: state.exchanges }, () => ({ req: {} })),
        { size: state.exchanges },
      );
    },
    get sessions() {
      return { size: state.sessions };
    },
  } as unknown as RuntimeContext; // what the containment reads of it
  const onDoubt = vi.fn();
  return {
    socket,
    onDoubt,
    contain: createContainment(context, onDoubt),
    connection: createConnection(socket, createWaitingTurns(), createTurns(0)),
  };
}

describe("containment of bugs", () => {
  it("is in doubt at once when no connection is to blame", () => {
    const { contain, onDoubt } = world({ lent: 0, exchanges: 0, sessions: 0 });
    contain(bug);
    expect(onDoubt).toHaveBeenCalledWith(bug);
  });

  it("ends the connection to blame, and is content when its slots come back", () => {
    const state = { lent: 2, exchanges: 0, sessions: 1 };
    const { socket, contain, onDoubt, connection } = world(state);
    onBehalfOf(connection, () => contain(bug));
    vi.advanceTimersByTime(5000);
    expect(socket.destroy).toHaveBeenCalledTimes(1);
    state.lent = 1;
    vi.advanceTimersByTime(60_000);
    expect(onDoubt).not.toHaveBeenCalled();
  });

  it("is in doubt when more slots are lent than there are requests and sessions, half a minute later", () => {
    const { contain, onDoubt, connection } = world({ lent: 2, exchanges: 0, sessions: 1 });
    onBehalfOf(connection, () => contain(bug));
    vi.advanceTimersByTime(25_000);
    expect(onDoubt).not.toHaveBeenCalled();
    vi.advanceTimersByTime(10_000);
    expect(onDoubt).toHaveBeenCalledWith(bug);
  });
});
