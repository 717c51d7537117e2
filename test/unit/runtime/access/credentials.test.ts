import type { IncomingHttpHeaders } from "node:http";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chosenSubprotocol, presentedKey } from "../../../../src/runtime/access/credentials.ts";
import { fuzzRuns } from "../../../support/fuzz.ts";

const KEY = `gst_${"0123456789abcdef".repeat(4)}`;
const basic = (pair: string): string => Buffer.from(pair).toString("base64");
const keyOf = (headers: IncomingHttpHeaders, url = "/v1/transcribe", queryParameter = false): string | undefined =>
  presentedKey({ headers, url }, { queryParameter });

describe("the key of a request", () => {
  it("is read from every place that clients put it", () => {
    for (const headers of [
      { authorization: `Bearer ${KEY}` },
      { authorization: `bearer   ${KEY}  ` },
      { authorization: `BEARER ${KEY}` },
      { authorization: `Basic ${basic(`anna:${KEY}`)}` },
      { authorization: `basic ${basic(`:${KEY}`)}` },
      { authorization: `Basic ${basic(`anna:${KEY}`).replace(/=+$/, "")}` },
      { "sec-websocket-protocol": `gigastt, gigastt-api-key.${KEY}` },
      { "sec-websocket-protocol": `realtime,openai-insecure-api-key.${KEY},openai-agents-sdk.1` },
    ])
      expect(keyOf(headers), JSON.stringify(headers)).toBe(KEY);
    expect(keyOf({}, `/v1/ws?a=1&api_key=${KEY}`, true)).toBe(KEY);
  });

  it("in the URL counts only where the configuration allows it", () => {
    expect(keyOf({}, `/v1/ws?api_key=${KEY}`)).toBeUndefined();
  });

  it("is absent or malformed, never something else of the request", () => {
    expect(keyOf({})).toBeUndefined();
    expect(keyOf({ "sec-websocket-protocol": "realtime, gigastt" })).toBeUndefined();
    for (const authorization of [
      "",
      "Bearer",
      "Bearer ",
      KEY,
      `Token ${KEY}`,
      "Basic ",
      "Basic %%%",
      `Basic ${basic(KEY)}`,
    ])
      expect(keyOf({ authorization }), authorization).toBe("");
    expect(keyOf({ authorization: `Bearer ${"a".repeat(513)}` })).toBe("");
    expect(keyOf({ authorization: `Basic ${basic(`a:${"b".repeat(2000)}`)}` })).toBe("");
  });

  it("in one place is not replaced by another place: a wrong header is not rescued by the URL", () => {
    expect(keyOf({ authorization: "Bearer wrong" }, `/?api_key=${KEY}`, true)).toBe("wrong");
  });

  it("is bounded and read without an exception from anything", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 1200 }),
      fc.stringMatching(/^(?:Bearer|Basic|basic|bearer) [ -~]{0,40}$/),
      fc.string().map((pair) => `Basic ${basic(pair)}`),
      fc.string().map((key) => `a, gigastt-api-key.${key}, openai-insecure-api-key.${key}`),
    );
    fc.assert(
      fc.property(text, text, text, fc.boolean(), (authorization, protocols, query, queryParameter) => {
        for (const headers of [{ authorization }, { "sec-websocket-protocol": protocols }, {}]) {
          const key = keyOf(headers, `/?api_key=${query}`, queryParameter);
          expect(key === undefined || key.length <= 512).toBe(true);
        }
        expect(chosenSubprotocol(protocols) ?? "").not.toMatch(/^(?:gigastt|openai-insecure)-api-key\./);
      }),
      fuzzRuns(20_000),
    );
  });

  it("any key survives each way of sending it", () => {
    const anyKey = fc.stringMatching(/^[\x21-\x2b\x2d-\x39\x3b-\x7e]{1,200}$/);
    fc.assert(
      fc.property(anyKey, fc.stringMatching(/^[^:]{0,20}$/), (key, user) => {
        expect(keyOf({ authorization: `Bearer ${key}` })).toBe(key);
        expect(keyOf({ authorization: `Basic ${basic(`${user}:${key}`)}` })).toBe(key);
        expect(keyOf({ "sec-websocket-protocol": `a, gigastt-api-key.${key}` })).toBe(key);
        expect(keyOf({}, `/?api_key=${encodeURIComponent(key)}`, true)).toBe(key);
      }),
      fuzzRuns(4000),
    );
  });
});

describe("the subprotocol that is answered", () => {
  it("is the first one that is not a key, so that the key is never repeated", () => {
    expect(chosenSubprotocol(`gigastt-api-key.${KEY}, gigastt`)).toBe("gigastt");
    expect(chosenSubprotocol(`openai-insecure-api-key.${KEY}`)).toBeUndefined();
    expect(chosenSubprotocol(undefined)).toBeUndefined();
  });
});
