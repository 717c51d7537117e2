import type { Verdict } from "../../audit/observe/verdict.ts";
import type { Check } from "../check.ts";
import type { LiveContext } from "../live/context.ts";
import { probe as bodyLimit } from "../live/probes/body-limit.ts";
import { probe as certificate } from "../live/probes/certificate.ts";
import { probe as crossOriginRest } from "../live/probes/cross-origin-rest.ts";
import { probe as hsts } from "../live/probes/hsts.ts";
import { probe as httpsRedirect } from "../live/probes/https-redirect.ts";
import { probe as oldTls } from "../live/probes/old-tls.ts";
import { probe as openRoute } from "../live/probes/open-route.ts";
import { probe as openSession } from "../live/probes/open-session.ts";
import { probe as publicMetrics } from "../live/probes/public-metrics.ts";
import { probe as securityHeaders } from "../live/probes/security-headers.ts";
import { probe as unknownNames } from "../live/probes/unknown-names.ts";
import { credentials, health, ownOrigin } from "./access.ts";
import { eventStream, file, liveSession } from "./speech.ts";

/** One line of `gigastt verify`: one or more facts that belong together. */
export interface VerifyCheck {
  readonly id: string;
  readonly title: string;
  /** `https`: only over HTTPS. `name`: only for a URL with a host name. */
  readonly needs?: "https" | "name";
  readonly facts: readonly Fact[];
}

interface Fact extends Check<LiveContext, Promise<Verdict>> {
  readonly tls?: true;
  /** Without it everything after it fails for the same reason: an error here ends the run. */
  readonly root?: true;
}

/** Everything that is proved from outside, in the order in which causes hide each other. */
export const VERIFY_CHECKS: readonly VerifyCheck[] = [
  { id: "certificate", title: "Certificate", needs: "https", facts: [{ ...certificate, root: true }] },
  { id: "redirect", title: "Plain HTTP redirects to HTTPS", needs: "https", facts: [httpsRedirect] },
  { id: "old-tls", title: "Old TLS is refused", needs: "https", facts: [oldTls] },
  { id: "health", title: "Health", facts: [{ run: health, root: true }] },
  { id: "auth", title: "Authentication", facts: [{ run: credentials, root: true }, openRoute, openSession] },
  { id: "headers", title: "Security headers", facts: [securityHeaders, hsts] },
  { id: "metrics", title: "Metrics are closed", facts: [publicMetrics] },
  { id: "origin", title: "Foreign pages are refused", facts: [crossOriginRest, { run: ownOrigin }] },
  { id: "rest", title: "File", facts: [{ run: file }] },
  { id: "sse", title: "Event stream", facts: [{ run: eventStream }] },
  { id: "websocket", title: "Live session", facts: [{ run: liveSession }] },
  { id: "upload-limit", title: "Upload limit", facts: [bodyLimit] },
  { id: "unknown-host", title: "Unknown name is refused", needs: "name", facts: [unknownNames] },
];
