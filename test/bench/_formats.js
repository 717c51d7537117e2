// Shared by the benchmarks of formats: a recording in every container and codec that ffmpeg writes and gigastt reads.
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";

const PCM = ["u8", "s16le", "s24le", "s32le", "f32le", "f64le", "alaw", "mulaw"].map((kind) => `pcm_${kind}`);
const PCM_BIG = ["s8", "s16be", "s24be", "s32be", "f32be", "f64be", "alaw", "mulaw"].map((kind) => `pcm_${kind}`);
/** Containers, and the encoders whose files go into them. */
const MADE = {
  wav: [...PCM, "adpcm_ms", "adpcm_ima_wav", "libgsm_ms", "g722", "g726", "g723_1", "libmp3lame", "wmav2", "ac3"],
  w64: PCM,
  aiff: [...PCM_BIG, "adpcm_ima_qt"],
  au: PCM_BIG,
  caf: [...PCM_BIG, "adpcm_ms", "libgsm", "libgsm_ms", "mp2", "libmp3lame", "libopus", "ac3", "alac", "adpcm_ima_qt"],
  mov: [
    ...PCM_BIG,
    "g726",
    "libgsm_ms",
    "pcm_s16le",
    "alac",
    "aac",
    "adpcm_ima_qt",
    "adpcm_ms",
    "adpcm_ima_wav",
    "libgsm",
    "ac3",
  ],
  mkv: [
    "libopus",
    "libvorbis",
    "flac",
    "libmp3lame",
    "mp2",
    "aac",
    "alac",
    "pcm_s16be",
    "ac3",
    "eac3",
    "wmav2",
    "dca",
    "g722",
    "g726",
    "libgsm_ms",
    "adpcm_ms",
  ],
  webm: ["libopus", "libvorbis"],
  ogg: ["libopus", "libvorbis", "flac", "libspeex"],
  mp4: ["aac", "libvorbis", "dca", "mp2", "libopus", "flac", "libmp3lame", "alac", "ac3", "eac3"],
  ts: ["aac", "mp2", "libmp3lame", "ac3", "eac3"],
  wma: ["wmav1", "wmav2", "libmp3lame"],
  mp3: ["libmp3lame"],
  mp2: ["mp2"],
  adts: ["aac"],
  loas: ["aac"],
  ac3: ["ac3"],
  eac3: ["eac3"],
  gsm: ["libgsm"],
  flac: ["flac"],
};
/** Muxers that the name does not say. */
const MUXER = { loas: ["-f", "latm"] };

/** Pairs of a container and an encoder. */
export const FORMATS = Object.entries(MADE).flatMap(([container, encoders]) =>
  encoders.map((encoder) => ({ container, encoder })),
);

/** Every format and shape of a recording, one file at a time: it is removed when the next one is asked for. */
export function* madeOf(recording, folder, shapes, formats = FORMATS) {
  for (const { container, encoder } of formats) {
    for (const [rate, channels] of shapes) {
      const path = join(folder, `${encoder}-${rate}-${channels}.${container}`);
      const shape = ["-ar", String(rate), "-ac", String(channels), "-c:a", encoder, "-strict", "-2"];
      try {
        execFileSync("ffmpeg", ["-v", "error", "-y", "-i", recording, ...shape, ...(MUXER[container] ?? []), path], {
          stdio: "ignore",
        });
      } catch {
        continue; // this encoder does not take this rate
      }
      yield { path, container, encoder };
      rmSync(path);
    }
  }
}
