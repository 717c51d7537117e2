import { chooseTrack } from "../choose-track.ts";
import { createRepeats } from "../codec/repeats.ts";
import type { ByteReader } from "../input/byte-reader.ts";
import { damaged, foreign, unsupported } from "../refuse.ts";
import type { OpenContext } from "../types.ts";
import { readTsPackets, type TsPacket } from "./packets.ts";
import { createPtsClock, parsePesHead } from "./pes.ts";
import { createSections, parsePat, parsePmt, type TsCodec, type TsStream } from "./tables.ts";

/** The audio stream of a transport stream, its packets put together. */
export interface Elementary {
  readonly codec: TsCodec;
  read(): AsyncGenerator<Uint8Array, void, undefined>;
  /** Seconds from the start of the recording at which the data at `offset` are heard; undefined = right after what comes before. */
  timeAt(offset: number): number | undefined;
}

/** Reads up to the map of a program with audio, and chooses among its streams. */
export async function openElementary(input: ByteReader, context: OpenContext): Promise<Elementary> {
  const packets = readTsPackets(input, context);
  const tables = createTables();
  let chosen: TsStream & { readonly codec: TsCodec } = await choose();
  let firstPts: number | undefined;
  let clock: ((pts: number) => number) | undefined;
  const marks: { readonly offset: number; readonly timeS: number }[] = [];

  async function choose(): Promise<typeof chosen> {
    let hasProgram = false;
    for (let next = await packets.next(); !next.done; next = await packets.next()) {
      const streams = tables.take(next.value);
      hasProgram ||= streams !== undefined;
      const audio = (streams ?? []).filter(({ codec, name }) => codec !== undefined || name !== undefined);
      if (audio.length > 0) return chooseStream(audio, context.track);
    }
    if (hasProgram) throw foreign("video without an audio track");
    throw damaged("MPEG-TS", "it does not say what its streams are (no program map)");
  }

  /** Another program map may give the stream another number, as where recordings were joined. */
  function follow(streams: readonly TsStream[]): void {
    if (streams.some(({ pid }) => pid === chosen.pid)) return;
    const alike = streams.filter(({ codec }) => codec === chosen.codec);
    const next = alike.find(({ language }) => language === chosen.language) ?? alike[0];
    if (next) chosen = { ...next, codec: chosen.codec };
    else if (streams.some(({ codec, name }) => codec !== undefined || name !== undefined)) {
      context.warn("damaged", "MPEG-TS: the audio goes on with another codec, which was left out");
    }
  }

  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    let offset = 0;
    const repeats = createRepeats();
    let startPts: number | undefined;
    let heldBytes = 0;
    let held: { readonly pts: number | undefined; readonly parts: Uint8Array[] } | undefined;
    for await (const packet of packets) {
      const streams = tables.take(packet);
      if (streams) follow(streams);
      const head = packet.isStart ? parsePesHead(packet.payload) : undefined;
      if (head?.pts !== undefined) firstPts ??= head.pts;
      if (packet.pid !== chosen.pid) continue;
      if (packet.isScrambled) throw unsupported("MPEG-TS", "the audio is encrypted", "unprotected");
      if (packet.isStart || heldBytes >= MAX_HELD_BYTES) {
        const whole = take();
        if (whole) yield whole;
      }
      held ??= { pts: head?.pts, parts: [] };
      const data = packet.payload.slice(head?.dataAt ?? 0);
      held.parts.push(data);
      heldBytes += data.length;
    }
    const whole = take();
    if (whole) yield whole;

    /** The packet that is put together, but for one that was sent before. */
    function take(): Uint8Array | undefined {
      if (!held) return undefined;
      const { pts, parts } = held;
      const data = new Uint8Array(Buffer.concat(parts));
      held = undefined;
      heldBytes = 0;
      if (data.length === 0) return undefined;
      if (pts !== undefined) {
        // Where it all begins again, streams were joined.
        startPts ??= pts;
        if (pts === startPts) repeats.restart();
        if (repeats.isRepeat(pts, data)) return undefined;
        clock ??= createPtsClock(firstPts ?? pts);
        marks.push({ offset, timeS: clock(pts) });
      }
      offset += data.length;
      return data;
    }
  }

  function timeAt(offset: number): number | undefined {
    // A time stamp is that of the first frame which begins in its packet.
    let timeS: number | undefined;
    while (marks[0] && marks[0].offset <= offset) timeS = marks.shift()!.timeS;
    return timeS;
  }

  return { codec: chosen.codec, read, timeAt };
}

// ---

/** Packets of audio are small; one without an end is passed on in parts. */
const MAX_HELD_BYTES = 65_536;

function chooseStream(
  streams: readonly TsStream[],
  wanted: string | undefined,
): TsStream & { readonly codec: TsCodec } {
  return chooseTrack({
    container: "MPEG-TS",
    wanted,
    tracks: streams.map((stream) => ({
      language: stream.language,
      isDefault: false,
      open: () => {
        const { codec, name } = stream;
        if (!codec) throw unsupported("MPEG-TS", `${name} is not supported`, "convert");
        return { ...stream, codec };
      },
    })),
  });
}

/** Follows the tables of the stream; gives a program's streams each time its map is read. */
function createTables(): { take(packet: TsPacket): TsStream[] | undefined } {
  const readers = new Map<number, ReturnType<typeof createSections>>([[0, createSections()]]);
  return {
    take({ pid, isStart, payload }) {
      const sections = readers.get(pid)?.(payload, isStart) ?? [];
      let streams: TsStream[] | undefined;
      for (const section of sections) {
        if (pid !== 0) streams = parsePmt(section) ?? streams;
        // A hostile table may name every number there is, and there are few of them.
        else for (const map of parsePat(section)) if (!readers.has(map)) readers.set(map, createSections());
      }
      return streams;
    },
  };
}
