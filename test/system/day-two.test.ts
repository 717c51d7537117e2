import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docCommands } from "../support/doc-commands.ts";
import { bootMachine, whyNoMachine, type Machine } from "./machine/machine.ts";

/**
 * The box after its first day, under a real systemd and as the hardened unit's user: every command finds the service by itself, from a folder
 * that has nothing to do with it.
 */
const missing = whyNoMachine("curl");
const suite = missing === undefined ? describe : describe.skip;
const why = missing === undefined ? "" : ` (skipped: ${missing})`;

const CONFIG = "/etc/gigastt/gigastt.config.yaml";
const EVERYTHING =
  "/etc/gigastt /var/lib/gigastt /var/cache/gigastt /usr/local/bin/gigastt /etc/systemd/system/gigastt.service";

let machine: Machine;
/** As an operator types it, in a folder without a configuration. */
const sudo = (line: string): string => machine.must(`sudo ${line}`, { cwd: "/tmp" });
const tried = (line: string): ReturnType<Machine["run"]> => machine.run(`sudo ${line}`, { cwd: "/tmp" });
const isActive = (): string => machine.run("systemctl is-active gigastt").output.trim();
const health = (): string =>
  machine.must("curl -sS --retry 20 --retry-connrefused --retry-delay 1 http://127.0.0.1:9876/health");
const setDrain = (value: string): string => sudo(`sed -i 's/drain: .*/drain: ${value}/' ${CONFIG}`);

suite(`the installed service on day two${why}`, () => {
  beforeAll(async () => {
    machine = await bootMachine();
    for (const { text } of docCommands("docs/deploy/systemd.md").filter((block) => block.text.includes("/opt/gigastt")))
      if (!text.includes("install-service")) machine.must(text);
  }, 300_000);
  afterAll(() => machine?.stop());

  it("is checked before anything is installed: program, configuration and rights, all at once", () => {
    sudo("sh -c 'mkdir -p /etc/gigastt; rm -f /etc/gigastt/*; chmod o-rx /opt/gigastt'");
    const { code, output } = tried(`/opt/gigastt/gigastt install-service --config ${CONFIG}`);
    expect(code).not.toBe(0);
    expect(output).toContain(CONFIG);
    sudo(`sh -c 'printf "shutdown:\\n  drain: 5s\\n" > ${CONFIG}; chmod 0600 ${CONFIG}'`);
    const second = tried(`/opt/gigastt/gigastt install-service --config ${CONFIG}`);
    expect(second.output).toContain("nothing was installed:\n");
    expect(second.output).toContain("sudo chmod o+x /opt/gigastt\n");
    expect(second.output).toContain(`sudo chmod o+r ${CONFIG}\n`);
    expect(machine.run("systemctl cat gigastt.service").code).not.toBe(0);
    expect(machine.run("id gigastt").code).not.toBe(0);
    sudo(`chmod o+rx /opt/gigastt && sudo chmod 0644 ${CONFIG}`);
  }, 120_000);

  it("goes back to nothing when a step fails", () => {
    sudo("sh -c 'printf \"server:\\n  port: 22222\\n\" > /etc/gigastt/taken.yaml'");
    machine.must("sudo systemd-run --unit taker python3 -m http.server 22222 --bind 127.0.0.1");
    const { code, output } = tried("/opt/gigastt/gigastt install-service --config /etc/gigastt/taken.yaml");
    expect(code).toBe(1);
    expect(output).toContain("Nothing was left installed");
    expect(output).toContain("22222");
    expect(machine.run("systemctl cat gigastt.service").code).not.toBe(0);
    expect(machine.run("id gigastt").code).not.toBe(0);
    sudo("systemctl stop taker && sudo rm /etc/gigastt/taken.yaml");
  }, 180_000);

  it("is installed with a link on PATH, and every command finds it", () => {
    sudo(`/opt/gigastt/gigastt install-service --link --config ${CONFIG}`);
    expect(isActive()).toBe("active");
    const status = sudo("gigastt status");
    expect(status).toContain(`gigastt.service: ${CONFIG}, state in /var/lib/gigastt\n`);
    expect(status).toContain("http://127.0.0.1:9876");
    expect(sudo("gigastt logs --process supervisor -n 5")).toContain("ready");
    expect(sudo("gigastt doctor --json")).toContain(CONFIG);
    expect(sudo("gigastt restart")).toContain("pid");
    expect(sudo("gigastt plan")).toContain("nothing would change");
    expect(tried("gigastt render --check").output).toContain("/etc/gigastt");
    // Without rights it says what to do instead of showing nothing.
    for (const command of ["status", "logs"])
      expect(machine.run(`gigastt ${command}`, { cwd: "/tmp" }).output).toContain("run the same command with sudo");
  }, 240_000);

  it("named places win over it", () => {
    const { output } = tried("gigastt status --state-dir /tmp/none");
    expect(output).not.toContain("gigastt.service:");
    expect(output).toContain("/tmp/none");
    sudo("sh -c 'printf \"server:\\n  port: 1\\n\" > /tmp/other.yaml'");
    expect(tried("gigastt status -c /tmp/other.yaml").output).not.toContain("gigastt.service");
  }, 60_000);

  it("a configuration that breaks it is rolled back while it runs, by a service that may not write the file", async () => {
    setDrain("7s");
    sudo("gigastt reload");
    setDrain("banana");
    expect(tried("gigastt reload").code).not.toBe(0);
    expect(sudo("gigastt rollback")).toContain("rolled back");
    expect(sudo(`cat ${CONFIG}`)).toContain("drain: 7s");
    expect(sudo(`cat ${CONFIG}.before-rollback`)).toContain("drain: banana");
    expect(sudo(`stat -c %U:%a ${CONFIG}`)).toBe("root:644\n");
    expect(sudo("gigastt rollback")).toContain("rolled back");
    expect(sudo(`cat ${CONFIG}`)).toContain("drain: 5s");
    expect(health()).toContain("ok");
  }, 120_000);

  it("a configuration it cannot start with stops it once, and is rolled back while it is down", () => {
    setDrain("banana");
    tried("systemctl restart gigastt");
    expect(isActive()).toBe("failed");
    expect(machine.must("systemctl show gigastt --property ExecMainStatus,NRestarts")).toBe(
      "NRestarts=0\nExecMainStatus=2\n",
    );
    const status = tried("gigastt status");
    expect(status.output).toContain("sudo systemctl restart gigastt\n");
    expect(sudo("gigastt rollback")).toContain("sudo systemctl restart gigastt\n");
    sudo("systemctl restart gigastt");
    expect(health()).toContain("ok");
  }, 120_000);

  it("is backed up, wiped, restored to the service's user, and starts again", () => {
    sudo("sh -c 'printf \"correct horse battery\\n\" > /tmp/phrase'");
    sudo(
      "sh -c 'mkdir -p /etc/gigastt/secrets && echo hunter2 > /etc/gigastt/secrets/keys && chmod 600 /etc/gigastt/secrets/keys'",
    );
    expect(sudo("gigastt backup --passphrase-file /tmp/phrase /tmp/site.age")).toContain("checked");
    // Without rights there is no half backup.
    const { code, output } = machine.run("GIGASTT_PASSPHRASE=correct-horse-battery gigastt backup /tmp/half.age", {
      cwd: "/tmp",
    });
    expect(code).toBe(1);
    expect(output).toContain("run the same command with sudo");
    const before = sudo("find /var/lib/gigastt/generations -name generation.json");
    expect(before).not.toBe("");
    expect(sudo("gigastt uninstall --all --yes")).toContain("removed the user gigastt\n");
    for (const path of EVERYTHING.split(" ")) expect(machine.run(`sudo test -e ${path}`).code, path).toBe(1);

    const asked = tried("/opt/gigastt/gigastt restore --passphrase-file /tmp/phrase /tmp/site.age");
    expect(asked.code).toBe(1);
    expect(asked.output).toContain(`configuration → ${CONFIG}\n`);
    expect(asked.output).toContain("files of the state → /var/lib/gigastt\n");
    sudo(`/opt/gigastt/gigastt restore --yes --config ${CONFIG} --passphrase-file /tmp/phrase /tmp/site.age`);
    expect(sudo("cat /etc/gigastt/secrets/keys")).toBe("hunter2\n");
    sudo(`/opt/gigastt/gigastt install-service --link --config ${CONFIG}`);
    expect(health()).toContain("ok");
    expect(sudo("find /var/lib/gigastt/generations -name generation.json")).toContain(before.split("\n")[0] ?? "");
    expect(machine.run("sudo find /var/lib/gigastt ! -user gigastt").output).toBe("");
  }, 300_000);

  it("a restore over an installed service leaves files that its user reads", () => {
    sudo("systemctl stop gigastt");
    sudo("gigastt restore --yes --passphrase-file /tmp/phrase /tmp/site.age");
    expect(machine.run("sudo find /var/lib/gigastt ! -user gigastt -not -path '*/before-restore-*'").output).toBe("");
    sudo("systemctl start gigastt");
    expect(health()).toContain("ok");
  }, 120_000);

  it("is upgraded in place", () => {
    expect(sudo("gigastt upgrade")).toContain("serves after");
    expect(health()).toContain("ok");
  }, 120_000);

  it("uninstall names everything, and with --all removes it", () => {
    const listed = sudo("gigastt uninstall");
    expect(listed).toContain("would remove /etc/systemd/system/gigastt.service\n");
    expect(listed).toContain("would remove /usr/local/bin/gigastt\n");
    expect(isActive()).toBe("active");
    const done = sudo("gigastt uninstall --yes");
    for (const path of ["/etc/gigastt/secrets", CONFIG]) expect(done).toContain(`left ${path}\n`);
    expect(done).toContain("sudo userdel gigastt\n");
    expect(machine.run("systemctl cat gigastt.service").code).not.toBe(0);
    expect(machine.run("pgrep --uid gigastt").code).toBe(1);
  }, 120_000);
});
