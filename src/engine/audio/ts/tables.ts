/** An elementary stream of a program. */
export interface TsStream {
  readonly pid: number;
  readonly codec: TsCodec | undefined;
  /** For messages, where `codec` is undefined and it is audio. */
  readonly name: string | undefined;
  /** ISO 639 code. */
  readonly language: string | undefined;
}

export type TsCodec = "mpeg" | "adts" | "latm" | "ac3";

/** Joins the sections that a PID carries in its packets. */
export function createSections(): (payload: Uint8Array, isStart: boolean) => Uint8Array[] {
  let held: Uint8Array | undefined;
  return (payload, isStart) => {
    const whole: Uint8Array[] = [];
    if (isStart) {
      const pointer = payload[0] ?? 0;
      if (held) take(payload.subarray(1, 1 + pointer));
      held = new Uint8Array(0);
      take(payload.subarray(1 + pointer));
    } else if (held) take(payload);
    return whole;

    function take(bytes: Uint8Array): void {
      let rest = new Uint8Array(Buffer.concat([held!, bytes]));
      while (rest.length >= 3 && rest[0] !== 0xff) {
        const length = 3 + (((rest[1]! & 0x0f) << 8) | rest[2]!);
        if (rest.length < length) break;
        whole.push(rest.subarray(0, length));
        rest = rest.slice(length);
      }
      // A section has at most 4 KiB.
      held = rest.length < 3 || (rest[0] !== 0xff && rest.length <= 4096) ? rest : undefined;
    }
  };
}

/** PIDs of the program maps that a program association section names. */
export function parsePat(section: Uint8Array): number[] {
  if (section[0] !== 0) return [];
  const pids: number[] = [];
  for (let at = 8; at + 4 <= section.length - 4; at += 4) {
    const program = (section[at]! << 8) | section[at + 1]!;
    if (program !== 0) pids.push(((section[at + 2]! & 0x1f) << 8) | section[at + 3]!);
  }
  return pids;
}

/** The streams of a program; undefined when the section is not a program map. */
export function parsePmt(section: Uint8Array): TsStream[] | undefined {
  if (section[0] !== 2 || section.length < 16) return undefined;
  const streams: TsStream[] = [];
  const end = section.length - 4;
  for (let at = 12 + (((section[10]! & 0x0f) << 8) | section[11]!); at + 5 <= end;) {
    const length = ((section[at + 3]! & 0x0f) << 8) | section[at + 4]!;
    const descriptors = parseDescriptors(section.subarray(at + 5, Math.min(end, at + 5 + length)));
    const pid = ((section[at + 1]! & 0x1f) << 8) | section[at + 2]!;
    const code = Buffer.from(descriptors.get(0x0a)?.subarray(0, 3) ?? [])
      .toString("latin1")
      .toLowerCase();
    streams.push({ pid, ...kindOf(section[at]!, descriptors), language: /^[a-z]{3}$/.test(code) ? code : undefined });
    at += 5 + length;
  }
  return streams;
}

// ---

/** Descriptors by tag, the first of each. */
function parseDescriptors(bytes: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (let at = 0; at + 2 <= bytes.length; at += 2 + bytes[at + 1]!) {
    if (!found.has(bytes[at]!)) found.set(bytes[at]!, bytes.subarray(at + 2, at + 2 + bytes[at + 1]!));
  }
  return found;
}

function kindOf(type: number, descriptors: ReadonlyMap<number, Uint8Array>): Pick<TsStream, "codec" | "name"> {
  const codec = CODECS[type];
  if (codec) return { codec, name: undefined };
  const registered = Buffer.from(descriptors.get(0x05)?.subarray(0, 4) ?? []).toString("latin1");
  if (type === 0x06) {
    // Private data: what it is stands in the descriptors.
    if (descriptors.has(0x6a) || descriptors.has(0x7a) || /^(?:AC-3|EAC3)$/.test(registered)) {
      return { codec: "ac3", name: undefined };
    }
    if (descriptors.has(0x7b)) return { codec: undefined, name: "DTS" };
    if (descriptors.has(0x7c)) return { codec: "latm", name: undefined };
    const unnamed = descriptors.size === 0 ? "a stream that the file does not name" : undefined;
    return { codec: undefined, name: REGISTERED[registered] ?? unnamed };
  }
  return { codec: undefined, name: NAMES[type] ?? REGISTERED[registered] };
}

const CODECS: Readonly<Record<number, TsCodec>> = {
  0x03: "mpeg",
  0x04: "mpeg",
  0x0f: "adts",
  0x11: "latm",
  0x81: "ac3",
  0x84: "ac3",
  0x87: "ac3",
  0xc1: "ac3",
  0xc2: "ac3",
};
const NAMES: Readonly<Record<number, string>> = {
  0x80: "LPCM (Blu-ray)",
  0x82: "DTS",
  0x83: "Dolby TrueHD",
  0x85: "DTS-HD",
  0x86: "DTS-HD",
  0x8a: "DTS",
};
const REGISTERED: Readonly<Record<string, string>> = {
  Opus: "Opus in MPEG-TS",
  DTS1: "DTS",
  DTS2: "DTS",
  DTS3: "DTS",
  BSSD: "SMPTE 302M audio",
};
