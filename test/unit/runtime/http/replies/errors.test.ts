import { HTTPError } from "h3";
import { describe, expect, it } from "vitest";
import { errorBody, errorForm } from "../../../../../src/shared/error-forms.ts";
import { toWireError } from "../../../../../src/runtime/http/replies/errors.ts";
import { WireError } from "../../../../../src/shared/errors.ts";

const errorHeaders = (error: WireError): Readonly<Record<string, string>> => errorForm(error, "native").headers;

describe("the error envelope", () => {
  it("carries the sentence, the code and a hint only when there is one", () => {
    expect(errorBody(new WireError("not_found", "no such route"))).toEqual({
      error: "no such route",
      code: "not_found",
    });
    expect(errorBody(new WireError("timeout", "busy", { retryAfterMs: 1500.4 }))).toEqual({
      error: "busy",
      code: "timeout",
      retry_after_ms: 1501,
    });
  });

  it("rounds Retry-After up to whole seconds, never to 0", () => {
    const header = (retryAfterMs: number) =>
      errorHeaders(new WireError("timeout", "", { retryAfterMs }))["retry-after"];
    expect([header(1), header(1000), header(1001)]).toEqual(["1", "1", "2"]);
    expect(errorHeaders(new WireError("timeout", ""))["retry-after"]).toBeUndefined();
  });

  it("ends the connection while shutting down", () => {
    expect(errorHeaders(new WireError("shutting_down", ""))["connection"]).toBe("close");
    expect(errorHeaders(new WireError("pool_closed", ""))["connection"]).toBe("close");
    expect(errorHeaders(new WireError("timeout", ""))["connection"]).toBeUndefined();
  });

  it("never tells a client the message of an unexpected error", () => {
    const wire = toWireError(new Error("ENOENT /home/user/model.onnx"));
    expect(errorBody(wire)).toEqual({
      error: "the server failed to process this request; its log has the reason",
      code: "transcription_error",
    });
    expect([wire.status, wire.cause]).toMatchObject([500, { message: "ENOENT /home/user/model.onnx" }]);
    expect(toWireError("a string").status).toBe(500);
    expect(toWireError(undefined).status).toBe(500);
  });

  it("maps the router's own errors by status, without their text", () => {
    const code = (status: number) => toWireError(new HTTPError({ status, message: "/secret/path" }));
    expect([400, 404, 405, 413, 415, 418].map((status) => [code(status).wireCode, code(status).status])).toEqual([
      ["bad_request", 400],
      ["not_found", 404],
      ["method_not_allowed", 405],
      ["payload_too_large", 413],
      ["unsupported_media", 415],
      ["bad_request", 418],
    ]);
    expect(code(404).message).not.toContain("secret");
    expect(code(503).wireCode).toBe("transcription_error");
  });
});
