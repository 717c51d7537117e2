/** One file of a model bundle. */
export interface ModelFile {
  readonly name: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** A model bundle on disk: verified file paths by role. Dimensions come from the ONNX session metadata, never from here. */
export interface ModelBundle {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly precision: "int8" | "fp32";
  readonly encoderPath: string;
  /** Absent for a CTC model, whose encoder gives the scores itself. */
  readonly transducer?: TransducerFiles;
  readonly vocabPath: string;
  readonly files: readonly ModelFile[];
  /** SHA-256 over the sorted `sha256  name` lines, hex. */
  readonly bundleHash: string;
  /** What it understands, ISO 639-1, the main one first. */
  readonly languages: readonly string[];
  /** Front end of the model (spec: 16000 Hz, 320/160, periodic Hann, 64 HTK mels 0-8000 Hz, natural log, no centring). */
  readonly frontEnd: FrontEnd;
  /** How much audio the model reads well at once; absent = the default for GigaAM. */
  readonly windows?: WindowLimits;
  /** Why `auto` fell back to this model; undefined when it was asked for. */
  readonly notice: string | undefined;
  /** How to get damaged files back, as a sentence. */
  readonly restore?: string;
  /** Verified hashes may be remembered in a stamp file beside the files. Absent = false. */
  readonly keepsStamp?: boolean;
}

/** The two small graphs of a transducer. */
export interface TransducerFiles {
  readonly decoderPath: string;
  readonly jointPath: string;
}

/** Lengths of audio a model was trained for. */
export interface WindowLimits {
  /** Utterances shorter than this are read together with the next ones, seconds; 0 = every utterance alone. */
  readonly mergeS: number;
  /** Longest window, seconds, at most 24. */
  readonly maxS: number;
  /** A window with a token less probable than this is read a second time, half an encoder frame later, and the surer reading is taken; 0 or absent = never. */
  readonly rereadBelowPercent?: number;
  /** Confidences are brought to how often such words are right: their logarithmic odds times this over 100; absent = 100, as the model says. */
  readonly confidenceSlopePercent?: number;
}

/** Parameters of the log-mel front end. */
export interface FrontEnd {
  readonly sampleRateHz: number;
  readonly windowSamples: number;
  readonly hopSamples: number;
  readonly melBins: number;
  readonly minHz: number;
  readonly maxHz: number;
  /** Round window and filterbank through bfloat16, as GigaAM v3's checkpoint buffers are. */
  readonly bfloat16Buffers: boolean;
}
