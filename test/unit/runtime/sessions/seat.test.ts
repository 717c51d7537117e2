import { array, assert, asyncProperty, constantFrom } from "fast-check";
import { expect, it } from "vitest";
import type { AcquireOptions, Slot } from "../../../../src/runtime/admission/admission.ts";
import { defaultTiming } from "../../../../src/runtime/context.ts";
import type { RuntimeContext } from "../../../../src/runtime/context.ts";
import { createSeat } from "../../../../src/runtime/sessions/seat.ts";
import { createTimers } from "../../../../src/shared/time/timers.ts";
import { fuzzRuns } from "../../../support/fuzz.ts";
import { createManualClock } from "../../../support/manual-clock.ts";

it("holds one slot at most, and none when it was released or the session is over, whatever comes first", async () => {
  const steps = array(constantFrom("heard", "release", "grant", "turn"), { maxLength: 20 });
  await assert(
    asyncProperty(steps, async (all) => {
      const pending: (() => void)[] = [];
      let held = 0;
      const acquire = ({ signal }: AcquireOptions): Promise<Slot> =>
        new Promise((resolve, reject) => {
          signal?.addEventListener("abort", () => reject(signal.reason));
          pending.push(() => {
            if (signal?.aborted === true) return;
            held++;
            resolve({ release: () => void held-- } as Slot); // all it uses
          });
        });
      const end = new AbortController();
      const timers = createTimers();
      const context = { admission: { acquire }, clock: createManualClock(), timing: defaultTiming };
      const seat = createSeat(context as unknown as RuntimeContext, {
        client: "a",
        timers,
        signal: end.signal,
        blockedBy: () => undefined,
        onWaited: () => {},
        onGranted: () => {},
        onRefused: () => {},
      });
      for (const step of all) {
        if (step === "heard") seat.heard();
        if (step === "release") seat.release();
        if (step === "grant") pending.shift()?.();
        if (step === "turn") await new Promise(setImmediate);
      }
      await new Promise(setImmediate);
      expect(held).toBeLessThanOrEqual(1);
      end.abort(new Error("over"));
      seat.release();
      for (const grant of pending) grant();
      await new Promise(setImmediate);
      timers.clear();
      expect(held).toBe(0);
    }),
    fuzzRuns(1000),
  );
});
