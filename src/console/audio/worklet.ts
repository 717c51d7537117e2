/** Runs on the audio thread: gathers the microphone's samples into blocks of 40 ms and hands them to the page. */

/** What the audio thread offers; the library of types for pages does not know it. */
declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

const BLOCK_S = 0.04;

class Gatherer extends AudioWorkletProcessor {
  #block: Float32Array = new Float32Array(Math.round(sampleRate * BLOCK_S));
  #filled = 0;

  process([channels]: Float32Array[][]): boolean {
    const samples = channels?.[0] ?? new Float32Array(0);
    for (let read = 0; read < samples.length;) {
      const part = samples.subarray(read, read + this.#block.length - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      read += part.length;
      if (this.#filled < this.#block.length) break;
      this.port.postMessage(this.#block, [this.#block.buffer]);
      this.#block = new Float32Array(Math.round(sampleRate * BLOCK_S));
      this.#filled = 0;
    }
    return true;
  }
}

registerProcessor("gatherer", Gatherer);
