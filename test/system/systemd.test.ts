import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docCommands } from "../support/doc-commands.ts";
import { bootMachine, whyNoMachine, type Machine } from "./machine/machine.ts";

/** The rendered unit under a real systemd, in a machine of its own. */
const missing = whyNoMachine("curl");
const suite = missing === undefined ? describe : describe.skip;
const why = missing === undefined ? "" : ` (skipped: ${missing})`;

let machine: Machine;
const property = (name: string): string =>
  machine.must(`systemctl show gigastt.service --property ${name} --value`).trim();
const journal = (): string => machine.must("sudo journalctl --unit gigastt --no-pager --output cat");

/** Polls; a loaded machine gets a minute. */
async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`still waiting for ${what}\n${journal().slice(-3000)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

suite(`the unit under a real systemd${why}`, () => {
  beforeAll(async () => {
    machine = await bootMachine();
  }, 120_000);
  afterAll(() => machine?.stop());

  it("docs/deploy/systemd.md works as it is written, from a clone to a running service", () => {
    for (const { text } of docCommands("docs/deploy/systemd.md")) machine.must(text);
    expect(property("ActiveState")).toBe("active");
    // Type=notify: systemctl came back only when the supervisor had said so.
    expect(property("StatusText")).toMatch(/^ready in .* http:\/\/127\.0\.0\.1:9876/);
  }, 180_000);

  it("is as confined as the page says", () => {
    const answer = machine.must("systemd-analyze security gigastt --no-pager");
    const exposure = Number(/Overall exposure level for gigastt\.service: ([\d.]+)/.exec(answer)?.[1]);
    expect(exposure).toBeLessThanOrEqual(1.3);
    machine.must("systemd-analyze verify /etc/systemd/system/gigastt.service");
    expect(property("NRestarts")).toBe("0");
  }, 60_000);

  it("a reload takes live keys over without a restart", async () => {
    const pid = property("MainPID");
    machine.must(
      "sudo sed -i 's/level: info/level: debug/' /etc/gigastt/gigastt.config.yaml && sudo systemctl reload gigastt",
    );
    await until("the reload", () => journal().includes("reloaded"));
    await until("active again", () => property("ActiveState") === "active");
    expect(property("MainPID")).toBe(pid);
  }, 60_000);

  it("stop drains: the supervisor ends the runtime in order and systemd kills nothing", () => {
    machine.must("sudo systemctl stop gigastt");
    expect(property("Result")).toBe("success");
    expect(property("ExecMainStatus")).toBe("0");
    expect(journal()).toContain("Finishing running sessions (up to");
    expect(machine.run("pgrep --uid gigastt").code).toBe(1);
    machine.must("sudo systemctl start gigastt");
  }, 120_000);

  it("a supervisor that hangs is killed by the watchdog and started again", async () => {
    // Ten seconds instead of the rendered minute: the mechanism is the same.
    machine.must(
      "sudo mkdir -p /etc/systemd/system/gigastt.service.d && printf '[Service]\\nWatchdogSec=10\\nWatchdogSignal=SIGKILL\\n' | sudo tee /etc/systemd/system/gigastt.service.d/quick.conf && sudo systemctl daemon-reload && sudo systemctl restart gigastt",
    );
    const pid = property("MainPID");
    machine.must(`sudo kill -STOP ${pid}`);
    await until("a new supervisor", () => property("MainPID") !== pid && property("ActiveState") === "active");
    expect(Number(property("NRestarts"))).toBeGreaterThan(0);
    expect(journal()).toContain("Watchdog timeout");
    expect(machine.must("curl -sS http://127.0.0.1:9876/health")).toContain('"ok"');
    machine.must("sudo rm -r /etc/systemd/system/gigastt.service.d && sudo systemctl daemon-reload");
  }, 180_000);

  it("a runtime that does not end is killed by the supervisor within the unit's stop timeout: systemd cuts nothing", () => {
    machine.must(
      "sudo sed -i 's/drain: 10s/drain: 2s/' /etc/gigastt/gigastt.config.yaml && sudo ./gigastt install-service --config /etc/gigastt/gigastt.config.yaml",
    );
    machine.must("sudo kill -STOP $(pgrep --uid gigastt --full runtime/supervised-main.js)");
    const started = Date.now();
    machine.must("sudo systemctl stop gigastt");
    const tookMs = Date.now() - started;
    const limitMs = 1000 * Number(/TimeoutStopSec=(\d+)/.exec(machine.must("systemctl cat gigastt"))?.[1]);
    expect(tookMs).toBeGreaterThan(2000);
    expect(tookMs).toBeLessThan(limitMs);
    // The supervisor says with its exit code that something had to be killed.
    expect(property("Result")).toBe("exit-code");
    expect(machine.run("pgrep --uid gigastt").code).toBe(1);
  }, 120_000);

  it("socket activation: the first connection starts it, and the socket outlives it", async () => {
    machine.must(
      "printf 'deploy:\\n  systemd:\\n    socketActivation: true\\n' > socket.yaml && sudo install -m 0644 socket.yaml /etc/gigastt/gigastt.config.yaml && sudo ./gigastt install-service --config /etc/gigastt/gigastt.config.yaml",
    );
    machine.must("sudo systemctl stop gigastt.service");
    expect(machine.must("systemctl is-active gigastt.socket")).toBe("active\n");
    expect(machine.must("curl -sS --max-time 60 http://127.0.0.1:9876/health")).toContain('"status"');
    await until("active", () => property("ActiveState") === "active");
    expect(machine.must("sudo ./gigastt status --state-dir /var/lib/gigastt")).toContain("http://127.0.0.1:9876");
  }, 180_000);

  it("uninstall takes away what install-service made", () => {
    machine.must("sudo ./gigastt uninstall --yes --config /etc/gigastt/gigastt.config.yaml");
    expect(machine.run("systemctl cat gigastt.service").code).not.toBe(0);
    expect(machine.run("pgrep --uid gigastt").code).toBe(1);
  }, 60_000);
});
