"""Variations of the training audio."""

import math

import numpy as np
import torch


def augment(x, r):
    """PCM16 samples to samples in -1..1 with speed, band, room, silence, level and noise varied."""
    x = x.astype(np.float32) / 32768
    if r.random() < 0.5:  # speed/pitch resample
        f = r.uniform(0.88, 1.14)
        n = int(len(x) / f)
        x = np.interp(np.linspace(0, len(x) - 1, n), np.arange(len(x)), x).astype(np.float32)
    if r.random() < 0.3:  # band limit
        X = np.fft.rfft(x)
        n = len(X)
        c = int(n * r.uniform(0.42, 0.9))
        X[c:] *= 0.01
        lo = int(n * r.uniform(0, 0.035))
        X[:lo] *= 0.1
        x = np.fft.irfft(X, len(x)).astype(np.float32)
    if r.random() < 0.3:  # reverb
        m = int(16000 * r.uniform(0.05, 0.25))
        h = np.random.randn(m) * np.exp(-np.arange(m) / (m / 5))
        h[0] = r.uniform(4, 10)
        h /= np.abs(h).sum() ** 0.5 * 2
        n = 1 << (len(x) + m).bit_length()
        x = np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(h, n), n)[: len(x)].astype(np.float32)
    x = np.concatenate(
        [
            np.zeros(int(16000 * r.uniform(0, 0.8) * r.random())),
            x,
            np.zeros(int(16000 * r.uniform(0.05, 0.8) * r.random())),
        ]
    ).astype(np.float32)
    x *= r.uniform(0.15, 1.0) / (np.abs(x).max() + 1e-6)
    if r.random() < 0.7:
        snr = r.uniform(8, 45)
        p = (x**2).mean()
        nz = np.random.randn(len(x)).astype(np.float32)
        if r.random() < 0.5:
            nz = np.convolve(nz, np.ones(4) / 4, "same").astype(np.float32)
        x = x + nz * math.sqrt(p / 10 ** (snr / 10) / (nz**2).mean())
    else:
        x = x + np.random.randn(len(x)).astype(np.float32) * 10 ** r.uniform(-5, -3.5)
    return torch.from_numpy(x.astype(np.float32))


def spec_augment(f, r):
    """Blanks up to two bands and two stretches of a log-mel picture."""
    f = f.clone()
    m = f.mean()
    for _ in range(2):
        w = r.randint(0, 9)
        a = r.randint(0, 64 - w)
        f[a : a + w] = m
    for _ in range(2):
        w = r.randint(0, min(14, f.shape[1] // 8))
        a = r.randint(0, f.shape[1] - w)
        f[:, a : a + w] = m
    return f
