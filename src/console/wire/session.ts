import { computed, signal } from "@preact/signals";
import type { ConsoleSession } from "../../shared/console-status.ts";
import { ROUTES } from "../../shared/protocol.ts";
import { at } from "./address.ts";
import { WireFailure } from "./events.ts";

/** With which key this browser is signed in; undefined until the server has said so. */
export const session = signal<ConsoleSession | undefined>(undefined);

/** Nothing that the page asks for would be answered. */
export const needsSignIn = computed(() => session.value?.required === true && session.value.key === null);

/** Asks again: after a refusal the sign-in may have ended. */
export async function askSession(): Promise<void> {
  try {
    session.value = await ask("GET");
  } catch {
    // The server is away: the page says so elsewhere.
  }
}

/** Throws the refusal. */
export async function signIn(key: string): Promise<void> {
  session.value = await ask("POST", { authorization: `Bearer ${key}` });
}

export async function signOut(): Promise<void> {
  await fetch(at(ROUTES.consoleSession.path), { method: "DELETE" });
  await askSession();
}

// ---

async function ask(method: "GET" | "POST", headers: Record<string, string> = {}): Promise<ConsoleSession> {
  const answer = await fetch(at(ROUTES.consoleSession.path), { method, headers });
  const body = (await answer.json()) as ConsoleSession & { error?: string; code?: string }; // our own server's
  if (!answer.ok) throw new WireFailure(body.error ?? "", body.code);
  return body;
}
