"""RNN-T loss in plain PyTorch."""

import torch
import torch.nn.functional as F

from model import BLANK


def rnnt_loss(lp, y, T, U):
    """Negative log-likelihood of each utterance.

    lp [B, T, U+1, V] log-probabilities, y [B, U] tokens, T and U [B] lengths. The forward recursion runs over anti-diagonals, so that
    a step handles all u at once; autograd gives the gradient.
    """
    B, Tm, U1, _ = lp.shape
    bl = lp[..., BLANK]
    em = lp[:, :, :-1].gather(3, y[:, None, :, None].expand(B, Tm, U1 - 1, 1)).squeeze(3)
    NEG = -1e30
    # skew: index by d=t+u ; alpha_d[u]
    ds = Tm + U1 - 1
    u = torch.arange(U1)
    alpha = torch.full((B, U1), NEG)
    alpha[:, 0] = 0.0
    fin = T - 1 + U
    hist = [alpha]
    for d in range(1, ds):
        t = d - u
        tb = (t - 1).clamp(0, Tm - 1)
        ok_b = (t - 1 >= 0) & (t <= Tm - 1)
        stay = alpha + bl[:, tb, u]
        stay = torch.where(ok_b[None], stay, torch.full_like(stay, NEG))
        te = t[1:].clamp(0, Tm - 1)
        ok_e = (t[1:] >= 0) & (t[1:] <= Tm - 1)
        mv = alpha[:, :-1] + em[:, te, u[1:] - 1]
        mv = torch.where(ok_e[None], mv, torch.full_like(mv, NEG))
        mv = F.pad(mv, (1, 0), value=NEG)
        alpha = torch.logaddexp(stay, mv)
        hist.append(alpha)
    A = torch.stack(hist, 1)  # B, ds, U1
    b = torch.arange(B)
    return -(A[b, fin, U] + bl[b, T - 1, U])
