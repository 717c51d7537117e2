import { describe, expect, it } from "vitest";
import { corsHeaders, checkOrigin } from "../../../../src/runtime/access/origin.ts";

const policy = { allowedOrigins: ["https://stt.example.com", "http://intern:8080"], corsAllowAny: false };
const allows = (origin: string | undefined): boolean => checkOrigin(origin, policy).allowed;

describe("checkOrigin", () => {
  it("allows a client without Origin, without CORS headers", () => {
    const verdict = checkOrigin(undefined, policy);
    expect(verdict.allowed).toBe(true);
    expect(corsHeaders(verdict)).toEqual({});
  });

  it.each([
    "http://localhost",
    "https://localhost:3000",
    "http://127.0.0.1:5173",
    "http://[::1]:80",
    "HTTP://LOCALHOST:1",
    "https://stt.example.com",
    "HTTPS://STT.example.COM",
    "https://stt.example.com:443",
    "http://intern:8080",
  ])("allows %s", (origin) => {
    expect(allows(origin)).toBe(true);
  });

  const foreign: string[] = [
    "null",
    "http://localhost.evil.example",
    "http://evil.example/localhost",
    "http://localhost@evil.example",
    "http://127.0.0.1.evil.example",
    "http://127.0.0.2",
    "http://stt.example.com",
    "https://stt.example.com:8443",
    "https://stt.example.com.evil.example",
    "https://sub.stt.example.com",
    "http://intern",
    "ftp://localhost",
    "http://localhost:",
    "http://localhost:123456",
    "http://localhost/",
    "",
    " http://localhost",
    "http://localhost, http://evil.example",
  ];
  it.each(foreign)("refuses %j", (origin) => {
    expect(allows(origin)).toBe(false);
  });

  it("allows null when it is listed", () => {
    expect(checkOrigin("null", { allowedOrigins: ["null"], corsAllowAny: false }).allowed).toBe(true);
  });

  it("answers * when any origin is allowed", () => {
    const verdict = checkOrigin("https://anywhere.example", { allowedOrigins: [], corsAllowAny: true });
    expect(corsHeaders(verdict)["access-control-allow-origin"]).toBe("*");
  });

  it("echoes an allowed origin as it came and exposes what clients need to back off", () => {
    expect(corsHeaders(checkOrigin("HTTP://LOCALHOST:1", policy))).toEqual({
      "access-control-allow-origin": "HTTP://LOCALHOST:1",
      "access-control-allow-methods": "GET, POST, OPTIONS",
      "access-control-allow-headers": "Authorization, Content-Type, X-Request-Id",
      "access-control-expose-headers":
        "Location, Retry-After, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Expires, Upload-Length, Upload-Offset, X-Request-Id",
      "access-control-max-age": "600",
      vary: "Origin",
    });
    expect(corsHeaders(checkOrigin("https://evil.example", policy))).toEqual({});
  });

  it("allows the origin under which the server was addressed, and no other port or scheme of it", () => {
    const own = "https://192.168.1.5:9876";
    const verdict = (origin: string): boolean => checkOrigin(origin, policy, own).allowed;
    expect(
      ["https://192.168.1.5:9876", "https://192.168.1.5:9876/", "http://192.168.1.5:9876", "https://192.168.1.5"].map(
        verdict,
      ),
    ).toEqual([true, false, false, false]);
  });

  it.each(["app://obsidian.md", "capacitor://localhost", "chrome-extension://mmfbcljfglbokpmkimbfghdkjmjhdgbg"])(
    "allows the application %s when it is listed, and refuses it otherwise",
    (origin) => {
      expect(checkOrigin(origin, policy).allowed).toBe(false);
      expect(checkOrigin(origin, { allowedOrigins: [origin], corsAllowAny: false }).allowed).toBe(true);
    },
  );

  it("grants a preflight the headers it asks for, once each, and nothing that is not a header name", () => {
    const asked = "authorization, x-stainless-lang,x-stainless-lang, X-Stainless-OS , bad name, évil, ";
    expect(
      corsHeaders(checkOrigin("http://localhost", policy), ["DELETE"], { "access-control-request-headers": asked }),
    ).toMatchObject({
      "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
      "access-control-allow-headers": "Authorization, Content-Type, X-Request-Id, x-stainless-lang, x-stainless-os",
      vary: "Origin, Access-Control-Request-Headers",
    });
  });
});
