import { useSignal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { at } from "./address.ts";
import { WireFailure } from "./events.ts";

/** What the server says, "refused" to callers that may not see it, undefined until it answers. */
export type Asked<T> = T | "refused" | undefined;

/**
 * Asks again and again while the page is looked at.
 *
 * @param everyMs undefined: once
 */
export function useAsked<T>(path: string, everyMs?: number): ReadonlySignal<Asked<T>> {
  const answer = useSignal<Asked<T>>(undefined);
  useEffect(() => {
    let timer = 0;
    let isGone = false;
    const ask = async (): Promise<void> => {
      const said = document.hidden ? undefined : await askServer<T>(path);
      if (isGone) return;
      answer.value = said ?? answer.value;
      if (everyMs !== undefined || said === undefined) timer = window.setTimeout(() => void ask(), everyMs ?? 2000);
    };
    void ask();
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [path, everyMs]);
  return answer;
}

/** Undefined while the server does not answer: the page says so elsewhere. */
export async function askServer<T>(path: string): Promise<Asked<T>> {
  try {
    const answer = await fetch(at(path));
    if (answer.ok) return (await answer.json()) as T; // our own server's
    return answer.status === 403 || answer.status === 404 ? "refused" : undefined;
  } catch {
    return undefined;
  }
}

/** Asks for a change. Throws the refusal. */
export async function postToServer(path: string): Promise<void> {
  const answer = await fetch(at(path), { method: "POST" });
  if (answer.ok) return;
  const { error = `HTTP ${answer.status}`, code } = (await answer.json().catch(() => ({}))) as Record<string, string>; // checked by use
  throw new WireFailure(error, code);
}
