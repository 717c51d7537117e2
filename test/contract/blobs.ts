import * as fc from "fast-check";
import { randomBytes, randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { PART_BYTES, createPartWriter, readParts } from "../../src/store/blobs/files.ts";
import type { Blobs } from "../../src/store/blobs/files.ts";

/** Everything that jobs rely on, wherever their audio is. */
export function blobContract(name: string, subject: { readonly blobs: () => Blobs; readonly runs?: number }): void {
  const collect = async (blobs: Blobs, id: string, parts: number): Promise<Buffer> => {
    const read: Uint8Array[] = [];
    for await (const part of readParts(blobs, id, parts)) read.push(part);
    return Buffer.concat(read);
  };

  describe(`blob contract: ${name}`, () => {
    test("a part is read as it was written, and a later one of the same number replaces it", async () => {
      const [blobs, id] = [subject.blobs(), randomUUID()];
      await blobs.write(id, 0, new Uint8Array([1, 2, 3]));
      expect(await blobs.size(id)).toBe(3);
      await blobs.write(id, 0, new Uint8Array([4, 5, 6, 7]));
      expect([...(await blobs.read(id, 0))]).toEqual([4, 5, 6, 7]);
      expect(await blobs.size(id)).toBe(4);
    });

    test("what does not exist has no size, is not found, and is removed without complaint", async () => {
      const [blobs, id] = [subject.blobs(), randomUUID()];
      expect(await blobs.size(id)).toBe(0);
      await expect(blobs.read(id, 0)).rejects.toMatchObject({ code: "ENOENT" });
      await blobs.remove(id);
    });

    test("the size ends at the first gap or incomplete part", async () => {
      const [blobs, id] = [subject.blobs(), randomUUID()];
      const full = randomBytes(PART_BYTES);
      await blobs.write(id, 1, full);
      expect(await blobs.size(id)).toBe(0);
      await blobs.write(id, 0, full);
      await blobs.write(id, 2, new Uint8Array(10));
      expect(await blobs.size(id)).toBe(2 * PART_BYTES + 10);
      await blobs.remove(id);
      expect(await blobs.size(id)).toBe(0);
    });

    test("removing one job leaves the others, also those whose ids begin alike", async () => {
      const [blobs, id] = [subject.blobs(), randomUUID()];
      const others = [`${id}-2`, randomUUID()];
      for (const one of [id, ...others]) await blobs.write(one, 0, new Uint8Array([1]));
      await blobs.remove(id);
      const ids = await blobs.ids();
      expect(ids).not.toContain(id);
      expect(ids).toEqual(expect.arrayContaining(others));
      expect(await blobs.size(others[0]!)).toBe(1);
    });

    test("whatever the split and the interruptions, what was flushed is there and goes on behind it", async () => {
      const chunk = fc.integer({ min: 1, max: 3 * 2 ** 20 });
      await fc.assert(
        fc.asyncProperty(fc.array(fc.record({ bytes: chunk, cut: fc.boolean() }), { maxLength: 8 }), async (steps) => {
          const [blobs, id] = [subject.blobs(), randomUUID()];
          const all: Buffer[] = [];
          let writer = createPartWriter(blobs, id);
          for (const { bytes, cut } of steps) {
            const piece = randomBytes(bytes);
            all.push(piece);
            await writer.write(piece);
            if (!cut) continue;
            await writer.flush();
            writer = createPartWriter(blobs, id, await blobs.size(id));
          }
          await writer.flush();
          const expected = Buffer.concat(all);
          expect(await blobs.size(id)).toBe(expected.length);
          expect((await collect(blobs, id, writer.stored.parts)).equals(expected)).toBe(true);
          await blobs.remove(id);
        }),
        { numRuns: subject.runs ?? 10 },
      );
    });
  });
}
