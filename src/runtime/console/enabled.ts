import type { ConsoleConfig } from "../../config/types.ts";
import { WireError } from "../../shared/errors.ts";
import type { RuntimeContext } from "../context.ts";

/** Returns the console's settings, or refuses as if it did not exist. */
export function requireConsole({ settings }: RuntimeContext): ConsoleConfig {
  const { console } = settings.current;
  if (!console.enabled)
    throw new WireError("not_found", "the console is off; the operator can turn it on with console.enabled");
  return console;
}
