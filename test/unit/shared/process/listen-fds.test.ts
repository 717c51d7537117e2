import { describe, expect, it } from "vitest";
import { inheritedSockets } from "../../../../src/shared/process/listen-fds.ts";

describe("inheritedSockets", () => {
  it("counts what was passed to this process", () => {
    expect(inheritedSockets({ LISTEN_FDS: "1" }, 7)).toHaveLength(1);
    expect(inheritedSockets({ LISTEN_FDS: "1", LISTEN_PID: "7" }, 7)).toHaveLength(1);
    expect(inheritedSockets({ LISTEN_FDS: "2", LISTEN_PID: "" }, 7)).toHaveLength(2);
  });

  it("is none when none was passed, or it was meant for another process", () => {
    expect(inheritedSockets({}, 7)).toHaveLength(0);
    expect(inheritedSockets({ LISTEN_FDS: "0" }, 7)).toHaveLength(0);
    expect(inheritedSockets({ LISTEN_FDS: "x" }, 7)).toHaveLength(0);
    expect(inheritedSockets({ LISTEN_FDS: "1", LISTEN_PID: "8" }, 7)).toHaveLength(0);
  });
});
