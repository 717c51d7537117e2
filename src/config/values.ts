import type { ConfigValue } from "../shared/console-status.ts";
import { defaultConfig } from "./defaults.ts";
import type { LoadedConfig } from "./load.ts";
import { formatPlace } from "./problems/problem.ts";
import { holdsSecret, redacted, resolvedValue, unresolve } from "./resolve.ts";
import { settableKeys } from "./schema/node.ts";
import { configSchema } from "./schema/schema.ts";

/** Returns every setting as it is written in the file, and where it came from; without a configuration the defaults. Secrets are replaced. */
export function configValues(loaded: Pick<LoadedConfig, "config" | "origins"> | undefined): readonly ConfigValue[] {
  const config = loaded?.config ?? defaultConfig;
  return [...settableKeys(configSchema)].map(([key, node]) => {
    const value = unresolve(node, resolvedValue(configSchema, config, key.split(".")));
    const shown = redacted(node, value);
    const place = loaded?.origins.get(key);
    return {
      key,
      value: shown,
      isHidden: holdsSecret(node) && JSON.stringify(shown) !== JSON.stringify(value),
      from: place === undefined ? "default" : formatPlace(place),
    };
  });
}
