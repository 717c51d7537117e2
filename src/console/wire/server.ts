import { signal } from "@preact/signals";
import { ROUTES } from "../../shared/protocol.ts";
import { at } from "./address.ts";

export interface ServerState {
  readonly isReachable: boolean;
  readonly isLoading: boolean;
  readonly model: string;
  /** Set while the bundled demo model is in use: a sentence of the server. */
  readonly notice: string | undefined;
}

export const server = signal<ServerState>({ isReachable: true, isLoading: false, model: "", notice: undefined });

const CALM_MS = 30_000;
const TROUBLED_MS = 3000;

/** Asks now and then how the server is; more often while it is not well. */
export function watchServer(): void {
  const ask = async (): Promise<void> => {
    server.value = await stateNow();
    const isWell = server.value.isReachable && !server.value.isLoading;
    setTimeout(() => void ask(), isWell ? CALM_MS : TROUBLED_MS);
  };
  void ask();
}

async function stateNow(): Promise<ServerState> {
  try {
    const answer = await fetch(at(ROUTES.health.path), { signal: AbortSignal.timeout(10_000) });
    const { model = "", notice } = (await answer.json()) as { model?: string; notice?: string }; // our own server's
    return { isReachable: answer.ok, isLoading: model === "loading", model, notice };
  } catch {
    return { ...server.value, isReachable: false };
  }
}
