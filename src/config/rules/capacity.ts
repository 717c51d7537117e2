import { formatBytes, formatDuration } from "../../shared/units.ts";
import type { CrossRule } from "./rule.ts";

/** Rules over `pool`, `engine`, `limits`, `rateLimit` and `model`: what the machine is asked to do. */
export const CAPACITY_RULES: readonly CrossRule[] = [
  {
    severity: "warning",
    says: "`pool.size` is more than four for each core of this machine.",
    keys: ["pool.size"],
    check: ({ pool, engine }, machine) =>
      engine.kind === "onnx" && pool.size > machine.cores * 4
        ? {
            rule: `is more than four sessions for each of this machine's ${machine.cores} cores: all of them may lag`,
            found: String(pool.size),
            cure: `start with ${machine.cores * 2} and measure`,
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`engine.workers` times `engine.threads` is more than this machine's cores.",
    keys: ["engine.workers", "engine.threads"],
    check: ({ engine }, machine) => {
      const workers = engine.workers === "auto" ? 1 : engine.workers;
      const threads = engine.threads === "auto" ? 1 : engine.threads;
      if (workers * threads <= machine.cores) return undefined;
      return {
        rule: `asks for more than this machine's ${machine.cores} cores: recognition gets slower, not faster`,
        found: `${workers} × ${threads} threads`,
        cure: "write auto",
      };
    },
  },
  {
    severity: "warning",
    says: "`pool.queue` is 0, or cannot be used because `pool.checkoutTimeout` is 0.",
    keys: ["pool.queue", "pool.checkoutTimeout"],
    check: ({ pool }) => {
      if (pool.queue === 0 && pool.checkoutTimeoutMs > 0) {
        return {
          rule: "leaves no queue: while all sessions are in use, new requests are refused",
          found: "0",
          cure: "a few times pool.size is usual",
        };
      }
      if (pool.queue > 0 && pool.checkoutTimeoutMs === 0) {
        return {
          rule: "has no effect while pool.checkoutTimeout is 0: requests do not wait",
          found: String(pool.queue),
          cure: "set checkoutTimeout, for example 30s",
        };
      }
      return undefined;
    },
  },
  {
    severity: "warning",
    says: "`pool.checkoutTimeout` is longer than `limits.requestBudget`.",
    keys: ["pool.checkoutTimeout", "limits.requestBudget"],
    check: ({ pool, limits }) =>
      pool.checkoutTimeoutMs > limits.requestBudgetMs
        ? {
            rule: "allows clients to wait longer than the transcription itself may take",
            found: `${formatDuration(pool.checkoutTimeoutMs)} against ${formatDuration(limits.requestBudgetMs)}`,
            cure: "lower checkoutTimeout",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`rateLimit.burst` is larger than `rateLimit.perMinute`.",
    keys: ["rateLimit.burst", "rateLimit.perMinute"],
    check: ({ rateLimit }) =>
      rateLimit.perMinute > 0 && rateLimit.burst > rateLimit.perMinute
        ? {
            rule: "allows more requests at once than rateLimit.perMinute allows in a minute",
            found: `${rateLimit.burst} against ${rateLimit.perMinute}`,
            cure: `set burst to ${Math.max(1, Math.ceil(rateLimit.perMinute / 6))}`,
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`limits.wsFrame` is larger than `limits.body`.",
    keys: ["limits.wsFrame", "limits.body"],
    check: ({ limits }) =>
      limits.wsFrameBytes > limits.bodyBytes
        ? {
            rule: "allows a WebSocket frame larger than a whole upload",
            found: `${formatBytes(limits.wsFrameBytes)} against ${formatBytes(limits.bodyBytes)}`,
            cure: "512KiB holds five seconds of audio at the highest rate",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`model.mirror` is set while `model.offline` is on.",
    keys: ["model.mirror", "model.offline"],
    check: ({ model }) =>
      model.offline && model.mirror !== undefined
        ? { rule: "has no effect while model.offline is true", cure: "delete one of them" }
        : undefined,
  },
  {
    severity: "warning",
    says: "`engine.kind` is `fake`.",
    keys: ["engine.kind"],
    check: ({ engine }) =>
      engine.kind === "fake"
        ? { rule: "answers fixed text instead of recognising speech", cure: "set engine.kind: onnx for real use" }
        : undefined,
  },
];
