"""What fills a hole: one choice shared by methods that cover parts of the input, by evaluations,
and by the masking view."""

from __future__ import annotations

import zlib
from typing import Any

import torch
import torch.nn.functional as F

from .baselines import baseline, baseline_draws, normal
from .declare import knob
from .draws import SEEDS
from .errors import ExplainError
from .imputing import impute
from .subject import Subject

FILLS = (
    "mean", "blur", "zero", "noise", "black", "white", "given", "neighbours", "median", "rows",
)  # fmt: skip
FILL_HELP = (
    "what takes a removed pixel's place: this picture's mean colour, a blurred copy, 0 in the "
    "network's own units (the mean colour after normalisation), noise, black, white, the subject's "
    "own absent input, or what its remaining neighbours say (ROAD's noisy linear imputation); of a "
    "table the data's mean or median with the most frequent categories, or other rows of the data"
)
NOISE = 0.01  # of ROAD's imputation, in the network's own units


def fill_knob(default: str, *more: str) -> Any:
    """What takes a removed pixel's place; `more` are choices that only some have."""
    return knob(default=default, choices=(*more, *FILLS), help=FILL_HELP)


class Filling:
    """Fills the holes of inputs `x` (inputs, channels, height, width) with one of FILLS, or with
    ready-made pictures shaped like x.

    "light blur" is RISE's beginning of an insertion: 11 × 11 pixels of a Gaussian of σ 5, black
    around the picture.
    """

    def __init__(
        self, name: str | torch.Tensor, subject: Subject, x: torch.Tensor, seed: int = 0
    ) -> None:
        self.name, self.x, self.seed = name, x, seed
        self._made: dict[int, torch.Tensor] = {}
        if isinstance(name, str) and name in FILLS:
            _need_use(name, subject)
        if name in ("neighbours", "light blur"):
            subject.need_pictures(f"The filling {name!r}")
        if isinstance(name, torch.Tensor):
            self._draw = lambda draw: name
        elif name == "neighbours":
            self._draw = lambda draw: NOISE * own_noise(x, seed, draw)
        elif name == "light blur":
            blurred = light_blur(x)
            self._draw = lambda draw: blurred
        elif name in ("noise", "rows"):
            self._draw = baseline_draws(name, subject, x, seed)
        else:
            absent = baseline(name, subject, x, seed)
            self._draw = lambda draw: absent

    def __call__(
        self, kept: torch.Tensor, rows: torch.Tensor, draws: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Inputs number `rows` with every pixel filled where `kept` (rows, height, width) is
        False, or by so much as `kept` falls short of 1; a row's noise is that of its number in
        `draws` (default 0). Neighbours are pixels of which at least half is kept."""
        here, own = kept[:, None], self._own(self.x, rows)
        if kept.dtype == torch.bool:
            return torch.where(here, own, self.pictures(here, rows, draws))
        here = here.to(self.x.dtype)
        return (own * here).addcmul_(self.pictures(here, rows, draws), 1 - here)

    def pictures(
        self, here: torch.Tensor, rows: torch.Tensor, draws: torch.Tensor | None = None
    ) -> torch.Tensor:
        """What stands in the holes of inputs number `rows`, shaped like them or one for all, where
        `here` (rows, 1, height, width) is how much is kept."""
        filler = self._fillers(rows, draws)
        if isinstance(self.name, str) and self.name == "neighbours":
            return filler + impute(self.x[rows], here[:, 0] >= 0.5)
        return filler

    def _own(self, pictures: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """The pictures number `rows`; a single one is not copied."""
        return pictures if len(pictures) == 1 else pictures[rows]

    def _fillers(self, rows: torch.Tensor, draws: torch.Tensor | None) -> torch.Tensor:
        numbers = [0] if draws is None else draws.unique().tolist()
        self._made = {n: self._made[n] if n in self._made else self._draw(n) for n in numbers}
        if len(numbers) == 1:
            return self._own(self._made[numbers[0]], rows)
        assert draws is not None
        made = torch.stack([self._made[number] for number in numbers])
        return made[torch.searchsorted(torch.tensor(numbers), draws.cpu()), rows.cpu()]


def _need_use(name: str, subject: Subject) -> None:
    """Refuse what this kind of input has no notion of, with what it takes for a filling."""
    known = (*subject.baselines, *(["neighbours"] if subject.kind == "picture" else []))
    if name not in (*known, "neighbours"):
        raise ExplainError(
            f"A {subject.kind} has no {name!r} to fill what is absent with; it takes "
            f"{', '.join(each for each in FILLS if each in known)}."
        )


def spread(parts: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """What is said of parts (rows, parts) on every pixel (rows, height, width), where `labels`
    (height, width) are the parts' numbers."""
    flat = labels.flatten().expand(len(parts), -1)
    return parts.gather(1, flat).view(-1, *labels.shape)  # a third of the time of indexing


def own_noise(x: torch.Tensor, seed: int, draw: int = 0) -> torch.Tensor:
    """Standard normal noise shaped like x (inputs, ...), another for every input and draw: keyed by
    what the input holds, so that it is the same in any company."""
    keys = (zlib.crc32(one.detach().cpu().float().numpy().tobytes()) for one in x)
    seeds = ((seed + key) % SEEDS for key in keys)
    return torch.stack([normal(one, own, draw) for one, own in zip(x, seeds, strict=True)])


def light_blur(x: torch.Tensor) -> torch.Tensor:
    """RISE's blur (Petsiuk et al. 2018): an 11 × 11 Gaussian of σ 5, zeros around the picture."""
    steps = torch.arange(-5, 6, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-0.5 * (steps / 5) ** 2)
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, -1)
    rows = F.conv2d(x, kernel[..., None, :], padding=(0, 5), groups=x.shape[1])
    return F.conv2d(rows, kernel[..., None], padding=(5, 0), groups=x.shape[1])
