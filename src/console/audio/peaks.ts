/** A longer recording decoded in the tab would take too much memory: 1 h of mono at 8 kHz is 115 MB. */
export const MAX_DECODED_S = 3600;

const RATE_HZ = 8000;
const BARS = 1500;

/** Returns the loudest sample of each of 1500 stretches, or undefined for what this browser cannot decode. */
export async function peaksOf(audio: Blob): Promise<Float32Array | undefined> {
  try {
    const decoder = new OfflineAudioContext({ numberOfChannels: 1, length: 1, sampleRate: RATE_HZ });
    const sound = await decoder.decodeAudioData(await audio.arrayBuffer());
    return loudest(sound.getChannelData(0), BARS);
  } catch {
    return undefined;
  }
}

/** Returns the largest absolute value of each of so many equal stretches. */
export function loudest(samples: Float32Array, stretches: number): Float32Array {
  const peaks = new Float32Array(Math.min(stretches, samples.length));
  for (let index = 0; index < samples.length; index++) {
    const at = Math.floor((index * peaks.length) / samples.length);
    peaks[at] = Math.max(peaks[at] ?? 0, Math.abs(samples[index] ?? 0));
  }
  return peaks;
}
