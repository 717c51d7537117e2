/** One listening TCP socket of Linux's socket tables. */
export interface ListeningSocket {
  /** In the usual notation: `127.0.0.1`, `0.0.0.0`, `::1`, `::`. */
  readonly address: string;
  readonly port: number;
  /** Number by which a process's file descriptor refers to it; `0` = the kernel's own. */
  readonly inode: string;
}

/** Returns the listening rows of `/proc/net/tcp` or `/proc/net/tcp6`: `sl local_address rem_address st … inode`, state 0A. */
export function listeningSockets(table: string): readonly ListeningSocket[] {
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , , , inode = "0"] = line.trim().split(/\s+/);
    const [, hex = "", port = ""] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/i.exec(local) ?? [];
    if (state !== "0A" || hex === "") return [];
    return [{ address: addressOf(hex), port: Number.parseInt(port, 16), inode }];
  });
}

/** Returns true for addresses that only this machine can reach. */
export function isLoopbackAddress(address: string): boolean {
  const plain = address.replace(/^\[|\]$/g, "").replace(/^::ffff:/i, "");
  return plain === "localhost" || plain === "::1" || plain.startsWith("127.");
}

// ---

/** The kernel prints 32-bit words as the processor keeps them: little-endian on every machine we run on. */
function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).toReversed(),
  );
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255)
    return `::ffff:${bytes.slice(12).join(".")}`;
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  // The URL parser knows the shortest form.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
