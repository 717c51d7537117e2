import type { Verdict } from "../audit/observe/verdict.ts";

/** One question: what it looks at is `Context`, what it saw and the cure are in the verdict. It changes nothing. */
export interface Check<Context, Answer = Verdict | Promise<Verdict>> {
  /** Reads nothing but its context. An error it throws becomes "not checked", with its message. */
  readonly run: (context: Context) => Answer;
}
