import { createCipheriv, createHash, randomBytes, scryptSync } from "node:crypto";
import { gzipSync } from "node:zlib";

/** A backup as gigastt wrote them before format 2. Headers and files may be anything. */
export function oldBackup(
  header: unknown,
  files: readonly { name: string; mode: number; bytes: Buffer }[],
  passphrase: string,
): Buffer {
  const [salt, nonce] = [randomBytes(16), randomBytes(12)];
  const head = Buffer.from(JSON.stringify(header));
  const content = JSON.stringify(
    files.map((file) => ({
      ...file,
      bytes: file.bytes.toString("base64"),
      sha256: createHash("sha256").update(file.bytes).digest("hex"),
    })),
  );
  const key = scryptSync(passphrase, salt, 32, { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 2 ** 20 });
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(head);
  const body = Buffer.concat([cipher.update(gzipSync(content)), cipher.final()]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  return Buffer.concat([Buffer.from("gigastt-backup\n"), length, head, salt, nonce, cipher.getAuthTag(), body]);
}
