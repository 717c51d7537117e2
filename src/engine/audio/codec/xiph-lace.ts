/** Reads a length as Xiph's formats lace it: bytes of 255 and the one after them, added up. Returns it and where it ends. */
export function readXiphLace(bytes: Uint8Array, from: number): { readonly size: number; readonly end: number } {
  let size = 0;
  let end = from;
  let lace: number;
  do {
    lace = bytes[end++] ?? 0;
    size += lace;
  } while (lace === 255);
  return { size, end };
}
