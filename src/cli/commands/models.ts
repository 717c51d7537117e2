import type { Command } from "../command.ts";
import { JSON_FLAG, PRECISION_FLAG } from "../models/common.ts";
import { importModel } from "../models/import.ts";
import { optimize, quantize } from "../models/prepare.ts";

export const command: Command = {
  summary: "List, download, check and make models",
  topic: "recognise",
  rank: 2,
  help: "Without any download the small bundled demo model is used. `gigastt models pull` installs GigaAM v3.",
  subcommands: {
    list: {
      summary: "Show the known models, what is installed and what is in use",
      flags: { json: JSON_FLAG },
      run: async (context) => (await import("../models/list.ts")).list(context),
    },
    pull: {
      summary: "Download a model, or copy it from a folder",
      positionals: "[MODEL]",
      flags: {
        precision: { ...PRECISION_FLAG, describe: "which weights; default: model.precision, else int8" },
        from: {
          type: "string",
          value: "URL|DIR",
          describe: "mirror that has the files under their names, or a folder with copies of them",
        },
        offline: { type: "boolean", describe: "use no network (with --from DIR)" },
        json: { ...JSON_FLAG, describe: "print one JSON event per line" },
      },
      help: "Every file is checked by size and SHA-256 before it takes its place. An interrupted download resumes where it stopped. HTTPS_PROXY, HTTP_PROXY and NO_PROXY are respected.",
      run: async (context) => (await import("../models/pull.ts")).pull(context),
    },
    verify: {
      summary: "Read the installed models again and check every hash",
      positionals: "[MODEL]",
      flags: { precision: { ...PRECISION_FLAG, describe: "only these weights" }, json: JSON_FLAG },
      run: async (context) => (await import("../models/verify.ts")).verify(context),
    },
    path: {
      summary: "Print the folder of the models, or of one model",
      positionals: "[MODEL]",
      flags: { json: JSON_FLAG },
      run: async (context) => (await import("../models/path.ts")).path(context),
    },
    import: importModel,
    quantize,
    optimize,
  },
};
