import { wavFile } from "../../src/shared/wav.ts";

/** A part of a form as it is sent. */
export interface FormPart {
  readonly name: string;
  readonly value: string | Uint8Array;
  /** Set: a file of this name. */
  readonly fileName?: string;
  readonly type?: string;
}

export const BOUNDARY = "----bound-aAr-x1";
export const FORM_TYPE: string = `multipart/form-data; boundary=${BOUNDARY}`;

/** Returns a form as bytes, its parts in the given order. */
export function formBytes(parts: readonly FormPart[]): Buffer {
  const pieces = parts.flatMap(({ name, value, fileName, type }) => [
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${fileName === undefined ? "" : `; filename="${fileName}"`}\r\n`,
    type === undefined ? "\r\n" : `Content-Type: ${type}\r\n\r\n`,
    value,
    "\r\n",
  ]);
  return Buffer.concat([...pieces, `--${BOUNDARY}--\r\n`].map((piece) => Buffer.from(piece as string))); // text or bytes
}

/** Returns 16 kHz mono WAV with so many seconds of noise, then of silence. */
export function noiseWav(noiseS: number, silenceS = 0): Buffer {
  const samples = new Int16Array(Math.round((noiseS + silenceS) * 16_000));
  let state = 1;
  for (let i = 0; i < noiseS * 16_000; i++) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    samples[i] = (state % 20_000) - 10_000;
  }
  return Buffer.from(wavFile(samples));
}
