import type { HeaderlessFormat } from "../../engine/contract.ts";

/** The file of the form, for both routes. */
export const RECORDING_PART = "audio_file";
/** What `encode=false` says about it. */
export const DECODED: HeaderlessFormat = { codec: "s16le", sampleRateHz: 16_000 };
