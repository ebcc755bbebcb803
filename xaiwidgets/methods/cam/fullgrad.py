import math
from collections import defaultdict
from typing import Any

import torch

from xaiwidgets.core.answers import Findings, Frame
from xaiwidgets.core.intercept import Operation, replacing
from xaiwidgets.core.layers import layout_of
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.numbers import percent
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .activation_map import enlarge, in_passes, places, shared
from .biases import BIASED, bias_of, depends

NO_PLACE = "biases without a place"


class FullGrad(
    Attribution,
    title="FullGrad",
    source="srinivas2019",
    taxonomy={"formulation": "closed form"},
):
    """The whole score, shared between the pixels and the biases of every layer, drawn together.

    f = ∇f · x + Σ b · ∂f/∂z over every bias b, those that a batch normalisation or a curved
    activation adds without saying so among them. The map sums |x ⊙ ∇f| and |b ⊙ ∂f/∂z|, each
    channel brought to 0...1 and enlarged, as the paper draws it: sizes without signs. The strip
    shows the input's term and the biases' by the size of their layers, each with its share of the
    score.

    The sum is exact where every operation is linear, piecewise linear, or one number to one number;
    `numbers` has the gap that attention or layer normalisation leave.

    Use it where the whole score has to be accounted for, biases included.

    It misleads as a pointer: that it is complete does not make it point, and behind batch
    normalisation the biases' part may lie beside the object. Sizes have no signs: what speaks
    against the class looks like what speaks for it.
    """

    takes = ("picture", "volume")

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """One forward and one backward pass; (batch, 1, height, width)."""
        parts = [_terms(subject, p, target.of_rows(rows)) for p, rows in in_passes(subject, x)]
        score = torch.cat([part.score for part in parts]).double()
        size = float(score.abs().sum().clamp_min(1e-30))
        found = Findings(torch.zeros_like(x[:, :1]))
        missing = score
        for place in dict.fromkeys(("input", *parts[0].sums)):
            total = torch.cat([part.sums[place] for part in parts])
            missing = missing - total
            if place in parts[0].drawn:
                drawn = torch.cat([enlarge(part.drawn[place], x) for part in parts])
                found.values += drawn
                found.frames.append(Frame(place, drawn, float(total.sum()) / size))
        gap = float(missing.abs().sum()) / size
        found.numbers["completeness_gap"] = gap
        found.facts.append(f"All terms add up to the score, but for {percent(gap)} of it.")
        if gap > 0.01:
            found.warnings.append(
                f"The terms miss {percent(gap)} of the score: this network has operations, such "
                "as attention or layer normalisation, whose part FullGrad does not know."
            )
        return found


class _Terms:
    """Signed sums (batch,) by place, and what is drawn for it (batch, 1, h, w), of one batch."""

    def __init__(self, x: torch.Tensor) -> None:
        self.size = tuple(x.shape[2:])
        self.score = x.new_zeros(len(x))
        self.sums: dict[str, torch.Tensor] = defaultdict(lambda: _zeros(x))
        self.drawn: dict[str, torch.Tensor] = {}

    def add(self, term: torch.Tensor, constant: bool = False) -> None:
        """Add one layer's terms, with a channel for each of its maps; a `constant` that the network
        adds has a place only where it is as large as the picture."""
        layout, grid, _ = layout_of(tuple(term.shape[1:]), None, self.size)
        there = math.prod(grid) > 1 and len(term) == len(self.score)
        if not there or (constant and grid != self.size):
            self.sum(NO_PLACE, term)
            return
        place = f"biases at {'×'.join(map(str, grid))}"
        self.sum(place, term)
        self.draw(place, term.movedim(-1, 1) if layout == "channels last" else term)

    def sum(self, place: str, term: torch.Tensor) -> None:
        """Add to the signed sums; a window of a picture may be a row of its own."""
        total = self.sums[place]
        self.sums[place] = total + term.reshape(len(total), -1).sum(1, dtype=total.dtype)

    def draw(self, place: str, terms: torch.Tensor) -> None:
        """Add to what is drawn, (batch, channels, *space)."""
        self.drawn[place] = self.drawn.get(place, 0) + rescaled(terms).sum(1, keepdim=True)


def _terms(subject: Subject, x: torch.Tensor, target: BoundTarget) -> _Terms:
    """Every term of one batch: the biases' as the backward pass reaches them, the input's last."""
    found = _Terms(x)

    def note(operation: Operation) -> Any:
        every = (*operation.args, *operation.kwargs.values())
        bias = bias_of(operation) if any(map(depends, every)) else None
        made = operation.run()
        if bias is not None:
            constant = operation.kind in ("add", "sub")  # to attention weights, it may be
            made.register_hook(lambda gradient: found.add(bias * gradient, constant))
        return made

    with replacing(subject.model, dict.fromkeys(BIASED, note)):
        gradient, found.score = subject.gradient_and_score(x, target)
    found.sum("input", x * gradient)
    found.draw("input", x * gradient)
    return found


def _zeros(x: torch.Tensor) -> torch.Tensor:
    """A 0 for every input, as wide as the device has them."""
    wide = torch.float32 if x.device.type == "mps" else torch.float64
    return torch.zeros(len(x), dtype=wide, device=x.device)


def rescaled(terms: torch.Tensor) -> torch.Tensor:
    """|term| (batch, channels, *space), each channel brought to 0...1; a constant one to 0."""
    sizes, over = terms.abs(), places(terms)
    low, high = sizes.amin(over, keepdim=True), sizes.amax(over, keepdim=True)
    return shared(sizes - low, high - low)
