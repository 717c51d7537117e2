import { chooseTrack } from "../choose-track.ts";
import { damaged, foreign, truncated, unsupported } from "../refuse.ts";
import type { EbmlElement } from "./ebml.ts";
import { bodyOf, numberOf, parseElements, parseFloatElement } from "./ebml.ts";
import { ID } from "./walk.ts";
import type { Walk } from "./walk.ts";

/** What the file says of the chosen audio track. */
export interface Track {
  readonly number: number;
  readonly codecId: string;
  readonly privateData: Uint8Array;
  readonly sampleRateHz: number;
  readonly channelCount: number;
  readonly bitDepth: number;
  /** Codec delay in nanoseconds, 0 when the container does not say it. */
  readonly delayNs: number;
  /** Bytes to put before every packet (header stripping). */
  readonly prefix: Uint8Array;
}

/** Reads to the end of the list of tracks and chooses one. */
export async function readHead(
  walk: Walk,
  wanted: string | undefined,
): Promise<{ track: Track; durationS: number | undefined; tickNs: number }> {
  let durationS: number | undefined;
  let tickNs = 1_000_000;
  for (;;) {
    const element = await walk.next();
    if (!element) throw truncated("WebM/Matroska", "the file ends before its list of tracks");
    if (element.id === ID.info) {
      const info = parseElements(await walk.store(element.size));
      tickNs = numberOf(info, 0x2ad7b1) || tickNs;
      durationS = parseDuration(info, tickNs);
    } else if (element.id === ID.tracks) {
      return { track: findTrack(parseElements(await walk.store(element.size)), wanted), durationS, tickNs };
    } else if (element.id === ID.simpleBlock || element.id === ID.blockGroup) {
      throw damaged("WebM/Matroska", "the audio comes before the list of tracks");
    } else await walk.skip(element.size);
  }
}

function parseDuration(info: readonly EbmlElement[], tickNs: number): number | undefined {
  const duration = bodyOf(info, 0x4489);
  if (!duration) return undefined;
  const seconds = (parseFloatElement(duration) * tickNs) / 1e9;
  return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
}

function findTrack(tracks: readonly EbmlElement[], wanted: string | undefined): Track {
  const entries = tracks.filter(({ id }) => id === 0xae).map(({ body }) => parseElements(body));
  const audio = entries.filter((entry) => numberOf(entry, 0x83) === 2);
  if (audio.length === 0) {
    throw foreign(entries.length > 0 ? "video without an audio track" : "WebM without any track");
  }
  return chooseTrack({
    container: "WebM/Matroska",
    wanted,
    tracks: audio.map((entry) => ({
      language: text(bodyOf(entry, 0x22b59d)) || text(bodyOf(entry, 0x22b59c)) || "eng",
      isDefault: (bodyOf(entry, 0x88)?.at(-1) ?? 1) === 1,
      open: () => parseTrack(entry),
    })),
  });
}

function parseTrack(entry: readonly EbmlElement[]): Track {
  const details = parseElements(bodyOf(entry, 0xe1) ?? new Uint8Array(0));
  const frequency = bodyOf(details, 0xb5);
  const codecId = text(bodyOf(entry, 0x86));
  if (!isKnownCodec(codecId)) {
    const name = CODEC_NAMES.find(([prefix]) => codecId.startsWith(prefix))?.[1];
    const shown = name ?? `the codec ${codecId.replace(/[^\w/.-]/g, "?").slice(0, 40)}`;
    throw unsupported("WebM/Matroska", `${shown} is not supported`, "convert");
  }
  return {
    number: numberOf(entry, 0xd7),
    codecId,
    privateData: bodyOf(entry, 0x63a2) ?? new Uint8Array(0),
    sampleRateHz: frequency ? Math.round(parseFloatElement(frequency)) : 8000,
    channelCount: numberOf(details, 0x9f) || 1,
    bitDepth: numberOf(details, 0x6264),
    delayNs: numberOf(entry, 0x56aa),
    prefix: parseEncodings(bodyOf(entry, 0x6d80)),
  };
}

function text(body: Uint8Array | undefined): string {
  return Buffer.from(body ?? [])
    .toString("latin1")
    .replace(/\0.*/s, "");
}

function isKnownCodec(codecId: string): boolean {
  return /^A_(?:OPUS|E?AC3|DTS|VORBIS|FLAC|ALAC|MPEG\/L[23]|PCM\/(?:INT\/(?:LIT|BIG)|FLOAT\/IEEE)|AAC(?:\/.*)?|MS\/ACM)$/.test(
    codecId,
  );
}

/** Codecs that people meet and that cannot be decoded here, by the beginning of their id. */
const CODEC_NAMES: readonly (readonly [prefix: string, name: string])[] = [
  ["A_DTS/", "DTS-HD"],
  ["A_TRUEHD", "Dolby TrueHD"],
  ["A_MLP", "Meridian Lossless Packing"],
  ["A_TTA1", "True Audio"],
  ["A_WAVPACK4", "WavPack"],
  ["A_REAL", "RealAudio"],
  ["A_MPEG/L1", "MPEG layer I"],
  ["A_QUICKTIME", "a QuickTime codec"],
];

/** Only the removal of common first bytes is supported of the encodings a track can have. */
function parseEncodings(body: Uint8Array | undefined): Uint8Array {
  if (!body) return new Uint8Array(0);
  const encodings = parseElements(body).filter(({ id }) => id === 0x6240);
  const compression = encodings.length === 1 ? bodyOf(parseElements(encodings[0]!.body), 0x5034) : undefined;
  const settings = compression && parseElements(compression);
  if (!settings || numberOf(settings, 0x4254) !== 3) {
    throw unsupported("WebM/Matroska", "the track is encrypted or compressed", "remux");
  }
  return bodyOf(settings, 0x4255) ?? new Uint8Array(0);
}
