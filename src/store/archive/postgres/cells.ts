/** Cells of a row as PostgreSQL writes them. */
type Cell = Buffer | null | undefined;

export function numberIn(cell: Cell): number {
  return Number(textIn(cell));
}

/** undefined for NULL. */
export function textIn(cell: Cell): string | undefined {
  return cell?.toString("utf8");
}

/** Bytes are `\x` and two digits each. */
export function bytesIn(cell: Cell): Buffer {
  return Buffer.from(cell?.toString("latin1", 2) ?? "", "hex");
}
