// Entry of the short-lived process that reads the configuration for the supervisor: `yaml` and `ajv` cost 20 MB that a
// process of months should not keep, and after an upgrade the new code checks the new file.
import { loadConfig } from "../../config/load.ts";
import type { LoadOptions } from "../../config/load.ts";
import { ConfigError } from "../../config/problems/problem.ts";
import { messageOf } from "../../shared/errors.ts";
import type { LoaderAnswer } from "./load-config.ts";

process.once("message", (options: LoadOptions) => {
  void answer(options).then((found) => process.send?.(found, () => process.disconnect()));
});

async function answer(options: LoadOptions): Promise<LoaderAnswer> {
  try {
    const loaded = await loadConfig(options);
    return { ok: true, loaded: { ...loaded, origins: [...loaded.origins] } };
  } catch (error) {
    if (error instanceof ConfigError) return { ok: false, problems: error.problems, source: error.source };
    return { ok: false, message: messageOf(error) };
  }
}
