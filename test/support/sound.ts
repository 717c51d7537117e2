/** PCM16 of noise, at any rate: the fake engine hears one number word for every half second of it. */
export function sound(ms: number, rateHz: number, volume = 0.5): Buffer {
  const samples = Math.round((ms * rateHz) / 1000);
  const pcm = Buffer.alloc(samples * 2);
  let state = 12_345;
  for (let at = 0; at < samples; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    pcm.writeInt16LE(Math.round((state / 2 ** 31 - 1) * volume * 32_767), at * 2);
  }
  return pcm;
}

export function silence(ms: number, rateHz: number): Buffer {
  return Buffer.alloc(Math.round((ms * rateHz) / 1000) * 2);
}
