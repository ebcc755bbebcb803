"""LRP in single precision on VGG-16: how far from zennit's, and how far either is from doubles.

Distances are max |a − b| ÷ max |b| over a map. In doubles both libraries agree to 1e-10 (tests), so
that one map of doubles serves for both. Seeds draw weights and picture; the classes are those with
the highest scores. *Alike* is the distance where both run the same forward pass: zennit merges
batch normalisation into the weights before it runs the network, and here ours is given that
network. *Turned* are pooling windows whose winner is not that of doubles, in ours and zennit's.

    python -m benchmarks.precision                                both networks, 64² to 224²
    python -m benchmarks.precision --sides 224 --seeds 2          one size, two seeds
    python -m benchmarks.precision --only vgg16_bn --each         one network, every map in a line
    python -m benchmarks.precision --quick                        64², one seed
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass

import torch

from benchmarks.beside_zennit import (
    THEIRS,
    apart,
    built,
    merged,
    our_relevance,
    their_relevance,
    turned,
    with_known_winners,
)

NEAR = 1e-5


class Twins:
    """A VGG in doubles, and in single precision for us and for zennit."""

    def __init__(self, name: str, seed: int) -> None:
        plain, known = built(name, seed), {}
        self.name = name
        self.exact, self.ours, self.theirs = (
            with_known_winners(plain, dtype, known)
            for dtype in (torch.float64, torch.float32, torch.float32)
        )


@dataclass
class Map:
    """One map of one class: distances of the two, of either from doubles, and of the two with the
    same forward pass; windows that turned in ours and zennit's."""

    preset: str
    seed: int
    rank: int
    apart: float
    alike: float
    ours: float
    theirs: float
    windows: tuple[int, int]

    def __str__(self) -> str:
        figures = (self.apart, self.alike, self.ours, self.theirs)
        return f"  {self.preset:20}{self.seed:>5}{self.rank:>6}{_row(figures)}" + "".join(
            f"{count:>8}" for count in self.windows
        )


def _row(figures: tuple[float, ...]) -> str:
    return "".join(f"{figure:>10.1e}" for figure in figures)


EACH = (
    f"  {'map':20}{'seed':>5}{'class':>6}{'apart':>10}{'alike':>10}{'ours':>10}{'zennit':>10}"
    f"{'turned':>16}"
)


def maps(
    twins: Twins, preset: str, seed: int, x: torch.Tensor, classes: list[int], channels_last: bool
) -> list[Map]:
    """The maps of one picture for its leading classes."""

    def ours() -> torch.Tensor:
        return our_relevance(twins.ours, preset, x, classes, channels_last=channels_last)

    exact = our_relevance(twins.exact, preset, x.double(), classes)
    own, own_windows = ours(), turned(twins.ours)
    theirs, their_windows = (
        their_relevance(twins.theirs, twins.name, preset, x, classes), turned(twins.theirs)
    )  # fmt: skip
    with merged(twins.ours, twins.name):
        alike = ours()
    return [
        Map(preset, seed, rank, apart(a, b), apart(c, b), apart(a, e), apart(b, e),
            (own_windows, their_windows))
        for rank, (a, b, c, e) in enumerate(zip(own, theirs, alike, exact, strict=True), start=1)
    ]  # fmt: skip


def summary(preset: str, found: list[Map]) -> str:
    """All maps of a preset in a line: how many are near enough, and the largest distances."""
    near = sum(each.apart <= NEAR for each in found)
    largest = [
        max(getattr(each, what) for each in found) for what in ("apart", "alike", "ours", "theirs")
    ]
    turned_too = sum(each.apart > NEAR and any(each.windows) for each in found)
    return f"{preset:22}{near:>4} of {len(found):<4}{_row(tuple(largest))}{turned_too:>10}"


HEAD = (
    f"{'preset':22}{'≤ 1e-5':>11}{'apart':>10}{'alike':>10}{'ours':>10}{'zennit':>10}{'turned':>10}"
)


def compare(name: str, side: int, options: argparse.Namespace) -> None:
    """Print the table of one network at one size."""
    print(f"\n{name}, {side}²: maps ≤ 1e-5 apart; the largest distance of the two, of the two with")
    print("the same forward pass, of either from doubles; maps further apart with turned windows")
    found: dict[str, list[Map]] = {preset: [] for preset in options.presets}
    if options.each:
        print(EACH)
    for seed in range(options.first, options.first + options.seeds):
        twins = Twins(name, seed)
        generator = torch.Generator().manual_seed(seed + 2)
        picture = torch.randn((1, 3, side, side), generator=generator).sigmoid()
        with torch.no_grad():
            classes = twins.exact(picture.double())[0].topk(options.classes).indices.tolist()
        x = picture.repeat(options.classes, 1, 1, 1)
        for preset in options.presets:
            more = maps(twins, preset, seed, x, classes, options.channels_last)
            found[preset] += more
            if options.each:
                print(*more, sep="\n", flush=True)
    print(HEAD)
    for preset, those in found.items():
        print(summary(preset, those), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*", default=["vgg16", "vgg16_bn"], help="networks")
    parser.add_argument("--sides", nargs="*", type=int, default=[64, 128, 224])
    parser.add_argument("--presets", nargs="*", default=list(THEIRS), help="some of the presets")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--classes", type=int, default=2, help="how many of the leading ones")
    parser.add_argument("--channels-last", action="store_true", help="ours, as on large batches")
    parser.add_argument("--each", action="store_true", help="every map in a line of its own")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.quick:
        options.sides, options.seeds = [64], 1
    for name in options.only:
        for side in options.sides:
            compare(name, side, options)


if __name__ == "__main__":
    main()
