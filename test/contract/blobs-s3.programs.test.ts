import { chmodSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createS3Blobs } from "../../src/store/blobs/s3.ts";
import { s3Server, startS3 } from "../support/s3.ts";
import type { RunningS3 } from "../support/s3.ts";
import { blobContract } from "./blobs.ts";

describe.skipIf(s3Server === undefined)("with versitygw (skipped where it is not installed)", () => {
  let server: RunningS3;
  beforeAll(async () => {
    server = await startS3();
  });
  afterAll(() => server.stop());

  blobContract("S3", { blobs: () => createS3Blobs(server.place), runs: 4 });

  test("more jobs than one page of a list are found", async () => {
    const blobs = createS3Blobs(server.place);
    const ids = Array.from({ length: 1010 }, (_, k) => `page-${k}`);
    while (ids.length > 0) await Promise.all(ids.splice(0, 20).map((id) => blobs.write(id, 0, new Uint8Array([1]))));
    expect((await blobs.ids()).filter((id) => id.startsWith("page-")).length).toBe(1010);
  });

  test("a wrong key, a missing bucket and a server that is away are one clear error, without the key", async () => {
    const wrong = `${server.place.secretKeyFile}.wrong`;
    writeFileSync(wrong, "other");
    chmodSync(wrong, 0o600);
    for (const [place, reason] of [
      [{ secretKeyFile: wrong }, "SignatureDoesNotMatch"],
      [{ bucket: "no-such-bucket" }, "NoSuchBucket"],
      [{ endpoint: "http://127.0.0.1:1" }, "jobs.s3"],
      [{ secretKeyFile: "/nonexistent" }, "ENOENT"],
    ] as const) {
      const error = await createS3Blobs({ ...server.place, ...place })
        .write("job", 0, new Uint8Array([1]))
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "GST_STORE_UNREACHABLE" });
      expect(String(error)).toContain(reason);
      expect(String(error)).not.toContain("test-secret-key");
    }
  });
});
