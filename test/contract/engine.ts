import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { wavFile } from "../../src/shared/wav.ts";
import type {
  Engine,
  Hypothesis,
  LiveStreamOptions,
  Suspendable,
  TranscribeOptions,
  WindowReading,
} from "../../src/engine/contract.ts";

/** What one implementation brings to the suite. */
export interface EngineUnderTest {
  readonly create: () => Promise<Engine>;
  /** A mono 16 kHz PCM16 WAV of 1 to 10 s in which the engine hears words. */
  readonly clip: URL;
}

/** The engine contract: everything the runtime relies on. Runs against the fake and the ONNX engine with the demo model. */
export function engineContract(name: string, subject: EngineUnderTest): void {
  describe(`engine contract: ${name}`, () => {
    let engine: Engine;
    let wav: Uint8Array;
    let pcm: Uint8Array;
    let clipS: number;

    beforeAll(async () => {
      wav = await readFile(subject.clip);
      pcm = wav.subarray(44);
      clipS = pcm.length / 32_000;
      engine = await subject.create();
      await engine.start();
    });
    afterAll(() => engine.close());

    test("is ready after start and names its model", () => {
      expect(engine.state).toBe("ready");
      expect(engine.model?.vocabSize).toBeGreaterThan(0);
      expect(engine.model?.bundleHash).toMatch(/^[0-9a-f]{64}$/);
    });

    test("transcribes a clip: text is its words, times rise within the audio, segments cover the text", async () => {
      const [transcript, ...others] = await engine.transcribe(fileOptions(wav));
      expect(others).toEqual([]);
      expect(transcript!.text).not.toBe("");
      expect(transcript!.text).toBe(transcript!.words.map((word) => word.word).join(" "));
      expect(transcript!.segments.map((segment) => segment.text).join(" ")).toBe(transcript!.text);
      expect(transcript!.durationS).toBeCloseTo(clipS, 2);
      let before = 0;
      for (const word of transcript!.words) {
        expect(word.start).toBeGreaterThanOrEqual(before);
        expect(word.end).toBeGreaterThan(word.start);
        expect(word.end).toBeLessThanOrEqual(clipS + 0.05);
        expect(word.confidence).toBeGreaterThan(0);
        expect(word.confidence).toBeLessThanOrEqual(1);
        before = word.start;
      }
    });

    test("gives the same transcript however the bytes are split", async () => {
      const whole = await engine.transcribe(fileOptions(wav));
      const split = await engine.transcribe({ ...fileOptions(wav), audio: inPieces(wav, 777) });
      expect(split).toEqual(whole);
    });

    test("reports progress that rises to the length of the audio", async () => {
      const progress: number[] = [];
      await engine.transcribe({ ...fileOptions(wav), onProgress: (doneS) => progress.push(doneS) });
      expect(progress).toEqual(progress.toSorted((a, b) => a - b));
      expect(progress.at(-1)).toBeCloseTo(clipS, 2);
    });

    test("tells finals while it works, and they add up to the text", async () => {
      const told: Hypothesis[] = [];
      const [transcript] = await engine.transcribe({ ...fileOptions(wav), onHypothesis: (h) => void told.push(h) });
      const finals = told.filter((hypothesis) => hypothesis.type === "final");
      expect(finals.map((hypothesis) => hypothesis.committed).join(" ")).toBe(transcript!.text);
    });

    test("tells when speech begins, and only then", async () => {
      let spoke = 0;
      const live = engine.openStream(streamOptions({ onSpeech: () => spoke++ }));
      expect(engine.liveCapacity().speaking).toBe(0);
      live.write(new Uint8Array(32_000));
      await live.waitForBacklogBelow(600);
      expect(spoke).toBe(0);
      live.write(pcm);
      await expect.poll(() => spoke).toBeGreaterThan(0);
      expect([engine.liveCapacity().speaking, engine.liveCapacity(7).speaking]).toEqual([1, 7]);
      await live.end();
    });

    test("answers one transcript per channel when channels are split", async () => {
      const stereo = stereoWav(pcm, new Uint8Array(pcm.length));
      const transcripts = await engine.transcribe({ ...fileOptions(stereo), channels: "split" });
      expect(transcripts.length).toBe(2);
      expect(transcripts[0]!.text).not.toBe("");
      expect(transcripts[1]!.text).toBe("");
      expect(transcripts[1]!.durationS).toBeCloseTo(clipS, 2);
    });

    test("channels that speak at once both send their utterances, to a slow reader too, in the order of each", async () => {
      const gap = new Uint8Array(64_000);
      const speech = Buffer.concat([pcm, gap, pcm]);
      const heard: Hypothesis[] = [];
      const transcripts = await engine.transcribe({
        ...fileOptions(stereoWav(speech, speech)),
        channels: "split",
        onHypothesis: async (hypothesis) => {
          await sleep(20);
          heard.push(hypothesis);
        },
      });
      const wordsOf = (lane: number): unknown =>
        heard.filter(({ channel }) => channel === lane).flatMap(({ words }) => words);
      expect([wordsOf(0), wordsOf(1)]).toEqual(transcripts.map(({ words }) => words));
    });

    test("a run that continues after any number of windows equals an undisturbed one and reads none of them twice", async () => {
      const gap = new Uint8Array(96_000);
      const long = wavFile(new Int16Array(Buffer.concat([pcm, gap, pcm, gap, pcm, gap, pcm]).buffer));
      const read: WindowReading[] = [];
      const whole = await engine.transcribe({ ...fileOptions(long), onReading: (reading) => void read.push(reading) });
      expect(read.length).toBeGreaterThanOrEqual(4);
      for (let kept = 0; kept <= read.length; kept++) {
        const known = read.slice(0, kept);
        const again: WindowReading[] = [];
        const resumed = await engine.transcribe({
          ...fileOptions(long),
          known: structuredClone(known),
          onReading: (reading) => void again.push(reading),
        });
        expect(resumed).toEqual(whole);
        expect(spansOf([...known, ...again])).toEqual(spansOf(read));
      }
    });

    test("a window of one channel says nothing about another channel", async () => {
      const stereo = stereoWav(pcm, pcm);
      const options = (): TranscribeOptions => ({ ...fileOptions(stereo), channels: "split" });
      const read: WindowReading[] = [];
      await engine.transcribe({ ...options(), onReading: (reading) => void read.push(reading) });
      const known = read.filter(({ lane }) => lane === 0).map((reading) => ({ ...reading, words: [] }));
      const [left, right] = await engine.transcribe({ ...options(), known });
      expect([left!.text, right!.text === ""]).toEqual(["", false]);
    });

    test("refuses an empty body, garbage and audio that is too long with their codes", async () => {
      await expect(engine.transcribe(fileOptions(new Uint8Array(0)))).rejects.toMatchObject({ code: "empty_body" });
      const garbage = new TextEncoder().encode("this is certainly not audio ".repeat(50));
      await expect(engine.transcribe(fileOptions(garbage))).rejects.toMatchObject({ code: "unsupported_media" });
      await expect(engine.transcribe({ ...fileOptions(wav), maxDurationMs: 500 })).rejects.toMatchObject({
        code: "audio_too_long",
      });
    });

    test("an aborted signal rejects with its reason and stops reading the body", async () => {
      const controller = new AbortController();
      const reason = new Error("the client left");
      let returned = false;
      let reads = 0;
      const endless: AsyncIterable<Uint8Array> = {
        [Symbol.asyncIterator]: () => ({
          next: async () => {
            reads++;
            if (reads === 3) setTimeout(() => controller.abort(reason), 5);
            await new Promise((resolve) => {
              setTimeout(resolve, 1);
            });
            return { done: false, value: reads === 1 ? wav.slice(0, 4000) : new Uint8Array(320) };
          },
          return: () => {
            returned = true;
            return Promise.resolve({ done: true as const, value: undefined });
          },
        }),
      };
      await expect(engine.transcribe({ ...fileOptions(wav), audio: endless, signal: controller.signal })).rejects.toBe(
        reason,
      );
      expect(returned).toBe(true);
      await expect(engine.transcribe({ ...fileOptions(wav), signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    });

    test("stands still while it is suspended, goes on afterwards with the same transcript, and can be aborted then", async () => {
      const whole = await engine.transcribe(fileOptions(wav));
      let work: Suspendable | undefined;
      let pieces = 0;
      async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
        for await (const piece of inPieces(wav, 4000)) {
          pieces++;
          if (pieces === 4) work?.suspend();
          yield piece;
        }
      }
      const options = (): TranscribeOptions => ({
        ...fileOptions(wav),
        audio: body(),
        onBegin: (begun) => (work = begun),
      });
      const suspended = engine.transcribe(options());
      await new Promise((resolve) => {
        setTimeout(resolve, 300);
      });
      const before = pieces;
      await new Promise((resolve) => {
        setTimeout(resolve, 200);
      });
      expect([pieces, pieces * 4000 < wav.length]).toEqual([before, true]);
      work?.resume();
      expect(await suspended).toEqual(whole);
      pieces = 0;
      const gone = new AbortController();
      const aborted = engine.transcribe({ ...options(), signal: gone.signal });
      setTimeout(() => gone.abort(new Error("gone")), 200);
      await expect(aborted).rejects.toThrow("gone");
    });

    test("rejects with the body's own error", async () => {
      const broken = new Error("connection reset");
      async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
        yield wav.subarray(0, 1000);
        throw broken;
      }
      await expect(engine.transcribe({ ...fileOptions(wav), audio: body() })).rejects.toBe(broken);
    });

    test.each([1, 320, 3201, 32_000])("a stream in writes of %i bytes ends with the file's text", async (bytes) => {
      const [file] = await engine.transcribe(fileOptions(wav));
      const { told, errors } = await stream(engine, pcm, { bytes });
      expect(errors).toEqual([]);
      expect(finalText(told)).toBe(file!.text);
      expect(told.at(-1)).toMatchObject({ type: "final", endpointReason: "stop", speechFinal: true });
    });

    test("committed text of an utterance only grows, and its final begins with it", async () => {
      const { told } = await stream(engine, pcm, { bytes: 3200, paceMs: 20, commitPolicy: "stable_prefix" });
      let committed = "";
      for (const hypothesis of told) {
        expect(hypothesis.committed.startsWith(committed)).toBe(true);
        expect(hypothesis.words.map((word) => word.word).join(" ")).toBe(hypothesis.committed + hypothesis.tentative);
        committed = hypothesis.type === "final" ? "" : hypothesis.committed;
      }
    });

    test("a stream at 8 kHz and at 48 kHz has word times of the same audio", async () => {
      for (const sampleRateHz of [8000, 48_000]) {
        const { told } = await stream(engine, resamplePlainly(pcm, sampleRateHz), { sampleRateHz, bytes: 4000 });
        const words = told
          .filter((hypothesis) => hypothesis.type === "final")
          .flatMap((hypothesis) => hypothesis.words);
        expect(words.length).toBeGreaterThan(0);
        expect(words.at(-1)!.end).toBeLessThanOrEqual(clipS + 0.1);
      }
    });

    test("in manual mode only the end makes a final", async () => {
      const twice = concat(pcm, new Uint8Array(48_000), pcm, new Uint8Array(48_000));
      const { told } = await stream(engine, twice, { endpoint: "manual", bytes: 6400 });
      expect(told.filter((hypothesis) => hypothesis.type === "final").length).toBe(1);
      const auto = await stream(engine, twice, { endpoint: "auto", bytes: 6400 });
      expect(finalText(told)).toBe(finalText(auto.told));
      expect(auto.told.filter((hypothesis) => hypothesis.committed !== "" && hypothesis.type === "final").length).toBe(
        2,
      );
    });

    test("a stream of silence says nothing but its empty last final", async () => {
      const { told, errors } = await stream(engine, new Uint8Array(320_000), { bytes: 3200 });
      expect(errors).toEqual([]);
      expect(told).toMatchObject([{ type: "final", committed: "", tentative: "", words: [], endpointReason: "stop" }]);
    });

    test("a stream that ends without audio gives an empty final; ending it again changes nothing", async () => {
      const told: Hypothesis[] = [];
      const live = engine.openStream(streamOptions({ onHypothesis: (hypothesis) => told.push(hypothesis) }));
      await live.end();
      await live.end();
      expect(told).toMatchObject([{ type: "final", committed: "" }]);
      expect(live.backlogMs).toBe(0);
    });

    test("an aborted stream says nothing more, and its waiters wake", async () => {
      const told: Hypothesis[] = [];
      const live = engine.openStream(streamOptions({ onHypothesis: (hypothesis) => told.push(hypothesis) }));
      live.write(pcm);
      const waiting = live.waitForBacklogBelow(0.001);
      live.abort();
      const heard = told.length;
      await waiting;
      await live.end();
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
      expect(told.length).toBe(heard);
    });

    test("the backlog falls while the stream is recognised", async () => {
      const live = engine.openStream(streamOptions({}));
      live.write(pcm);
      live.write(new Uint8Array(64_000));
      expect(live.backlogMs).toBeGreaterThan(1000);
      await live.waitForBacklogBelow(1000);
      expect(live.backlogMs).toBeLessThan(1000);
      await live.end();
    });

    test("borrowed bytes may be overwritten after write returns", async () => {
      const [file] = await engine.transcribe(fileOptions(wav));
      const told: Hypothesis[] = [];
      const live = engine.openStream(streamOptions({ onHypothesis: (hypothesis) => told.push(hypothesis) }));
      const borrowed = new Uint8Array(3200);
      for (let at = 0; at < pcm.length; at += 3200) {
        const piece = pcm.subarray(at, at + 3200);
        borrowed.set(piece);
        live.write(borrowed.subarray(0, piece.length));
        borrowed.fill(85);
      }
      await live.end();
      expect(finalText(told)).toBe(file!.text);
    });

    test("counts what it did", async () => {
      const before = engine.stats();
      const runs: number[] = [];
      engine.onInference = (audioS) => runs.push(audioS);
      const [file] = await engine.transcribe(fileOptions(wav));
      const between = engine.stats();
      expect(between.workers).toBeGreaterThan(0);
      expect(between.audioSecondsTotal - before.audioSecondsTotal).toBeCloseTo(file!.durationS, 2);
      const live = engine.openStream(streamOptions({}));
      for (let at = 0; at < pcm.length; at += 3200) live.write(pcm.subarray(at, at + 3200));
      live.write(new Uint8Array(96_000));
      await live.end();
      engine.onInference = undefined;
      const after = engine.stats();
      // Once, however often a partial read it, and the silence after it as well.
      expect(after.audioSecondsTotal - between.audioSecondsTotal).toBeCloseTo(live.writtenMs / 1000, 2);
      expect(after.encodedSecondsTotal - before.encodedSecondsTotal).toBeCloseTo(
        runs.reduce((sum, seconds) => sum + seconds, 0),
        6,
      );
      const dropped = engine.openStream(streamOptions({}));
      dropped.write(pcm);
      dropped.abort();
      expect(engine.stats().audioSecondsTotal).toBe(after.audioSecondsTotal);
    });

    test("before start and after close it refuses with the right codes, and closing twice is fine", async () => {
      const other = await subject.create();
      await expect(other.transcribe(fileOptions(wav))).rejects.toMatchObject({ code: "initializing" });
      expect(() => other.openStream(streamOptions({}))).toThrow(expect.objectContaining({ code: "initializing" }));
      await other.start();
      const running = other.transcribe(fileOptions(wav)).then(
        () => "done",
        (error: { code: string }) => error.code,
      );
      await Promise.all([other.close(), other.close()]);
      expect(["done", "pool_closed"]).toContain(await running);
      await expect(other.transcribe(fileOptions(wav))).rejects.toMatchObject({ code: "pool_closed" });
      expect(other.state).toBe("closed");
    });
  });
}

// ---

function fileOptions(bytes: Uint8Array): TranscribeOptions {
  return { audio: inPieces(bytes, 65_536), maxDurationMs: 3_600_000, signal: new AbortController().signal };
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function streamOptions(options: Partial<LiveStreamOptions>): LiveStreamOptions {
  return {
    sampleRateHz: 16_000,
    endpoint: "auto",
    minSilenceMs: 600,
    commitPolicy: "auto",
    onHypothesis: () => {},
    onError: () => {},
    ...options,
  };
}

async function stream(
  engine: Engine,
  pcm: Uint8Array,
  options: Partial<LiveStreamOptions> & { readonly bytes: number; readonly paceMs?: number },
): Promise<{ told: Hypothesis[]; errors: Error[] }> {
  const told: Hypothesis[] = [];
  const errors: Error[] = [];
  const live = engine.openStream(
    streamOptions({
      ...options,
      onHypothesis: (hypothesis) => told.push(hypothesis),
      onError: (error) => errors.push(error),
    }),
  );
  // Single bytes would be a hundred thousand messages: a stretch of them is enough.
  const small = options.bytes < 100 ? 2001 : pcm.length;
  for (let at = 0; at < small; at += options.bytes) {
    live.write(pcm.subarray(at, Math.min(small, at + options.bytes)));
    if (options.paceMs) {
      await new Promise((resolve) => {
        setTimeout(resolve, options.paceMs);
      });
    }
  }
  if (small < pcm.length) live.write(pcm.subarray(small));
  await live.end();
  return { told, errors };
}

function finalText(told: readonly Hypothesis[]): string {
  return told
    .filter((hypothesis) => hypothesis.type === "final" && hypothesis.committed !== "")
    .map((hypothesis) => hypothesis.committed)
    .join(" ");
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function spansOf(readings: readonly WindowReading[]): string[] {
  return readings.map(({ lane, from, to }) => `${lane}: ${from}-${to}`).toSorted();
}

function stereoWav(left: Uint8Array, right: Uint8Array): Uint8Array {
  const frames = left.length / 2;
  const wav = Buffer.alloc(44 + frames * 4);
  wav.write("RIFF", 0, "latin1");
  wav.writeUInt32LE(36 + frames * 4, 4);
  wav.write("WAVEfmt ", 8, "latin1");
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(2, 22);
  wav.writeUInt32LE(16_000, 24);
  wav.writeUInt32LE(64_000, 28);
  wav.writeUInt16LE(4, 32);
  wav.writeUInt16LE(16, 34);
  wav.write("data", 36, "latin1");
  wav.writeUInt32LE(frames * 4, 40);
  for (let n = 0; n < frames; n++) {
    wav.set(left.subarray(2 * n, 2 * n + 2), 44 + 4 * n);
    wav.set(right.subarray(2 * n, 2 * n + 2), 46 + 4 * n);
  }
  return wav;
}

/** Nearest-neighbour rate change of 16 kHz PCM: good enough to carry words and their times. */
function resamplePlainly(pcm: Uint8Array, toHz: number): Uint8Array {
  const samples = Math.floor(((pcm.length / 2) * toHz) / 16_000);
  const out = new Uint8Array(samples * 2);
  for (let n = 0; n < samples; n++) {
    const from = Math.min(pcm.length / 2 - 1, Math.floor((n * 16_000) / toHz)) * 2;
    out[2 * n] = pcm[from]!;
    out[2 * n + 1] = pcm[from + 1]!;
  }
  return out;
}
