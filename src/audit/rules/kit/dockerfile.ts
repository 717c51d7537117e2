import type { DockerfileParse, DockerInstruction, DockerStage } from "../../parse/dockerfile.ts";

/** The image a stage starts from: for `FROM ${BASE}` the default of the ARG above it, with the place that names it. */
export function baseOf(
  file: DockerfileParse,
  stage: DockerStage,
): { readonly image: string; readonly place: DockerInstruction } {
  const variable = /^\$\{?(\w+)\}?$/.exec(stage.base)?.[1];
  const argument =
    variable === undefined
      ? undefined
      : file.instructions.find(
          (item) => item.name === "ARG" && item.stage < 0 && item.value.startsWith(`${variable}=`),
        );
  return argument
    ? { image: argument.value.slice((variable?.length ?? 0) + 1), place: argument }
    : { image: stage.base, place: stage.from };
}
