import { expect, test } from "vitest";
import { bindModel, type GraphInfo, type TensorInfo } from "../../../../src/engine/acoustic/binding.ts";

const t = (name: string, type: string, ...shape: (number | string)[]): TensorInfo => ({ name, type, shape });
const encoder: GraphInfo = {
  inputs: [t("audio_signal", "float32", "B", 64, "T"), t("length", "int64", "B")],
  outputs: [t("encoded", "float32", "B", 768, "T2"), t("encoded_len", "int32", "B")],
};
const decoder: GraphInfo = {
  inputs: [t("x", "int64", 1, 1), t("h.1", "float32", 1, 1, 320), t("c.1", "float32", 1, 1, 320)],
  outputs: [t("dec", "float32", 1, 1, 320), t("h", "float32", 1, 1, 320), t("c", "float32", 1, 1, 320)],
};
const joint: GraphInfo = {
  inputs: [t("enc", "float32", 1, 768, 1), t("dec", "float32", 1, 320, 1)],
  outputs: [t("joint", "float32", 1, 1, 1, 1025)],
};

test("binds GigaAM's export and reads every dimension", () => {
  expect(bindModel(encoder, decoder, joint)).toMatchObject({
    melBins: 64,
    encoderWidth: 768,
    predictorWidth: 320,
    classes: 1025,
    decoder: { hidden: { name: "h.1" }, nextCell: "c", extra: undefined },
    joint: { blockAxis: "none" },
  });
});

test("binds the newest exporter's names", () => {
  const newer: GraphInfo = {
    inputs: [t("x", "int64", "B", 1), t("hi", "float32", 1, "B", 320), t("ci", "float32", 1, "B", 320)],
    outputs: [t("dec", "float32", "B", 1, 320), t("ho", "float32", 1, "B", 320), t("co", "float32", 1, "B", 320)],
  };
  const bound = bindModel(encoder, newer, joint);
  expect(bound.decoder).toMatchObject({
    hidden: { name: "hi" },
    cell: { name: "ci" },
    nextHidden: "ho",
    nextCell: "co",
  });
});

test("binds unknown names by position", () => {
  const renamed: GraphInfo = {
    inputs: [t("a", "int32", 1, 1), t("b", "float32", 1, 1, 320), t("d", "float32", 1, 1, 320)],
    outputs: [t("p", "float32", 1, 320, 1), t("q", "float32", 1, 1, 320), t("r", "float32", 1, 1, 320)],
  };
  expect(bindModel(encoder, renamed, joint).decoder).toMatchObject({
    token: { name: "a", type: "int32" },
    hidden: { name: "b" },
    cell: { name: "d" },
    output: "p",
    nextHidden: "q",
    nextCell: "r",
  });
});

test("binds sherpa-onnx's export with its unused length", () => {
  const sherpa: GraphInfo = {
    inputs: [
      t("x", "int32", 1, 1),
      t("unused_x_len.1", "int32", 1),
      t("h.1", "float32", 1, 1, 320),
      t("c.1", "float32", 1, 1, 320),
    ],
    outputs: [
      t("dec", "float32", 1, 320, 1),
      t("unused_x_len", "int32", 1),
      t("h", "float32", 1, 1, 320),
      t("c", "float32", 1, 1, 320),
    ],
  };
  expect(bindModel(encoder, sherpa, joint).decoder).toMatchObject({
    extra: { name: "unused_x_len.1" },
    hidden: { name: "h.1" },
    nextHidden: "h",
    nextCell: "c",
  });
});

test("finds the axis along which the joint takes many frames", () => {
  const batch = {
    inputs: [t("enc", "float32", "B", 768, 1), t("dec", "float32", "B", 320, 1)],
    outputs: joint.outputs,
  };
  const time = { inputs: [t("enc", "float32", 1, 768, "T"), t("dec", "float32", 1, 320, 1)], outputs: joint.outputs };
  expect(bindModel(encoder, decoder, batch).joint.blockAxis).toBe("batch");
  expect(bindModel(encoder, decoder, time).joint.blockAxis).toBe("time");
});

test("says which graph lacks what", () => {
  expect(() => bindModel({ inputs: [], outputs: [] }, decoder, joint)).toThrow(
    'the model\'s encoder does not have the shape of a GigaAM RNN-T: it has no tensor "audio_signal" (found: none). Install a supported model with `gigastt models pull`.',
  );
  const loose = {
    inputs: [t("audio_signal", "float32", "B", "F", "T"), t("length", "int64", "B")],
    outputs: encoder.outputs,
  };
  expect(() => bindModel(loose, decoder, joint)).toThrow('axis 1 of "audio_signal" must have a fixed size, got F');
});
