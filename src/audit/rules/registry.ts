// Written by scripts/registry.js from the files below this folder. Do not edit: every build writes it.
import { inCatalogueOrder } from "../families.ts";
import type { Rule } from "../types.ts";
import { rule as driftConfigCopy } from "./drift/config-copy.ts";
import { rule as driftDeprecated } from "./drift/deprecated.ts";
import { rule as driftEditedByHand } from "./drift/edited-by-hand.ts";
import { rule as exposureAdminPages } from "./exposure/admin-pages.ts";
import { rule as exposureAllowedOrigin } from "./exposure/allowed-origin.ts";
import { rule as exposureCaddyAdmin } from "./exposure/caddy-admin.ts";
import { rule as exposureConsoleBlocked } from "./exposure/console-blocked.ts";
import { rule as exposureContainerLoopback } from "./exposure/container-loopback.ts";
import { rule as exposureContentSecurityPolicy } from "./exposure/content-security-policy.ts";
import { rule as exposureCrossOrigin } from "./exposure/cross-origin.ts";
import { rule as exposureDollarInSecret } from "./exposure/dollar-in-secret.ts";
import { rule as exposureFirewallBypass } from "./exposure/firewall-bypass.ts";
import { rule as exposureOpenServer } from "./exposure/open-server.ts";
import { rule as exposurePasswordFile } from "./exposure/password-file.ts";
import { rule as exposurePasswordForwarded } from "./exposure/password-forwarded.ts";
import { rule as exposureProxyCredentials } from "./exposure/proxy-credentials.ts";
import { rule as exposurePublicMetrics } from "./exposure/public-metrics.ts";
import { rule as exposurePublicRouteProtected } from "./exposure/public-route-protected.ts";
import { rule as exposurePublishedPort } from "./exposure/published-port.ts";
import { rule as exposureSecretFileMode } from "./exposure/secret-file-mode.ts";
import { rule as exposureSecretInFile } from "./exposure/secret-in-file.ts";
import { rule as exposureSecurityHeaders } from "./exposure/security-headers.ts";
import { rule as exposureServerVersion } from "./exposure/server-version.ts";
import { rule as exposureStoreAccess } from "./exposure/store-access.ts";
import { rule as exposureUnitSecrets } from "./exposure/unit-secrets.ts";
import { rule as exposureUnprotectedRoute } from "./exposure/unprotected-route.ts";
import { rule as forwardedForAppend } from "./forwarded-for/append.ts";
import { rule as forwardedForCaddyLeftmost } from "./forwarded-for/caddy-leftmost.ts";
import { rule as forwardedForCaddyTrustedProxies } from "./forwarded-for/caddy-trusted-proxies.ts";
import { rule as forwardedForClientHeader } from "./forwarded-for/client-header.ts";
import { rule as forwardedForContainerNat } from "./forwarded-for/container-nat.ts";
import { rule as forwardedForIngress } from "./forwarded-for/ingress.ts";
import { rule as forwardedForMissing } from "./forwarded-for/missing.ts";
import { rule as forwardedForOtherAddressHeaders } from "./forwarded-for/other-address-headers.ts";
import { rule as forwardedForOtherProxyHeaders } from "./forwarded-for/other-proxy-headers.ts";
import { rule as forwardedForRateLimitBehindProxy } from "./forwarded-for/rate-limit-behind-proxy.ts";
import { rule as forwardedForRealIp } from "./forwarded-for/real-ip.ts";
import { rule as forwardedForTrustedWithoutProxy } from "./forwarded-for/trusted-without-proxy.ts";
import { rule as ignoreNoEffect } from "./ignore/no-effect.ts";
import { rule as lifecycleAddressFamily } from "./lifecycle/address-family.ts";
import { rule as lifecycleCaddyGrace } from "./lifecycle/caddy-grace.ts";
import { rule as lifecycleCaddyReload } from "./lifecycle/caddy-reload.ts";
import { rule as lifecycleComposeGrace } from "./lifecycle/compose-grace.ts";
import { rule as lifecycleComposeNetworks } from "./lifecycle/compose-networks.ts";
import { rule as lifecycleDependsOn } from "./lifecycle/depends-on.ts";
import { rule as lifecycleDisruptionBudget } from "./lifecycle/disruption-budget.ts";
import { rule as lifecycleHealthPath } from "./lifecycle/health-path.ts";
import { rule as lifecycleLivenessProbe } from "./lifecycle/liveness-probe.ts";
import { rule as lifecycleMissingProxyPass } from "./lifecycle/missing-proxy-pass.ts";
import { rule as lifecycleNginxShutdownTimeout } from "./lifecycle/nginx-shutdown-timeout.ts";
import { rule as lifecycleNotifyAccess } from "./lifecycle/notify-access.ts";
import { rule as lifecyclePodGrace } from "./lifecycle/pod-grace.ts";
import { rule as lifecyclePreStop } from "./lifecycle/pre-stop.ts";
import { rule as lifecycleProcessManager } from "./lifecycle/process-manager.ts";
import { rule as lifecycleProxyStopOrder } from "./lifecycle/proxy-stop-order.ts";
import { rule as lifecycleQueuePersistence } from "./lifecycle/queue-persistence.ts";
import { rule as lifecycleRestartPolicy } from "./lifecycle/restart-policy.ts";
import { rule as lifecycleShellAsProcess1 } from "./lifecycle/shell-as-process-1.ts";
import { rule as lifecycleStartupBudget } from "./lifecycle/startup-budget.ts";
import { rule as lifecycleStopSignal } from "./lifecycle/stop-signal.ts";
import { rule as lifecycleUnitStopTimeout } from "./lifecycle/unit-stop-timeout.ts";
import { rule as lifecycleWiring } from "./lifecycle/wiring.ts";
import { rule as parseNotAudited } from "./parse/not-audited.ts";
import { rule as parseSyntax } from "./parse/syntax.ts";
import { rule as sandboxContainerRights } from "./sandbox/container-rights.ts";
import { rule as sandboxImageTag } from "./sandbox/image-tag.ts";
import { rule as sandboxMemoryLimit } from "./sandbox/memory-limit.ts";
import { rule as sandboxNeighbours } from "./sandbox/neighbours.ts";
import { rule as sandboxNetworkPolicy } from "./sandbox/network-policy.ts";
import { rule as sandboxNodeIncompatible } from "./sandbox/node-incompatible.ts";
import { rule as sandboxResolver } from "./sandbox/resolver.ts";
import { rule as sandboxRootFilesystem } from "./sandbox/root-filesystem.ts";
import { rule as sandboxUnitHardening } from "./sandbox/unit-hardening.ts";
import { rule as streamingBodyLimit } from "./streaming/body-limit.ts";
import { rule as streamingBuffering } from "./streaming/buffering.ts";
import { rule as streamingCaddyClientGone } from "./streaming/caddy-client-gone.ts";
import { rule as streamingCaddyHttpVersion } from "./streaming/caddy-http-version.ts";
import { rule as streamingCaddyStreamTimeout } from "./streaming/caddy-stream-timeout.ts";
import { rule as streamingCompression } from "./streaming/compression.ts";
import { rule as streamingConnectionMap } from "./streaming/connection-map.ts";
import { rule as streamingHeaderTimeoutLevel } from "./streaming/header-timeout-level.ts";
import { rule as streamingIdleSessions } from "./streaming/idle-sessions.ts";
import { rule as streamingKeepAlive } from "./streaming/keep-alive.ts";
import { rule as streamingNginxLimits } from "./streaming/nginx-limits.ts";
import { rule as streamingRequestTimeout } from "./streaming/request-timeout.ts";
import { rule as streamingRouteReach } from "./streaming/route-reach.ts";
import { rule as streamingRouteTimeout } from "./streaming/route-timeout.ts";
import { rule as streamingSlowClients } from "./streaming/slow-clients.ts";
import { rule as streamingSlowUpload } from "./streaming/slow-upload.ts";
import { rule as streamingTemporaryFiles } from "./streaming/temporary-files.ts";
import { rule as streamingWebsocketUpgrade } from "./streaming/websocket-upgrade.ts";
import { rule as tlsHsts } from "./tls/hsts.ts";
import { rule as tlsPlainHttpRoute } from "./tls/plain-http-route.ts";
import { rule as tlsProtocolVersions } from "./tls/protocol-versions.ts";
import { rule as tlsProxyVersion } from "./tls/proxy-version.ts";
import { rule as tlsRedirect } from "./tls/redirect.ts";
import { rule as tlsUpkeep } from "./tls/upkeep.ts";

/** Every rule about files, in the order of the catalogue. */
export const rules: readonly Rule[] = inCatalogueOrder([
  driftConfigCopy,
  driftDeprecated,
  driftEditedByHand,
  exposureAdminPages,
  exposureAllowedOrigin,
  exposureCaddyAdmin,
  exposureConsoleBlocked,
  exposureContainerLoopback,
  exposureContentSecurityPolicy,
  exposureCrossOrigin,
  exposureDollarInSecret,
  exposureFirewallBypass,
  exposureOpenServer,
  exposurePasswordFile,
  exposurePasswordForwarded,
  exposureProxyCredentials,
  exposurePublicMetrics,
  exposurePublicRouteProtected,
  exposurePublishedPort,
  exposureSecretFileMode,
  exposureSecretInFile,
  exposureSecurityHeaders,
  exposureServerVersion,
  exposureStoreAccess,
  exposureUnitSecrets,
  exposureUnprotectedRoute,
  forwardedForAppend,
  forwardedForCaddyLeftmost,
  forwardedForCaddyTrustedProxies,
  forwardedForClientHeader,
  forwardedForContainerNat,
  forwardedForIngress,
  forwardedForMissing,
  forwardedForOtherAddressHeaders,
  forwardedForOtherProxyHeaders,
  forwardedForRateLimitBehindProxy,
  forwardedForRealIp,
  forwardedForTrustedWithoutProxy,
  ignoreNoEffect,
  lifecycleAddressFamily,
  lifecycleCaddyGrace,
  lifecycleCaddyReload,
  lifecycleComposeGrace,
  lifecycleComposeNetworks,
  lifecycleDependsOn,
  lifecycleDisruptionBudget,
  lifecycleHealthPath,
  lifecycleLivenessProbe,
  lifecycleMissingProxyPass,
  lifecycleNginxShutdownTimeout,
  lifecycleNotifyAccess,
  lifecyclePodGrace,
  lifecyclePreStop,
  lifecycleProcessManager,
  lifecycleProxyStopOrder,
  lifecycleQueuePersistence,
  lifecycleRestartPolicy,
  lifecycleShellAsProcess1,
  lifecycleStartupBudget,
  lifecycleStopSignal,
  lifecycleUnitStopTimeout,
  lifecycleWiring,
  parseNotAudited,
  parseSyntax,
  sandboxContainerRights,
  sandboxImageTag,
  sandboxMemoryLimit,
  sandboxNeighbours,
  sandboxNetworkPolicy,
  sandboxNodeIncompatible,
  sandboxResolver,
  sandboxRootFilesystem,
  sandboxUnitHardening,
  streamingBodyLimit,
  streamingBuffering,
  streamingCaddyClientGone,
  streamingCaddyHttpVersion,
  streamingCaddyStreamTimeout,
  streamingCompression,
  streamingConnectionMap,
  streamingHeaderTimeoutLevel,
  streamingIdleSessions,
  streamingKeepAlive,
  streamingNginxLimits,
  streamingRequestTimeout,
  streamingRouteReach,
  streamingRouteTimeout,
  streamingSlowClients,
  streamingSlowUpload,
  streamingTemporaryFiles,
  streamingWebsocketUpgrade,
  tlsHsts,
  tlsPlainHttpRoute,
  tlsProtocolVersions,
  tlsProxyVersion,
  tlsRedirect,
  tlsUpkeep,
]);
