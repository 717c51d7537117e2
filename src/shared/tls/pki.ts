import { randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import "reflect-metadata"; // @peculiar/x509 needs the polyfill loaded before it
import * as x509 from "@peculiar/x509";

/** A certificate with its key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Days a certificate made here is valid. Browsers refuse server certificates above 398 days. */
export const VALID_DAYS = { ca: 3650, server: 397, client: 825 } as const;

/** Creates a self-signed CA, ECDSA P-256. It may sign end-entity certificates only. */
export async function createCa(commonName: string, now: Date): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serial(),
      name: nameOf(commonName),
      ...validity(now, VALID_DAYS.ca),
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    },
    webcrypto,
  );
  return { certificate: pem(certificate), privateKey: await keyPem(keys.privateKey) };
}

/** Creates a server certificate for names and addresses, signed by the CA. */
export async function createServerCertificate(ca: KeyPair, names: readonly string[], now: Date): Promise<KeyPair> {
  return issue(ca, names[0] ?? "gigastt", x509.ExtendedKeyUsage.serverAuth, VALID_DAYS.server, now, [
    new x509.SubjectAlternativeNameExtension(
      names.map((name) =>
        isIP(name) === 0 ? { type: "dns" as const, value: name } : { type: "ip" as const, value: name },
      ),
    ),
  ]);
}

/** Creates a client certificate; its name shows in the proxy's log. */
export async function createClientCertificate(ca: KeyPair, name: string, now: Date): Promise<KeyPair> {
  return issue(ca, name, x509.ExtendedKeyUsage.clientAuth, VALID_DAYS.client, now, []);
}

// ---

const DAY_MS = 86_400_000;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

async function issue(
  ca: KeyPair,
  commonName: string,
  usage: x509.ExtendedKeyUsage,
  days: number,
  now: Date,
  extensions: readonly x509.Extension[],
): Promise<KeyPair> {
  const issuer = new x509.X509Certificate(ca.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    "pkcs8",
    x509.PemConverter.decodeFirst(ca.privateKey),
    ALGORITHM,
    false,
    ["sign"],
  );
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serial(),
      subject: nameOf(commonName),
      issuer: issuer.subject,
      ...validity(now, days),
      publicKey: keys.publicKey,
      signingKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage], false),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(issuer),
        ...extensions,
      ],
    },
    webcrypto,
  );
  return { certificate: pem(certificate), privateKey: await keyPem(keys.privateKey) };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

function validity(now: Date, days: number): { readonly notBefore: Date; readonly notAfter: Date } {
  // A minute back: clocks of clients differ.
  return { notBefore: new Date(now.getTime() - 60_000), notAfter: new Date(now.getTime() + days * DAY_MS) };
}

/** 16 random bytes, positive. */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function nameOf(commonName: string): x509.JsonName {
  return [{ CN: [commonName] }];
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString("pem").trim()}\n`;
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY").trim()}\n`;
}
