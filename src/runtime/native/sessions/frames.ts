import type { StreamConfig } from "../../../config/types.ts";
import { WireError } from "../../../shared/errors.ts";
import { parseClientMessage, type ClientMessage } from "./client-message.ts";
import { applyConfigure, defaultSessionOptions } from "./configure.ts";
import type { FrameReader, ReaderTools } from "../../sessions/dialect.ts";

const MAX_BAD_TEXTS = 10;
/** Parsing costs: a real configure has 200 characters. */
const MAX_TEXT_CHARS = 16 * 1024;
const MAX_CONFIGURES = 256;

/** Reads the frames of `/v1/ws`. */
export function createFrameReader(tools: ReaderTools, stream: StreamConfig): FrameReader {
  const { sendError } = tools;
  let options = defaultSessionOptions(stream);
  let badTexts = 0;
  let configures = 0;
  let audioBytes = 0;

  const violate = (what: string): void => {
    sendError(new WireError("policy_violation", what));
    tools.violate(what);
  };

  const readText = (text: string): void => {
    const message: ClientMessage = text.length > MAX_TEXT_CHARS ? { kind: "unknown" } : parseClientMessage(text);
    if (message.kind === "stop") return tools.stop();
    if (message.kind === "configure") return configure(message.fields);
    badTexts++;
    sendError(new WireError("bad_request", 'a text frame must be {"type":"configure",…} or {"type":"stop"}'));
    if (badTexts >= MAX_BAD_TEXTS) violate(`${MAX_BAD_TEXTS} text frames were not known messages`);
  };

  const configure = (fields: Readonly<Record<string, unknown>>): void => {
    configures++;
    if (configures > MAX_CONFIGURES) return violate(`more than ${MAX_CONFIGURES} configure messages`);
    if (audioBytes > 0) {
      sendError(new WireError("configure_too_late", "configure must come before the first audio frame"));
      return;
    }
    const configured = applyConfigure(fields, options);
    if (configured.unsupported !== undefined) {
      sendError(configured.unsupported);
      tools.violate("unsupported protocol version");
      return;
    }
    options = configured.options;
    for (const error of configured.errors) sendError(error);
  };

  const readAudio = (bytes: Uint8Array): void => {
    audioBytes += bytes.length;
    tools.write(bytes, options);
  };

  return {
    read: (frame) => {
      if ("text" in frame) return readText(frame.text);
      readAudio(frame.audio);
    },
    // Text is moot by now.
    readLate: (frame) => {
      if ("audio" in frame) readAudio(frame.audio);
    },
    get audioS() {
      return audioBytes / 2 / options.sampleRateHz;
    },
  };
}
