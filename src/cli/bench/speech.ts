import { readFile } from "node:fs/promises";
import { installationRoot } from "../../shared/process/entry.ts";

/** One of the bundled recordings: 16 kHz mono PCM16. */
export interface Sample {
  readonly pcm: Int16Array;
  readonly text: string;
}

export const SAMPLE_RATE_HZ = 16_000;
const PAUSE_S = 0.8;

/** Reads the bundled recordings. They are written by us: 44-byte header, 16 kHz, mono, PCM16. */
export async function loadSamples(): Promise<readonly Sample[]> {
  const folder = new URL("models/samples/", installationRoot());
  const list = JSON.parse(await readFile(new URL("samples.json", folder), "utf8")) as { file: string; text: string }[]; // our own file
  return Promise.all(
    list.map(async ({ file, text }) => {
      const bytes = new Uint8Array(await readFile(new URL(file, folder)));
      return { pcm: new Int16Array(bytes.buffer.slice(44)), text };
    }),
  );
}

/** Speech of exactly the given length: the samples in turn, starting with number `first`, with pauses of 0.8 s between them. */
export function assembleSpeech(samples: readonly Sample[], seconds: number, first = 0): Int16Array {
  const speech = new Int16Array(Math.round(seconds * SAMPLE_RATE_HZ));
  let position = 0;
  for (let turn = first; position < speech.length && samples.length > 0; turn += 1) {
    const pcm = samples[turn % samples.length]?.pcm ?? new Int16Array(0);
    speech.set(pcm.subarray(0, speech.length - position), position);
    position += pcm.length + Math.round(PAUSE_S * SAMPLE_RATE_HZ);
  }
  return speech;
}
