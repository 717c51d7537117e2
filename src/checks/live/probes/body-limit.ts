import { NoAnswerError } from "../../../shared/outside/client.ts";
import { readableBytes } from "../../../shared/units.ts";
import { notChecked, NotCheckedError, verdictOf, type Problem } from "../../../audit/observe/verdict.ts";
import { asksForCredentials, problem } from "../kit.ts";
import type { LiveContext } from "../context.ts";
import type { Probe } from "../probe.ts";

/** How long a refusal of an announced size is waited for, when the other side is not known to be slow. */
const REFUSAL_MS = 2000;

export const probe: Probe = {
  id: "GA-LIV-006",
  severity: "error",
  confidence: "certain",
  title: "The body limit of the service differs from the server's",
  why: "A proxy with a smaller limit refuses recordings that the server would take. One with a larger limit, or none, lets a client send what the server refuses: bandwidth, and the proxy's disk or memory.",
  evidence: [
    "Sent: an upload that announces exactly limits.body and one that announces a byte more; of each only 1 KiB.",
  ],
  reads: ["POST /v1/transcribe"],
  fixKind: "manual",
  sameAs: ["GA-STR-008"],
  run: async (live) => {
    const limit = live.assume.number("limits.body");
    const said = live.assume.isSet("limits.body") ? "limits.body" : "the default";
    const confidence = live.assume.isSet("limits.body") ? ("certain" as const) : ("likely" as const);
    const problems: Problem[] = [];
    // The refusal first: how long it takes says for how long silence about the other one means nothing.
    const startedMs = performance.now();
    const over = await announce(live, limit + 1, live.target.timeoutMs);
    const refusalMs = performance.now() - startedMs;
    if (over === undefined && !(await isPrompt(live)))
      return notChecked("the service answers too slowly to tell a refusal from waiting for the rest; repeat it later");
    const fitting = await announce(live, limit, Math.max(REFUSAL_MS, over === 413 ? 3 * refusalMs : 0));
    if (fitting === 413)
      problems.push(
        problem(live, `POST /v1/transcribe Content-Length: ${limit}`, "413", {
          message: `an upload of ${readableBytes(limit)} (${said}) gets 413 before the server sees it`,
          fix: `Set the proxy's body limit to ${limit} bytes, or --assume limits.body to what the server runs with.`,
          confidence,
        }),
      );
    if (over !== 413)
      problems.push(
        problem(
          live,
          `POST /v1/transcribe Content-Length: ${limit + 1}`,
          String(over ?? "no answer: more is awaited"),
          {
            message: `an upload of one byte over ${readableBytes(limit)} (${said}) is not refused with 413`,
            fix: `Set the proxy's body limit to ${limit} bytes, or --assume limits.body to what the server runs with.`,
            confidence,
          },
        ),
      );
    if (problems.length === 0 && fitting !== undefined) return notChecked(`an upload gets ${fitting}`);
    return verdictOf(problems, `${readableBytes(limit)} pass, one byte more gets 413`);
  },
};

// ---

/** The status that comes before the body was sent; undefined when the other side waits for it. */
async function announce(live: LiveContext, announcedBytes: number, timeoutMs: number): Promise<number | undefined> {
  try {
    const answer = await live.askPatiently("/v1/transcribe", {
      method: "POST",
      announcedBytes,
      body: new Uint8Array(1024),
      timeoutMs: Math.min(timeoutMs, live.target.timeoutMs),
    });
    if (asksForCredentials(answer))
      throw new NotCheckedError(`credentials are needed (${answer.status}): --user NAME or --key-stdin`);
    // 408 is about the time the rest took: the size was accepted.
    return answer.status === 408 ? undefined : answer.status;
  } catch (error) {
    if (error instanceof NoAnswerError) return undefined;
    throw error;
  }
}

/** True when a cheap request is answered in a quarter of the time that silence was given. */
async function isPrompt(live: LiveContext): Promise<boolean> {
  const startedMs = performance.now();
  await live.ask("/health");
  return performance.now() - startedMs < live.target.timeoutMs / 4;
}
