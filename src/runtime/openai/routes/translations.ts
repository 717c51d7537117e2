import { WireError } from "../../../shared/errors.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import type { Route } from "../../route.ts";

/** Refuses: the model writes down what is said, in the language it is said in. */
export const translations: Route = {
  ...ROUTES.translations,
  handle: () => {
    throw new WireError(
      "unsupported_task",
      `this model does not translate; ${ROUTES.transcriptions.path} answers the text in the language that is spoken`,
    );
  },
};
