import { derive } from "../../config/derived.ts";
import { installedModelMemory } from "../../models/memory.ts";
import { readableBytes } from "../../shared/units.ts";
import { type Check, fail, ok, warn } from "./check.ts";

const MIB = 2 ** 20;

/** Free memory against what the configuration and the installed model need. */
export const memory: Check = {
  name: "memory",
  run: async ({ system, config, env }) => {
    const availableBytes = await system.availableMemoryBytes();
    const model = await installedModelMemory(config.model, env);
    const available = `${readableBytes(availableBytes)} available`;
    if (model === undefined) return ok(available);
    const { serverMemoryMiB, unit } = derive(config, model);
    const server = readableBytes(serverMemoryMiB * MIB);
    const handover = readableBytes(unit.memoryMiB * MIB);
    const text = `${available}; with ${model.id} (${model.precision}) a server needs up to ${server}, a hand-over ${handover}`;
    const cure = `Use ${model.precision === "fp32" ? "int8 weights, " : ""}a smaller pool.size or limits.body, or more memory.`;
    if (availableBytes < serverMemoryMiB * MIB) return fail(text, cure);
    return availableBytes < unit.memoryMiB * MIB ? warn(text, cure) : ok(text);
  },
};
