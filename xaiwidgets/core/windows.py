"""Pictures that differ from the one before in a small place, told to a network by that place alone.

A convolution looks at a few pixels around its own, so where a picture changes in one patch the
first maps change in one window only. Curves of removal and a square that wanders send rows of such
pictures: of each the early stages are computed anew in a window around the change, cut out of the
maps of the picture before with as many cells around it as the stage sees, and pasted into them.
What comes after sees whole maps, the same up to rounding as those of a whole pass. Nakandala et
al. 2019 (Krypton) work out occlusion in this way.

How far a stage sees is measured with NaN, not read off its kernels, so that skip connections and
functions outside modules count as what they are. That windows give what whole passes give is tried
on a picture before any is used.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from .layers import hooked
from .parts import Part, split

Select = Callable[[Any, int], torch.Tensor]
Span = tuple[int, int]
Box = tuple[Span, Span]
_LEAST = 4  # pixels a side: a smaller change is taken for one of this size
_USUAL = 14  # a patch has that part of a picture's side
_STEP = 2e6  # multiplications that take as long as cutting out and pasting a window
_GAIN = 0.75  # of a stage's work, or of all stages' together
_TRIES = 4
_NEAR = 100  # roundings


@dataclass(frozen=True)
class Reach:
    """What a stage sees along one side: cell o reads lines stride · o + low ... stride · o + high
    of `size` lines, and there are `made` cells."""

    stride: int
    low: int
    high: int
    size: int
    made: int

    def then(self, other: Reach) -> Reach:
        """What two stages see together."""
        low, high = (self.stride * edge for edge in (other.low, other.high))
        stride = self.stride * other.stride
        return Reach(stride, low + self.low, high + self.high, self.size, other.made)

    def touched(self, lines: Span) -> Span:
        """The cells that read any of these lines, and at least one."""
        first = -((self.high - lines[0]) // self.stride)
        last = (lines[1] - 1 - self.low) // self.stride
        first = max(0, min(first, self.made - 1))
        return first, max(first + 1, min(last + 1, self.made))

    def read(self, cells: Span) -> Span:
        """The lines that these cells read, from a whole stride on."""
        first = max(0, self.stride * cells[0] + self.low)
        last = min(self.size, self.stride * (cells[1] - 1) + self.high + 1)
        return first - first % self.stride, last

    def length(self, least: int) -> int:
        """The shortest window of at least so many lines that can lie at either end: the lines
        before it are whole strides."""
        return self.size - (self.size - min(least, self.size)) // self.stride * self.stride


@dataclass(frozen=True)
class Stage:
    """Modules, by name, that a map passes one after the other, what they see along rows and
    columns, how many multiplications they take for a whole map, and how many channels they make;
    also the `parts` that they come apart into (see `split`). A part has no names; where it can be
    asked for the cells within an `edge` alone, how wide that is."""

    names: tuple[str, ...]
    reach: tuple[Reach, Reach]
    work: int
    channels: int
    parts: tuple[Stage, ...] = ()
    edge: int = 0

    def then(self, other: Stage) -> Stage:
        """Two stages as one."""
        rows, columns = (a.then(b) for a, b in zip(self.reach, other.reach, strict=True))
        names, work = self.names + other.names, self.work + other.work
        return Stage(names, (rows, columns), work, other.channels)

    def touched(self, box: Box) -> Box:
        """The cells that a change of a box of its input changes."""
        return self.reach[0].touched(box[0]), self.reach[1].touched(box[1])

    def share(self, made: Box) -> float:
        """How much of its whole input is read for a box of what it makes."""
        share = 1.0
        for reach, cells in zip(self.reach, made, strict=True):
            first, last = reach.read(cells)
            share *= reach.length(last - first) / reach.size
        return share


def local_stages(network: nn.Module, one: torch.Tensor) -> tuple[Stage, ...]:
    """The stages that pictures like `one` (1, channels, height, width) pass one after the other,
    from the first on, as long as they see a part of the picture alone."""
    try:
        with torch.inference_mode(False), torch.no_grad():
            return tuple(_local(network, one))
    except Exception:  # whatever cannot be done in windows is done in whole passes
        return ()


def in_parts(network: nn.Module, stages: Sequence[Stage], one: torch.Tensor) -> tuple[Stage, ...]:
    """The same stages with their parts, where they come apart; the first takes `one`."""
    found, x = [], one
    with torch.inference_mode(False), torch.no_grad():
        for stage in stages:
            modules = [network.get_submodule(name) for name in stage.names]
            found.append(dataclasses.replace(stage, parts=_parts(modules, x)))
            for module in modules:
                x = module(x.clone())
    return tuple(found)


def plan_for(
    network: nn.Module, stages: Sequence[Stage], one: torch.Tensor, select: Select
) -> tuple[Stage, ...]:
    """The first of these stages that are worth a window, for pictures like `one`; none where there
    are none, or where windows answer otherwise than a whole pass. `select` picks the scores of so
    many rows out of what the network returns."""
    try:
        with torch.inference_mode(False), torch.no_grad():
            worth = _worth(_near(stages, one), one)
            return worth if worth and _agrees(network, worth, one, select) else ()
    except Exception:  # whatever cannot be done in windows is done in whole passes
        return ()


class Windows:
    """A network that is asked row after row, of which most differ little from the row before.

    It keeps the maps of one row. A row that differs in more than a window is computed as a whole,
    and batches of such rows are left to the network; when there were four of them and nothing else,
    rows are compared no more. For one thread at a time.
    """

    def __init__(self, network: nn.Module, stages: Sequence[Stage]) -> None:
        names = [name for stage in stages for name in stage.names]
        self.network, self.stages = network, tuple(stages)
        self.modules = [list(map(network.get_submodule, stage.names)) for stage in stages]
        self.rest = without(network, names)
        self.hooks = [module._forward_hooks for module in network.modules()]
        self.maps: list[torch.Tensor] = []  # the last row, and what each stage made of it
        self.misses = 0

    def __call__(self, x: torch.Tensor) -> Any:
        """What the network returns for x (rows, channels, height, width)."""
        if self.misses == _TRIES or self._unfit(x):
            return self.network(x)
        boxes = [self._window(box) for box in self._changes(x)]
        far = boxes.count(None)
        self.misses = self.misses + 1 if far == len(boxes) else 0
        if far > max(1, len(x) // 4):
            self.maps = []
            return self.network(x)
        return self.rest(self.early(x, boxes))

    def early(self, x: torch.Tensor, boxes: Sequence[Box | None]) -> torch.Tensor:
        """What the last stage makes of rows that differ from the row before in a box, or, where
        that is None, in more than a window."""
        starts = sorted({0, *(i for i, box in enumerate(boxes) if box is None)})
        runs = zip(starts, [*starts[1:], len(x)], strict=True)
        made = torch.cat([self._run(x[a:b], boxes[a:b]) for a, b in runs])
        return made.contiguous(memory_format=torch.channels_last) if lies_last(x) else made

    def _run(self, x: torch.Tensor, boxes: Sequence[Box | None]) -> torch.Tensor:
        made = []
        if boxes[0] is None:
            self.maps = [x[:1].clone()]
            for number in range(len(self.stages)):
                self.maps.append(self._made(number, self.maps[-1].clone()))
            made, x, boxes = [self.maps[-1].clone()], x[1:], boxes[1:]
        near = [box for box in boxes if box is not None]
        return torch.cat([*made, self._in_windows(x, near)]) if near else made[0]

    def _in_windows(self, x: torch.Tensor, boxes: list[Box]) -> torch.Tensor:
        """The last map of rows that differ in boxes; all that is kept is then of the last row."""
        windows = [(x[i : i + 1, :, top:bottom, left:right], box) for i, box in enumerate(boxes)
                   for (top, bottom), (left, right) in [box]]  # fmt: skip
        for number, stage in enumerate(self.stages):
            whole = self.maps[number]
            touched = [stage.touched(box) for _, box in windows]
            starts, sides = _places(stage, touched)
            cut = _room((len(boxes), whole.shape[1], *sides), x)
            for i, ((patch, box), (top, left)) in enumerate(zip(windows, starts, strict=True)):
                _put_in(whole, patch, box)
                cut[i] = whole[0, :, top : top + sides[0], left : left + sides[1]]
            made = self._made(number, cut)
            windows = [
                (_valid(made[i : i + 1], stage, start, box), box)
                for i, (start, box) in enumerate(zip(starts, touched, strict=True))
            ]
        whole = self.maps[-1]
        last = _room((len(boxes), *whole.shape[1:]), x)
        for i, (patch, box) in enumerate(windows):
            _put_in(whole, patch, box)
            last[i] = whole[0]
        return last

    def _unfit(self, x: torch.Tensor) -> bool:
        """Whether rows are of another size, a gradient may be asked for, or somebody watches."""
        planned = tuple(reach.size for reach in self.stages[0].reach)
        return planned != tuple(x.shape[2:]) or torch.is_grad_enabled() or any(self.hooks)

    def _made(self, number: int, x: torch.Tensor) -> torch.Tensor:
        for module in self.modules[number]:
            x = module(x)
        return x

    def _changes(self, x: torch.Tensor) -> list[Box | None]:
        """The box in which each row differs from the one before; None for a first row."""
        before = self.maps[0] if self.maps else x[:1]
        channels = torch.cat([before != x[:1], x[1:] != x[:-1]]).transpose(0, 1).numpy()
        other = np.logical_or.reduce(list(channels))  # torch's any takes twice as long
        rows, columns = (_spans(other.any(axis)) for axis in (2, 1))
        boxes: list[Box | None] = list(zip(rows, columns, strict=True))
        return boxes if self.maps else [None, *boxes[1:]]

    def _window(self, box: Box | None) -> Box | None:
        """The box, no smaller than has been tried, where a window of it is less work."""
        if box is None:
            return None
        sides = (reach.size for reach in self.stages[0].reach)
        rows, columns = (_grown(span, side) for span, side in zip(box, sides, strict=True))
        shares = _shares(self.stages, (rows, columns))
        work = sum(stage.work * share for stage, share in zip(self.stages, shares, strict=True))
        most = _GAIN * sum(stage.work for stage in self.stages)
        return (rows, columns) if work + _STEP * len(self.stages) <= most else None


def exchanging(network: nn.Module, others: Mapping[str, nn.Module]) -> nn.Module:
    """The network with others in place of the modules of these names; the rest are its own."""
    made = copy.copy(network)
    made._modules = dict(network._modules)
    for first in dict.fromkeys(name.partition(".")[0] for name in others):
        if first in others:
            made._modules[first] = others[first]
        else:
            start = f"{first}."
            below = {n.removeprefix(start): m for n, m in others.items() if n.startswith(start)}
            made._modules[first] = exchanging(network.get_submodule(first), below)
    return made


def without(network: nn.Module, names: Sequence[str]) -> nn.Module:
    """The network with modules of these names left out; all others are its own."""
    return exchanging(network, {name: nn.Identity() for name in names})


# --- which stages there are -----------------------------------------------------------------


def _near(stages: Sequence[Stage], one: torch.Tensor) -> list[Stage]:
    """The first stages of which a usual window is less work."""
    shares = _shares(stages, _usual(one))
    return [stage for stage, share in zip(stages, shares, strict=True) if share <= _GAIN]


def _local(network: nn.Module, one: torch.Tensor) -> list[Stage]:
    """The stages that a picture passes one after the other, from the first on, up to one of whose
    map a cell sees more than a third of a side."""
    x, found = one.clone(), list[Stage]()
    waiting = [("", network)]
    while waiting:
        name, module = waiting.pop(0)
        if type(module) is nn.Sequential:
            waiting = [*_children(name, module), *waiting]
            continue
        made, stage = _stage(name, module, x)
        if name and stage is not None:
            x, longer = made, _joined(found, stage)
            if _sees_much(longer):
                break
            found = longer
        elif any(one.work for one in found):
            break
        else:  # a network inside a network: what is passed before it stays
            waiting = _passed(name, module, x)
    return [stage for stage in found if stage.work]


def _sees_much(stages: Sequence[Stage]) -> bool:
    """Whether a cell of the last map sees more than a third of a side of the picture."""
    together = stages[0]
    for stage in stages[1:]:
        together = together.then(stage)
    return any(3 * (reach.high - reach.low + 1) > reach.size for reach in together.reach)


def _children(name: str, module: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(f"{name}.{own}".lstrip("."), child) for own, child in module.named_children()]


def _joined(found: list[Stage], stage: Stage) -> list[Stage]:
    """Stages with one more, which is part of the last where that or itself does not multiply."""
    if found and not (stage.work and found[-1].work):
        return [*found[:-1], found[-1].then(stage)]
    return [*found, stage]


def _passed(name: str, module: nn.Module, x: torch.Tensor) -> list[tuple[str, nn.Module]]:
    """The children that x passes one after the other: each is used once, and takes what the one
    before made as it was made. Whether anything else reads that is tried later."""
    calls: list[tuple[nn.Module, Any, Any, int]] = []
    children = {child: own for own, child in _children(name, module)}
    versions: dict[int, int] = {}

    def begin(child: nn.Module, inputs: Any) -> None:
        if len(inputs) == 1 and isinstance(inputs[0], torch.Tensor):
            versions[len(calls)] = inputs[0]._version

    def note(child: nn.Module, inputs: Any, output: Any) -> None:
        calls.append((child, inputs, output, getattr(output, "_version", 0)))

    current = x.clone()
    with hooked(list(children), note, begin):
        module(current)
    uses = [child for child, *_ in calls]
    passed, version = [], 0
    for number, (child, inputs, output, made) in enumerate(calls):
        as_made = len(inputs) == 1 and inputs[0] is current and versions[number] == version
        if not as_made or uses.count(child) > 1 or not isinstance(output, torch.Tensor):
            break
        passed.append((children[child], child))
        current, version = output, made
    return passed


def _stage(name: str, module: nn.Module, x: torch.Tensor) -> tuple[Any, Stage | None]:
    """What a module makes of x, and the module as a stage; None where it does not take a map and
    make one, cell by cell of a few cells around, and as well of a part of the map."""
    work: list[int] = []
    weighty = _weighty(module)
    with hooked(weighty, lambda m, _, output: work.append(_multiplied(m, output))):
        made = module(x.clone())
    if not isinstance(made, torch.Tensor) or made.ndim != 4 or len(made) != 1:
        return made, None
    strides = [max(1, round(a / b)) for a, b in zip(x.shape[2:], made.shape[2:], strict=True)]
    part = module(x[:, :, : -2 * strides[0], : -2 * strides[1]].clone())
    if part.shape[1:] != (made.shape[1], made.shape[2] - 2, made.shape[3] - 2):
        return made, None
    reaches = _reaches(module, x, strides, made.shape[2:])
    return made, None if reaches is None else Stage((name,), reaches, sum(work), made.shape[1])


def _parts(modules: Sequence[nn.Module], x: torch.Tensor) -> tuple[Stage, ...]:
    """The parts of modules that x passes one after the other, as stages without names; none where
    one of them is not a stage, or cannot hand on what it makes as one map."""
    found = []
    try:
        for part in split(modules):
            x, stage = _stage("", part, x)
            if stage is None:
                return ()
            found.append(dataclasses.replace(stage, names=(), edge=part.edge))
    except Exception:  # maps of several sizes, or whatever else is no part
        return ()
    return tuple(found)


def _weighty(module: nn.Module) -> list[nn.Module]:
    found = module.own_modules() if isinstance(module, Part) else module.modules()
    return [each for each in found if getattr(each, "weight", None) is not None]


def _multiplied(module: Any, output: Any) -> int:
    """How many multiplications a convolution takes for what it made; 0 for anything else."""
    weight = module.weight
    if weight.ndim != 4 or not isinstance(output, torch.Tensor):
        return 0
    return int(output[0].numel() * weight[0].numel())


def _reaches(
    module: nn.Module, x: torch.Tensor, strides: list[int], made: Sequence[int]
) -> tuple[Reach, Reach] | None:
    """What a module sees: which cells a NaN in the middle reaches, from every place that differs
    by a stride. None where it reaches the edge, or nothing."""
    count = max(strides)
    middle = [side // 2 // count * count for side in x.shape[2:]]
    blind = x.repeat(count, 1, 1, 1)
    for i in range(count):
        blind[i, :, middle[0] + i, middle[1] + i] = torch.nan
    hit = module(blind).isnan().any(1)
    found = []
    for axis, (stride, start, size, cells) in enumerate(
        zip(strides, middle, x.shape[2:], made, strict=True)
    ):
        lost = hit.any(2 - axis).numpy()
        if not lost.any(1).all() or lost[:, 0].any() or lost[:, -1].any():
            return None
        spans = [(start + i, *span) for i, span in enumerate(_spans(lost))]
        low = min(line - stride * (end - 1) for line, _, end in spans)
        high = max(line - stride * first for line, first, _ in spans)
        found.append(Reach(stride, low, high, size, cells))
    return found[0], found[1]


def _worth(stages: list[Stage], one: torch.Tensor) -> tuple[Stage, ...]:
    """The stages, if a usual window repays the cutting and pasting."""
    pairs = zip(stages, _shares(stages, _usual(one)), strict=True)
    saved = sum(stage.work * (1 - share) for stage, share in pairs)
    return tuple(stages) if saved > 2 * _STEP * (len(stages) + 1) else ()


def _usual(one: torch.Tensor) -> Box:
    """A patch in the middle of a picture."""
    rows, columns = ((s // 2, s // 2 + max(_LEAST, s // _USUAL)) for s in one.shape[2:])
    return rows, columns


def _shares(stages: Sequence[Stage], box: Box) -> list[float]:
    shares = []
    for stage in stages:
        box = stage.touched(box)
        shares.append(stage.share(box))
    return shares


def _agrees(
    network: nn.Module, stages: tuple[Stage, ...], one: torch.Tensor, select: Select
) -> bool:
    """Whether windows across the picture, each from another place within a stride of 8, and in all
    corners give the same last map, and the rest of the network the same scores, up to rounding."""
    height, width = (side - _LEAST for side in one.shape[2:])
    down, across = (
        [min(side, side * i // 64 * 8 + i) for i in range(8)] for side in (height, width)
    )
    corners = [(0, width), (height, 0), (height, width)]
    places = [*zip(down, across, strict=True), *corners]
    chance = torch.Generator().manual_seed(0)
    size = 3 * float(one.std()) if one.numel() > 1 else 1.0
    rows = [one[0].clone()]
    for top, left in places:
        row = rows[-1].clone()
        patch = row[:, top : top + _LEAST, left : left + _LEAST]
        patch += (size or 1.0) * torch.randn(patch.shape, generator=chance).to(patch)
        rows.append(row)
    x = torch.stack(rows).contiguous(memory_format=format_of(one))
    windows = Windows(network, stages)
    boxes = [((top, top + _LEAST), (left, left + _LEAST)) for top, left in places]
    last = windows.early(x, [None, *boxes])
    return same_as_whole(last, windows.modules, windows.rest, network, x, select)


def same_as_whole(
    last: torch.Tensor,
    modules: Sequence[Sequence[nn.Module]],
    rest: nn.Module,
    network: nn.Module,
    x: torch.Tensor,
    select: Select,
) -> bool:
    """Whether `last` is what these modules make of x, and the `rest` of the network gives its
    scores of the last two rows, up to rounding."""
    whole = x.clone()
    for stage in modules:
        for module in stage:
            whole = module(whole)
    if not _alike(last, whole):
        return False
    return _alike(select(rest(last[-2:]), 2), select(network(x[-2:].clone()), 2))


def _alike(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two results differ by rounding alone; never where one is NaN."""
    near = _NEAR * torch.finfo(b.dtype).eps
    return a.shape == b.shape and bool((a - b).abs().max() <= near * b.abs().max())


# --- windows --------------------------------------------------------------------------------


def _places(stage: Stage, touched: Sequence[Box]) -> tuple[list[Span], Span]:
    """Where the windows of a stage begin that hold what these cells read, and their one size."""
    starts, sides = [], []
    for axis, reach in enumerate(stage.reach):
        spans = [reach.read(box[axis]) for box in touched]
        side = reach.length(max(last - first for first, last in spans))
        starts.append([min(first, reach.size - side) for first, _ in spans])
        sides.append(side)
    return list(zip(*starts, strict=True)), (sides[0], sides[1])


def _valid(made: torch.Tensor, stage: Stage, start: Span, box: Box) -> torch.Tensor:
    """Of what a stage made of a window that begins at `start`, the cells of the box."""
    (top, bottom), (left, right) = (
        (a - first // reach.stride, b - first // reach.stride)
        for (a, b), first, reach in zip(box, start, stage.reach, strict=True)
    )
    return made[:, :, top:bottom, left:right]


def _room(shape: Sequence[int], x: torch.Tensor) -> torch.Tensor:
    """Room for maps that lie in memory as x does."""
    return torch.empty(shape, dtype=x.dtype, memory_format=format_of(x))


def _put_in(whole: torch.Tensor, patch: torch.Tensor, box: Box) -> None:
    (top, bottom), (left, right) = box
    whole[:, :, top:bottom, left:right] = patch


def _spans(hit: np.ndarray) -> list[Span]:
    """From (rows, places) the first place of each row that is true and the one after the last; the
    first place where none is."""
    first, last = hit.argmax(1), hit.shape[1] - hit[:, ::-1].argmax(1)
    none = ~hit.any(1)
    last[none] = 1
    return list(zip(first.tolist(), last.tolist(), strict=True))


def _grown(span: Span, side: int) -> Span:
    """A span of at least _LEAST, inside the side."""
    first = max(0, min(span[0], side - _LEAST))
    return first, max(span[1], min(first + _LEAST, side))


def format_of(x: torch.Tensor) -> torch.memory_format:
    """How x lies in memory, to make more of its kind."""
    return torch.channels_last if lies_last(x) else torch.contiguous_format


def lies_last(x: torch.Tensor) -> bool:
    """Whether a pixel's channels lie side by side."""
    last = x.is_contiguous(memory_format=torch.channels_last)
    return last and not x.is_contiguous()
