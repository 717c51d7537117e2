import { auth, headers, health, metrics, origin, unknownHost } from "./access-checks.ts";
import { rest, sse, uploadLimit, websocket } from "./audio-checks.ts";
import type { Check } from "./check.ts";
import { certificate, oldTls, redirect } from "./tls-checks.ts";

/** Everything a person can prove from outside, in the order in which causes hide behind each other. */
export const CHECKS: readonly Check[] = [
  { id: "certificate", title: "Certificate", tls: true, run: certificate },
  { id: "redirect", title: "Plain HTTP leads to HTTPS", tls: true, run: redirect },
  { id: "old-tls", title: "Old TLS is refused", tls: true, run: oldTls },
  { id: "health", title: "Health", run: health },
  { id: "auth", title: "Authentication", run: auth },
  { id: "headers", title: "Security headers", run: headers },
  { id: "metrics", title: "Metrics are closed", run: metrics },
  { id: "origin", title: "Foreign pages are refused", run: origin },
  { id: "rest", title: "File", run: rest },
  { id: "sse", title: "Event stream", run: sse },
  { id: "websocket", title: "Live session", run: websocket },
  { id: "upload-limit", title: "Upload limit", run: uploadLimit },
  { id: "unknown-host", title: "Unknown name is refused", run: unknownHost },
];
