/** Bits of a WAVE channel mask. */
const FL = 0x1;
const FR = 0x2;
const FC = 0x4;
const LFE = 0x8;
const BL = 0x10;
const BR = 0x20;
const FLC = 0x40;
const FRC = 0x80;
const BC = 0x100;
const SL = 0x200;
const SR = 0x400;

/** The channels of an AAC stream in the order of its elements. */
export interface AacLayout {
  readonly channelCount: number;
  /** A bit of a WAVE mask for each channel; undefined = not named. */
  readonly speakers: readonly number[] | undefined;
}

/** The layout that a channel configuration stands for; undefined for 0 (a program config element names it) and others. */
export function layoutOf(channelConfig: number): AacLayout | undefined {
  const speakers = LAYOUTS[channelConfig];
  return speakers && { channelCount: speakers.length, speakers };
}

/** Parses a program config element up to its list of channels. */
export function parseProgramConfig(bits: (count: number) => number): AacLayout {
  bits(4 + 2 + 4);
  const [front, side, back, lfe] = [bits(4), bits(4), bits(4), bits(2)];
  bits(3 + 4);
  for (const mixdownBits of [4, 4, 3]) if (bits(1)) bits(mixdownBits);
  const elements = (count: number): boolean[] =>
    Array.from({ length: count }, () => {
      const isPair = bits(1) === 1;
      bits(4);
      return isPair;
    });
  const groups = [elements(front), elements(side), elements(back)] as const;
  const isWide = groups[0].filter(Boolean).length === 2;
  const isDeep = groups[2].filter(Boolean).length === 2;
  const speakers = [
    ...place(
      groups[0],
      isWide
        ? [
            [FLC, FRC],
            [FL, FR],
          ]
        : [[FL, FR]],
      [FC],
    ),
    ...place(groups[1], [[SL, SR]], []),
    ...place(
      groups[2],
      isDeep
        ? [
            [SL, SR],
            [BL, BR],
          ]
        : [[BL, BR]],
      [BC],
    ),
    ...Array.from({ length: lfe }, () => LFE),
  ];
  const isNamed = !speakers.includes(0) && new Set(speakers).size === speakers.length;
  return { channelCount: speakers.length, speakers: isNamed ? speakers : undefined };
}

/**
 * The layout of a stream whose header names none: of the program config element in its first packet, else of the first
 * element alone.
 */
export function layoutOfPacket(bits: (count: number) => number): AacLayout | undefined {
  const element = bits(3);
  if (element === 5) return parseProgramConfig(bits);
  return element > 1 ? undefined : layoutOf(element + 1);
}

/** Planar channels in the order of WAVE, and their mask. */
export function inWaveOrder(
  channels: readonly Float32Array[],
  { speakers }: AacLayout,
): { channels: Float32Array[]; speakers?: number } {
  if (!speakers || channels.length !== speakers.length || channels.length < 3) return { channels: [...channels] };
  const order = speakers.map((bit, from) => ({ bit, from })).toSorted((a, b) => a.bit - b.bit);
  return {
    channels: order.map(({ from }) => channels[from]!),
    speakers: speakers.reduce((mask, bit) => mask | bit, 0),
  };
}

// ---

/** ISO/IEC 14496-3, table 1.19. */
const LAYOUTS: Readonly<Record<number, readonly number[]>> = {
  1: [FC],
  2: [FL, FR],
  3: [FC, FL, FR],
  4: [FC, FL, FR, BC],
  5: [FC, FL, FR, BL, BR],
  6: [FC, FL, FR, BL, BR, LFE],
  // The table says two pairs in front: encoders and players take the second one for the sides.
  7: [FC, FL, FR, SL, SR, BL, BR, LFE],
  11: [FC, FL, FR, BL, BR, BC, LFE],
  12: [FC, FL, FR, SL, SR, BL, BR, LFE],
};

/** Gives the pairs and single channels of a group their speakers, in order; 0 = more than there are names for. */
function place(group: readonly boolean[], pairs: readonly (readonly number[])[], singles: readonly number[]): number[] {
  let pair = 0;
  let single = 0;
  return group.flatMap((isPair) => (isPair ? (pairs[pair++] ?? [0, 0]) : [singles[single++] ?? 0]));
}
