import { locateModel } from "../../models/locate.ts";
import type { ModelBundle } from "../../models/manifest.ts";
import { findRewritten } from "../../models/optimized.ts";
import { optimizedDir } from "../../models/paths.ts";
import { speedUp } from "../../models/prepare/comparison.ts";
import { verifyBundle } from "../../models/verify.ts";
import { GigasttError } from "../../shared/errors.ts";
import { ok } from "../../audit/observe/verdict.ts";
import { type DoctorCheck, fail, warn } from "./check.ts";

/** The model that a start would load: found, complete, and its hashes right. */
export const model: DoctorCheck = {
  name: "model",
  run: async ({ config, env, signal }) => {
    if (config.engine.kind === "fake") return ok("the fake engine is configured, no model is needed");
    try {
      const bundle = await locateModel(config.model, { env });
      await verifyBundle(bundle, { signal });
      const text = `${bundle.id} ${bundle.precision}, verified${await formOf(bundle, env)}`;
      if (bundle.notice === undefined) return ok(text);
      const [rule, cure] = ruleAndCure(bundle.notice);
      return warn(`${text}. ${rule}`, cure);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof GigasttError)) throw error;
      return fail(...ruleAndCure(error.message));
    }
  },
};

async function formOf({ files, encoderPath }: ModelBundle, env: NodeJS.ProcessEnv): Promise<string> {
  const trial = await findRewritten(optimizedDir(env), files.find(({ name }) => encoderPath.endsWith(name))?.sha256);
  return trial === undefined
    ? ""
    : `, encoder rewritten (${speedUp(trial)} times as fast, ${trial.tokenEdits} of ${trial.tokens} tokens differ)`;
}

/** Our messages are a sentence with the rule, then sentences with the cure. */
function ruleAndCure(message: string): [rule: string, cure: string] {
  const [rule = "", ...cure] = message.split(/(?<=\.) (?=[A-Z])/);
  return [rule.replace(/\.$/, ""), cure.join(" ")];
}
