import type { PacketDecoder } from "../codec/packet-decoder.ts";
import { ffmpegTrack, type TrackCodec } from "../codec/track-codecs.ts";
import { damaged } from "../refuse.ts";

/** Reads the header packet of Speex (as in its manual); resolves to the codec and the header packets that follow this one. */
export function parseSpeexHead(header: Uint8Array): { readonly codec: TrackCodec; readonly headerCount: number } {
  if (header.length < 80) throw damaged("Speex", "the header is cut short");
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const field = (at: number): number => view.getUint32(at, true);
  const frame = field(56);
  const packetFrames = frame * Math.max(1, field(64));
  const extraHeaders = field(68);
  if (packetFrames < 1 || packetFrames > 65_536 || extraHeaders > 16) throw damaged("Speex", "the header is broken");
  const track = ffmpegTrack({
    codec: "Speex",
    sampleRateHz: field(36),
    channelCount: field(48),
    privateData: header.slice(),
    framesOf: () => packetFrames,
  });
  const isNarrow = field(40) === 0;
  const createDecoder = async (): Promise<PacketDecoder> => withoutGaps(await track.createDecoder(), frame);
  return { codec: isNarrow ? track : { ...track, createDecoder }, headerCount: 1 + extraHeaders };
}

// ---

/** FFmpeg 7.1 takes the frames of the wider bands for twice as long as they are: the second half of each is not sound. */
function withoutGaps(decoder: PacketDecoder, frame: number): PacketDecoder {
  return {
    ...decoder,
    decode(packet) {
      const { channels, ...rest } = decoder.decode(packet);
      return { ...rest, channels: channels.map((samples) => samples.filter((_, i) => i % (2 * frame) < frame)) };
    },
  };
}
