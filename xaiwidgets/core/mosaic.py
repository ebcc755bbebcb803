"""Pictures put together of two, piece by piece, told to a network by what is new in each.

LIME and its kin switch the segments of a picture off and on: a copy shows of every segment the
picture's own pixels or those that stand for them. A convolution looks at a few pixels around its
own, where few segments lie, so that in any one place a thousand copies show few different things to
the first maps. Each of these is computed once, in a window around a tile of the map (see
`windows`), and kept; the map of a copy is put together of what is kept. What comes after sees whole
maps, the same up to rounding as those of a whole pass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from .parts import Part, split
from .windows import Reach, Select, Stage, exchanging, format_of, lies_last, same_as_whole

_SIDES = (1, 2, 4, 8)  # cells of a tile, of which the best is taken
_PIECES = 40  # of a tile at most: which of them are there is one whole number
_KEPT = 2**29  # bytes of cells at most
_GAIN = 0.8  # of a stage's work
_REPAYS = 2**31  # multiplications that have to be saved
# What takes as long as how many multiplications: moving a number from what is kept, or to there,
# and looking up a tile.
_MOVED = 64
_LOOKED_UP = 2**13
_SPARE = 1.05  # of the usual room
_LOOKED_AT = 500  # pixels
_AT_ONCE = 8  # pictures, of whose pixels as many windows are computed together


@dataclass(frozen=True)
class Tiling:
    """A stage's map in square tiles of so many cells a `side`: where along rows and columns tiles
    begin (`first`) and the windows that they are computed in (`begin`), of one size `window`; how
    many `channels` these have; which pieces each tile sees (pieces, tiles); and how many rows are
    asked."""

    stage: Stage
    side: int
    first: tuple[np.ndarray, np.ndarray]
    begin: tuple[np.ndarray, np.ndarray]
    window: tuple[int, int]
    channels: int
    sees: np.ndarray
    rows: int

    @property
    def tiles(self) -> int:
        """How many tiles make up the map."""
        return self.sees.shape[1]

    @cached_property
    def usual(self) -> float:
        """How many different tiles so many rows show if every piece is there in half of them."""
        looks = 2.0 ** self.sees.sum(0)
        drawn = -looks * np.expm1(self.rows * np.log1p(-1 / np.maximum(looks, 2)))
        return float(np.where(looks > 1, drawn, 1).sum())

    @property
    def room(self) -> int:
        """How many tiles there is room for."""
        return int(_SPARE * self.usual) + self.tiles

    @property
    def computed(self) -> tuple[int, int]:
        """How many lines and columns of the stage's input a window takes the work of."""
        if self.stage.edge:
            rows, columns = (self.side * reach.size // reach.made for reach in self.stage.reach)
            return rows, columns
        return self.window

    @property
    def kept(self) -> int:
        """How many numbers are kept of a tile."""
        return self.side**2 * self.stage.channels

    @cached_property
    def share(self) -> float:
        """How much of the time for the rows is left if every piece is there in half of them."""
        computed = float(self.stage.work)
        for window, reach in zip(self.computed, self.stage.reach, strict=True):
            computed *= window / reach.size
        moved = math.prod(self.window) * self.channels + 2 * self.kept  # room is cleared first
        usual = (computed + _MOVED * moved) * self.usual / self.rows
        return (usual + _LOOKED_UP * self.tiles) / self.stage.work


class Cells(Protocol):
    """What windows are cut out of: `cells` (cells, channels), and where in it those of a batch's
    rows are."""

    cells: torch.Tensor
    size: tuple[int, int]  # of the map

    def index(self, rows: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
        """The numbers of the cells (windows, height, width) on lines `down` (windows, height, 1)
        and columns `across` (windows, 1, width) of these rows."""


class Pixels:
    """The picture's own pixels and those that stand for them, as cells."""

    def __init__(self, labels: np.ndarray, whole: torch.Tensor, absent: torch.Tensor) -> None:
        self.labels = labels
        both = torch.cat([absent, whole]).permute(0, 2, 3, 1)
        self.cells, self.size = both.reshape(-1, whole.shape[1]), labels.shape
        self.present = np.empty((0, 0), bool)

    def index(self, rows: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
        """See Cells."""
        there = self.present[rows[:, None, None], self.labels[down, across]]
        own: np.ndarray = down * self.labels.shape[1] + across
        return own + there * self.labels.size


class Kept:
    """The tiles of one stage that are known, and which of them every row of a batch has."""

    def __init__(self, tiling: Tiling, modules: Sequence[nn.Module]) -> None:
        self.tiling, self.modules = tiling, modules
        powers = np.cumsum(tiling.sees, 0) * tiling.sees
        self.weights = torch.from_numpy(np.where(tiling.sees, 2.0 ** (powers - 1), 0))
        self.cells = torch.empty(0)
        rows, columns = tiling.stage.reach
        self.size = rows.made, columns.made
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.known, self.slots, self.used = np.empty(0, np.int64), np.empty(0, np.int64), 0
        self.has = np.empty((0, self.tiling.tiles), np.int64)

    def see(self, present: np.ndarray, below: Cells, last: bool) -> bool:
        """Compute what rows in which these pieces are `present` (rows, pieces) show that is not
        known yet; False where there is no room for it."""
        tiles = np.arange(self.tiling.tiles)
        looks = torch.from_numpy(present).double() @ self.weights  # NumPy's threads would disturb
        keys = looks.long().numpy() + (tiles << _PIECES)
        new, where = self._new(keys)
        if self.used + len(new) > self.tiling.room:
            self.forget()
            new, where = self._new(keys)
            if len(new) > self.tiling.room:
                return False
        height, width = self.tiling.window
        pixels = _AT_ONCE * int(np.prod([reach.size for reach in self.tiling.stage.reach]))
        some = max(1, pixels // (height * width))
        for start in range(0, len(new), some):
            rows, which = np.divmod(where[start : start + some], len(tiles))
            self._compute(rows, which, below, last)
        places = np.searchsorted(self.known, new)
        slots = self.used - len(new) + np.arange(len(new))
        self.known = np.insert(self.known, places, new)
        self.slots = np.insert(self.slots, places, slots)
        self.has = self.slots[np.searchsorted(self.known, keys)]
        return True

    def _new(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The keys that are not known, each once, and where in `keys` it stands."""
        flat = keys.reshape(-1)
        places = np.searchsorted(self.known, flat)
        if len(self.known):
            places = np.minimum(places, len(self.known) - 1)
            missing = np.flatnonzero(self.known[places] != flat)
        else:
            missing = np.arange(len(flat))
        new, first = np.unique(flat[missing], return_index=True)
        return new, missing[first]

    def _compute(self, rows: np.ndarray, which: np.ndarray, below: Cells, last: bool) -> None:
        """Compute these tiles of these rows, into the next free places."""
        tiling = self.tiling
        across = len(tiling.first[1])
        places = which // across, which % across
        begin = [begin[own] for begin, own in zip(tiling.begin, places, strict=True)]
        made = gathered(below, rows, begin[0], begin[1], tiling.window, last)
        if tiling.stage.edge:
            (part,) = self.modules
            assert isinstance(part, Part)
            self._keep(part.within(made).permute(0, 2, 3, 1).flatten(0, 2))
            return
        for module in self.modules:
            made = module(made)
        offsets = [
            first[own] - start // reach.stride
            for first, own, start, reach in zip(
                tiling.first, places, begin, tiling.stage.reach, strict=True
            )
        ]
        down, beside = _lines(offsets[0], offsets[1], (tiling.side, tiling.side))
        height, width = made.shape[2:]
        valid = (np.arange(len(which))[:, None, None] * height + down) * width + beside
        flat = made.permute(0, 2, 3, 1).reshape(-1, made.shape[1])
        self._keep(flat.index_select(0, torch.from_numpy(valid.reshape(-1))))

    def _keep(self, made: torch.Tensor) -> None:
        """Put the cells of whole tiles into the next free places."""
        each = self.tiling.side**2
        if self.cells.shape[1:] != made.shape[1:]:
            self.cells = made.new_empty(self.tiling.room * each, made.shape[1])
        start = self.used * each
        self.cells[start : start + len(made)] = made
        self.used += len(made) // each

    def index(self, rows: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
        """See Cells."""
        side, (tops, lefts) = self.tiling.side, self.tiling.first
        above, beside = down // side, across // side
        slot = self.has[rows[:, None, None], above * len(lefts) + beside]
        found: np.ndarray = (slot * side + down - tops[above]) * side + across - lefts[beside]
        return found


class Mosaic:
    """A network that is asked for pictures of which every piece is that of one or of another
    picture, and for no other. Rows that it has no room for go through the network as a whole. What
    it is asked about stays as it is. For one thread at a time."""

    def __init__(
        self,
        network: nn.Module,
        stages: Sequence[Stage],
        tilings: Sequence[Tiling],
        labels: np.ndarray,
        whole: torch.Tensor,
        absent: torch.Tensor,
    ) -> None:
        modules, self.rest = _apart(network, stages, len(tilings))
        self.network = network
        self.hooks = [module._forward_hooks for module in network.modules()]
        self.last = lies_last(whole)
        self.pixels = Pixels(labels, whole, absent)
        self.kept = [Kept(*each) for each in zip(tilings, modules, strict=True)]
        self.whole, self.absent, self.labels = whole, absent, torch.from_numpy(labels)
        self.points, self.others = _looked_at(whole, absent, self.labels.flatten())
        at = torch.cat([self.points, self.others])
        self.shown = whole.flatten(2)[:, :, at], absent.flatten(2)[:, :, at]
        self.of_others = self.labels.flatten()[self.others]

    def __call__(self, x: torch.Tensor) -> Any:
        """What the network returns for x (rows, channels, height, width)."""
        present = None if self._unfit(x) else self._present(x)
        made = None if present is None else self.early(present)
        if made is None:
            return self.network(x.clone(memory_format=format_of(self.whole)))  # it may write there
        return self.rest(made)

    def early(self, present: np.ndarray) -> torch.Tensor | None:
        """What the last stage makes of pictures with these pieces (rows, pieces) of the whole one;
        None where there is no room for it."""
        self.pixels.present = present
        below: Cells = self.pixels
        for kept in self.kept:
            if not kept.see(present, below, self.last):
                return None
            below = kept
        rows = np.arange(len(present))
        begin = np.zeros_like(rows)
        return gathered(below, rows, begin, begin, below.size, self.last)

    def put_together(self, present: torch.Tensor) -> torch.Tensor:
        """The pictures with these pieces (rows, pieces)."""
        return torch.where(present[:, self.labels][:, None], self.whole, self.absent)

    def _present(self, x: torch.Tensor) -> np.ndarray | None:
        """Which pieces of the whole picture are in rows; None where a look at a few hundred pixels
        shows anything else."""
        pixels, several = x.flatten(2), len(self.points)
        own, other = self.shown
        present = (pixels[:, :, self.points] == own[:, :, :several]).all(1)
        wanted = torch.where(
            present[:, self.of_others][:, None], own[:, :, several:], other[:, :, several:]
        )
        return present.numpy() if torch.equal(wanted, pixels[:, :, self.others]) else None

    def _unfit(self, x: torch.Tensor) -> bool:
        """Whether rows are of another size, a gradient may be asked for, or somebody watches."""
        other = x.shape[1:] != self.whole.shape[1:] or x.dtype != self.whole.dtype
        return other or torch.is_grad_enabled() or any(self.hooks)


def _looked_at(
    whole: torch.Tensor, absent: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of every piece a pixel that tells whether it is there, and pixels all over the picture."""
    points = torch.zeros(int(labels.max()) + 1, dtype=torch.long)
    differs = (whole != absent).any(1).flatten().nonzero()[:, 0]
    points[labels[differs]] = differs
    chance = torch.Generator().manual_seed(0)
    others = torch.randint(len(labels), (_LOOKED_AT,), generator=chance)
    return points, others


def mosaic_for(
    network: nn.Module,
    stages: Sequence[Stage],
    labels: torch.Tensor,
    pictures: tuple[torch.Tensor, torch.Tensor],
    rows: int,
    select: Select,
) -> Mosaic | None:
    """How to ask a network for about so many `rows` of pictures put together of two, each
    (1, channels, height, width), by the pieces in `labels` (height, width); None where it saves
    little, or answers otherwise than a whole pass. `select` picks the scores of so many rows out of
    what the network returns."""
    pieces, (whole, absent) = labels.numpy(), pictures
    tilings = plan(stages, pieces, rows, whole)
    if not tilings:
        return None
    try:
        with torch.inference_mode(False), torch.no_grad():
            made = Mosaic(network, stages, tilings, pieces, whole, absent)
            return made if _agrees(made, select) else None
    except Exception:  # whatever cannot be done in tiles is done in whole passes
        return None


def _finest(stages: Sequence[Stage]) -> list[Stage]:
    """Stages, or their parts where there are any."""
    return [part for stage in stages for part in stage.parts or (stage,)]


def _apart(
    network: nn.Module, stages: Sequence[Stage], count: int
) -> tuple[list[list[nn.Module]], nn.Module]:
    """The modules of the first so many of the finest stages, and the network without them."""
    modules: list[list[nn.Module]] = []
    others: dict[str, nn.Module] = {}
    for stage in stages:
        if len(modules) == count:
            break
        own = [[network.get_submodule(name) for name in stage.names]]
        if stage.parts:
            own = [[part] for part in split(own[0])]
        room = count - len(modules)
        left = own[room:]
        modules += own[:room]
        others |= dict.fromkeys(stage.names, nn.Identity())
        if left:
            others[stage.names[0]] = nn.Sequential(*(part for (part,) in left))
    return modules, exchanging(network, others)


def plan(
    stages: Sequence[Stage], labels: np.ndarray, rows: int, whole: torch.Tensor
) -> list[Tiling]:
    """The first stages in the tiles that leave the least work for so many rows of pictures like
    `whole`; none where little is saved."""
    found, together, room, saved = list[Tiling](), None, _KEPT / whole.itemsize, 0.0
    channels = whole.shape[1]
    for stage in _finest(stages):
        reach = stage.reach
        if together is not None:
            reach = together[0].then(reach[0]), together[1].then(reach[1])
        together = reach
        tilings = [_tiling(stage, reach, side, channels, labels, rows) for side in _SIDES]
        fitting = [
            tiling for tiling in tilings
            if tiling.sees.sum(0).max() <= _PIECES and tiling.room * tiling.kept <= room
        ]  # fmt: skip
        best = min(fitting, key=lambda tiling: tiling.share, default=None)
        if best is None or best.share > _GAIN:
            break
        found.append(best)
        room -= best.room * best.kept
        saved += stage.work * (1 - best.share) * rows
        channels = stage.channels
    return found if saved > _REPAYS else []


def _tiling(
    stage: Stage,
    together: tuple[Reach, Reach],
    side: int,
    channels: int,
    labels: np.ndarray,
    rows: int,
) -> Tiling:
    """A stage's map in tiles of that size, of what has so many channels; `together` is what it and
    those before it see."""
    side = min(side, *(reach.made for reach in stage.reach))
    first, begin, window, spans = [], [], [], []
    for reach, all_read in zip(stage.reach, together, strict=True):
        starts = np.minimum(np.arange(0, reach.made, side), reach.made - side)
        cells = [(int(start), int(start) + side) for start in starts]
        read = [reach.read(each) for each in cells]
        if stage.edge:
            length = reach.stride * (side - 1) + reach.high - reach.low + 1
            begin.append(starts * reach.stride + reach.low)
        else:
            length = reach.length(max(last - first for first, last in read))
            begin.append(np.array([min(start, reach.size - length) for start, _ in read]))
        first.append(starts)
        window.append(length)
        spans.append([all_read.read(each) for each in cells])
    sees = _seen(labels, *spans)
    places = (first[0], first[1]), (begin[0], begin[1])
    return Tiling(stage, side, *places, (window[0], window[1]), channels, sees, rows)


def _seen(
    labels: np.ndarray, down: Sequence[tuple[int, int]], across: Sequence[tuple[int, int]]
) -> np.ndarray:
    """Which pieces lie in the boxes of these lines and columns (pieces, boxes)."""
    width, pieces = labels.shape[1], int(labels.max()) + 1
    lefts, rights = np.array(across).T
    found = []
    for top, bottom in down:
        hit = np.zeros((pieces, width + 1), np.int32)
        hit[labels[top:bottom], np.arange(1, width + 1)] = 1
        counted = hit.cumsum(1)
        found.append(counted[:, rights] > counted[:, lefts])
    return np.concatenate(found, 1)


def _lines(
    tops: np.ndarray, lefts: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The lines (windows, height, 1) and columns (windows, 1, width) of windows of that size."""
    down = tops[:, None, None] + np.arange(size[0])[:, None]
    return down, lefts[:, None, None] + np.arange(size[1])


def gathered(
    cells: Cells,
    rows: np.ndarray,
    tops: np.ndarray,
    lefts: np.ndarray,
    size: tuple[int, int],
    last: bool,
) -> torch.Tensor:
    """Windows of that size that begin at these lines and columns of these rows, as a batch of maps
    (windows, channels, height, width), with 0 around the map, the channels `last` in memory or
    not."""
    height, width = cells.size
    down, across = _lines(tops, lefts, size)
    inside = down.clip(0, height - 1), across.clip(0, width - 1)
    index = torch.from_numpy(cells.index(rows, *inside).reshape(-1))
    found = cells.cells.index_select(0, index)
    around = (inside[0] != down) | (inside[1] != across)
    if around.any():
        found[torch.from_numpy(np.flatnonzero(around))] = 0
    made = found.view(len(rows), *size, -1).permute(0, 3, 1, 2)
    return made if last else made.contiguous()


def _agrees(mosaic: Mosaic, select: Select) -> bool:
    """Whether two pictures put together by chance give the same last map, and the same scores, up
    to rounding."""
    chance = torch.Generator().manual_seed(0)
    present = torch.rand(2, len(mosaic.points), generator=chance) < 0.5
    x = mosaic.put_together(present)
    last, modules = mosaic.early(present.numpy()), [kept.modules for kept in mosaic.kept]
    return last is not None and same_as_whole(last, modules, mosaic.rest, mosaic.network, x, select)
