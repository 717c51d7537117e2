import { createPrivateKey, X509Certificate } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { dirname, join } from "node:path";
import { expiryOf, timeLeft } from "../../shared/tls/certificate.ts";
import { errorCodeOf } from "../../shared/errors.ts";
import { usesOwnCertificates } from "../systemd.ts";
import { reloadCommand, type DeployedProblem, type Deployment } from "./problem.ts";

/** One certificate that the deployment depends on and that the proxy does not renew itself. */
export interface WatchedCertificate {
  readonly file: string;
  /** Whole days; undefined when it could not be read. */
  readonly daysLeft: number | undefined;
  /** The error code when this user may not read it, or its key. */
  readonly unread: string | undefined;
  /** When it ends, or why it cannot be used: `has 60 days left`. */
  readonly state: string;
  readonly problems: readonly DeployedProblem[];
}

/**
 * Reads the certificates of this deployment: that each is there, belongs to its key, is for the domain, has a chain that holds, and does
 * not end soon. Caddy renews its own, and in a cluster the gateway does; those are not listed.
 */
export async function watchedCertificates(deployment: Deployment): Promise<readonly WatchedCertificate[]> {
  const found: WatchedCertificate[] = [];
  for (const candidate of await candidates(deployment)) found.push(await look(candidate, deployment.now));
  return found;
}

/** Returns the problems of a chain of certificates in one PEM file: its names, its dates, its order. Cures are the caller's. */
function chainProblems(
  chain: readonly X509Certificate[],
  about: { readonly domain: string | undefined; readonly now: Date },
): readonly { readonly what: "name" | "expired" | "ending" | "early" | "order"; readonly message: string }[] {
  const [leaf, ...rest] = chain;
  if (leaf === undefined) return [];
  const { domain, now } = about;
  const out: ReturnType<typeof chainProblems>[number][] = [];
  if (domain !== undefined && !isFor(leaf, domain))
    out.push({ what: "name", message: `is for ${namesOf(leaf)}, not for ${domain}: clients refuse it` });
  for (const [i, certificate] of chain.entries()) {
    const dates = { notBefore: new Date(certificate.validFrom), notAfter: new Date(certificate.validTo) };
    const who = i === 0 ? "" : `contains the intermediate certificate "${nameOf(certificate)}", which `;
    const expiry = expiryOf(dates, now);
    if (expiry === "expired")
      out.push({ what: "expired", message: `${who}expired ${timeLeft(dates.notAfter, now)} ago: clients refuse it` });
    else if (dates.notBefore > now)
      out.push({
        what: "early",
        message: `${who}is not valid before ${dates.notBefore.toISOString().slice(0, 16)}Z: clients refuse it`,
      });
    else if (i === 0 && expiry !== "good")
      out.push({ what: "ending", message: `has ${timeLeft(dates.notAfter, now)} left` });
  }
  const next = rest[0];
  if (next !== undefined && !leaf.checkIssued(next))
    out.push({
      what: "order",
      message: `holds a chain that does not fit: "${nameOf(next)}" did not issue "${nameOf(leaf)}"`,
    });
  return out;
}

/** Reads every certificate of a PEM text. Throws when there is none. */
function readChain(text: string): readonly X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/g);
  return (blocks ?? [text]).map((block) => new X509Certificate(block));
}

// ---

interface Candidate {
  readonly file: string;
  readonly keyFile?: string;
  /** The CA that issued it, where gigastt made that. */
  readonly caFile?: string;
  /** The name it must be for. */
  readonly domain?: string | undefined;
  /** What to do when its end is near. */
  readonly renew: string;
  /** What to do when it is not there, or of no use. */
  readonly make: string;
}

async function candidates({ config, deployDir }: Deployment): Promise<readonly Candidate[]> {
  const { target, tls, proxy, domain } = config.deploy;
  if (target === "kubernetes" || proxy.kind === "none") return [];
  const inCompose = target === "compose";
  const reload = reloadCommand(config);
  const dir = inCompose ? join(deployDir, "compose", "tls") : dirname(tls.certificateFile);
  const own = usesOwnCertificates(config);
  const list: Candidate[] = [];
  if (tls.mode === "files") {
    list.push({
      file: inCompose ? join(dir, "server.pem") : tls.certificateFile,
      keyFile: inCompose ? join(dir, "server.key") : tls.privateKeyFile,
      domain,
      renew: `put its issuer's renewed files in place, then ${reload}`,
      make: `put its issuer's files in place, then ${reload}`,
    });
  } else if (tls.mode === "internal" && own) {
    list.push({
      file: join(dir, "server.pem"),
      keyFile: join(dir, "server.key"),
      caFile: join(dir, "ca.pem"),
      domain,
      renew: `gigastt certs renew && ${reload}`,
      make: `gigastt certs create && ${reload}`,
    });
  } else if (tls.mode === "acme" && proxy.kind === "nginx") {
    const live = `/etc/letsencrypt/live/${domain}`;
    list.push({
      file: join(live, "fullchain.pem"),
      keyFile: join(live, "privkey.pem"),
      domain,
      renew: `certbot renew && ${reload}`,
      make: `certbot certonly --force-renewal -d ${domain} && ${reload}`,
    });
  }
  if (!own) return list;
  list.push({
    file: join(dir, "ca.pem"),
    renew: `remove ca.pem and ca.key in ${dir}, then gigastt certs create: clients must trust the new CA`,
    make: "gigastt certs create",
  });
  const clients = await readdir(join(dir, "clients")).catch(() => []);
  for (const name of clients.filter((entry) => entry.endsWith(".pem")).sort()) {
    const make = `gigastt certs client ${name.slice(0, -4)}`;
    list.push({ file: join(dir, "clients", name), renew: make, make });
  }
  return list;
}

async function look(candidate: Candidate, now: Date): Promise<WatchedCertificate> {
  const { file, domain, renew, make } = candidate;
  const problem = (
    message: string,
    cure: string,
    { severity = "error", id = "certificate_broken" }: Partial<Pick<DeployedProblem, "severity" | "id">> = {},
  ): DeployedProblem => ({
    id,
    severity,
    place: file,
    message: `${file} ${message}`,
    cure,
  });
  const unusable = (state: string, problems: readonly DeployedProblem[], unread?: string): WatchedCertificate => ({
    file,
    daysLeft: undefined,
    unread,
    state,
    problems,
  });
  let chain: readonly X509Certificate[];
  try {
    chain = readChain(await readFile(file, "utf8"));
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === "EACCES" || code === "EPERM") return unusable("cannot be read by this user", [], code);
    if (code === "ENOENT")
      return unusable("does not exist", [
        problem("does not exist: the proxy cannot start without it", make, { severity: "warning" }),
      ]);
    // OpenSSL's codes begin with ERR_ and say nothing to a person.
    const why = code === undefined || code.startsWith("ERR_") ? "is not a certificate" : `cannot be read (${code})`;
    return unusable(why, [problem(`${why}: the proxy cannot start with it`, make)]);
  }
  const leaf = chain[0]!; // readChain returns at least one
  const daysLeft = Math.floor((Date.parse(leaf.validTo) - now.getTime()) / 86_400_000);
  const key = await keyProblem(candidate, leaf);
  const expiry = expiryOf({ notBefore: new Date(leaf.validFrom), notAfter: new Date(leaf.validTo) }, now);
  const problems = [
    ...(key.message === undefined ? [] : [problem(key.message, make)]),
    ...chainProblems(chain, { domain, now }).map(({ what, message }) => {
      if (what === "ending")
        return problem(message, renew, {
          id: "certificate_expiring",
          severity: expiry === "soon" ? "warning" : "error",
        });
      if (what === "expired") return problem(message, renew, { id: "certificate_expired" });
      return problem(message, what === "early" ? "check this machine's clock: timedatectl" : make);
    }),
    ...(await issuerProblem(candidate, leaf)).map((message) => problem(message, make)),
  ];
  const state =
    expiry === "expired"
      ? `expired ${timeLeft(new Date(leaf.validTo), now)} ago`
      : `has ${timeLeft(new Date(leaf.validTo), now)} left`;
  return { file, daysLeft, unread: key.unread, state, problems };
}

async function keyProblem(
  { keyFile }: Candidate,
  leaf: X509Certificate,
): Promise<{ readonly message?: string; readonly unread?: string }> {
  if (keyFile === undefined) return {};
  try {
    if (leaf.checkPrivateKey(createPrivateKey(await readFile(keyFile, "utf8")))) return {};
    return { message: `and ${keyFile} do not belong together: the proxy cannot start with them` };
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === "EACCES" || code === "EPERM") return { unread: code };
    if (code === "ENOENT")
      return { message: `has no private key: ${keyFile} does not exist, and the proxy cannot start without it` };
    return { message: `has no usable private key: ${keyFile} is not a private key` };
  }
}

/** A CA that was made again signs nothing of before. */
async function issuerProblem({ caFile }: Candidate, leaf: X509Certificate): Promise<readonly string[]> {
  const text = caFile === undefined ? undefined : await readFile(caFile, "utf8").catch(() => undefined);
  if (text === undefined) return [];
  try {
    return leaf.verify(new X509Certificate(text).publicKey)
      ? []
      : [`was not issued by ${caFile}: clients that trust this CA refuse it`];
  } catch {
    return [];
  }
}

function isFor(certificate: X509Certificate, domain: string): boolean {
  return (isIP(domain) === 0 ? certificate.checkHost(domain) : certificate.checkIP(domain)) !== undefined;
}

function namesOf(certificate: X509Certificate): string {
  const names = (certificate.subjectAltName ?? "").split(", ").map((name) => name.replace(/^(?:DNS|IP Address):/, ""));
  return names.filter((name) => name !== "").join(", ") || nameOf(certificate);
}

function nameOf(certificate: X509Certificate): string {
  return /(?:^|\n)CN=([^\n]*)/.exec(certificate.subject)?.[1] ?? certificate.subject.replaceAll("\n", ", ");
}
