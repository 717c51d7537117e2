import type { ListenerName } from "../shared/listeners.ts";
import type { RuntimeContext } from "./context.ts";
import type { ClientConnections } from "./http/connections/client-connections.ts";
import type { FaceServer } from "./http/listen.ts";
import { createVoskServer } from "./vosk/server.ts";
import { createWyomingServer } from "./wyoming/server.ts";

/** Listeners besides HTTP. */
export type FaceName = Exclude<ListenerName, "http">;

export const FACES: Readonly<Record<FaceName, (context: RuntimeContext, clients: ClientConnections) => FaceServer>> = {
  wyoming: createWyomingServer,
  vosk: createVoskServer,
};
