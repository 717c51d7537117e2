import { createHmac } from "node:crypto";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { JobsConfig } from "../../config/types.ts";
import type { Clock } from "../../shared/time/clock.ts";
import { errorCodeOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { Delivery, JobStore } from "../../store/jobs/types.ts";
import { pinnedAddress } from "./callback-target.ts";
import type { Resolve } from "./callback-target.ts";
import { jobView } from "./view.ts";

export interface Callbacks {
  /** Sends what is due. */
  send(): Promise<void>;
}

export interface CallbacksOptions {
  readonly store: Pick<JobStore, "deliveries" | "settleDelivery">;
  readonly config: () => Pick<JobsConfig, "callbackSecret" | "callbackNetworks">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly resolve?: Resolve;
}

const FIRST_RETRY_MS = 5000;
/** A receiver that is back hears of its jobs within this time. */
const LONGEST_RETRY_MS = 15 * 60_000;
/** After this time a receiver is given up. */
const GIVE_UP_MS = 24 * 3_600_000;
const TIMEOUT_MS = 10_000;
/** The receiver wants no more of them. */
const GONE = 410;

/**
 * Tells receivers that a job has ended, by Standard Webhooks: signed, repeated with the same id until a 2xx answer, for a day.
 * The body has the job's state and links, never its text.
 */
export function createCallbacks({ store, config, clock, log, resolve }: CallbacksOptions): Callbacks {
  const deliver = async (delivery: Delivery): Promise<void> => {
    const { job, tries, sinceMs, url, messageId } = delivery;
    const { callbackSecret, callbackNetworks } = config();
    const target = new URL(url);
    const outcome = await (async (): Promise<number | string> => {
      if (callbackSecret === undefined) return "no jobs.callbackSecret";
      try {
        const address = await pinnedAddress(target, callbackNetworks, resolve);
        if (address === undefined) return "private address";
        const body = JSON.stringify({
          type: `job.${job.state}`,
          timestamp: new Date(sinceMs).toISOString(),
          data: jobView(job, clock.nowMs()),
        });
        const timestampS = Math.floor(clock.nowMs() / 1000);
        return await post(target, address, body, {
          "webhook-id": messageId,
          "webhook-timestamp": String(timestampS),
          "webhook-signature": signature(callbackSecret, messageId, timestampS, body),
        });
      } catch (error) {
        return errorCodeOf(error) ?? "failed";
      }
    })();
    const isDelivered = typeof outcome === "number" && outcome >= 200 && outcome < 300;
    const retryAtMs = clock.nowMs() + Math.min(FIRST_RETRY_MS * 4 ** (tries - 1), LONGEST_RETRY_MS);
    const isGivenUp = outcome === GONE || retryAtMs > sinceMs + GIVE_UP_MS;
    await store.settleDelivery(job.id, isDelivered || isGivenUp ? undefined : retryAtMs);
    log[isDelivered ? "info" : "warn"](isGivenUp && !isDelivered ? "job_callback_given_up" : "job_callback", {
      job: job.id,
      outcome,
      tries,
    });
  };

  return {
    send: async () => {
      await Promise.all((await store.deliveries()).map(deliver));
    },
  };
}

/** Returns the header of Standard Webhooks: base64 of HMAC-SHA256 over id, time and body. */
export function signature(secret: string, id: string, timestampS: number, body: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  return `v1,${createHmac("sha256", key).update(`${id}.${timestampS}.${body}`).digest("base64")}`;
}

// ---

/** Resolves with the status. Connects to the pinned address; redirects are not followed, and the answer's body is not read. */
function post(url: URL, address: string, body: string, headers: Readonly<Record<string, string>>): Promise<number> {
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const isTls = url.protocol === "https:";
  return new Promise((resolve, reject) => {
    const req = (isTls ? httpsRequest : httpRequest)({
      host: address,
      port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
      path: `${url.pathname}${url.search}`,
      method: "POST",
      agent: false,
      ...(isTls ? { servername: name } : {}),
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        host: url.host,
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        "user-agent": "gigastt-webhook",
        ...headers,
      },
    });
    req.once("response", (res) => {
      res.on("error", () => {});
      res.destroy();
      resolve(res.statusCode ?? 0);
    });
    req.once("error", reject);
    req.end(body);
  });
}
