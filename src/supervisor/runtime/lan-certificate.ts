import { X509Certificate } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { isInTime, readCertificate } from "../../shared/tls/certificate.ts";
import { namesOfHost } from "../../shared/machine/host-names.ts";
import type { TlsPair } from "../../shared/process/messages.ts";
import { notBeforeProgram } from "../../shared/time/clock.ts";
import { writeFileAtomic } from "../../shared/files.ts";

/**
 * The certificate for the home network (`server.lan`), kept in a folder of the state directory: devices that have accepted it, or trust
 * its CA, see the same one after every restart. Made again when its dates do not hold, its end is near, or the machine has names it does not carry.
 */
export async function lanCertificate(
  dir: string,
  now: Date,
  names: readonly string[] = namesOfHost(undefined),
): Promise<TlsPair> {
  const old = await readPair(dir, "server");
  if (old !== undefined && isGood(old, names, now)) return old;
  // Loaded only here: making certificates takes a library the supervisor otherwise does without.
  const { createCa, createServerCertificate } = await import("../../shared/tls/pki.ts");
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const made = notBeforeProgram(now);
  const known = await readPair(dir, "ca");
  const ca = known !== undefined && holds(known, now) ? known : await createCa("gigastt at home", made);
  const server = await createServerCertificate(ca, names, made);
  for (const [name, pair] of [["ca", ca] as const, ["server", server] as const]) {
    await writeFileAtomic(join(dir, `${name}.key`), pair.privateKey);
    await writeFileAtomic(join(dir, `${name}.pem`), pair.certificate, { mode: 0o644 });
  }
  return server;
}

/** False when a certificate made here has to be replaced: its end is near, or the clock was set. */
export function holds({ certificate }: Pick<TlsPair, "certificate">, now: Date): boolean {
  return isInTime(readCertificate(certificate, now), now);
}

// ---

function isGood({ certificate }: TlsPair, names: readonly string[], now: Date): boolean {
  const carried = new X509Certificate(certificate);
  // Not by comparing texts: an IPv6 address has several.
  const carries = (name: string): boolean =>
    (isIP(name) === 0 ? carried.checkHost(name) : carried.checkIP(name)) !== undefined;
  return holds({ certificate }, now) && names.every(carries);
}

async function readPair(dir: string, name: string): Promise<TlsPair | undefined> {
  try {
    const [certificate, privateKey] = await Promise.all([
      readFile(join(dir, `${name}.pem`), "utf8"),
      readFile(join(dir, `${name}.key`), "utf8"),
    ]);
    readCertificate(certificate, new Date());
    return { certificate, privateKey };
  } catch {
    // Missing or torn: it is made again.
    return undefined;
  }
}
