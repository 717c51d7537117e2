/** One decoder for one recording: encoded packets in, samples out. */
export interface PacketDecoder {
  /**
   * Decodes one packet. The packet is not kept; the caller owns the samples, which may be none.
   * Throws `PacketError` for a damaged packet (the next one may be tried) and `WireError` when the decoder is lost.
   */
  decode(packet: Uint8Array): DecodedPacket;
  /** Gives the samples that the decoder has kept back; called once, behind the last packet. */
  finish?(): DecodedPacket;
}

export interface DecodedPacket {
  readonly sampleRateHz: number;
  /** Planar, at least one channel, all of one length. */
  readonly channels: Float32Array[];
  /** WAVE mask of the speakers that the channels are for, in its order; undefined = as the container says. */
  readonly speakers?: number;
}

/** This packet cannot be decoded; the decoder itself is still fit for use. */
export class PacketError extends Error {}
