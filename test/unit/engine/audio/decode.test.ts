import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { decodeAudio } from "../../../../src/engine/audio/decode.ts";
import { concat, decodeAll, inPieces, latin1, refusal, u32 } from "./helpers.ts";

const FMT = Uint8Array.of(16, 0, 0, 0, 1, 0, 1, 0, 0x80, 0x3e, 0, 0, 0, 0x7d, 0, 0, 2, 0, 16, 0);
const OPEN_WAV = concat("RIFF", u32(0), "WAVE", "fmt ", FMT, "data", u32(0));

describe("what is not audio", () => {
  const foreign: readonly [string, Uint8Array, string][] = [
    ["nothing", new Uint8Array(0), "empty_body: the body is empty"],
    ["plain text", latin1("hello\r\n\tworld"), "unsupported_media: the body is text"],
    ["UTF-8 text", new TextEncoder().encode("Привет, это не звук.\n"), "unsupported_media: the body is text: send WAV"],
    ["one letter", latin1("a"), "unsupported_media: the body is text"],
    ["UTF-16 text", Uint8Array.of(0xff, 0xfe, 0x1f, 0x04, 0x40, 0x04), "unsupported_media: the body is text (UTF-16)"],
    ["HTML", latin1("<!DOCTYPE html><html></html>"), "unsupported_media: the body is an HTML page"],
    ["XML", latin1('<?xml version="1.0"?>'), "unsupported_media: the body is XML or HTML text"],
    ["JSON", latin1('{"audio": "base64"}'), "unsupported_media: the body is JSON or other text"],
    [
      "a multipart body",
      latin1('--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nRIFF'),
      "unsupported_media: the body is a multipart form",
    ],
    [
      "a form with a recording in it, as curl -F sends it",
      latin1(
        '--------------------------d74496d66958873e\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n' +
          "Content-Type: application/octet-stream\r\n\r\nRIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0",
      ),
      "unsupported_media: the body is a multipart form, not the file itself: send the file itself (curl: --data-binary @FILE, not -F)",
    ],
    [
      "a recording without its zero bytes, as curl --data sends it",
      latin1("RIFF\xf4\xd8\x02WAVEfmt \x10\x01\x01\x80>"),
      "unsupported_media: the body is a WAV file that lost bytes on the way: send the file unchanged (curl: --data-binary @FILE, not --data)",
    ],
    ["PNG", latin1("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "unsupported_media: the body is a PNG image"],
    ["JPEG", latin1("\xff\xd8\xff\xe0\0\x10JFIF"), "unsupported_media: the body is a JPEG image"],
    ["GIF", latin1("GIF89a\x01\0\x01\0"), "unsupported_media: the body is a GIF image"],
    ["BMP", latin1("BM\x46\0\0\0\0\0\0\0\x36\0"), "unsupported_media: the body is a BMP image"],
    ["WebP", latin1("RIFF\x10\0\0\0WEBPVP8 "), "unsupported_media: the body is a WebP image"],
    ["AVI", latin1("RIFF\x10\0\0\0AVI LIST"), "unsupported_media: the body is AVI video"],
    ["ZIP", latin1("PK\x03\x04\x14\0"), "unsupported_media: the body is a ZIP archive"],
    ["gzip", latin1("\x1f\x8b\x08\0"), "unsupported_media: the body is a gzip archive"],
    ["PDF", latin1("%PDF-1.7\n"), "unsupported_media: the body is a PDF document"],
    ["ELF", latin1("\x7fELF\x02\x01\x01"), "unsupported_media: the body is an executable (ELF)"],
    ["tar", concat(new Uint8Array(257), "ustar\0"), "unsupported_media: the body is a tar archive"],
    ["8SVX", latin1("FORM\0\0\0\x088SVX"), "unsupported_media: the body is Amiga audio (8SVX)"],
    [
      "random bytes",
      Uint8Array.of(0x93, 0x01, 0x7a, 0x00, 0xee, 0x12),
      "invalid_audio: the body is not in a known audio format",
    ],
    ["zeros", new Uint8Array(5000), "invalid_audio: the body is not in a known audio format"],
  ];
  for (const [name, bytes, wanted] of foreign) {
    it(`refuses ${name}`, async () => {
      expect(await refusal(bytes)).toContain(wanted);
      expect(await refusal(inPieces(bytes, 1))).toContain(wanted);
    });
  }
});

describe("headerless audio", () => {
  it("reads s16le, pcmu and pcma at the given rate", async () => {
    const bytes = Uint8Array.of(0xff, 0x7f, 0x00, 0x80);
    const read = async (codec: "s16le" | "pcmu" | "pcma") =>
      await decodeAll(inPieces(bytes, 1), { headerless: { codec, sampleRateHz: 8000 } });
    expect(await read("s16le")).toEqual({
      format: "s16le",
      sampleRateHz: 8000,
      totalS: undefined,
      channels: [Float32Array.of(32767 / 32768, -1)],
      warnings: [],
    });
    expect((await read("pcmu")).channels[0]).toHaveLength(4);
    expect((await read("pcma")).channels[0]).toHaveLength(4);
  });

  it("drops half a sample at the end", async () => {
    const { channels } = await decodeAll(new Uint8Array(5), { headerless: { codec: "s16le", sampleRateHz: 8000 } });
    expect(channels[0]).toHaveLength(2);
  });

  it("refuses a single byte of s16le, an impossible rate and a container", async () => {
    const s16le = (sampleRateHz: number) => ({ headerless: { codec: "s16le" as const, sampleRateHz } });
    expect(await refusal(new Uint8Array(1), s16le(8000))).toContain("invalid_audio: s16le: the file has no samples");
    expect(await refusal(new Uint8Array(4), s16le(3999))).toContain("invalid_audio: headerless audio: the sample rate");
    expect(await refusal(OPEN_WAV, s16le(8000))).toBe(
      "invalid_audio: codec s16le: the audio has a header, it is a wav file: leave out codec=",
    );
  });

  it("stops at the limit", async () => {
    const options = { headerless: { codec: "pcmu" as const, sampleRateHz: 8000 }, maxDurationMs: 1000 };
    expect(await refusal(new Uint8Array(8001), options)).toContain("audio_too_long");
    expect((await decodeAll(new Uint8Array(8000), options)).channels[0]).toHaveLength(8000);
  });
});

describe("reading the body", () => {
  const options = () => ({ maxDurationMs: 1e6, signal: new AbortController().signal });

  it("passes an error of the source on", async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield OPEN_WAV;
      throw new RangeError("upload failed");
    }
    await expect(decodeAudio(failing(), options())).rejects.toThrow(RangeError);
  });

  it("notices an upload that fails after the last sample", async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield concat("RIFF", u32(40), "WAVE", "fmt ", FMT, "data", u32(4), new Uint8Array(4), "LIST");
      throw new RangeError("upload failed");
    }
    await expect(decodeAll(failing())).rejects.toThrow(RangeError);
  });

  it("rejects with the reason of the signal while a source hangs, and stops the source", async () => {
    const abort = new AbortController();
    let isStopped = false;
    const hanging: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: async () => {
          isStopped = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const waiting = decodeAudio(hanging, { maxDurationMs: 1e6, signal: abort.signal });
    abort.abort(new Error("client gone"));
    await expect(waiting).rejects.toThrow("client gone");
    expect(isStopped).toBe(true);
  });

  it("observes the signal between blocks", async () => {
    const abort = new AbortController();
    const audio = await decodeAudio(inPieces(concat(OPEN_WAV, new Uint8Array(1e6))), {
      maxDurationMs: 1e9,
      signal: abort.signal,
    });
    let blocks = 0;
    const drain = async (): Promise<void> => {
      for await (const _ of audio.blocks) {
        blocks++;
        abort.abort(new Error("client gone"));
      }
    };
    await expect(drain()).rejects.toThrow("client gone");
    expect(blocks).toBe(1);
  });

  it("lets timers and messages through while it decodes", async () => {
    const audio = await decodeAudio(inPieces(concat(OPEN_WAV, new Uint8Array(20e6)), 65_536), options());
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    for await (const _ of audio.blocks) {
      const until = performance.now() + 2;
      while (performance.now() < until);
    }
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });

  it("stops the source when the reader leaves early", async () => {
    let isStopped = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield OPEN_WAV;
        for (;;) yield new Uint8Array(100_000);
      } finally {
        isStopped = true;
      }
    }
    const audio = await decodeAudio(source(), options());
    for await (const _ of audio.blocks) break;
    await new Promise((resolve) => setImmediate(resolve));
    expect(isStopped).toBe(true);
  });

  it("leaves no listener on the signal", async () => {
    const { signal } = new AbortController();
    await decodeAll(inPieces(concat(OPEN_WAV, new Uint8Array(1e5)), 999), { signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});
