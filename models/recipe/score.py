"""Greedy decoding and word error rate while training."""

import numpy as np
import torch

from features import features
from model import BLANK, PRED


def greedy(model, f):
    """Token ids of one utterance. State is committed on non-blank tokens only."""
    with torch.inference_mode():
        e, n = model.encoder(f[None], torch.tensor([f.shape[1]]))
        h = c = torch.zeros(1, 1, PRED)
        x = torch.tensor([[BLANK]])
        out = []
        g, h2, c2 = model.decoder(x, h, c)
        for t in range(int(n)):
            for _ in range(3):
                k = int(model.joint(e[:, :, t : t + 1], g.transpose(1, 2)).argmax())
                if k == BLANK:
                    break
                out.append(k)
                h, c = h2, c2
                g, h2, c2 = model.decoder(torch.tensor([[k]]), h, c)
    return out


def edits(a, b):
    """Levenshtein distance of two lists."""
    p = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        q = [i]
        for j, y in enumerate(b, 1):
            q.append(min(p[j] + 1, q[j - 1] + 1, p[j - 1] + (x != y)))
        p = q
    return p[-1]


def wer(model, sp, items):
    """Word error rate as written, case and punctuation included, and the pairs of text and hypothesis."""
    model.eval()
    e = n = 0
    ex = []
    for t, x in items:
        xx = np.concatenate([np.zeros(3200), x / 32768.0, np.zeros(3200)]).astype(np.float32)
        xx += np.random.RandomState(0).randn(len(xx)).astype(np.float32) * 1e-4
        hyp = sp.decode(greedy(model, features(torch.from_numpy(xx))))
        r = t.split()
        e += edits(r, hyp.split())
        n += len(r)
        ex.append((t, hyp))
    return e / n, ex
