import { modelsDir } from "../../models/paths.ts";
import { readableBytes } from "../../shared/units.ts";
import { stateDirOf } from "../../shared/state-dir.ts";
import { ok } from "../../audit/observe/verdict.ts";
import { type DoctorCheck, fail, warn } from "./check.ts";

const LOW_BYTES = 1_000_000_000;
const EMPTY_BYTES = 100_000_000;

/** Free space where models and state are kept. */
export const disk: DoctorCheck = {
  name: "disk",
  run: async ({ system, config, env }) => {
    const places = [
      { what: "models", dir: modelsDir(config.model.dir, env), key: "model.dir" },
      { what: "state and logs", dir: stateDirOf(config.supervisor.stateDir, env), key: "supervisor.stateDir" },
    ];
    return Promise.all(
      places.map(async ({ what, dir, key }) => {
        const bytes = await system.freeBytes(dir);
        if (bytes === undefined) return ok(`${what}: ${dir} free space is unknown`);
        const text = `${what}: ${readableBytes(bytes)} free in ${dir}`;
        const cure = `Free some space, or set ${key} to another disk.`;
        if (bytes < EMPTY_BYTES) return fail(text, cure);
        return bytes < LOW_BYTES ? warn(text, cure) : ok(text);
      }),
    );
  },
};
