import { DEFAULT_SESSION_RATE_HZ, SESSION_RATES_HZ } from "../../shared/protocol.ts";

export interface Microphone {
  readonly rateHz: number;
  close(): void;
}

/** Opens a microphone and delivers blocks of about 40 ms at the device's own rate: the server resamples better than a browser. */
export async function openMicrophone(deviceId: string, onBlock: (samples: Float32Array) => void): Promise<Microphone> {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: {
      channelCount: 1,
      // Made for calls: they cut the beginnings of words.
      echoCancellation: false,
      noiseSuppression: false,
      autoGainControl: true,
      ...(deviceId === "" ? {} : { deviceId: { exact: deviceId } }),
    },
  });
  const close = (): void => stream.getTracks().forEach((track) => track.stop());
  try {
    let context = new AudioContext();
    if (!SESSION_RATES_HZ.includes(context.sampleRate)) {
      await context.close();
      context = new AudioContext({ sampleRate: DEFAULT_SESSION_RATE_HZ });
    }
    await context.audioWorklet.addModule(new URL(document.body.dataset["worklet"] ?? "", document.baseURI));
    const node = new AudioWorkletNode(context, "gatherer", { numberOfOutputs: 0 });
    node.port.addEventListener("message", ({ data }: MessageEvent<Float32Array>) => onBlock(data));
    node.port.start();
    context.createMediaStreamSource(stream).connect(node);
    await context.resume();
    return {
      rateHz: context.sampleRate,
      close: () => {
        close();
        void context.close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Microphones with names; browsers tell the names after access was given once. */
export async function listMicrophones(): Promise<readonly MediaDeviceInfo[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId !== "" && deviceId !== "default");
}
