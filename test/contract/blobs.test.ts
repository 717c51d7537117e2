import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { createFileBlobs } from "../../src/store/blobs/files.ts";
import { blobContract } from "./blobs.ts";

const dir = mkdtempSync(join(tmpdir(), "gigastt-blobs-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

blobContract("files", { blobs: () => createFileBlobs(dir) });
