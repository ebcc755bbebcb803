from typing import ClassVar, NamedTuple

import torch

from xaiwidgets.core.answers import Findings, Frame
from xaiwidgets.core.declare import knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.method import Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .layerwise import Layerwise
from .lrp import relevance
from .presets import preset_table
from .spots import Spot
from .start import nothing

STRIP_HELP = "so many of the strongest one by one, as a strip; the map is that of the first"


class _Through(NamedTuple):
    """What one batch's parts gave: maps (parts, rows, ...), which parts (rows, parts), and what
    every part of the spot carries (rows, all parts)."""

    maps: torch.Tensor
    order: torch.Tensor
    carried: torch.Tensor
    warnings: list[str]


class PartRelevance(Layerwise):
    """Relevance through one part of a network: a channel, a token, a head.

    LRP's relevance of a spot is kept in one part, set to 0 in all others, and goes on from there;
    what reaches the pixels around the spot, by a skip connection, is left out.
    """

    part: ClassVar[str] = ""
    preset: str
    strip: int = knob(default=1, low=1, high=32, help=STRIP_HELP)

    def spot(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Spot:
        """Where the parts are."""
        raise NotImplementedError

    @property
    def chosen(self) -> int:
        """The number of the part, −1 for the strongest."""
        value: int = getattr(self, self.part)
        return value

    def sent(self, c: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """What goes on from the spot, where `mask` is 1 in the part."""
        return c * mask

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One of each down to the spot, and one from there for each part."""
        parts = 1 + (self.strip if self.chosen == -1 else 1)
        return Passes(parts, parts)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Relevance of the spot, then of the pixels by its strongest parts, or by the one asked
        for."""
        spot = self.spot(subject, x, target)
        size = 1 if len(x) == 1 else subject.batch_size(x)
        found = [
            self._through(subject, x[rows], target.of_rows(rows), spot)
            for rows in torch.arange(len(x)).split(size)
        ]
        maps = torch.cat([each.maps for each in found], 1)
        order, carried = (
            torch.cat([getattr(each, name) for each in found]) for name in ("order", "carried")
        )
        frames = [
            Frame(self._label(parts, rank), values, float(carried.gather(1, parts[:, None]).mean()))
            for rank, (values, parts) in enumerate(zip(maps, order.unbind(1), strict=True))
        ]
        facts = [_fact(self.part, *each, spot) for each in zip(order, carried, strict=True)]
        strip = frames if len(frames) > 1 else []
        return Findings(maps[0], frames=strip, facts=facts, warnings=found[-1].warnings)

    def _through(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, spot: Spot
    ) -> _Through:
        table = preset_table(self.preset)
        c, value = spot.flowing(subject, x, target, table)
        carried = spot.parts(c * value, len(x))
        carried = carried.reshape(*carried.shape[:2], -1).sum(2)
        order = self._order(carried, spot)
        found = [
            relevance(
                subject, x, nothing(target), table, way=f"from the {self.part}",
                **spot.instead(self.sent(c, _only(parts, c, spot)), len(x)),
            )
            for parts in order.unbind(1)
        ]  # fmt: skip
        maps = torch.stack([each.values for each in found])
        return _Through(maps, order, carried, found[-1].warnings)

    def _order(self, carried: torch.Tensor, spot: Spot) -> torch.Tensor:
        """The parts of each input, the strongest first (rows, parts)."""
        count = carried.shape[1]
        if self.chosen == -1:
            return carried.topk(min(self.strip, count), 1).indices
        if self.chosen >= count:
            raise ExplainError(
                f"{type(self).__name__}.{self.part} is {self.chosen}, but {spot.name} has {count} "
                f"{self.part}s: 0 to {count - 1}."
            )
        return torch.full((len(carried), 1), self.chosen, device=carried.device)

    def _label(self, parts: torch.Tensor, rank: int) -> str:
        return f"{self.part} {int(parts[0])}" if len(parts) == 1 else f"rank {rank + 1}"


def _fact(part: str, order: torch.Tensor, carried: torch.Tensor, spot: Spot) -> str:
    """What the parts of one input carry, in a sentence."""
    names = ", ".join(str(int(k)) for k in order)
    shares = ", ".join(f"{float(carried[k]):.3g}" for k in order)
    who = f"{part.capitalize()} {names}" if len(order) == 1 else f"{part.capitalize()}s {names}"
    does = "carries" if len(order) == 1 else "carry"
    return f"{who} of {spot.name} {does} {shares} of {float(carried.sum()):.3g} in all."


def _only(parts: torch.Tensor, like: torch.Tensor, spot: Spot) -> torch.Tensor:
    """1 in each row's part and 0 elsewhere, laid like the spot's values."""
    mask = torch.zeros_like(like)
    spot.parts(mask, len(parts))[torch.arange(len(parts)), parts] = 1
    return mask
