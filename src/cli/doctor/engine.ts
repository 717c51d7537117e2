import { fileURLToPath } from "node:url";
import { installationRoot } from "../../shared/process/entry.ts";
import { ok } from "../../audit/observe/verdict.ts";
import { type DoctorCheck, fail } from "./check.ts";

/** The inference library for this platform is part of the installation. Its presence only: loading it is the runtime's work. */
export const engine: DoctorCheck = {
  name: "engine",
  run: ({ system, config }) => {
    if (config.engine.kind === "fake") return ok("the fake engine is configured, no inference library is needed");
    const root = fileURLToPath(new URL("node_modules/onnxruntime-node/", installationRoot()));
    const folders = system.list(`${root}bin`).map((abi) => `${root}bin/${abi}/${system.platform}/${system.arch}`);
    if (folders.some((folder) => system.list(folder).some((name) => name.endsWith(".node")))) {
      return ok(`ONNX Runtime for ${system.platform} ${system.arch}`);
    }
    return system.list(root).length === 0
      ? fail("the dependencies are not installed", "Run ./gigastt once, it installs them.")
      : fail(
          `there is no ONNX Runtime for ${system.platform} ${system.arch}`,
          "Supported: linux x64 and arm64, darwin arm64, win32 x64 and arm64.",
        );
  },
};
