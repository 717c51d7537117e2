import { GigasttError } from "../errors.ts";

/** The error for a listening address that another program uses. */
export function portTakenError(
  host: string,
  port: number,
  { key = "server.port", cause }: { readonly key?: string; readonly cause?: unknown } = {},
): GigasttError {
  return new GigasttError(
    "GST_PORT_TAKEN",
    `port ${port} on ${host} is in use by another program. Stop it (find it with: ss -ltnp 'sport = :${port}'), or set ${key}.`,
    { cause },
  );
}
