import { describe, expect, it } from "vitest";
import { createOperations } from "../../../../src/supervisor/control/operations.ts";

function gate(): { readonly open: () => void; readonly passed: Promise<void> } {
  let open = (): void => {};
  // Promise.withResolvers is not in Node 20.
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { open, passed };
}

describe("operations", () => {
  it("run one at a time; a second one hears the name of the first", async () => {
    const operations = createOperations(() => false);
    const door = gate();
    const first = operations.run("restart", () => door.passed);
    expect(operations.current?.name).toBe("restart");
    await expect(operations.run("reload", async () => {})).rejects.toThrow("restart has been running since");
    door.open();
    await first;
    expect(operations.current).toBeUndefined();
    expect(await operations.run("reload", async () => 7)).toBe(7);
  });

  it("are free again after one that failed", async () => {
    const operations = createOperations(() => false);
    await expect(operations.run("reload", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(operations.current).toBeUndefined();
  });

  it("let who waits begin in turn: the second waits for what the first has begun", async () => {
    const operations = createOperations(() => false);
    const doors = [gate(), gate()];
    const order: string[] = [];
    const running = operations.run("restart", () => doors[0]!.passed);
    const first = operations.whenIdle(() => {
      order.push("reload begins");
      return operations.run("reload", () => doors[1]!.passed);
    });
    const second = operations.whenIdle(() => order.push(`then ${operations.current?.name ?? "nothing"} runs`));
    doors[0]!.open();
    await running;
    await new Promise(setImmediate);
    expect(order).toEqual(["reload begins"]);
    doors[1]!.open();
    await Promise.all([first, second]);
    expect(order).toEqual(["reload begins", "then nothing runs"]);
  });

  it("wait for an automatic one; of two that wait, the second is refused", async () => {
    const operations = createOperations(() => false);
    const doors = [gate(), gate()];
    const automatic = operations.run("reload", () => doors[0]!.passed, { isAutomatic: true });
    const rollback = operations.run("rollback", () => doors[1]!.passed);
    const upgrade = operations.run("upgrade", async () => {});
    expect(operations.current?.name).toBe("reload");
    doors[0]!.open();
    await automatic;
    await expect(upgrade).rejects.toThrow("rollback has been running since");
    doors[1]!.open();
    await rollback;
    expect(operations.current).toBeUndefined();
  });

  it("are refused once everything ends", async () => {
    await expect(createOperations(() => true).run("restart", async () => {})).rejects.toThrow("gigastt is stopping");
  });
});
