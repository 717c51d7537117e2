import { describe, expect, it } from "vitest";
import { createSupervisorLink } from "../../../../src/runtime/lifecycle/supervisor-link.ts";
import type { FromRuntime, ToRuntime } from "../../../../src/shared/process/messages.ts";

describe("the way to the supervisor", () => {
  it("gives each question its own answer, in any order, and passes refusals on", async () => {
    const sent: FromRuntime[] = [];
    let say = (_message: ToRuntime): void => {};
    const ask = createSupervisorLink({
      send: (message) => void sent.push(message),
      onMessage: (listener) => {
        say = listener;
      },
      onDisconnect: () => {},
      close: () => {},
    });
    const first = ask({ cmd: "audit" });
    const second = ask({ cmd: "settings" });
    const third = ask({ cmd: "begin", operation: "reload" });
    expect(sent).toEqual([
      { type: "ask", id: 1, question: { cmd: "audit" } },
      { type: "ask", id: 2, question: { cmd: "settings" } },
      { type: "ask", id: 3, question: { cmd: "begin", operation: "reload" } },
    ]);
    say({ type: "answered", id: 9, ok: true, result: "not asked" });
    say({ type: "answered", id: 3, ok: false, code: "GST_BUSY", message: "restart has been running" });
    say({ type: "answered", id: 2, ok: true, result: "two" });
    say({ type: "answered", id: 1, ok: true, result: "one" });
    expect(await Promise.all([first, second])).toEqual(["one", "two"]);
    await expect(third).rejects.toMatchObject({ status: 409, message: "restart has been running" });
  });
});
