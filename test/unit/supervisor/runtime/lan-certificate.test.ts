import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { holds, lanCertificate } from "../../../../src/supervisor/runtime/lan-certificate.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-lan-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const now = new Date("2026-05-01T12:00:00Z");
const later = (days: number): Date => new Date(now.getTime() + days * 86_400_000);
const names = ["box", "localhost", "192.168.1.5", "::1", "fd00::2", "2001:db8:0:0:1::7"];

describe("the certificate of the home network", () => {
  it("stays the same while it carries every name, IPv6 addresses in their short form included", async () => {
    const first = await lanCertificate(dir, now, names);
    expect(await lanCertificate(dir, later(10), names)).toEqual(first);
    expect(await lanCertificate(dir, later(10), ["box", "fd00::2"])).toEqual(first);
  });

  it("is made anew when its end is near, when it is not valid yet, and with it a CA whose dates do not hold", async () => {
    const first = await lanCertificate(dir, now, names);
    expect(await lanCertificate(dir, later(370), names)).not.toEqual(first);
    const ahead = await lanCertificate(dir, later(30 * 365), names);
    const ca = readFileSync(join(dir, "ca.pem"), "utf8");
    const back = await lanCertificate(dir, now, names);
    expect(back).not.toEqual(ahead);
    expect(readFileSync(join(dir, "ca.pem"), "utf8")).not.toBe(ca);
    expect(holds(back, now)).toBe(true);
  });

  it("is made once before the clock is set, with dates that hold when it is", async () => {
    const unset = new Date(60_000);
    const first = await lanCertificate(dir, unset, names);
    expect(await lanCertificate(dir, new Date(9_000_000), names)).toEqual(first);
    expect(holds(first, now)).toBe(true);
  });

  it.each(["192.168.1.6", "fd00::3", "other"])("is made anew for a name it does not carry: %s", async (name) => {
    const first = await lanCertificate(dir, now, names);
    const second = await lanCertificate(dir, now, [...names, name]);
    expect(second.certificate).not.toBe(first.certificate);
    expect(await lanCertificate(dir, now, [...names, name])).toEqual(second);
  });
});
