import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { S3Place } from "../../src/store/blobs/s3.ts";
import { createS3Blobs } from "../../src/store/blobs/s3.ts";
import { findTool } from "../contract/proxy/front.ts";
import { whenWeEnd } from "./leash.ts";

/** The program, where it is installed. */
export const s3Server: string | undefined = findTool("versitygw");

export interface RunningS3 {
  readonly place: S3Place;
  stop(): Promise<void>;
}

/** A real S3 server on a free port of 127.0.0.1 with one bucket, its files in a folder of its own. */
export async function startS3(): Promise<RunningS3> {
  const dir = mkdtempSync(join(tmpdir(), "gigastt-s3-"));
  const secretKeyFile = join(dir, "secret");
  writeFileSync(secretKeyFile, "test-secret-key\n");
  const port = await freePort();
  const place = {
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    bucket: "speech",
    prefix: "jobs",
    accessKey: "test",
    secretKeyFile,
  };
  const root = mkdtempSync(join(dir, "root-"));
  // A folder is a bucket.
  const child = spawn(
    "sh",
    ["-c", `mkdir '${root}/speech' && exec versitygw --port 127.0.0.1:${port} --quiet posix '${root}'`],
    {
      stdio: "ignore",
      env: { ...process.env, ROOT_ACCESS_KEY: "test", ROOT_SECRET_KEY: "test-secret-key" },
    },
  );
  const leash = whenWeEnd(`kill -9 ${child.pid}; rm -rf '${dir}'`);
  const blobs = createS3Blobs(place);
  for (let tries = 0; ; tries++) {
    try {
      await blobs.ids();
      break;
    } catch (error) {
      if (tries > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return {
    place,
    stop: async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
      rmSync(dir, { recursive: true, force: true });
      leash.cancel();
    },
  };
}

// ---

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a TCP server
  await new Promise((resolve) => server.close(resolve));
  return port;
}
