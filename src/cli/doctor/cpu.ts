import { ok } from "../../audit/observe/verdict.ts";
import { type DoctorCheck, warn } from "./check.ts";

/** Instructions that decide the speed of inference. */
export const cpu: DoctorCheck = {
  name: "cpu",
  run: ({ system }) => {
    const text = system.readText("/proc/cpuinfo");
    if (text === undefined) return ok(`${system.arch}; its instructions are not shown on ${system.platform}`);
    const flags = new Set((/^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1] ?? "").split(/\s+/));
    const model = /^model name\s*:\s*(.*)$/m.exec(text)?.[1] ?? system.arch;
    if (system.arch === "arm64") {
      return flags.has("asimddp")
        ? ok(`${model}, with dot products`)
        : warn(
            `${model} has no dot-product instructions: int8 is not faster than fp32`,
            "Expect about half the speed, or use a newer board.",
          );
    }
    if (system.arch !== "x64") return ok(model);
    if (!flags.has("avx2")) {
      return warn(
        `${model} has no AVX2: recognition is several times slower`,
        "Use another machine, or another CPU type for the virtual machine (for example host).",
      );
    }
    const vnni = flags.has("avx512_vnni") || flags.has("avx_vnni");
    return ok(
      `${model}, AVX2${flags.has("avx512f") ? ", AVX-512" : ""}${vnni ? ", VNNI" : "; no VNNI, int8 gains less"}`,
    );
  },
};
