import { json } from "../../http/replies/reply.ts";
import type { ModelInfo } from "../../../engine/contract.ts";
import type { Route } from "../../route.ts";
import { ROUTES } from "../../../shared/protocol.ts";

/** Which weights answer, and in which form they are computed. */
function modelFields({ bundleHash, precision, encoderForm }: ModelInfo): Readonly<Record<string, string>> {
  return { model_hash: bundleHash, precision, encoder_form: encoderForm };
}

/** 200 as long as the event loop turns; says nothing about load, so that a busy server is never restarted for it. */
export const health: Route = {
  ...ROUTES.health,
  handle: (_exchange, { engine, version, clock, startedAtMs }) =>
    json(200, {
      status: "ok",
      model: engine.model?.id ?? "loading",
      version,
      uptime_s: Math.round((clock.monotonicMs() - startedAtMs) / 1000),
      ...(engine.model === undefined ? {} : modelFields(engine.model)),
      ...(engine.model?.notice === undefined ? {} : { notice: engine.model.notice }),
    }),
};
