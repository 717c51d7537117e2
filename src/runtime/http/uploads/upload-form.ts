import type { IncomingMessage } from "node:http";
import { Busboy } from "@fastify/busboy";
import type { BusboyFileStream, BusboyInstance } from "@fastify/busboy";
import { WireError } from "../../../shared/errors.ts";
import { MOST_HOT_WORDS } from "../../../shared/hot-words.ts";
import type { UploadSource } from "./upload.ts";

/** A `multipart/form-data` body with a recording among its parts, in any order. */
export interface UploadForm extends UploadSource {
  /** Values by name, complete once the upload is. `name[]` counts as `name`. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/** What the text parts may hold together. Longer values of fields that nothing reads (images of speakers, prompts) are cut. */
const FIELD_BYTES = 8 * 1024;
const ALL_FIELDS_BYTES = 64 * 1024;
/** A field for each word to expect, and room for a list that is too long: the error then names the rule for lists. */
const MAX_FIELDS = 2 * MOST_HOT_WORDS;
/** Other files are thrown away. */
const MAX_FILES = 10;

/** Reads the form of a request; the part `name` is the recording, whatever its file name and type say. Throws when the body is not a form. */
export function readForm(req: IncomingMessage, name: string): UploadForm {
  const noFile = (): WireError =>
    new WireError("bad_request", `the form has no part ${name}; send the recording as the file ${name}`, {
      param: name,
    });
  const parser = createParser(req, name);
  const fields = new Map<string, string[]>();
  let fieldBytes = 0;
  let file: NodeJS.ReadableStream | undefined;
  let audioBytes = 0;
  let isPaused = false;
  let stop = (): void => {};

  return {
    fields,
    start: ({ audio, end, fail }) => {
      let isOver = false;
      const over = (report: () => void): void => {
        if (isOver) return;
        isOver = true;
        report();
      };
      const refuse = (message: string): void => over(() => fail(new WireError("bad_request", message)));
      stop = () => {
        isOver = true;
        req.unpipe(parser).pause();
        file?.removeAllListeners("data").resume();
      };
      parser.on("file", (part: string | undefined, stream: BusboyFileStream) => {
        stream.on("error", () => {}); // the parser reports it too
        if (part !== name || file !== undefined) return void stream.resume();
        file = stream;
        stream.on("data", (bytes: Buffer) => {
          audioBytes += bytes.length;
          if (!isOver) audio(bytes);
        });
        if (isPaused) stream.pause();
      });
      parser.on("field", (part: string | undefined, value: string) => {
        fieldBytes += value.length;
        if (fieldBytes > ALL_FIELDS_BYTES) return refuse(`the fields of a form may have ${ALL_FIELDS_BYTES} bytes`);
        const key = part?.replace(/\[\d*\]$/, "");
        if (key !== undefined) fields.set(key, [...(fields.get(key) ?? []), value]);
      });
      parser.on("fieldsLimit", () => refuse(`a form may have at most ${MAX_FIELDS} fields`));
      parser.on("filesLimit", () => refuse(`a form may have at most ${MAX_FILES} files`));
      parser.on("error", () => refuse("the form ends early or is not well-formed multipart/form-data"));
      parser.on("finish", () =>
        over(() => {
          if (file === undefined) fail(noFile());
          else if (audioBytes === 0)
            fail(new WireError("empty_body", `the part ${name} is empty; send a recording`, { param: name }));
          else end();
        }),
      );
      req.pipe(parser);
    },
    pause: () => {
      isPaused = true;
      file?.pause();
    },
    resume: () => {
      isPaused = false;
      file?.resume();
    },
    stop: () => stop(),
  };
}

// ---

function createParser(req: IncomingMessage, name: string): BusboyInstance {
  const type = req.headers["content-type"] ?? "";
  if (/^multipart\/form-data\b/i.test(type)) {
    try {
      return new Busboy({
        headers: { "content-type": type },
        isPartAFile: (part, _type, fileName) => part === name || fileName !== undefined,
        limits: {
          fieldSize: FIELD_BYTES,
          fields: MAX_FIELDS,
          files: MAX_FILES,
          headerPairs: 32,
          headerSize: 8 * 1024,
        },
      });
    } catch {
      throw new WireError("bad_request", "the Content-Type of a form needs its boundary", { param: name });
    }
  }
  throw new WireError(
    "bad_request",
    `the body must be multipart/form-data with the recording in its file field ${name}, got ${JSON.stringify(type.slice(0, 80))}`,
    { param: name },
  );
}
