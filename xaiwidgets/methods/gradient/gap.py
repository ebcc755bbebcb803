"""How far an answer's values are from adding up to what they share out."""

from __future__ import annotations

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.numbers import percent


def left_over(values: torch.Tensor, change: torch.Tensor) -> float:
    """|Σ values − change| ÷ |change|, the largest of the batch."""
    total = values.double().flatten(1).sum(1).cpu()
    change = change.detach().double().cpu()
    return float(((total - change).abs() / change.abs().clamp_min(1e-12)).max())


def completeness(found: Findings, change: torch.Tensor) -> Findings:
    """Report the completeness gap |Σ values − change| ÷ |change|, the largest of the batch.

    `change` (batch,) is what the values of each input should add up to.
    """
    gap = left_over(found.values, change)
    found.numbers["completeness_gap"] = gap
    found.facts.append(f"Completeness gap {percent(gap)} of the change in score.")
    if gap > 0.05:
        found.warnings.append(
            f"The values add up to {percent(gap)} more or less than the change in score; "
            "more steps or samples may close the gap."
        )
    return found
