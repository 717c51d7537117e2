import { PacketError, type PacketDecoder } from "./packet-decoder.ts";

/** Bytes of one channel's block: a preamble of 2 and a nibble for each sample. */
export const IMA4_BLOCK_BYTES = 34;
export const IMA4_BLOCK_FRAMES = 64;

/** A decoder for Apple's IMA ADPCM (`ima4`). A packet is one block for each channel, one behind the other. */
export function createIma4Decoder(sampleRateHz: number, channelCount: number): PacketDecoder {
  const states = Array.from({ length: channelCount }, () => ({ value: 0, step: 0 }));
  return {
    decode(packet) {
      if (packet.length < IMA4_BLOCK_BYTES * channelCount) throw new PacketError("the block is cut short");
      const channels = states.map((state, channel) => decodeBlock(packet, channel * IMA4_BLOCK_BYTES, state));
      return { sampleRateHz, channels };
    },
  };
}

// ---

interface State {
  value: number;
  step: number;
}

function decodeBlock(packet: Uint8Array, at: number, state: State): Float32Array {
  const preamble = (packet[at]! << 8) | packet[at + 1]!;
  const value = ((preamble & 0xff80) << 16) >> 16;
  const step = preamble & 0x7f;
  if (step >= STEPS.length) throw new PacketError("the step of a block is out of range");
  // The preamble has 9 bits of the last value: where it agrees, the decoder's own is more exact.
  if (step !== state.step || Math.abs(value - state.value) > 0x7f) state.value = value;
  state.step = step;
  const samples = new Float32Array(IMA4_BLOCK_FRAMES);
  for (let i = 0; i < IMA4_BLOCK_FRAMES; i++) {
    const byte = packet[at + 2 + (i >> 1)]!;
    samples[i] = next(state, i & 1 ? byte >> 4 : byte & 15) / 32768;
  }
  return samples;
}

function next(state: State, nibble: number): number {
  const step = STEPS[state.step]!;
  let change = step >> 3;
  if (nibble & 4) change += step;
  if (nibble & 2) change += step >> 1;
  if (nibble & 1) change += step >> 2;
  const value = nibble & 8 ? state.value - change : state.value + change;
  state.value = Math.max(-32768, Math.min(32767, value));
  state.step = Math.max(0, Math.min(STEPS.length - 1, state.step + STEP_CHANGES[nibble & 7]!));
  return state.value;
}

const STEP_CHANGES = [-1, -1, -1, -1, 2, 4, 6, 8];

const STEPS = [
  7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107, 118,
  130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963, 1060,
  1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484,
  7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
];
