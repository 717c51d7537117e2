import { readFile } from "node:fs/promises";
import type { AwsClient } from "aws4fetch";
import { messageOf } from "../../shared/errors.ts";
import { storeUnreachable } from "../unreachable.ts";
import { PART_BYTES, partName } from "./files.ts";
import type { Blobs } from "./files.ts";

/** A bucket, and where in it. */
export interface S3Place {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly accessKey: string;
  readonly secretKeyFile: string;
}

/** A part of 8 MiB has this long on a slow line. */
const TIMEOUT_MS = 60_000;
const RETRIES = 3;
const DELETED_AT_ONCE = 8;

/** Parts as objects of an S3 bucket: `prefix/job/part`. A part is held in memory once; nothing is larger. */
export function createS3Blobs(place: S3Place): Blobs {
  const bucketUrl = `${place.endpoint.replace(/\/+$/, "")}/${place.bucket}`;
  let client: Promise<AwsClient> | undefined;

  const open = async (): Promise<AwsClient> => {
    const { AwsClient: Client } = await import("aws4fetch"); // only with jobs.blobs: s3
    const secretAccessKey = (await readFile(place.secretKeyFile, "utf8")).trim();
    return new Client({
      accessKeyId: place.accessKey,
      secretAccessKey,
      region: place.region,
      service: "s3",
      retries: RETRIES,
    });
  };

  /** Resolves with the answer; `allowed` statuses are not errors. */
  const ask = async (
    method: string,
    url: string,
    body?: Uint8Array,
    allowed: readonly number[] = [],
  ): Promise<Response> => {
    let response: Response;
    try {
      const aws = await (client ??= open());
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      response = await aws.fetch(url, { method, signal, ...(body === undefined ? {} : { body: Buffer.from(body) }) });
    } catch (error) {
      client = undefined;
      throw unreachable(messageOf(error), error);
    }
    if (response.ok || allowed.includes(response.status)) return response;
    const text = await response.text().catch(() => "");
    throw unreachable(`${method} was answered with ${response.status} ${tag(text, "Code") ?? ""}`.trim());
  };

  const urlOf = (id: string, part: number): string => `${bucketUrl}/${place.prefix}/${id}/${partName(part)}`;

  const list = async function* (query: Readonly<Record<string, string>>): AsyncGenerator<string> {
    for (let token: string | undefined, isMore = true; isMore; isMore = token !== undefined) {
      const params = { "list-type": "2", ...query, ...(token === undefined ? {} : { "continuation-token": token }) };
      const text = await (await ask("GET", `${bucketUrl}?${new URLSearchParams(params).toString()}`)).text();
      yield text;
      token = tag(text, "IsTruncated") === "true" ? tag(text, "NextContinuationToken") : undefined;
    }
  };

  /** The parts of a job with their sizes, in order. */
  const partsOf = async (id: string): Promise<readonly { readonly part: number; readonly bytes: number }[]> => {
    const parts: { part: number; bytes: number }[] = [];
    for await (const text of list({ prefix: `${place.prefix}/${id}/` })) {
      for (const [, contents = ""] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
        parts.push({ part: Number(tag(contents, "Key")?.split("/").at(-1)), bytes: Number(tag(contents, "Size")) });
      }
    }
    return parts.toSorted((a, b) => a.part - b.part);
  };

  return {
    write: async (id, part, bytes) => void (await ask("PUT", urlOf(id, part), bytes)),
    read: async (id, part) => {
      const response = await ask("GET", urlOf(id, part), undefined, [404]);
      if (response.status === 404) throw Object.assign(new Error("the part does not exist"), { code: "ENOENT" });
      return new Uint8Array(await response.arrayBuffer());
    },
    size: async (id) => {
      let size = 0;
      for (const [at, { part, bytes }] of (await partsOf(id)).entries()) {
        if (part !== at) break;
        size += bytes;
        if (bytes < PART_BYTES) break;
      }
      return size;
    },
    remove: async (id) => {
      const parts = [...(await partsOf(id))];
      while (parts.length > 0) {
        const some = parts.splice(0, DELETED_AT_ONCE);
        await Promise.all(some.map(({ part }) => ask("DELETE", urlOf(id, part), undefined, [404])));
      }
    },
    ids: async () => {
      const ids: string[] = [];
      for await (const text of list({ prefix: `${place.prefix}/`, delimiter: "/" })) {
        for (const [, contents = ""] of text.matchAll(/<CommonPrefixes>(.*?)<\/CommonPrefixes>/gs)) {
          ids.push(tag(contents, "Prefix")?.split("/").at(-2) ?? "");
        }
      }
      return ids;
    },
    // A bucket has the size that is paid for: the limits of the jobs are what bounds it.
    freeBytes: async () => Number.MAX_SAFE_INTEGER,
  };
}

// ---

/** Ids and part numbers are letters, digits and dashes: nothing in the text needs decoding. */
function tag(text: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
}

function unreachable(what: string, cause?: unknown): Error {
  return storeUnreachable(
    `the bucket of jobs.s3 cannot be used: ${what}. Check jobs.s3 and that its server answers`,
    cause,
  );
}
