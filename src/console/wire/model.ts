import { effect, signal } from "@preact/signals";
import type { ConsoleModel } from "../../shared/console-status.ts";
import { ROUTES } from "../../shared/protocol.ts";
import { at } from "./address.ts";
import { postToServer } from "./operator.ts";
import { server } from "./server.ts";

/** The model that can be downloaded, and how far that is; undefined until the server has said so. */
export const modelState = signal<ConsoleModel | undefined>(undefined);

const WORKING_MS = 2000;
let timer = 0;

/** Asked only while the demo model is in use. */
effect(() => {
  if (server.value.notice !== undefined && modelState.peek() === undefined) void ask();
});

/** Throws the refusal. */
export async function pullModel(): Promise<void> {
  await postToServer(ROUTES.consoleModel.path);
  await ask();
}

// ---

async function ask(): Promise<void> {
  clearTimeout(timer);
  try {
    const answer = await fetch(at(ROUTES.consoleModel.path));
    if (answer.ok) modelState.value = (await answer.json()) as ConsoleModel; // our own server's
  } catch {
    // The server is away for a moment: asked again below.
  }
  const state = modelState.value?.pull?.state;
  if (state === "running" || state === "switching") timer = window.setTimeout(() => void ask(), WORKING_MS);
}
