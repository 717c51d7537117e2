"""Makes a bundle of the exported graphs: python3 finish.py OUT_DIR [sp.model]

Vocabulary, int8 encoder, graphs without traces of the machine that made them, manifest.
"""

import hashlib
import json
import os
import sys

import onnx

STEM = "demo_ru_rnnt"


def write_vocabulary(out, sentencepiece_model):
    """`piece id` lines in id order, the blank last."""
    import sentencepiece as spm

    pieces = spm.SentencePieceProcessor(sentencepiece_model)
    lines = [f"{pieces.id_to_piece(i)} {i}" for i in range(pieces.get_piece_size())]
    with open(f"{out}/{STEM}_vocab.txt", "w", encoding="utf-8") as file:
        file.write("\n".join([*lines, f"<blk> {len(lines)}"]) + "\n")


def quantize(out):
    """Matrix products only, unsigned, one scale per tensor; convolutions stay fp32."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        f"{out}/{STEM}_encoder.onnx",
        f"{out}/{STEM}_encoder.int8.onnx",
        op_types_to_quantize=["MatMul"],
        weight_type=QuantType.QUInt8,
    )


def strip(path):
    """Removes documentation, metadata and the exporter's stack traces: they hold paths and make builds differ."""
    model = onnx.load(path)
    del model.metadata_props[:]
    model.doc_string = ""
    model.producer_name = "gigastt-demo"
    model.producer_version = ""
    strip_graph(model.graph)
    for function in model.functions:
        function.doc_string = ""
        del function.metadata_props[:]
        for node in function.node:
            node.doc_string = ""
            del node.metadata_props[:]
    onnx.save(model, path)


def strip_graph(graph):
    graph.doc_string = ""
    del graph.metadata_props[:]
    for item in [*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer]:
        item.doc_string = ""
        if hasattr(item, "metadata_props"):
            del item.metadata_props[:]
    for node in graph.node:
        for attribute in node.attribute:
            attribute.doc_string = ""
            if attribute.type == onnx.AttributeProto.GRAPH:
                strip_graph(attribute.g)


def write_manifest(out):
    files = []
    for name in sorted(os.listdir(out)):
        if name == "manifest.json":
            continue
        with open(f"{out}/{name}", "rb") as file:
            content = file.read()
        files.append({"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})
    with open(f"{out}/manifest.json", "w", encoding="utf-8") as file:
        json.dump({"files": files}, file, indent=1)
    print(json.dumps(files, indent=1))


if __name__ == "__main__":
    folder = sys.argv[1]
    if len(sys.argv) > 2:
        write_vocabulary(folder, sys.argv[2])
        quantize(folder)
    for file_name in sorted(os.listdir(folder)):
        if file_name.endswith(".onnx"):
            strip(f"{folder}/{file_name}")
    write_manifest(folder)
