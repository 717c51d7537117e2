import { AudioError } from "../../shared/audio-problem.ts";
import { unsupported } from "./refuse.ts";

/** One audio track of a file with several. */
export interface TrackOffer<T> {
  /** ISO 639 code. */
  readonly language: string | undefined;
  /** The file plays it unless asked for another. */
  readonly isDefault: boolean;
  /** Throws an AudioError when the track cannot be decoded. */
  open(): T;
}

/**
 * The track to decode: the one that was asked for by number (from 0) or language; else the default one, else the first
 * one that can be decoded.
 */
export function chooseTrack<T>({
  container,
  wanted,
  tracks,
}: {
  readonly container: string;
  readonly wanted: string | undefined;
  readonly tracks: readonly TrackOffer<T>[];
}): T {
  if (wanted !== undefined) {
    const found = /^\d+$/.test(wanted)
      ? tracks[Number(wanted)]
      : tracks.find(({ language }) => isSameLanguage(language, wanted));
    if (found) return found.open();
    const offered = tracks.map(({ language = "und" }, index) => `${index} (${language})`).join(", ");
    throw unsupported(container, `there is no audio track ${wanted}, the file has ${offered}`, "track");
  }
  let refusal: AudioError | undefined;
  for (const track of tracks.toSorted((a, b) => Number(b.isDefault) - Number(a.isDefault))) {
    try {
      return track.open();
    } catch (error) {
      if (!(error instanceof AudioError)) throw error;
      refusal ??= error;
    }
  }
  throw refusal ?? unsupported(container, "there is no audio track");
}

/** `rus`, `ru` and `ru-RU` are one language. */
function isSameLanguage(language: string | undefined, wanted: string): boolean {
  if (language === undefined) return false;
  const name = (code: string): string | undefined => {
    const primary = code.toLowerCase().split("-")[0] ?? "";
    try {
      // ICU turns the three-letter codes into the two-letter ones.
      return new Intl.Locale(primary).maximize().language || primary;
    } catch {
      return primary;
    }
  };
  return name(language) === name(wanted);
}
