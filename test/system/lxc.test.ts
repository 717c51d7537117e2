import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootMachine, whyNoMachine, type Machine } from "./machine/machine.ts";

/** The rendered unit's settings in a machine whose root is an ordinary user outside, with a real systemd: what an unprivileged LXC container of Proxmox is. */
const missing = whyNoMachine();
const UNIT = readFileSync(new URL("../golden/render/systemd-alone.golden", import.meta.url), "utf8");
/** What is about the program itself, not about its sandbox. */
const OWN = /^(?:#|$|Exec|Type|Notify|Watchdog|User|Group|WorkingDir|Restart|Environment|Kill|Timeout)/;
let machine: Machine;

describe.skipIf(missing !== undefined)(
  `the unit in an unprivileged container${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    beforeAll(async () => {
      machine = await bootMachine("unprivileged");
    }, 400_000);
    afterAll(() => machine?.stop());

    it("starts with every setting of its sandbox, and each that docs/deploy/proxmox-lxc.md names takes effect", () => {
      const root = (line: string): string => machine.must(line, { user: "root", cwd: "/" });
      expect(root("cat /proc/self/uid_map").trim()).toMatch(/^0\s+100000\s+65536$/);
      const service = /=== systemd\/gigastt\.service.*\n[\s\S]*?\[Service\]\n([\s\S]*?)\n\[Install\]/.exec(UNIT)?.[1];
      const sandbox = (service ?? "").split("\n").filter((line) => !OWN.test(line));
      expect(sandbox.length).toBeGreaterThan(30);
      const text = ["[Service]", "Type=exec", "User=anna", "ExecStart=/usr/bin/sleep infinity", ...sandbox].join("\n");
      const path = "/run/systemd/system/probe.service";
      const { code, output } = machine.run(`cat >${path} && systemctl daemon-reload && systemctl start probe`, {
        user: "root",
        cwd: "/",
        input: `${text}\n`,
      });
      expect([code, output]).toEqual([0, ""]);
      const pid = root("systemctl show probe --property MainPID --value").trim();
      expect(root("systemctl is-active probe").trim()).toBe("active");
      const status = root(`cat /proc/${pid}/status`);
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      expect(status).toMatch(/^Seccomp:\t2$/m);
      expect(status).toMatch(/^CapBnd:\t0+$/m);
      expect(root(`ls /proc/${pid}/root/home /proc/${pid}/root/root`)).not.toContain("anna");
      expect(root(`ls /proc/${pid}/root/dev`)).not.toContain("sda");
      const mounts = root(`cat /proc/${pid}/mountinfo`);
      for (const place of ["/", "/sys/fs/cgroup", "/dev"])
        expect([place, new RegExp(`^\\S+ \\S+ \\S+ \\S+ ${place} ro,`, "m").test(mounts)]).toEqual([place, true]);
      // PrivateUsers: only its own user, root and nobody have names there.
      expect(root(`cat /proc/${pid}/uid_map`).trim().split("\n").length).toBeGreaterThan(1);
    }, 240_000);
  },
);
