import { WireError } from "../../../shared/errors.ts";
import type { Route } from "../../route.ts";
import { ROUTES } from "../../../shared/protocol.ts";

/** Prometheus text, when the configuration asks for it. */
export const metricsRoute: Route = {
  ...ROUTES.metrics,
  handle: async ({ req }, { metrics, settings }) => {
    if (!settings.current.metrics.enabled) {
      throw new WireError("metrics_disabled", "metrics are off; the operator can turn them on with metrics.enabled");
    }
    const { body, contentType } = await metrics.text(req.headers.accept);
    return { status: 200, headers: { "content-type": contentType, "cache-control": "no-store" }, body };
  },
};
