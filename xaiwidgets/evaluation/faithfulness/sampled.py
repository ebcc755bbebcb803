"""Scores of many drawn changes of the same inputs, in full batches."""

from collections.abc import Callable

import numpy as np
import torch

from xaiwidgets.core.evaluation import Case

from ..asking import on_scale

Change = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def sampled(case: Case, samples: int, scale: str, change: Change) -> tuple[np.ndarray, np.ndarray]:
    """By how much drawn changes lower the score, and what the map says of them: both (inputs,
    samples).

    `change(numbers, rows)` returns inputs number `rows` (rows,), each changed as the sample of its
    number in `numbers` (rows,) says, and the map's number for each. Rows of all samples and inputs
    share batches, sample by sample, after the inputs as they are.
    """
    count, device = len(case), case.x.device
    rows = torch.arange(count, device=device).repeat(1 + samples)
    numbers = torch.arange(-1, samples).repeat_interleave(count)
    asked = case.subject.quick(case.x, len(rows))
    times = batches(len(rows), case.subject.batch_size(case.x, backward=False))
    scores: list[torch.Tensor] = []
    said: list[torch.Tensor] = []
    with torch.no_grad():
        for which, drawn in zip(rows.tensor_split(times), numbers.tensor_split(times), strict=True):
            intact = int((drawn < 0).sum())
            parts = [case.x[which[:intact]]]
            if intact < len(drawn):
                changed, number = change(drawn[intact:], which[intact:])
                parts.append(changed)
                said.append(number.double().cpu())
            batch = torch.cat(parts) if intact else parts[-1]
            scores.append(on_scale(asked(batch), case.target, which, scale).double().cpu())
    heard = torch.cat(scores).view(1 + samples, count).T.numpy()
    return heard[:, :1] - heard[:, 1:], torch.cat(said).view(samples, count).T.numpy()


def batches(rows: int, size: int) -> int:
    """In how many equal batches of about `size` to take so many rows. A few more than full batches
    take are shared out among these, by at most an eighth: in a small batch each row costs more."""
    full, rest = divmod(rows, size)
    return full + (rest > full * (size // 8))
