import * as fc from "fast-check";
import { expect, it } from "vitest";
import { createWaitingTurns } from "../../../../../src/runtime/http/connections/client-share.ts";

it("holds a client's connections while too much of it waits, and forgets none of them", () => {
  const step = fc.oneof(
    fc.record({ add: fc.integer({ min: 1, max: 3000 }) }),
    fc.record({ remove: fc.integer({ min: 1, max: 2000 }) }),
    fc.constant("ask" as const),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const turns = createWaitingTurns();
      let count = 0;
      let asked = 0;
      let called = 0;
      const remove = (wanted: number): void => {
        const removed = Math.min(wanted, count);
        const before = called;
        count -= removed;
        turns.remove(removed);
        // No more come back than there is room for.
        if (turns.isFull) expect(called).toBe(before);
        else if (count > 0) expect(called - before).toBeLessThanOrEqual(removed);
      };
      for (const now of steps) {
        if (now === "ask") {
          if (!turns.isFull) continue;
          asked++;
          turns.onRoom(() => void called++);
        } else if ("add" in now) {
          count += now.add;
          for (let i = 0; i < now.add; i++) turns.add();
        } else remove(now.remove);
      }
      for (let left = count; left > 0; left -= 7) remove(7);
      expect(called).toBe(asked);
      expect(turns.isFull).toBe(false);
    }),
  );
});
