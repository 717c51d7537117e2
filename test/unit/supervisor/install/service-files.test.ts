import { describe, expect, it } from "vitest";
import { planService } from "../../../../src/supervisor/install/service-files.ts";
import type { ServiceInput } from "../../../../src/supervisor/install/service-files.ts";
import { configWith } from "../../render/base-config.ts";

const input = (platform: NodeJS.Platform, over: Partial<ServiceInput> = {}): ServiceInput => ({
  config: configWith({}),
  configHash: "0".repeat(64),
  toolVersion: "0.0.0",
  platform,
  nodePath: "/opt/node & co/bin/node",
  scriptPath: "/opt/gigastt/bin/gigastt.js",
  configPath: "/Users/anna/<stt>/gigastt.config.yaml",
  ...over,
});

describe("a service", () => {
  it("is a set of units on Linux, with the way back", () => {
    const { files, commands, undo } = planService(input("linux"));
    expect(files.map(({ path }) => path)).toContain("/etc/systemd/system/gigastt.service");
    expect(commands.slice(-2)).toEqual([
      ["systemctl", "enable", "gigastt.service"],
      ["systemctl", "restart", "gigastt.service"],
    ]);
    expect(undo).toEqual([["systemctl", "disable", "--now", "gigastt.service"]]);
  });

  it("is a launch agent on macOS that starts at login and again after a crash, not after a clean end", () => {
    const { files, commands, undo } = planService(input("darwin"));
    const [agent] = files;
    expect(agent?.path).toMatch(/Library\/LaunchAgents\/local\.gigastt\.plist$/);
    const words = [...(agent?.text ?? "").matchAll(/^    <string>(.*)<\/string>$/gm)].map(([, word]) => word);
    expect(words).toEqual([
      "/opt/node &amp; co/bin/node",
      "/opt/gigastt/bin/gigastt.js",
      "up",
      "--config",
      "/Users/anna/&lt;stt&gt;/gigastt.config.yaml",
    ]);
    expect(agent?.text).toContain("<key>RunAtLoad</key><true/>");
    expect(agent?.text).toContain("<key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>");
    expect(commands).toEqual([["launchctl", "load", "-w", agent?.path]]);
    expect(undo).toEqual([["launchctl", "unload", "-w", agent?.path]]);
  });

  it("gives launchd more time to stop than the drain takes", () => {
    const config = configWith({ shutdown: { drainMs: 300_000 } });
    const text = planService(input("darwin", { config })).files[0]?.text ?? "";
    expect(Number(/<key>ExitTimeOut<\/key><integer>(\d+)</.exec(text)?.[1])).toBeGreaterThanOrEqual(310);
  });

  it("cannot be installed elsewhere, and says what to do there", () => {
    expect(() => planService(input("win32"))).toThrow(/this is win32: run "gigastt up --detach"/);
  });
});
