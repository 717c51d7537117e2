"""The front end of GigaAM v3: 16 kHz, frames of 320 samples every 160, periodic Hann window, natural logarithm, no centring."""

import numpy as np
import torch


def mel_filterbank(n_freq=161, n_mels=64, sr=16000):
    """64 triangular HTK filters from 0 to 8000 Hz, not normalised: [161, 64]."""

    def to_mel(hz):
        return 2595 * np.log10(1 + hz / 700)

    def to_hz(mel):
        return 700 * (10 ** (mel / 2595) - 1)

    pts = to_hz(np.linspace(to_mel(0), to_mel(8000), n_mels + 2))
    f = np.linspace(0, sr / 2, n_freq)
    d = np.diff(pts)
    s = pts[None] - f[:, None]
    return torch.tensor(np.maximum(0, np.minimum(-s[:, :-2] / d[:-1], s[:, 2:] / d[1:])), dtype=torch.float32)


FILTERBANK = mel_filterbank()
WINDOW = torch.hann_window(320)


def features(x):
    """Samples [N] in -1..1 to log-mel [64, T]; T = (N - 320) // 160 + 1."""
    s = torch.stft(x, 320, 160, 320, WINDOW, center=False, return_complex=True)
    return torch.log((FILTERBANK.T @ s.abs().pow(2)).clamp(1e-9, 1e9))
