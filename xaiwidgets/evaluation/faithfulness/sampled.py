"""Scores of many drawn changes of the same inputs, in full batches."""

from collections.abc import Callable

import numpy as np
import torch

from xaiwidgets.core.evaluation import Case

from ..asking import on_scale

Change = Callable[[int, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def sampled(case: Case, samples: int, scale: str, change: Change) -> tuple[np.ndarray, np.ndarray]:
    """What the network says of drawn changes, and what the map says of them: both (inputs,
    samples).

    `change(sample, rows)` returns those inputs changed, and the map's number for each (rows,). Rows
    of all samples and inputs share batches, sample by sample.
    """
    count = len(case)
    rows = torch.arange(count, device=case.x.device).repeat(samples)
    numbers = torch.arange(samples).repeat_interleave(count)
    size = case.subject.batch_size(case.x, backward=False)
    asked = case.subject.quick(case.x, len(rows))
    scores: list[torch.Tensor] = []
    said: list[torch.Tensor] = []
    with torch.no_grad():
        for which, drawn in zip(rows.split(size), numbers.split(size), strict=True):
            made = [change(int(n), which[(drawn == n).to(which.device)]) for n in drawn.unique()]
            batch = torch.cat([x for x, _ in made])
            said.extend(number.double().cpu() for _, number in made)
            scores.append(on_scale(asked(batch), case.target, which, scale).double().cpu())
    heard, claimed = (torch.cat(part).view(samples, count).T.numpy() for part in (scores, said))
    return heard, claimed
