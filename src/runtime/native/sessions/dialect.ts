import type { RuntimeContext } from "../../context.ts";
import { errorBody } from "../../../shared/error-forms.ts";
import type { Dialect } from "../../sessions/dialect.ts";
import { segmentMessage } from "../hypothesis.ts";
import { readyMessage } from "./configure.ts";
import { createFrameReader } from "./frames.ts";

/** Sessions of `/v1/ws`. */
export function createNativeDialect({ engine, settings, clock }: RuntimeContext): Dialect {
  return {
    greet: () => [JSON.stringify(readyMessage(engine.model?.id ?? "loading", settings.current.session))],
    heard: ({ hypothesis, isTruncated }) => [JSON.stringify(segmentMessage(hypothesis, clock.nowMs(), isTruncated))],
    failed: (error) => {
      const { error: message, ...rest } = errorBody(error);
      return [JSON.stringify({ type: "error", message, ...rest })];
    },
    createReader: (tools) => createFrameReader(tools, settings.current.stream),
  };
}
