import { chmod, copyFile, readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import { makeFolderDurably, writeFileAtomic } from "../../shared/files.ts";
import { isInTime, readCertificate, RENEW_BEFORE_DAYS, type CertificateFacts } from "../../shared/tls/certificate.ts";
import { notBeforeProgram, UNSET_MS } from "../../shared/time/clock.ts";
import { give } from "./owner.ts";
import type { User } from "../../render/deployed/reader.ts";
import { createCa, createClientCertificate, createServerCertificate, type KeyPair } from "../../shared/tls/pki.ts";

/** One certificate on disk. */
export interface StoredCertificate {
  readonly file: string;
  /** Undefined for a file that is not a certificate. */
  readonly facts: CertificateFacts | undefined;
  readonly state: "valid" | "expiring" | "expired" | "broken";
}

export interface CertStoreOptions {
  readonly now: Date;
  readonly owner?: User | undefined;
}

/** Makes the CA where there is none, and a server certificate for the names. An existing CA is kept: clients trust it. */
export async function createServer(dir: string, names: readonly string[], options: CertStoreOptions): Promise<void> {
  await openFolder(dir);
  const ca = (await readPair(dir, "ca")) ?? (await makeCa(dir, names[0] ?? "this machine", options));
  await save(dir, "server", await createServerCertificate(ca, names, notBeforeProgram(options.now)), options);
}

/** Certificates are public, and the service reads their end for `status`; each key has its own mode. */
async function openFolder(dir: string): Promise<void> {
  await makeFolderDurably(dir);
  if (((await stat(dir)).mode & 0o777) !== 0o755) await chmod(dir, 0o755);
}

/** A certificate for one client, in `clients/`. */
export async function createClient(dir: string, name: string, options: CertStoreOptions): Promise<void> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$/.test(name)) {
    throw new GigasttError(
      "GST_CERTS",
      `a client's name has 1 to 63 letters, digits and ._@-, got ${JSON.stringify(name)}. For example: laptop`,
      { exitCode: 2 },
    );
  }
  await makeFolderDurably(join(dir, "clients"), 0o700);
  const ca = (await readPair(dir, "ca")) ?? (await makeCa(dir, "this machine", options));
  await save(join(dir, "clients"), name, await createClientCertificate(ca, name, notBeforeProgram(options.now)), {
    now: options.now,
  });
}

/** Renews the server certificate when its end is near. Returns what was done. */
export async function renew(
  dir: string,
  options: CertStoreOptions & { readonly force: boolean },
): Promise<"renewed" | "not due" | "none"> {
  const pair = await readPair(dir, "server");
  const ca = await readPair(dir, "ca");
  if (pair === undefined || ca === undefined) return "none";
  const facts = readCertificate(pair.certificate, options.now);
  const caFacts = readCertificate(ca.certificate, options.now);
  if (caFacts.daysLeft < 0)
    throw new GigasttError(
      "GST_CERTS",
      `the CA in ${dir} has expired. Make a new one: remove ca.pem and ca.key, then gigastt certs create; every client must then trust the new CA.`,
    );
  if (caFacts.notBefore > options.now && options.now.getTime() >= UNSET_MS)
    throw new GigasttError(
      "GST_CERTS",
      `the CA in ${dir} is not valid before ${caFacts.notBefore.toISOString().slice(0, 10)}. Check the clock of this machine: timedatectl. If it is right, it was wrong when the CA was made: remove ca.pem and ca.key, then gigastt certs create; every client must then trust the new CA.`,
    );
  await openFolder(dir);
  if (isInTime(facts, options.now) && !options.force) return "not due";
  await save(dir, "server", await createServerCertificate(ca, facts.names, notBeforeProgram(options.now)), options);
  return "renewed";
}

/** Every certificate of the folder and its `clients/`. */
export async function listCertificates(dir: string, now: Date): Promise<readonly StoredCertificate[]> {
  const found: StoredCertificate[] = [];
  for (const folder of ["", "clients"]) {
    const names = await readdir(join(dir, folder)).catch(() => [] as string[]);
    for (const name of names.filter((entry) => entry.endsWith(".pem") && entry !== "clients-ca.pem").sort()) {
      const facts = factsOf(await readFile(join(dir, folder, name), "utf8"), now);
      found.push({ file: join(folder, name), facts, state: stateOf(facts) });
    }
  }
  return found;
}

// ---

function factsOf(text: string, now: Date): CertificateFacts | undefined {
  try {
    return readCertificate(text, now);
  } catch {
    return undefined;
  }
}

function stateOf(facts: CertificateFacts | undefined): StoredCertificate["state"] {
  if (facts === undefined) return "broken";
  return facts.daysLeft < 0 ? "expired" : facts.daysLeft <= RENEW_BEFORE_DAYS ? "expiring" : "valid";
}

async function makeCa(dir: string, name: string, options: CertStoreOptions): Promise<KeyPair> {
  const ca = await createCa(`gigastt CA of ${name}`, notBeforeProgram(options.now));
  // The CA's key stays with the user that made it: the proxy never needs it.
  await save(dir, "ca", ca, { now: options.now });
  await copyFile(join(dir, "ca.pem"), join(dir, "clients-ca.pem"));
  await writeFileAtomic(join(dir, ".gitignore"), "*\n", { mode: 0o600, makeFolder: true });
  await give([dir, join(dir, "clients-ca.pem")], options.owner);
  return ca;
}

async function save(dir: string, name: string, pair: KeyPair, options: CertStoreOptions): Promise<void> {
  // The key first: a reload in between finds the old pair or fails its own check, never a mixed one that serves.
  await writeFileAtomic(join(dir, `${name}.key`), pair.privateKey, { mode: 0o600, makeFolder: true });
  await writeFileAtomic(join(dir, `${name}.pem`), pair.certificate, { mode: 0o644, makeFolder: true });
  await give([join(dir, `${name}.key`), join(dir, `${name}.pem`)], options.owner);
}

async function readPair(dir: string, name: string): Promise<KeyPair | undefined> {
  try {
    return {
      certificate: await readFile(join(dir, `${name}.pem`), "utf8"),
      privateKey: await readFile(join(dir, `${name}.key`), "utf8"),
    };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new GigasttError(
      "GST_CERTS",
      `${join(dir, name)}.pem cannot be read: ${messageOf(error)}. Run the command as the user who owns it.`,
      { cause: error },
    );
  }
}
