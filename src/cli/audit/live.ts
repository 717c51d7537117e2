import { DEFAULT_LIMITS, runLive } from "../../checks/live/run.ts";
import type { LiveLimits } from "../../checks/live/context.ts";
import type { Assumptions } from "../../audit/model/assume.ts";
import type { Judged } from "../../audit/observe/verdict.ts";
import type { OutsideTarget } from "../../shared/outside/client.ts";
import type { CommandContext, FlagSpec } from "../command.ts";
import { OUTSIDE_FLAGS, outsideTarget } from "../outside-target.ts";
import { UsageError } from "../usage.ts";
import { askYes, canAsk } from "../yes.ts";

const MAX_REQUESTS = 1000;
const MAX_TIME_S = 7200;
/** Longest wait for one answer, seconds: nothing a probe asks takes a server longer. */
const ANSWER_TIMEOUT_S = 10;

/** Flags that mean something only with `--live`. */
const LIVE_ONLY: Readonly<Record<string, FlagSpec>> = {
  consent: { type: "boolean", describe: "with --live: confirm that you may probe this host; without it you are asked" },
  "live-requests": {
    type: "string",
    value: "COUNT",
    describe: `with --live: maximum number of requests (default ${DEFAULT_LIMITS.requests})`,
  },
  "live-time": {
    type: "string",
    value: "SECONDS",
    describe: `with --live: maximum duration (default ${DEFAULT_LIMITS.timeMs / 1000})`,
  },
  ...OUTSIDE_FLAGS,
  timeout: {
    type: "string",
    value: "SECONDS",
    describe: `timeout of one request; default ${ANSWER_TIMEOUT_S}`,
  },
};

export const LIVE_FLAGS: Readonly<Record<string, FlagSpec>> = {
  live: { type: "string", value: "URL", describe: "also probe a running service, and compare it with the files" },
  ...LIVE_ONLY,
};

/** A live run that was asked for: its target and limits. */
export interface LivePlan {
  readonly target: OutsideTarget;
  readonly limits: LiveLimits;
}

/** What `--live` and its flags ask for; undefined without `--live`. Throws UsageError. */
export async function livePlan(context: CommandContext): Promise<LivePlan | undefined> {
  const { flags } = context;
  const address = flags["live"];
  if (typeof address !== "string") {
    const alone = Object.keys(LIVE_ONLY).filter((name) => flags[name] !== undefined);
    if (alone.length > 0)
      throw new UsageError([`${alone.map((name) => `--${name}`).join(", ")} needs --live URL`], ["audit"]);
    return undefined;
  }
  const requests = Number(flags["live-requests"] ?? DEFAULT_LIMITS.requests);
  const timeS = Number(flags["live-time"] ?? DEFAULT_LIMITS.timeMs / 1000);
  const mistakes = [
    ...(Number.isInteger(requests) && requests >= 1 && requests <= MAX_REQUESTS
      ? []
      : [`--live-requests must be 1 to ${MAX_REQUESTS}, got "${String(flags["live-requests"])}"`]),
    ...(timeS >= 1 && timeS <= MAX_TIME_S
      ? []
      : [`--live-time must be 1 to ${MAX_TIME_S} seconds, got "${String(flags["live-time"])}"`]),
    ...(flags["fix"] === undefined ? [] : ["--fix and --live cannot be combined: fix the files first, then probe"]),
  ];
  const target = await outsideTarget(context, {
    address,
    name: "--live",
    timeoutS: ANSWER_TIMEOUT_S,
    command: "audit",
    mistakes,
  });
  return { target, limits: { ...DEFAULT_LIMITS, requests, timeMs: timeS * 1000 } };
}

/** Asks a person unless `--consent` said it. Throws UsageError without a terminal. */
export async function mayProbe(context: CommandContext, { target, limits }: LivePlan): Promise<boolean> {
  if (context.flags["consent"] === true) return true;
  const question = `Up to ${limits.requests} requests go to ${target.url.origin}, including attempts to get past its limits, and the rate limit of this address is used up. Are you allowed to do that to this host?`;
  if (!canAsk(context)) throw new UsageError([`${question} If yes, repeat it with --consent`], ["audit"]);
  return askYes(context, question);
}

/** Runs the probes, with a line of progress each on stderr unless `--quiet`. */
export async function probeLive(
  context: CommandContext,
  plan: LivePlan,
  assume: Assumptions,
): Promise<readonly Judged[]> {
  return runLive({
    ...plan,
    assume,
    open: context.flags["open"] === true,
    progress: (line) => {
      if (context.flags["quiet"] !== true) context.stderr.write(`${line}\n`);
    },
  });
}
