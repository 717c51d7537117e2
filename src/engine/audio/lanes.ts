import { createMixer } from "./mix.ts";
import { createResampler, type Resampler } from "./resample/resample.ts";
import type { DecodedAudio } from "./types.ts";

/**
 * The samples of a recording at one rate, one array per lane: the mono mix, or each channel on its own. Where rate or
 * channel count change inside the recording, the resamplers start again there.
 *
 * @param split one lane for each channel of the first block
 */
export async function* readLanes(
  audio: DecodedAudio,
  { sampleRateHz, split }: { readonly sampleRateHz: number; readonly split: boolean },
): AsyncGenerator<Float32Array[], void, undefined> {
  const count = split ? audio.channelCount : 1;
  const mix = createMixer(audio.warn);
  let rateHz = audio.sampleRateHz;
  let resamplers = makeResamplers();

  function makeResamplers(): (Resampler | undefined)[] {
    return Array.from({ length: count }, () =>
      rateHz === sampleRateHz ? undefined : createResampler(rateHz, sampleRateHz),
    );
  }
  const flush = (): Float32Array[] => resamplers.map((resampler) => resampler?.flush() ?? new Float32Array(0));

  for await (const block of audio.blocks) {
    if (block.sampleRateHz !== rateHz) {
      yield flush();
      rateHz = block.sampleRateHz;
      resamplers = makeResamplers();
    }
    // With another number of channels inside the recording every lane gets the mix: no lane loses speech.
    const isMixed = !split || block.channels.length !== count;
    const mono = isMixed ? mix(block) : undefined;
    yield resamplers.map((resampler, lane) => {
      const samples = mono ?? block.channels[lane]!;
      return resampler ? resampler.push(samples) : samples;
    });
  }
  yield flush();
}
