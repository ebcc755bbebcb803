"""Processor seconds of LRP ÷ one forward and backward pass, and beside zennit's and Captum's.

One thread, interleaved call by call; each figure is the median over rounds of a ratio within the
round. The others get copies of the network, since they leave hooks behind. Memory is the peak above
what the network itself takes, each in a process of its own.

    python -m benchmarks.lrp              VGG-16 and ResNet-50 at 224², one and eight pictures
    python -m benchmarks.lrp --quick      ResNet-18, one picture
    python -m benchmarks.lrp --memory     peak memory on ResNet-50
"""

from __future__ import annotations

import argparse
import copy
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

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


def table(name: str, count: int, rounds: int) -> None:
    """Print one network's table."""
    network, x = build(name), torch.randn(count, 3, 224, 224)
    subject = xw.Subject(network, mean=0.5, std=1 / 6)
    print(f"\n{name} at 224², {count} picture(s), one thread, {rounds} rounds")
    print(f"{'preset':14}{'seconds':>9}{'÷ floor':>9}{'÷ zennit':>10}{'÷ Captum':>10}", flush=True)
    for preset in PRESETS:
        method = xw.LRP(preset=preset)
        runs = {
            "ours": lambda m=method: m(subject, x, TARGET),
            "floor": floor(network, x),
            "zennit": zennit(name, copy.deepcopy(network), x, preset),
        }
        other = captum(copy.deepcopy(network), x) if preset == "ε" and count == 1 else None
        if other:
            runs["Captum"] = other
        for run in runs.values():
            run()
        times = interleaved(runs, rounds, cpu_seconds)
        floors, zennits, captums = (
            ratio(times, "ours", key) for key in ("floor", "zennit", "Captum")
        )
        seconds = statistics.median(times["ours"])
        print(f"{preset:14}{seconds:>9.3f}{floors:>9}{zennits:>10}{captums:>10}", flush=True)


def peak(name: str, preset: str, who: str) -> None:
    """Print the megabytes at the peak of one run, above what the process held before it."""
    import resource

    network, x = build(name), torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        network(x)
    ours = lambda: xw.LRP(preset=preset)(xw.Subject(network, mean=0.5, std=1 / 6), x, TARGET)  # noqa: E731
    run = ours if who == "ours" else zennit(name, network, x, preset)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run()
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def memory(name: str) -> None:
    """Print peak memory beside zennit's."""
    print(f"\n{name} at 224², one picture: megabytes above the network and a bare pass")
    for preset in PRESETS:
        found = {}
        for who in ("ours", "zennit"):
            command = [sys.executable, "-m", "benchmarks.lrp", "--peak", name, preset, who]
            printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            found[who] = float(printed.split()[-1])
        ratio = found["ours"] / max(found["zennit"], 1)
        print(f"{preset:14}{found['ours']:>8.0f}{found['zennit']:>8.0f}{ratio:>8.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], help="networks by name")
    parser.add_argument("--pictures", nargs="*", type=int, default=[1, 8])
    parser.add_argument("--peak", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if options.peak:
        peak(*options.peak)
    elif options.memory:
        memory("resnet50")
    elif options.quick:
        table("resnet18", 1, options.rounds)
    else:
        for name in options.only or ["vgg16", "resnet50"]:
            for count in options.pictures:
                table(name, count, options.rounds)


if __name__ == "__main__":
    main()
