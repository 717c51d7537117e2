import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { fork } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { ResolvedConfig } from "../../../src/config/types.ts";
import type { Engine, Hypothesis, LiveStream } from "../../../src/engine/contract.ts";
import { createEngine } from "../../../src/engine/engine.ts";
import { createFakeEngine } from "../../../src/engine/fake.ts";
import type { FromTranscriber, ToTranscriber } from "../../../src/engine/transcribe-main.ts";
import type { ModelBundle } from "../../../src/models/manifest.ts";
import { entryFile } from "../../../src/shared/process/entry.ts";
import { silentLogger } from "../../../src/shared/log.ts";
import { wavFile } from "../../../src/shared/wav.ts";
import { DEMO_CONFIG, demoBundle, EVAL_CLIPS, readClip } from "./support.ts";

const CLIP = EVAL_CLIPS.find((clip) => clip.file === "dev_espeak_06.wav")!;
const clipPath = (file: string): string => new URL(`../../fixtures/eval/${file}`, import.meta.url).pathname;

async function demo(options: { config?: ResolvedConfig; bundle?: ModelBundle } = {}): Promise<Engine> {
  const engine = createEngine({
    config: options.config ?? DEMO_CONFIG,
    bundle: options.bundle ?? (await demoBundle("int8")),
    log: silentLogger,
  });
  onTestFinished(() => engine.close());
  return engine;
}

async function recognise(engine: Engine, wav: Uint8Array): Promise<string> {
  async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
    yield wav;
  }
  const [transcript] = await engine.transcribe({
    audio: body(),
    maxDurationMs: 1e9,
    signal: new AbortController().signal,
  });
  return transcript!.text;
}

/** On a slow machine an idle model may leave memory again before anybody asks: then it is asked for once more. */
const UNTIL_LOADED = { timeout: 60_000, interval: 20 };
const codeOf = (error: { code?: string }): string | undefined => error.code;

function openStream(engine: Engine): LiveStream {
  return engine.openStream({
    sampleRateHz: 16_000,
    endpoint: "auto",
    minSilenceMs: 600,
    commitPolicy: "auto",
    onHypothesis: () => {},
    onError: () => {},
  });
}

function toWav(samples: Float32Array): Uint8Array {
  return wavFile(Int16Array.from(samples, (sample) => Math.round(sample * 32_767)));
}

test("a repeated clip in one long file is recognised each time, nothing doubled and nothing lost", async () => {
  const engine = await demo();
  await engine.start();
  const clip = readClip(CLIP.file);
  const repeats = 20;
  const samples = new Float32Array(repeats * (clip.length + 8000));
  for (let k = 0; k < repeats; k++) samples.set(clip, k * (clip.length + 8000));
  const text = await recognise(engine, toWav(samples));
  expect(text).toBe(Array.from({ length: repeats }, () => CLIP.reference_decode.int8.text).join(" "));
});

test("speech without a single pause is cut, and every window of it is heard", async () => {
  // The fake hears a word in every half second of sound: a lost or doubled second would show in the count.
  const engine = createFakeEngine();
  onTestFinished(() => engine.close());
  await engine.start();
  // Loudness sways as in speech, three times a second: a steady sound would be taken for noise.
  const samples = Float32Array.from({ length: 16_000 * 100 }, (_, n) => {
    const noise = ((n * 7919 * (n % 13)) % 1009) / 1009 - 0.5;
    return noise * (0.3 + 0.25 * Math.sin((n * 6 * Math.PI) / 16_000));
  });
  const words = (await recognise(engine, toWav(samples))).split(" ").length;
  expect(words).toBeGreaterThan(190);
  expect(words).toBeLessThan(215);
});

test("after the idle time the model leaves memory, and the next request loads it behind `initializing`", async () => {
  const engine = await demo({ config: { ...DEMO_CONFIG, model: { ...DEMO_CONFIG.model, idleUnloadMs: 200 } } });
  await engine.start();
  await expect.poll(() => engine.state, { timeout: 60_000 }).toBe("unloaded");
  expect(engine.stats().workers).toBe(0);
  expect(engine.model?.id).toBe("demo-ru-rnnt");
  const wav = await readFile(clipPath(CLIP.file));
  await expect(recognise(engine, wav)).rejects.toMatchObject({ code: "initializing" });
  await expect.poll(() => recognise(engine, wav).catch(codeOf), UNTIL_LOADED).toBe(CLIP.reference_decode.int8.text);
}, 90_000);

test("an open stream keeps the model in memory", async () => {
  const engine = await demo({ config: { ...DEMO_CONFIG, model: { ...DEMO_CONFIG.model, idleUnloadMs: 100 } } });
  await engine.start();
  const live = openStream(engine);
  await new Promise((resolve) => {
    setTimeout(resolve, 500);
  });
  expect(engine.state).toBe("ready");
  await live.end();
});

test("a model file that was replaced while it was unloaded is refused, and accepted again when it is right", async () => {
  const dir = await mkdtemp(join(tmpdir(), "gigastt-engine-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const original = await demoBundle("int8");
  await cp(join(original.encoderPath, ".."), dir, { recursive: true });
  const moved = (path: string): string => join(dir, path.split("/").at(-1)!);
  const bundle: ModelBundle = {
    ...original,
    encoderPath: moved(original.encoderPath),
    transducer: {
      decoderPath: moved(original.transducer!.decoderPath),
      jointPath: moved(original.transducer!.jointPath),
    },
    vocabPath: moved(original.vocabPath),
  };
  const engine = await demo({ bundle, config: { ...DEMO_CONFIG, model: { ...DEMO_CONFIG.model, idleUnloadMs: 100 } } });
  await engine.start();
  // An open stream keeps the model in memory, however slow the machine is.
  const live = openStream(engine);
  const wav = await readFile(clipPath(CLIP.file));
  await writeFile(bundle.encoderPath, "not a model");
  // What is loaded is not touched by the file.
  expect(await recognise(engine, wav)).toBe(CLIP.reference_decode.int8.text);
  await live.end();
  await expect.poll(() => engine.state, { timeout: 60_000 }).toBe("unloaded");
  await expect(recognise(engine, wav)).rejects.toMatchObject({ code: "initializing" });
  await expect.poll(() => engine.state, { timeout: 60_000, interval: 10 }).toBe("unloaded");
  await copyFile(original.encoderPath, bundle.encoderPath);
  await expect.poll(() => recognise(engine, wav).catch(codeOf), UNTIL_LOADED).toBe(CLIP.reference_decode.int8.text);
}, 90_000);

test("a window that fails ends the file with `transcription_error`, and a stream goes on after it", async () => {
  let failing = true;
  const engine = createFakeEngine({
    onWindow: () => {
      if (failing) throw new Error("the network failed");
    },
  });
  onTestFinished(() => engine.close());
  await engine.start();
  const wav = await readFile(clipPath(CLIP.file));
  await expect(recognise(engine, wav)).rejects.toMatchObject({ code: "transcription_error" });

  const told: Hypothesis[] = [];
  const errors: Error[] = [];
  const live = engine.openStream({
    sampleRateHz: 16_000,
    endpoint: "auto",
    minSilenceMs: 600,
    commitPolicy: "auto",
    onHypothesis: (hypothesis) => told.push(hypothesis),
    onError: (error) => errors.push(error),
  });
  const speech = wav.subarray(44);
  live.write(speech);
  live.write(new Uint8Array(32_000));
  await expect.poll(() => errors.length).toBe(1);
  expect(errors[0]).toMatchObject({ code: "inference_error" });
  failing = false;
  live.write(speech);
  await live.end();
  expect(told.filter((hypothesis) => hypothesis.type === "final" && hypothesis.committed !== "").length).toBe(1);
});

test("tells how many live sessions the machine keeps up with", async () => {
  const engine = await demo();
  expect(engine.liveCapacity()).toMatchObject({ realTimeFactor: undefined, canOpenMore: true });
  await engine.start();
  const capacity = engine.liveCapacity();
  expect(capacity.realTimeFactor).toBeGreaterThan(0);
  expect(capacity.sustainable).toBeGreaterThanOrEqual(1);
  expect(capacity).toMatchObject({ speaking: 0, canOpenMore: true, reason: undefined });
});

test("the transcribe program answers files, bad files and standard input, then ends with code 0", async () => {
  const child = fork(entryFile("engine/transcribe-main"), { stdio: ["pipe", "ignore", "inherit", "ipc"] });
  onTestFinished(() => void child.kill());
  const answers: FromTranscriber[] = [];
  child.on("message", (message: FromTranscriber) => answers.push(message));
  const say = (message: ToTranscriber): boolean => child.send(message);
  say({ type: "start", config: DEMO_CONFIG, bundle: await demoBundle("int8") });
  say({ type: "file", id: 1, path: clipPath(CLIP.file) });
  say({ type: "file", id: 2, path: "/nowhere/at.all" });
  say({ type: "file", id: 3, path: "-" });
  say({ type: "close" });
  child.stdin!.end(await readFile(clipPath("dev_espeak_07.wav")));
  const code = await new Promise((resolve) => {
    child.on("exit", resolve);
  });
  expect(code).toBe(0);
  expect(answers[0]).toMatchObject({ type: "ready", model: { id: "demo-ru-rnnt" } });
  const of = (id: number): FromTranscriber | undefined =>
    answers.find((answer) => "id" in answer && answer.id === id && answer.type !== "progress");
  expect(of(1)).toMatchObject({ type: "result", transcripts: [{ text: CLIP.reference_decode.int8.text }] });
  expect(of(2)).toMatchObject({ type: "error", code: "ENOENT" });
  expect(of(3)).toMatchObject({ type: "result", transcripts: [{ text: "Пятьдесят пять." }] });
});

test("the transcribe program ends when its parent does", async () => {
  const child = fork(entryFile("engine/transcribe-main"), { stdio: ["pipe", "ignore", "inherit", "ipc"] });
  onTestFinished(() => void child.kill());
  child.send({ type: "start", config: DEMO_CONFIG, bundle: await demoBundle("int8") });
  await new Promise((resolve) => {
    child.once("message", resolve);
  });
  child.disconnect();
  const code = await new Promise((resolve) => {
    child.on("exit", resolve);
  });
  expect(code).toBe(0);
});
