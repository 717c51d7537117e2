import { describe, expect, it } from "vitest";
import { createAddressResolver } from "../../../../src/runtime/access/client-address.ts";

const loopback = createAddressResolver(["127.0.0.1/32", "::1/128"]);
const none = { forwardedFor: undefined, realIp: undefined };
const forwarded = (forwardedFor: string, realIp?: string) => ({ forwardedFor, realIp });

describe("createAddressResolver", () => {
  it("takes the peer and ignores every header when nobody is trusted", () => {
    const resolve = createAddressResolver([]);
    expect(resolve("127.0.0.1", forwarded("6.6.6.6", "7.7.7.7")).address).toBe("127.0.0.1");
  });

  it("takes the peer when it is not a trusted proxy, whatever it sends", () => {
    expect(loopback("203.0.113.9", forwarded("6.6.6.6", "7.7.7.7")).address).toBe("203.0.113.9");
  });

  it("takes the forwarded address of a trusted proxy", () => {
    expect(loopback("127.0.0.1", forwarded("203.0.113.9"))).toEqual({
      address: "203.0.113.9",
      key: "203.0.113.9",
      appendedForward: false,
    });
  });

  it("takes the right-most address that is no trusted proxy and reports the appending proxy", () => {
    expect(loopback("::1", forwarded("6.6.6.6, 203.0.113.9, 127.0.0.1"))).toEqual({
      address: "203.0.113.9",
      key: "203.0.113.9",
      appendedForward: true,
    });
  });

  it("falls back to X-Real-IP, then to the peer", () => {
    expect(loopback("127.0.0.1", { forwardedFor: undefined, realIp: "203.0.113.9" }).address).toBe("203.0.113.9");
    expect(loopback("127.0.0.1", none).address).toBe("127.0.0.1");
    expect(loopback("127.0.0.1", forwarded("127.0.0.1, ::1")).address).toBe("127.0.0.1");
  });

  it.each([
    "unknown",
    "_hidden",
    "203.0.113.9:4711",
    "127.1",
    "0x7f000001",
    "2130706433",
    "1.2.3.4.5",
    "<script>",
    ",",
  ])("takes the peer when the forwarded value is %j", (value) => {
    expect(loopback("127.0.0.1", forwarded(value)).address).toBe("127.0.0.1");
  });

  it("takes the peer when the right-most value is no address, even if one before it is", () => {
    expect(loopback("127.0.0.1", forwarded("203.0.113.9, garbage")).address).toBe("127.0.0.1");
  });

  it("treats IPv4-mapped addresses as IPv4, in the peer and in the header", () => {
    expect(loopback("::ffff:127.0.0.1", forwarded("::ffff:203.0.113.9")).key).toBe("203.0.113.9");
    expect(loopback("::ffff:cb00:7109", none).key).toBe("203.0.113.9");
  });

  it("limits IPv6 clients by their /64", () => {
    const one = loopback("2001:db8:1:2:3:4:5:6", none);
    const other = loopback("2001:db8:1:2:ffff::1", none);
    const elsewhere = loopback("2001:db8:1:3::1", none);
    expect(one.key).toBe("2001:db8:1:2::/64");
    expect(other.key).toBe(one.key);
    expect(elsewhere.key).not.toBe(one.key);
    expect(one.address).toBe("2001:db8:1:2:3:4:5:6");
  });

  it("ignores a zone index", () => {
    expect(loopback("fe80::1%eth0", none).key).toBe("fe80::/64");
  });

  it("trusts ranges of both families, mapped ranges and bare addresses", () => {
    const resolve = createAddressResolver(["10.0.0.0/8", "fd00::/8", "::ffff:192.168.0.0/112", "172.16.0.1"]);
    for (const proxy of ["10.9.9.9", "fd12::1", "192.168.0.7", "172.16.0.1"]) {
      expect(resolve(proxy, forwarded("203.0.113.9")).address).toBe("203.0.113.9");
    }
    for (const stranger of ["11.0.0.1", "fe80::1", "172.16.0.2"]) {
      expect(resolve(stranger, forwarded("203.0.113.9")).address).not.toBe("203.0.113.9");
    }
  });

  it("knows a socket that is already gone as unknown", () => {
    expect(loopback(undefined, none)).toEqual({ address: "unknown", key: "unknown", appendedForward: false });
  });
});
