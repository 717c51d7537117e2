/**
 * Mean of all channels. One channel is returned as it is (not copied); otherwise the caller owns a new array.
 * @param channels planar, all of one length, at least one
 */
export function mixToMono(channels: readonly Float32Array[]): Float32Array {
  const first = channels[0]!;
  if (channels.length === 1) return first;
  const mono = new Float32Array(first.length);
  const scale = 1 / channels.length;
  for (let i = 0; i < mono.length; i++) {
    let sum = 0;
    for (let channel = 0; channel < channels.length; channel++) sum += channels[channel]![i]!;
    mono[i] = sum * scale;
  }
  return mono;
}
