import { InferenceSession } from "onnxruntime-node";
import { OPTIMIZED_WEIGHTS } from "../../models/optimized.ts";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import type { GraphInfo, TensorInfo } from "./binding.ts";
import type { LoadedModel, LoadRequest } from "./protocol.ts";

/**
 * An optimized copy has its weights in a file of their own, in the order the kernels want them: they are mapped, not read, so workers share
 * one copy in memory.
 */
export async function openEncoder(
  request: LoadRequest,
  options: InferenceSession.SessionOptions,
): Promise<{ encoder: InferenceSession; encoderFrom: LoadedModel["encoderFrom"] }> {
  const { encoderPath, optimizedEncoderPath, saveEncoderTo } = request;
  if (optimizedEncoderPath !== undefined) {
    try {
      const disabled = { ...options, graphOptimizationLevel: "disabled" } as const;
      return { encoder: await InferenceSession.create(optimizedEncoderPath, disabled), encoderFrom: "optimized copy" };
    } catch {
      // Its hash was right: a copy that this runtime cannot use. The model itself can be.
    }
  }
  if (saveEncoderTo !== undefined) {
    try {
      const saving = {
        ...options,
        optimizedModelFilePath: saveEncoderTo,
        extra: {
          session: {
            optimized_model_external_initializers_file_name: OPTIMIZED_WEIGHTS,
            optimized_model_external_initializers_min_size_in_bytes: "1024",
            save_external_prepacked_constant_initializers: "1",
          },
        },
      };
      return { encoder: await InferenceSession.create(encoderPath, saving), encoderFrom: "model" };
    } catch {
      // A full disk, perhaps. If it is the model's fault, loading it without saving says so.
    }
  }
  return { encoder: await openGraph("encoder", encoderPath, options), encoderFrom: "model" };
}

/** Opens one graph. Throws a GigasttError that names it. */
export async function openGraph(
  graph: string,
  path: string,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(path, options);
  } catch (error) {
    throw new GigasttError(
      "GST_MODEL_LOAD",
      `the model's ${graph} could not be loaded (${messageOf(error).split("\n")[0]}). Run \`gigastt models verify\`.`,
      { cause: error },
    );
  }
}

/** Names, types and shapes of its tensors. */
export function describe(session: InferenceSession): GraphInfo {
  return { inputs: session.inputMetadata.map(toTensorInfo), outputs: session.outputMetadata.map(toTensorInfo) };
}

function toTensorInfo(metadata: InferenceSession.ValueMetadata): TensorInfo {
  return metadata.isTensor
    ? { name: metadata.name, type: metadata.type, shape: metadata.shape }
    : { name: metadata.name, type: "other", shape: [] };
}
