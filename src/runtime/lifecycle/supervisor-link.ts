import { WireError } from "../../shared/errors.ts";
import type { Answer, Question } from "../../shared/process/messages.ts";
import { setTimeout } from "../../shared/time/timers.ts";
import type { ControlChannel } from "./control-channel.ts";

/** Asks the supervisor; resolves with its answer, throws its refusal. */
export type AskSupervisor = (question: Question) => Promise<unknown>;

/** Returns the way to ask the supervisor at the other end of the channel. */
export function createSupervisorLink(control: ControlChannel): AskSupervisor {
  const waiting = new Map<number, (answer: Answer | undefined) => void>();
  let nextId = 1;
  control.onMessage((message) => {
    if (message.type === "answered") waiting.get(message.id)?.(message);
  });
  return async (question) => {
    const id = nextId++;
    let timer: NodeJS.Timeout | undefined;
    const answer = await new Promise<Answer | undefined>((resolve) => {
      waiting.set(id, resolve);
      timer = setTimeout(() => resolve(undefined), ANSWER_MS);
      control.send({ type: "ask", id, question });
    });
    clearTimeout(timer);
    waiting.delete(id);
    if (answer === undefined) throw new WireError("timeout", "the supervisor does not answer; run gigastt status");
    if (!answer.ok) throw new WireError("bad_request", answer.message, { status: 409 });
    return answer.result;
  };
}

// ---

const ANSWER_MS = 10_000;
