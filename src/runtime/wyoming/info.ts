import type { RuntimeContext } from "../context.ts";
import { modelLanguages } from "../language.ts";

/** Returns the data of `info`. It can be told before the model is loaded: clients ask once and give up soon. */
export function wyomingInfo({ engine, settings, version }: RuntimeContext): Readonly<Record<string, unknown>> {
  const { model } = engine;
  const attribution = { name: "GigaAM", url: "https://github.com/salute-developers/GigaAM" };
  const program = {
    name: "gigastt",
    attribution,
    installed: true,
    description: "Self-hosted Russian speech recognition",
    version,
    models: [
      {
        name: model?.id ?? "gigaam",
        attribution,
        installed: true,
        description: model?.name ?? "GigaAM",
        version: model?.version ?? version,
        languages: modelLanguages(engine),
      },
    ],
    supports_transcript_streaming: true,
    requires_external_vad: settings.current.wyoming.endpoint === "manual",
    prefers_auto_gain_enabled: true,
    prefers_noise_reduction_enabled: true,
  };
  return { asr: [program], tts: [], handle: [], intent: [], wake: [], mic: [], snd: [] };
}
