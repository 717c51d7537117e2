import { describe, expect, it } from "vitest";
import { FORMATS } from "../../../src/config/schema/formats.ts";

const { origin, "host-pattern": host } = FORMATS;

describe("server.allowedOrigins", () => {
  it.each([
    "https://stt.example.com",
    "http://intern:8080",
    "HTTPS://Stt.Example.com",
    "https://xn--e1afmkfd.xn--p1ai",
    "http://[2001:db8::1]:8080",
    "null",
    "app://obsidian.md",
    "capacitor://localhost",
    "ionic://localhost",
    "chrome-extension://mmfbcljfglbokpmkimbfghdkjmjhdgbg",
    "moz-extension://2f3a1b0c-0d3a-4d2e-9f77-0123456789ab",
    "vscode-webview://1abc",
    "tauri://localhost:1420",
  ])("takes %s", (text) => {
    expect(origin.matches(text)).toBe(true);
  });

  it.each([
    ["stt.example.com", "write https://stt.example.com"],
    ["https://stt.example.com/", "write https://stt.example.com"],
    ["https://stt.example.com:443", "write https://stt.example.com"],
    ["https://user:pw@stt.example.com", "write https://stt.example.com"],
    ["https://пример.рф", "write https://xn--e1afmkfd.xn--p1ai"],
    ["wss://stt.example.com/v1/ws", "write https://stt.example.com"],
    ["app://obsidian.md/", "write app://obsidian.md"],
    ["app://Obsidian.md/index.html?x", "write app://Obsidian.md"],
    ["chrome-extension://abc/page.html", "write chrome-extension://abc"],
    ["*", "to allow every page set server.corsAllowAny"],
    ["https://*.example.com", "for example https://stt.example.com"],
    ["https://", "for example https://stt.example.com"],
    ["https://a b", "for example https://stt.example.com"],
    ["https://stt.example.com:99999", "for example https://stt.example.com"],
    ["app://", "for example https://stt.example.com"],
    ["file:///home/me/page.html", "for example https://stt.example.com"],
    ["file://server/page.html", "for example https://stt.example.com"],
    ["javascript://x", "for example https://stt.example.com"],
    ["https://a.example, https://b.example", "for example https://stt.example.com"],
    ["", "for example https://stt.example.com"],
  ])("refuses %j: %s", (text, cure) => {
    expect([origin.matches(text), origin.cure(text)]).toEqual([false, cure]);
  });
});

describe("server.allowedHosts", () => {
  it.each(["stt.example.com", "box.local", "gigastt_app", "*.svc.cluster.local", "пример.рф", "xn--e1afmkfd.xn--p1ai"])(
    "takes %s",
    (text) => {
      expect(host.matches(text)).toBe(true);
    },
  );

  it.each([
    ["https://stt.example.com", "write stt.example.com"],
    ["stt.example.com:8443", "write stt.example.com"],
    ["stt.example.com/", "write stt.example.com"],
    ["*", "list the hosts; to allow every page set server.corsAllowAny"],
    ["*.*.example.com", "for example stt.example.com"],
    ["a b.example", "for example stt.example.com"],
    [".example.com", "for example stt.example.com"],
    ["", "for example stt.example.com"],
  ])("refuses %j: %s", (text, cure) => {
    expect([host.matches(text), host.cure(text)]).toEqual([false, cure]);
  });
});
