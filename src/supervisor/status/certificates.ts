import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ResolvedConfig } from "../../config/types.ts";
import { usesOwnCertificates } from "../../render/systemd.ts";
import { readCertificate } from "../../shared/certificate.ts";
import { errorCodeOf } from "../state/files.ts";
import type { Issue } from "./issues.ts";

/** Below `warning` days a person should look, below `error` the service is about to become unreachable. Our renewal begins at 30. */
export const CERTIFICATE_DAYS = { warning: 21, error: 7 } as const;

/** One certificate the configured deployment depends on. */
export interface WatchedCertificate {
  readonly file: string;
  /** undefined when it could not be read: see `trouble`. */
  readonly daysLeft: number | undefined;
  /** Why it could not be read: an error code, or that it is no certificate. */
  readonly trouble: string | undefined;
  /** How it is renewed, or made where there is none. */
  readonly cure: string;
}

export interface CertificateOptions {
  readonly config: ResolvedConfig;
  /** Folder of the rendered files: `deploy/` beside the configuration. */
  readonly deployDir: string;
  readonly now: Date;
}

/**
 * The certificates of this deployment that nobody else looks after, with the days they have left. Caddy renews its own, and in a cluster
 * the gateway does; those are not listed.
 */
export async function watchedCertificates(options: CertificateOptions): Promise<readonly WatchedCertificate[]> {
  const found: WatchedCertificate[] = [];
  for (const { file, cure, make } of await candidates(options)) {
    try {
      const { daysLeft } = readCertificate(await readFile(file, "utf8"), options.now);
      found.push({ file, daysLeft, trouble: undefined, cure });
    } catch (error) {
      const code = errorCodeOf(error);
      // OpenSSL's codes begin with ERR_ and say nothing to a person.
      const trouble = code === undefined || code.startsWith("ERR_") ? "it is no certificate" : code;
      found.push({ file, daysLeft: undefined, trouble, cure: code === "ENOENT" ? make : cure });
    }
  }
  return found;
}

/** What `status` should say about them; certificates this user may not read are `doctor`'s to report. */
export async function certificateIssues(options: CertificateOptions): Promise<readonly Issue[]> {
  return (await watchedCertificates(options)).flatMap((certificate): Issue[] => {
    const { file, daysLeft, cure } = certificate;
    if (daysLeft === undefined || daysLeft >= CERTIFICATE_DAYS.warning) return [];
    return [
      {
        id: daysLeft < 0 ? "certificate_expired" : "certificate_expiring",
        severity: daysLeft < CERTIFICATE_DAYS.error ? "error" : "warning",
        text: `the certificate ${file} ${describeDays(daysLeft)}`,
        cure,
      },
    ];
  });
}

/** "has 12 days left", "expires today", "expired 3 days ago". */
export function describeDays(daysLeft: number): string {
  const days = (count: number): string => `${count} ${count === 1 ? "day" : "days"}`;
  if (daysLeft < 0) return `expired ${days(-daysLeft)} ago`;
  return daysLeft === 0 ? "expires today" : `has ${days(daysLeft)} left`;
}

// ---

interface Candidate {
  readonly file: string;
  /** What to do when its end is near. */
  readonly cure: string;
  /** What to do when it is not there. */
  readonly make: string;
}

async function candidates({ config, deployDir }: CertificateOptions): Promise<readonly Candidate[]> {
  const { target, tls, proxy, domain } = config.deploy;
  if (target === "kubernetes" || proxy.kind === "none") return [];
  const inCompose = target === "compose";
  const onHost = config.supervisor.proxy.managed ? "gigastt reload" : `systemctl reload ${proxy.kind}`;
  const reload = inCompose ? "docker compose up -d --force-recreate" : onHost;
  const dir = inCompose ? join(deployDir, "compose", "tls") : dirname(tls.certificateFile);
  const own = usesOwnCertificates(config);
  const list: Candidate[] = [];
  if (tls.mode === "files") {
    list.push({
      file: inCompose ? join(dir, "server.pem") : tls.certificateFile,
      cure: `put its issuer's renewed files in place, then ${reload}`,
      make: "put its issuer's files in place",
    });
  } else if (tls.mode === "internal" && own) {
    list.push({
      file: join(dir, "server.pem"),
      cure: `gigastt certs renew && ${reload}`,
      make: "gigastt certs create",
    });
  } else if (tls.mode === "acme" && proxy.kind === "nginx") {
    list.push({
      file: `/etc/letsencrypt/live/${domain}/fullchain.pem`,
      cure: `certbot renew && ${reload}`,
      make: "run the certbot line that gigastt init prints",
    });
  }
  if (!own) return list;
  list.push({
    file: join(dir, "ca.pem"),
    cure: `remove ca.pem and ca.key in ${dir}, then gigastt certs create: clients must trust the new CA`,
    make: "gigastt certs create",
  });
  const clients = await readdir(join(dir, "clients")).catch(() => []);
  for (const name of clients.filter((entry) => entry.endsWith(".pem")).sort()) {
    const cure = `gigastt certs client ${name.slice(0, -4)}`;
    list.push({ file: join(dir, "clients", name), cure, make: cure });
  }
  return list;
}
