import { notChecked, ok } from "../../audit/observe/verdict.ts";
import { deployedVerdict } from "../../checks/deployed/verdicts.ts";
import { accessFileOf, secretsProblems } from "../../render/deployed/secrets.ts";
import { messageOf } from "../../shared/errors.ts";
import { countKeys } from "../../store/keys.ts";
import { keysFile, storeDir } from "../../store/place.ts";
import type { Verdict } from "../../audit/observe/verdict.ts";
import { hasServerKeys, keepsKeysInVolume } from "../deploy/server-keys.ts";
import { deploymentOf, type DoctorCheck, type DoctorContext, fail, warn } from "./check.ts";

/** The server has keys where it asks for them, and the proxy can look up its users or keys. */
export const secrets: DoctorCheck = {
  name: "secrets",
  run: async (context) => {
    if (hasServerKeys(context)) return serverKeys(context);
    const deployment = deploymentOf(context);
    const file = accessFileOf(deployment);
    if (file === undefined) return ok("no users or keys to check: no proxy on this machine reads any");
    return deployedVerdict(await secretsProblems(deployment), `the proxy can read ${file}`);
  },
};

// ---

function serverKeys(context: DoctorContext): Verdict {
  const { config, env, system } = context;
  if (keepsKeysInVolume(context))
    return notChecked("API keys are required; they are in the volume of the compose project");
  const file = keysFile(storeDir(config, env));
  try {
    const count = countKeys(file, system.nowMs());
    if (count > 0) return ok(`API keys are required: ${count} can be used (${file})`);
    return warn(
      `API keys are required, but ${file} holds no key that can be used: every request is refused`,
      "Run `gigastt secrets create key NAME`.",
    );
  } catch (error) {
    return fail(messageOf(error), `Give this user access to ${file}, or run the command with sudo.`);
  }
}
