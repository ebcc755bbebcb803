"""Which attention heads scores went through (Voita et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from xaiwidgets.core.attention import by_head
from xaiwidgets.core.figure import figure_type
from xaiwidgets.core.subject import Subject, uncounted

from .presets import preset_table
from .spots import flowing_by_block

Head = tuple[int, int]


@dataclass(frozen=True, eq=False)
class HeadTable:
    """Relevance that went through every attention head, (inputs, blocks, heads); NaN where a block
    has fewer heads than another.

    Relevance is LRP's, in units of the score; what skip connections carry goes through no head.
    """

    relevance: np.ndarray

    @property
    def importance(self) -> np.ndarray:
        """The mean size of the relevance over inputs, (blocks, heads)."""
        return np.abs(self.relevance).mean(0)

    @property
    def order(self) -> list[Head]:
        """(block, head) of every head, the most important first."""
        size = self.importance
        known = [(int(b), int(h)) for b, h in np.argwhere(~np.isnan(size))]
        return sorted(known, key=lambda head: -size[head])

    def __repr__(self) -> str:
        inputs, blocks, heads = self.relevance.shape
        block, head = self.order[0]
        return (
            f"HeadTable({blocks} blocks of {heads} heads, {inputs} inputs; most went through head "
            f"{head} of block {block})"
        )

    def plot(self) -> Any:
        """A matplotlib figure of the importance, heads across and blocks down."""
        size = self.importance
        figure = figure_type()(figsize=(1.6 + 0.4 * size.shape[1], 1.2 + 0.4 * size.shape[0]),
                        layout="constrained")  # fmt: skip
        ax = figure.subplots()
        shown = ax.imshow(size, cmap="viridis", vmin=0)
        ax.set(xlabel="head", ylabel="block", xticks=range(size.shape[1]),
               yticks=range(size.shape[0]))  # fmt: skip
        figure.colorbar(shown, label="mean |relevance|")
        return figure


def head_relevance(
    subject: Any, inputs: Any, target: Any = None, *, preset: str = "AttnLRP"
) -> HeadTable:
    """Relevance that goes through every head of every block of attention, for each input.

    >>> table = head_relevance(subject, pictures)
    >>> table.importance, table.order[0]

    `preset` is one of LRP's. One forward and one backward pass an input. Raises ExplainError for
    networks without attention.
    """
    table = preset_table(preset)
    subject = Subject.of(subject)
    x = subject.prepare(inputs).x
    target = subject.bind(target, x)
    parts = []
    with uncounted():
        for rows in torch.arange(len(x)).split(subject.batch_size(x)):
            blocks = flowing_by_block(subject, x[rows], target.of_rows(rows), table)
            parts.append(_by_block(blocks, len(rows)))
    return HeadTable(np.concatenate(parts))


def _by_block(blocks: Any, rows: int) -> np.ndarray:
    """Sums for every head (rows, blocks, heads)."""
    sums = [
        None if each is None else by_head(each[0] * each[1], rows).double().sum((2, 3, 4))
        for each in blocks
    ]
    most = max((each.shape[1] for each in sums if each is not None), default=1)
    found = np.full((rows, len(sums), most), np.nan)
    for number, each in enumerate(sums):
        if each is not None:
            found[:, number, : each.shape[1]] = each.cpu().numpy()
    return found
