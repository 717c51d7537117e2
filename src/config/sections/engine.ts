/** Inference. */
export const engine = {
  type: "object",
  title: "Recognition engine",
  description: "How recognition uses this machine.",
  properties: {
    kind: {
      type: "string",
      enum: ["onnx", "fake"],
      title: "Engine",
      description: "onnx = real recognition; fake = fixed text without a model, for testing clients and deployments.",
      default: "onnx",
      "x-reload": "handover",
    },
    workers: {
      type: "integer",
      "x-auto": true,
      minimum: 1,
      maximum: 64,
      title: "Recognition workers",
      description:
        "Each worker holds its own copy of the weights. auto = from the cores, the CPU quota and the memory limit.",
      default: "auto",
      examples: ["auto", 1],
      "x-reload": "handover",
    },
    threads: {
      type: "integer",
      "x-auto": true,
      minimum: 1,
      maximum: 256,
      title: "Threads per worker",
      description: "Threads for one recognition step. auto = the cores divided among the workers.",
      default: "auto",
      examples: ["auto", 2],
      "x-reload": "handover",
    },
    hotWords: {
      type: "array",
      items: {
        type: "string",
        format: "hot-word",
        title: "Phrase",
        description: "A phrase, or phrase:boost with a boost from 0 to 10; 3 without.",
      },
      maxItems: 200,
      uniqueItems: true,
      title: "Words to expect",
      description:
        "Names and terms that are said here and that the model spells otherwise. Requests can add their own. A higher boost finds more and invents more.",
      default: [],
      examples: [["Кузьмин", "рекуператор:5"]],
      "x-reload": "handover",
    },
    rewriteEncoder: {
      type: "boolean",
      title: "Rewrite the encoder",
      description:
        "After the first start an int8 encoder is rewritten in the background into the form that computes fastest on this processor, compared with the original on sample recordings, and then used. Needs memory of 2.7 times and disk of 3.5 times the encoder's size once.",
      default: true,
      "x-reload": "handover",
    },
    maxSymbolsPerFrame: {
      type: "integer",
      minimum: 1,
      maximum: 100,
      title: "Tokens per frame",
      description:
        "Decoder limit within one 40 ms frame. GigaAM was trained with 10; change it only to reproduce another tool's output.",
      default: 10,
      "x-reload": "handover",
    },
  },
} as const;
