import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRaw } from "../support/raw-http.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { TestServer } from "../support/runtime-server.ts";
import { rawFrame, serverFrames, UPGRADE } from "../support/ws-frames.ts";
import type { ServerFrame } from "../support/ws-frames.ts";

/** RFC 6455 frame by frame, after the groups of the Autobahn suite: what is sent behind the upgrade, and the close code that ends it. */

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ config: { pool: { size: 64 }, limits: { connectionsPerClient: 1000 } } });
});
afterAll(() => server.close());

const f = rawFrame;
const text = (content: string | Buffer, options = {}): Buffer => f(1, Buffer.from(content), options);
const STOP = text('{"type":"stop"}');
const CONFIGURE = '{"type":"configure","sample_rate":16000}';
const split = (at: number): [Buffer, Buffer] => [Buffer.from(CONFIGURE.slice(0, at)), Buffer.from(CONFIGURE.slice(at))];
const closing = (code: number, reason: Buffer | string = ""): Buffer =>
  f(8, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));
const padded = (size: number): string => CONFIGURE.padStart(size);
const many = (frame: Buffer, count: number): Buffer => Buffer.concat(Array.from({ length: count }, () => frame));

type Case = [name: string, parts: readonly Buffer[], code: number, byteByByte?: "in pieces"];
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

const sizes = [0, 125, 126, 127, 128, 65_535, 65_536].flatMap((size): Case[] => [
  [`a text of ${size} bytes`, [text(size < CONFIGURE.length ? "*".repeat(size) : padded(size)), STOP], 1000],
  [`audio of ${size} bytes`, [f(2, Buffer.alloc(size)), STOP], 1000],
]);

const pings: Case[] = [
  ...[0, 1, 125].map((size): Case => [`a ping of ${size} bytes`, [f(9, Buffer.alloc(size, "p")), STOP], 1000]),
  ["a ping of 126 bytes", [f(9, Buffer.alloc(126))], 1002],
  ["a ping of bytes that are not text", [f(9, Buffer.from([0, 255, 254, 253])), STOP], 1000],
  ["a pong that nothing asked for", [f(10), STOP], 1000],
  ["a pong, then a ping", [f(10, Buffer.from("x")), f(9, Buffer.from("y")), STOP], 1000],
];

const reserved = range(1, 7).flatMap((rsv) =>
  [1, 2, 8, 9, 10].map((opcode): Case => {
    const payload = opcode === 8 ? Buffer.from([3, 232]) : Buffer.alloc(0);
    return [`reserved bits ${rsv} on opcode ${opcode}`, [f(opcode, payload, { rsv })], 1002];
  }),
);

const opcodes = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode): Case[] => [
  [`opcode ${opcode}`, [f(opcode, Buffer.from("x"))], 1002],
  [`opcode ${opcode} behind a text`, [text(CONFIGURE), f(opcode)], 1002],
]);

const [start, rest] = split(10);
const open = { fin: false };
const fragments: Case[] = [
  ["a ping in two fragments", [f(9, Buffer.from("a"), open), f(0, Buffer.from("b"))], 1002],
  ["a pong in two fragments", [f(10, Buffer.from("a"), open), f(0, Buffer.from("b"))], 1002],
  ["a text in two fragments", [f(1, start, open), f(0, rest), STOP], 1000],
  ["a ping between fragments", [f(1, start, open), f(9, Buffer.from("q")), f(0, rest), STOP], 1000],
  ["a continuation of nothing", [f(0, Buffer.from("x"))], 1002],
  ["an open continuation of nothing", [f(0, Buffer.from("x"), open)], 1002],
  ["a continuation behind the end", [f(1, start, open), f(0, rest), f(0, Buffer.from("x"), open)], 1002],
  ["a text inside a text", [f(1, start, open), text("b")], 1002],
  ["audio inside a text", [f(1, start, open), f(2, Buffer.from("b"))], 1002],
  ["a Close inside a text", [f(1, start, open), closing(1000)], 1000],
  ["20 000 empty fragments", [f(1, Buffer.alloc(0), open), many(f(0, Buffer.alloc(0), open), 20_000)], 1008],
  [
    "16 000 empty fragments",
    [f(1, Buffer.from(CONFIGURE), open), many(f(0, Buffer.alloc(0), open), 16_000), f(0, Buffer.alloc(0)), STOP],
    1000,
  ],
];

const badUtf8 = [
  "cebae1bdb9cf83cebcceb5eda08065646974", "f888808080", "c0af", "e080af", "f08080af", "eda080", "f4908080", "ff", "fe",
  "80", "c2", "e282", "f09f98", "edbfbf", "fc80808080af",
].map((hex) => Buffer.from(hex, "hex")); // prettier-ignore
const greek = Buffer.from("κόσμε😀");
const utf8: Case[] = [
  ...badUtf8.flatMap((bytes): Case[] => [
    [`a text that is not UTF-8: ${bytes.toString("hex")}`, [text(bytes)], 1007],
    [
      `the same in fragments: ${bytes.toString("hex")}`,
      [f(1, bytes.subarray(0, 1), open), f(0, bytes.subarray(1))],
      1007,
    ],
  ]),
  ...["κόσμε", "\u{10ffff}", "\ufffe", "\uffff", "\0", "\ud7ff", "\ue000", "😀"].map((good): Case => [
    `a text of ${JSON.stringify(good)}`,
    [text(good), STOP],
    1000,
  ]),
  [
    "a character in fragments of one byte",
    [
      f(1, greek.subarray(0, 1), open),
      ...[...greek.subarray(1, -1)].map((byte) => f(0, Buffer.from([byte]), open)),
      f(0, greek.subarray(-1)),
      STOP,
    ],
    1000,
  ],
];

const closes: Case[] = [
  ["a Close without a code", [f(8)], 1005],
  ["a Close of one byte", [f(8, Buffer.from("a"))], 1002],
  ["a Close of 126 bytes", [closing(1000, "x".repeat(124))], 1002],
  ["a Close whose reason is not UTF-8", [closing(1000, Buffer.from([255]))], 1007],
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].map((code): Case => [
    `a Close with ${code}`,
    [closing(code)],
    code,
  ]),
  ...[0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535].map((code): Case => [
    `a Close with ${code}, which may not be sent`,
    [closing(code)],
    1002,
  ]),
  ["frames behind a Close", [closing(1000), STOP, f(9, Buffer.from("a"))], 1000],
  ["two Closes", [closing(1000), closing(1000)], 1000],
];

const lengths: Case[] = [
  ["a text without a mask", [text(CONFIGURE, { masked: false })], 1002],
  ["a ping without a mask", [f(9, Buffer.from("a"), { masked: false })], 1002],
  ["a length of 2^64 - 1", [Buffer.from("82ffffffffffffffffff01020304", "hex")], 1009],
  ["a length of 2^53 + 1", [Buffer.from("82ff002000000000000101020304", "hex")], 1009],
  ["a length of 2^32", [Buffer.from("82ff000000010000000001020304", "hex")], 1009],
  ["audio of the limit", [f(2, Buffer.alloc(524_288)), STOP], 1000],
  ["audio of one byte more", [f(2, Buffer.alloc(524_289))], 1009],
  ["fragments over the limit", [f(2, Buffer.alloc(300_000), open), f(0, Buffer.alloc(300_000))], 1009],
  ["a ping with a long length", [Buffer.from("89fe00050102030468656c6c6f", "hex")], 1002],
  ["a text in one byte a packet", [text(CONFIGURE), STOP], 1000, "in pieces"],
];

const session: Case[] = [
  ["nine bad texts", [many(text("x"), 9), STOP], 1000],
  ["ten bad texts", [many(text("x"), 10)], 1008],
  ["999 empty frames", [many(f(2), 999), STOP], 1000],
  ["1000 empty frames", [many(f(2), 1000)], 1008],
  ["a text of 250 000 brackets", [text("[".repeat(250_000)), STOP], 1000],
  ["a text of 30 000 objects in each other", [text('{"type":'.repeat(30_000)), STOP], 1000],
  ["configure with __proto__", [text('{"type":"configure","__proto__":{"sample_rate":1}}'), STOP], 1000],
  ["configure with 1e999", [text('{"type":"configure","sample_rate":1e999,"protocol_version":1.2}'), STOP], 1008],
  ["200 times configure", [many(text(CONFIGURE), 200), STOP], 1000],
  ["300 times configure", [many(text(CONFIGURE), 300)], 1008],
  ["stop, then audio", [STOP, f(2, Buffer.alloc(32_000))], 1000],
  ["stop twice", [STOP, STOP], 1000],
  ["configure behind audio", [f(2, Buffer.alloc(2)), text(CONFIGURE), STOP], 1000],
  ["audio in odd lengths", [...[1, 3, 5, 7, 1, 1].map((size) => f(2, Buffer.alloc(size, 1))), STOP], 1000],
  ["5000 frames of one byte", [many(f(2, Buffer.from([1])), 5000), STOP], 1000],
  ["type twice in one object", [text('{"type":"x","type":"stop"}')], 1000],
  ["a byte order mark", [text('\ufeff{"type":"stop"}'), STOP], 1000],
];

const groups: Record<string, readonly Case[]> = {
  sizes,
  "pings and pongs": pings,
  "reserved bits": reserved,
  opcodes,
  fragments,
  UTF8: utf8,
  Close: closes,
  "masks and lengths": lengths,
  session,
};

describe("the WebSocket protocol", () => {
  it.each(Object.entries(groups))("ends each case of the group %s with its code", async (_group, cases) => {
    const wrong = await Promise.all(
      cases.map(async ([name, parts, code, inPieces]) => {
        const frames = await converse(Buffer.concat(parts), inPieces !== undefined);
        const found = frames === undefined ? "no frames" : codeOf(frames);
        return found === code ? [] : [`${name}: ${found} instead of ${code}`];
      }),
    );
    expect(wrong.flat()).toEqual([]);
  });

  it("answers pings with pongs of the same bytes, in order", async () => {
    const sent = Array.from({ length: 10 }, (_, index) => Buffer.from(`ping ${index}`));
    const frames = await converse(Buffer.concat([...sent.map((bytes) => f(9, bytes)), STOP]), false);
    expect(frames?.filter(({ opcode }) => opcode === 10).map(({ payload }) => String(payload))).toEqual(
      sent.map(String),
    );
  });

  it.each([
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits=99",
    "permessage-deflate; client_max_window_bits; server_no_context_takeover, x-webkit-deflate-frame",
  ])("does not negotiate the extension %s", async (extension) => {
    const client = openRaw(server.port);
    client.write(UPGRADE.replace("\r\n\r\n", `\r\nSec-WebSocket-Extensions: ${extension}\r\n\r\n`));
    client.socket.write(f(1, Buffer.from([0xca, 0]), { rsv: 4 }));
    const answer = await client.until(/\r\n\r\n[^]*\x88/);
    client.socket.destroy();
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(answer).not.toMatch(/extensions/i);
  });

  it("gives every slot back", async () => {
    const { admission, sessions } = server.runtime.context;
    await expect.poll(() => [admission.available, sessions.size]).toEqual([64, 0]);
  });
});

/** The server's frames up to its Close. */
async function converse(bytes: Buffer, inPieces: boolean): Promise<ServerFrame[] | undefined> {
  const client = openRaw(server.port);
  client.write(UPGRADE);
  if (inPieces) for (const byte of bytes) client.write(Buffer.from([byte]));
  else client.write(bytes);
  const frames = (): ServerFrame[] | undefined => {
    const at = client.text.indexOf("\r\n\r\n");
    return at === -1 ? [] : serverFrames(Buffer.from(client.text.slice(at + 4), "latin1"));
  };
  const isClosed = new Promise<void>((resolve) => {
    client.socket.on("data", () => frames()?.some(({ opcode }) => opcode === 8) === true && resolve());
  });
  await Promise.race([isClosed, client.ended]);
  client.socket.destroy();
  return frames();
}

/** 1005 stands for a Close without a code, 1006 for none. */
function codeOf(frames: readonly ServerFrame[]): number {
  const last = frames.find(({ opcode }) => opcode === 8);
  if (last === undefined) return 1006;
  return last.payload.length < 2 ? 1005 : last.payload.readUInt16BE(0);
}
