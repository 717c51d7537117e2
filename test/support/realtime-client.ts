import { connect } from "./ws-client.ts";
import type { WsClient } from "./ws-client.ts";
import type { ClientOptions } from "ws";
import type { TestServer } from "./runtime-server.ts";

/** A client of /v1/realtime that speaks in appended pieces of 50 ms. */
export interface RealtimeClient extends WsClient {
  append(audio: Uint8Array, bytesPerPiece?: number): void;
  /** Types received since the last call. */
  types(): string[];
}

export async function openRealtime(
  server: Pick<TestServer, "port">,
  query = "?intent=transcription",
  options: ClientOptions = {},
): Promise<RealtimeClient> {
  const client = await connect(`ws://127.0.0.1:${server.port}/v1/realtime${query}`, options);
  let told = 0;
  return {
    ...client,
    append: (audio, bytesPerPiece = 2400) => {
      for (let at = 0; at < audio.length; at += bytesPerPiece) {
        const piece = Buffer.from(audio.subarray(at, at + bytesPerPiece)).toString("base64");
        client.send({ type: "input_audio_buffer.append", audio: piece });
      }
    },
    types: () => client.received.slice(told, (told = client.received.length)).map(({ type }) => type),
  };
}

/** Returns a G.711 byte string of PCM16. */
export function toG711(pcm: Buffer, table: Float32Array): Buffer {
  const samples = Array.from({ length: pcm.length / 2 }, (_, at) => pcm.readInt16LE(at * 2) / 32_768);
  const codes = [...table.keys()].sort((a, b) => table[a]! - table[b]!);
  return Buffer.from(samples.map((sample) => codes[nearest(codes, table, sample)]!));
}

function nearest(codes: readonly number[], table: Float32Array, sample: number): number {
  let low = 0;
  let high = codes.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (table[codes[middle]!]! < sample) low = middle + 1;
    else high = middle;
  }
  return low;
}
