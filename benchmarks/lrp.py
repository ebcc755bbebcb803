"""Processor seconds of LRP ÷ one forward and backward pass, and beside zennit's and Captum's.

One thread, interleaved call by call; each figure is the median over rounds of a ratio within the
round. The others get copies of the network, since they leave hooks behind. Memory is the peak above
what the network itself takes, each in a process of its own. A cell is network/pictures/preset.

    python -m benchmarks.lrp                        VGG-16 and ResNet-50, one and eight pictures
    python -m benchmarks.lrp --only vgg16/8         one network, so many pictures
    python -m benchmarks.lrp --only resnet50/1/ε    one cell of the table
    python -m benchmarks.lrp --quick                ResNet-18, one picture
    python -m benchmarks.lrp --memory               peak memory of the same cells
"""

from __future__ import annotations

import argparse
import copy
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import nn

import xaiwidgets as xw
from benchmarks.methods import interleaved, ratio
from benchmarks.networks import import_torchvision

TARGET = 3
PRESETS = ("ε", "ε-plus-flat", "ε-γ-box")


def cpu_seconds(run: Callable[[], Any]) -> float:
    """Processor seconds of one run."""
    start = time.process_time()
    run()
    return time.process_time() - start


def build(name: str) -> nn.Module:
    """A torchvision network with random weights, its activations kept in range."""
    import_torchvision()
    import torchvision.models

    torch.manual_seed(0)
    return getattr(torchvision.models, name)().eval()


def floor(network: nn.Module, x: torch.Tensor) -> Callable[[], Any]:
    """One bare forward and backward pass."""

    def run() -> None:
        leaf = x.clone().requires_grad_()
        torch.autograd.grad(network(leaf)[:, TARGET].sum(), leaf)

    return run


def zennit(name: str, network: nn.Module, x: torch.Tensor, preset: str) -> Callable[[], Any]:
    """The same preset in zennit."""
    from zennit.attribution import Gradient
    from zennit.composites import (
        EpsilonGammaBox,
        EpsilonPlusFlat,
        LayerMapComposite,
        layer_map_base,
    )
    from zennit.rules import Epsilon
    from zennit.torchvision import ResNetCanonizer, VGGCanonizer
    from zennit.types import Linear

    canonizers = [ResNetCanonizer() if name.startswith("resnet") else VGGCanonizer()]
    if preset == "ε":
        layers = [*layer_map_base(), (Linear, Epsilon(1e-6))]
        composite = LayerMapComposite(layers, canonizers=canonizers)
    elif preset == "ε-plus-flat":
        composite = EpsilonPlusFlat(canonizers=canonizers)
    else:
        low, high = torch.full_like(x[:1], -3), torch.full_like(x[:1], 3)
        composite = EpsilonGammaBox(low=low, high=high, canonizers=canonizers)

    def run() -> None:
        with Gradient(network, composite) as attributor:
            start = torch.zeros(len(x), 1000)
            start[:, TARGET] = 1
            attributor(x, start)

    return run


def captum(network: nn.Module, x: torch.Tensor) -> Callable[[], Any] | None:
    """Captum's LRP by the ε rule, where it runs."""
    from captum.attr import LRP

    def run() -> None:
        LRP(network).attribute(x, target=TARGET)

    try:
        run()
    except Exception:
        return None
    return run


class Cell(NamedTuple):
    """One figure of the table."""

    name: str
    count: int
    preset: str

    def __str__(self) -> str:
        return "/".join(map(str, self))


CELLS = [Cell(*each) for each in product(("vgg16", "resnet50"), (1, 8), PRESETS)]


def chosen(only: list[str]) -> list[Cell]:
    """The cells whose names begin as asked for; all of them where nothing is."""
    found = [cell for cell in CELLS if not only or any(_begins(cell, each) for each in only)]
    if not found:
        raise SystemExit(f"--only takes the beginning of a cell: {', '.join(map(str, CELLS))}.")
    return found


def _begins(cell: Cell, asked: str) -> bool:
    parts = [part.replace("epsilon", "ε").replace("gamma", "γ") for part in asked.split("/")]
    return [str(part) for part in cell][: len(parts)] == parts


def timed(cell: Cell, rounds: int) -> None:
    """Print the times of one cell."""
    network, x = build(cell.name), torch.randn(cell.count, 3, 224, 224)
    subject, method = xw.Subject(network, mean=0.5, std=1 / 6), xw.LRP(preset=cell.preset)
    runs = {
        "ours": lambda: method(subject, x, TARGET),
        "floor": floor(network, x),
        "zennit": zennit(cell.name, copy.deepcopy(network), x, cell.preset),
    }
    other = captum(copy.deepcopy(network), x) if cell.preset == "ε" else None
    if other:
        runs["Captum"] = other
    for run in runs.values():
        run()
    times = interleaved(runs, rounds, cpu_seconds)
    floors, zennits, captums = (ratio(times, "ours", key) for key in ("floor", "zennit", "Captum"))
    seconds = statistics.median(times["ours"])
    print(f"{cell!s:24}{seconds:>9.3f}{floors:>9}{zennits:>10}{captums:>10}", flush=True)


def peak(cell: Cell, who: str) -> None:
    """Print the megabytes at the peak of one run, above what the process held before it."""
    network, x = build(cell.name), torch.randn(cell.count, 3, 224, 224)
    with torch.no_grad():
        network(x)
    subject = xw.Subject(network, mean=0.5, std=1 / 6)
    run = {
        "ours": lambda: xw.LRP(preset=cell.preset)(subject, x, TARGET),
        "zennit": zennit(cell.name, network, x, cell.preset),
    }[who]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run()
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def remembered(cell: Cell) -> None:
    """Print the peak memory of one cell beside zennit's."""
    found = {}
    for who in ("ours", "zennit"):
        command = [sys.executable, "-m", "benchmarks.lrp", "--peak", str(cell), who]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found[who] = float(printed.split()[-1])
    over = found["ours"] / max(found["zennit"], 1)
    print(f"{cell!s:24}{found['ours']:>9.0f}{found['zennit']:>9.0f}{over:>10.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], help="cells, or how they begin")
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if options.peak:
        name, count, preset = options.peak[0].split("/")
        peak(Cell(name, int(count), preset), options.peak[1])
        return
    cells = [Cell("resnet18", 1, preset) for preset in PRESETS] if options.quick else None
    cells = cells or chosen(options.only)
    if options.memory:
        print("224², one thread: megabytes above the network and a bare pass")
        print(f"{'cell':24}{'ours':>9}{'zennit':>9}{'÷ zennit':>10}", flush=True)
        for cell in cells:
            remembered(cell)
        return
    print(f"224², one thread, {options.rounds} rounds")
    print(f"{'cell':24}{'seconds':>9}{'÷ floor':>9}{'÷ zennit':>10}{'÷ Captum':>10}", flush=True)
    for cell in cells:
        timed(cell, options.rounds)


if __name__ == "__main__":
    main()
