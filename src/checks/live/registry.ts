// Written by scripts/registry.js from the files below this folder. Do not edit: every build writes it.
import { inCatalogueOrder } from "../../audit/families.ts";
import type { Probe } from "./probe.ts";
import { probe as bodyLimit } from "./probes/body-limit.ts";
import { probe as certificate } from "./probes/certificate.ts";
import { probe as crossOriginRest } from "./probes/cross-origin-rest.ts";
import { probe as crossOriginSession } from "./probes/cross-origin-session.ts";
import { probe as forgedAddress } from "./probes/forged-address.ts";
import { probe as hsts } from "./probes/hsts.ts";
import { probe as httpsRedirect } from "./probes/https-redirect.ts";
import { probe as oldTls } from "./probes/old-tls.ts";
import { probe as openRoute } from "./probes/open-route.ts";
import { probe as openSession } from "./probes/open-session.ts";
import { probe as pastTheProxy } from "./probes/past-the-proxy.ts";
import { probe as privateFiles } from "./probes/private-files.ts";
import { probe as publicMetrics } from "./probes/public-metrics.ts";
import { probe as securityHeaders } from "./probes/security-headers.ts";
import { probe as silentSession } from "./probes/silent-session.ts";
import { probe as slowClient } from "./probes/slow-client.ts";
import { probe as tlsSuites } from "./probes/tls-suites.ts";
import { probe as unknownNames } from "./probes/unknown-names.ts";

/** Every live probe, in the order of the catalogue. */
export const probes: readonly Probe[] = inCatalogueOrder([
  bodyLimit,
  certificate,
  crossOriginRest,
  crossOriginSession,
  forgedAddress,
  hsts,
  httpsRedirect,
  oldTls,
  openRoute,
  openSession,
  pastTheProxy,
  privateFiles,
  publicMetrics,
  securityHeaders,
  silentSession,
  slowClient,
  tlsSuites,
  unknownNames,
]);
