import { WireError } from "../../shared/errors.ts";
import type { RuntimeContext } from "../context.ts";
import type { AskSupervisor } from "../lifecycle/supervisor-link.ts";

/** Returns the way to the supervisor, or refuses where none runs. */
export function requireSupervisor({ askSupervisor }: RuntimeContext): AskSupervisor {
  if (askSupervisor !== undefined) return askSupervisor;
  throw new WireError(
    "not_found",
    "this server runs without a supervisor, as in a container: its platform has the rest",
  );
}
