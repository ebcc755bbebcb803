from typing import ClassVar

import torch

from xaiwidgets.core.declare import knob
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .part_relevance import PartRelevance
from .presets import PIXEL_PRESETS, PRESETS
from .spots import AtAttention


class HeadRelevance(
    PartRelevance,
    title="Relevance through a head",
    source="voita2019",
    taxonomy={"models": "specific: transformer"},
):
    """Which pixels one attention head brought to the score.

    LRP's relevance of what the heads of a block read is kept in one head, and at one token if you
    like, set to 0 elsewhere, and goes on from there. The parts of all heads add up to what goes
    through the block's attention; what its skip connection carries is left out.

    Use it to follow one attention head down to the pixels or words that it read.

    It misleads as a measure of need: a head that matters here may still be spared, since others can
    do its work (`head_relevance`, `evaluation.prune_heads`).
    """

    part: ClassVar[str] = "head"
    takes = ("picture", "text")
    lacks = {"text": PIXEL_PRESETS}

    preset: str = knob(
        default="AttnLRP", choices=tuple(PRESETS), help="which rule each kind of layer gets"
    )
    block: int = knob(default=-1, low=-1, high=1000, help="which attention, from 0; −1 is the last")
    head: int = knob(
        default=-1, low=-1, high=1000, help="the head; −1 is the one that speaks most for it"
    )
    token: int = knob(
        default=-1, low=-1, high=100_000, help="what it read at this token alone; −1 is at all"
    )

    def spot(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> AtAttention:
        """What the heads of the block read."""
        return AtAttention(self.block, self.token)
