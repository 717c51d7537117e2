"""Trains a CTC head on the frozen encoder of the demo model: python3 ctc.py es.pkl,fe.pkl BUNDLE EVAL OUT

BUNDLE is models/demo_ru_rnnt, EVAL is test/fixtures/eval. The RNN-T of the bundle labels the recordings, so no tokenizer is needed.
OUT gets head.f32 (weights [144, 257], then the bias [257], float32 little-endian) and reference.json: what the head reads in the
clips of EVAL with each encoder, decoded here: the best class of each frame, repeats and blanks removed.
"""

import json
import pickle
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort

RATE, WINDOW, HOP, MELS = 16000, 320, 160, 64
BATCH, EPOCHS, RATE_START = 32, 24, 0.01


def mel_filterbank():
    """64 triangular HTK filters from 0 to 8000 Hz, not normalised: [161, 64]."""
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), MELS + 2) / 2595) - 1)
    frequencies = np.linspace(0, RATE / 2, WINDOW // 2 + 1)
    widths = np.diff(edges)
    slopes = edges[None] - frequencies[:, None]
    return np.maximum(0, np.minimum(-slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]))


FILTERS = mel_filterbank()
HANN = np.hanning(WINDOW + 1)[:-1]


def features(samples):
    """Samples in -1..1 to log-mel [1, 64, T], float32."""
    count = (len(samples) - WINDOW) // HOP + 1
    frames = np.stack([samples[t * HOP : t * HOP + WINDOW] for t in range(count)]) * HANN
    power = np.abs(np.fft.rfft(frames.astype(np.float64))) ** 2
    return np.log(np.clip(power @ FILTERS, 1e-9, 1e9)).T[None].astype(np.float32)


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def encode(encoder, samples):
    """[T', 144]"""
    x = features(samples)
    encoded, length = encoder.run(None, {"audio_signal": x, "length": np.array([x.shape[2]], np.int64)})
    return encoded[0, :, : int(length[0])].T.copy()


def transduce(decoder, joint, encoded, blank, most=10):
    """Greedy RNN-T: the ids."""
    hidden = np.zeros((1, 1, 160), np.float32)
    cell = np.zeros((1, 1, 160), np.float32)
    out, next_hidden, next_cell = decoder.run(None, {"x": np.array([[blank]], np.int64), "h.1": hidden, "c.1": cell})
    ids = []
    for frame in encoded:
        for _ in range(most):
            scores = joint.run(None, {"enc": frame[None, :, None], "dec": out.reshape(1, -1, 1)})[0].reshape(-1)
            best = int(scores.argmax())
            if best == blank:
                break
            ids.append(best)
            hidden, cell = next_hidden, next_cell
            out, next_hidden, next_cell = decoder.run(
                None, {"x": np.array([[best]], np.int64), "h.1": hidden, "c.1": cell}
            )
    return ids


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def ctc_gradient(scores, lengths, labels, blank):
    """Loss and its gradient by the scores [B, T, C]; forward and backward in logarithms, all sequences at once."""
    batch, most, classes = scores.shape
    logs = log_softmax(scores)
    states = 2 * max(map(len, labels)) + 1
    extended = np.full((batch, states), blank)
    for b, ids in enumerate(labels):
        extended[b, 1 : 2 * len(ids) : 2] = ids
    skips = np.zeros((batch, states), bool)
    skips[:, 2:] = (extended[:, 2:] != blank) & (extended[:, 2:] != extended[:, :-2])
    ends = np.array([2 * len(ids) for ids in labels])
    rows = np.arange(batch)
    emitted = np.take_along_axis(logs, np.broadcast_to(extended[:, None], (batch, most, states)), 2)

    def shifted(a, by):
        return np.concatenate([np.full((batch, by), -1e30), a[:, :-by]], 1)

    def unshifted(a, by):
        return np.concatenate([a[:, by:], np.full((batch, by), -1e30)], 1)

    forward = np.full((most, batch, states), -1e30)
    forward[0, :, :2] = emitted[:, 0, :2]
    for t in range(1, most):
        a = forward[t - 1]
        forward[t] = emitted[:, t] + np.logaddexp(
            np.logaddexp(a, shifted(a, 1)), np.where(skips, shifted(a, 2), -1e30)
        )
    backward = np.full((most, batch, states), -1e30)
    last = np.full((batch, states), -1e30)
    last[rows, ends] = 0
    last[rows, np.maximum(ends - 1, 0)] = 0
    for t in range(most - 1, -1, -1):
        if t < most - 1:
            a = backward[t + 1] + emitted[:, t + 1]
            over = unshifted(np.where(skips, a, -1e30), 2)
            backward[t] = np.logaddexp(np.logaddexp(a, unshifted(a, 1)), over)
        backward[t][lengths - 1 == t] = last[lengths - 1 == t]
    total = np.logaddexp(
        forward[lengths - 1, rows, ends], np.where(ends > 0, forward[lengths - 1, rows, np.maximum(ends - 1, 0)], -1e30)
    )
    occupied = np.exp(np.minimum(forward + backward - total[None, :, None], 0)).transpose(1, 0, 2)
    wanted = np.zeros_like(logs)
    for b in range(batch):
        np.add.at(wanted[b], (slice(None), extended[b]), occupied[b])
    inside = (np.arange(most)[None] < lengths[:, None])[..., None]
    return -total.mean(), np.where(inside, np.exp(logs) - wanted, 0) / batch


def train(items, blank, classes):
    """Adam over shuffled batches of similar length, the step falling to zero."""
    random = np.random.default_rng(1)
    width = items[0][0].shape[1]
    head = [random.normal(0, 0.05, (width, classes)), np.zeros(classes)]
    moments = [[np.zeros_like(part), np.zeros_like(part)] for part in head]
    order = sorted(range(len(items)), key=lambda i: len(items[i][0]))
    batches = [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
    step, steps = 0, EPOCHS * len(batches)
    for epoch in range(EPOCHS):
        losses = []
        for index in random.permutation(len(batches)):
            chosen = [items[i] for i in batches[index]]
            lengths = np.array([len(x) for x, _ in chosen])
            x = np.zeros((len(chosen), lengths.max(), width))
            for b, (frames, _) in enumerate(chosen):
                x[b, : len(frames)] = frames
            loss, gradient = ctc_gradient(x @ head[0] + head[1], lengths, [ids for _, ids in chosen], blank)
            losses.append(loss)
            step += 1
            rate = RATE_START * 0.5 * (1 + np.cos(np.pi * step / steps))
            gradients = [np.einsum("btw,btc->wc", x, gradient), gradient.sum((0, 1))]
            for part, (first, second), g in zip(head, moments, gradients):
                first += 0.1 * (g - first)
                second += 0.001 * (g * g - second)
                part -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        print(epoch, round(float(np.mean(losses)), 3), flush=True)
    return [part.astype(np.float32) for part in head]


def collapse(scores, blank):
    """The best class of each frame, repeats and blanks removed: ids and the first frame of each."""
    best = scores.argmax(-1)
    kept = [t for t in range(len(best)) if best[t] != blank and (t == 0 or best[t] != best[t - 1])]
    return [int(best[t]) for t in kept], kept


def read_wav(path):
    data = path.read_bytes()
    return np.frombuffer(data[data.index(b"data") + 8 :], np.int16).astype(np.float32) / 32768


def main(recordings, bundle, evaluation, out):
    bundle, evaluation, out = Path(bundle), Path(evaluation), Path(out)
    encoders = {
        "fp32": session(bundle / "demo_ru_rnnt_encoder.onnx"),
        "int8": session(bundle / "demo_ru_rnnt_encoder.int8.onnx"),
    }
    decoder, joint = session(bundle / "demo_ru_rnnt_decoder.onnx"), session(bundle / "demo_ru_rnnt_joint.onnx")
    pieces = [line.rsplit(" ", 1)[0] for line in (bundle / "demo_ru_rnnt_vocab.txt").read_text().splitlines()]
    blank = len(pieces) - 1
    items = []
    for path in recordings.split(","):
        for _, pcm in pickle.load(open(path, "rb")):
            encoded = encode(encoders["fp32"], pcm.astype(np.float32) / 32768)
            ids = transduce(decoder, joint, encoded, blank)
            repeats = sum(a == b for a, b in zip(ids, ids[1:]))
            if 0 < len(ids) and len(ids) + repeats <= len(encoded):
                items.append((encoded, ids))
        print(path, len(items), flush=True)
    noise = np.random.default_rng(2)
    for n in range(160):
        loudness = 0 if n % 4 == 0 else 10 ** noise.uniform(-5, -2)
        samples = noise.normal(0, 1, noise.integers(RATE, 4 * RATE)) * loudness
        items.append((encode(encoders["fp32"], samples), []))
    weights, bias = train(items, blank, len(pieces))
    (out / "head.f32").write_bytes(weights.astype("<f4").tobytes() + bias.astype("<f4").tobytes())
    reference = []
    for clip in json.loads((evaluation / "manifest.json").read_text()):
        samples = read_wav(evaluation / clip["file"])
        decoded = {}
        for precision, encoder in encoders.items():
            ids, frames = collapse(encode(encoder, samples) @ weights + bias, blank)
            text = "".join(pieces[i] for i in ids).replace("▁", " ").strip()
            decoded[precision] = {"text": text, "ids": ids, "frames": frames}
        reference.append({"file": clip["file"], "decode": decoded})
    lines = [json.dumps(clip, ensure_ascii=False, separators=(",", ":")) for clip in reference]
    (out / "reference.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
