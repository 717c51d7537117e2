import { describe, expect, it } from "vitest";
import { corsHeaders, judgeOrigin } from "../../../../src/runtime/access/origin.ts";

const policy = { allowedOrigins: ["https://stt.example.com", "http://intern:8080"], corsAllowAny: false };
const allows = (origin: string | undefined): boolean => judgeOrigin(origin, policy).allowed;

describe("judgeOrigin", () => {
  it("lets a client without Origin in, without CORS headers", () => {
    const verdict = judgeOrigin(undefined, policy);
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
    expect(judgeOrigin("null", { allowedOrigins: ["null"], corsAllowAny: false }).allowed).toBe(true);
  });

  it("echoes * for everybody when any origin is allowed", () => {
    const verdict = judgeOrigin("https://anywhere.example", { allowedOrigins: [], corsAllowAny: true });
    expect(corsHeaders(verdict)["access-control-allow-origin"]).toBe("*");
  });

  it("echoes an allowed origin as it came and exposes what clients need to back off", () => {
    expect(corsHeaders(judgeOrigin("HTTP://LOCALHOST:1", policy))).toEqual({
      "access-control-allow-origin": "HTTP://LOCALHOST:1",
      "access-control-allow-methods": "GET, POST, OPTIONS",
      "access-control-allow-headers": "Authorization, Content-Type, X-Request-Id",
      "access-control-expose-headers": "Retry-After, X-Request-Id",
      "access-control-max-age": "600",
      vary: "Origin",
    });
    expect(corsHeaders(judgeOrigin("https://evil.example", policy))).toEqual({});
  });
});
