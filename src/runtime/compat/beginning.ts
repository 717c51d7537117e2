import type { UploadSource } from "../http/uploads/upload.ts";

/** Returns a source of the first bytes of the audio. The rest is read and thrown away: clients send everything before they read an answer. */
export function beginningOf(source: UploadSource, bytes: number): UploadSource {
  let left = bytes;
  return {
    ...source,
    start: ({ audio, ...to }) =>
      source.start({
        ...to,
        audio: (chunk) => {
          const part = chunk.subarray(0, left);
          left -= part.length;
          if (part.length > 0) audio(part);
        },
      }),
  };
}
