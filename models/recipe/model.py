"""The network: a small conformer RNN-T with the ONNX interface of GigaAM v3 e2e_rnnt and dimensions of its own."""

import math

import torch
import torch.nn.functional as F
from torch import nn

# Encoder width, layers, heads, feed-forward width, convolution kernel.
D, L, H, FF, K = 144, 5, 4, 576, 15
# Prediction network, joint network, vocabulary with the blank.
PRED, JOINT, V = 160, 160, 257
BLANK = V - 1


class Rotary(nn.Module):
    """Rotary position embedding over the head dimension."""

    def __init__(self, d):
        super().__init__()
        self.register_buffer("inv", 1.0 / (5000 ** (torch.arange(0, d, 2).float() / d)), persistent=False)

    def forward(self, x):  # b,h,t,d
        t = torch.arange(x.shape[2], device=x.device, dtype=torch.float32)
        f = t[:, None] * self.inv[None]
        e = torch.cat([f, f], -1)
        c, n = e.cos(), e.sin()
        a, b = x.chunk(2, -1)
        return x * c + torch.cat([-b, a], -1) * n


class Attention(nn.Module):
    """Self-attention with rotary positions; padded frames are masked."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(D, D) for _ in range(4))
        self.rot = Rotary(D // H)

    def forward(self, x, mask):
        b, t, _ = x.shape

        def heads(y):
            return y.view(b, t, H, D // H).transpose(1, 2)

        q, k, v = self.rot(heads(self.q(x))), self.rot(heads(self.k(x))), heads(self.v(x))
        a = (q @ k.transpose(-1, -2)) / math.sqrt(D // H)
        a = a.masked_fill(mask[:, None, None], -1e4).softmax(-1)
        return self.o((a @ v).transpose(1, 2).reshape(b, t, D))


class Convolution(nn.Module):
    """Conformer's convolution module with layer norm."""

    def __init__(self):
        super().__init__()
        self.p1 = nn.Conv1d(D, 2 * D, 1)
        self.dw = nn.Conv1d(D, D, K, padding=K // 2, groups=D)
        self.n = nn.LayerNorm(D)
        self.p2 = nn.Conv1d(D, D, 1)

    def forward(self, x, mask):
        x = F.glu(self.p1(x.transpose(1, 2)), 1).masked_fill(mask[:, None], 0.0)
        x = F.silu(self.n(self.dw(x).transpose(1, 2))).transpose(1, 2)
        return self.p2(x).transpose(1, 2)


class FeedForward(nn.Module):
    """Half-step feed-forward module."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(D, FF)
        self.b = nn.Linear(FF, D)

    def forward(self, x):
        return self.b(F.silu(self.a(x)))


class Layer(nn.Module):
    """One conformer layer."""

    def __init__(self):
        super().__init__()
        self.n1, self.n2, self.n3, self.n4, self.n5 = (nn.LayerNorm(D) for _ in range(5))
        self.f1, self.at, self.cv, self.f2 = FeedForward(), Attention(), Convolution(), FeedForward()

    def forward(self, x, m):
        x = x + 0.5 * self.f1(self.n1(x))
        x = x + self.at(self.n2(x), m)
        x = x + self.cv(self.n3(x), m)
        x = x + 0.5 * self.f2(self.n4(x))
        return self.n5(x)


class Encoder(nn.Module):
    """Log-mel frames of 10 ms to encoder frames of 40 ms. Normalisation is part of the graph."""

    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv1d(64, D, 5, 2, 2)
        self.c2 = nn.Conv1d(D, D, 5, 2, 2)
        self.layers = nn.ModuleList(Layer() for _ in range(L))
        self.register_buffer("mean", torch.zeros(64, 1))
        self.register_buffer("std", torch.ones(64, 1))

    def forward(self, audio_signal, length):
        def halved(n):
            return (n - 1) // 2 + 1

        def padding(x, n):
            return torch.arange(x.shape[2], device=x.device)[None] >= n[:, None]

        x = (audio_signal - self.mean) / self.std
        x = x.masked_fill(padding(x, length)[:, None], 0.0)
        x = F.relu(self.c1(x))
        n = halved(length)
        x = x.masked_fill(padding(x, n)[:, None], 0.0)
        x = F.relu(self.c2(x))
        n = halved(n)
        m = padding(x, n)
        x = x.masked_fill(m[:, None], 0.0).transpose(1, 2)
        for layer in self.layers:
            x = layer(x, m)
        return x.transpose(1, 2), n.int()


class Decoder(nn.Module):
    """Prediction network. The blank's embedding is zero, so feeding it starts a sequence."""

    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(V, PRED, padding_idx=BLANK)
        self.lstm = nn.LSTM(PRED, PRED)

    def forward(self, x, h, c):
        g, (h, c) = self.lstm(self.emb(x).transpose(0, 1), (h, c))
        return g.transpose(0, 1), h, c


class Joint(nn.Module):
    """Joint network; its output is already log-softmaxed."""

    def __init__(self):
        super().__init__()
        self.e = nn.Linear(D, JOINT)
        self.p = nn.Linear(PRED, JOINT)
        self.o = nn.Linear(JOINT, V)

    def forward(self, enc, dec):  # [b,D,1],[b,P,1] -> [b,1,1,V]
        return self.o(
            F.relu(self.e(enc.transpose(1, 2)).unsqueeze(2) + self.p(dec.transpose(1, 2)).unsqueeze(1))
        ).log_softmax(-1)


class Model(nn.Module):
    """Everything that is trained; the CTC head is dropped at export."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder, self.joint = Encoder(), Decoder(), Joint()
        self.ctc = nn.Linear(D, V)
