"""Network dissection, and a survey of units, beside a bare forward pass over the same pictures.

    python -m benchmarks.dissection                    time, memory, truth and size
    python -m benchmarks.dissection --only time        or: floor, memory, truth, size

Time: processor seconds of one thread, in turn, pictures and masks in memory; ÷ bare is the median
of the ratios of each turn. Floor: what no way of counting can do without beside the same pass, a
fingerprint of the pictures, every mask read once, every activation compared once. Memory: the most
that NumPy and Python hold at once, while pictures are drawn as they are asked for. Truth: detectors
of the zoo's networks, of one with random weights, and along random axes. Size: what the widget's
arrays weigh, as they are and as they travel, and the exported page with either.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import xaiwidgets as xw
from benchmarks.networks import resnet18
from xaiwidgets import zoo
from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.core.fingerprint import tensor_fingerprint
from xaiwidgets.widgets.parcel import parcel

Data = list[tuple[torch.Tensor, dict[str, Any]]]


def drawn(subject: xw.Subject, count: int, size: int) -> Data:
    """Prepared pictures with their masks, held in memory."""
    scenes = zoo.ShapeScenes(count, size=size, seed=11)
    known = set(scenes.concepts)
    return [
        (subject.prepare(s.image).x[0], {n: m for n, m in s.masks.items() if n in known})
        for s in scenes
    ]


def of_resnet() -> xw.Subject:
    """A ResNet-18 with random weights, which takes as long as a trained one."""
    torch.manual_seed(0)
    return xw.Subject(resnet18(), mean=0.5, std=0.25, title="ResNet-18")


def settle_memory() -> None:
    """Let a large block go. Until glibc has seen one, it hands freed memory back and asks for it
    again in every pass, or not, as the blocks happen to lie: up to a fifth of a bare pass."""
    torch.empty(31 << 20, dtype=torch.uint8)


# --- time -------------------------------------------------------------------------------------


def timing(rounds: int) -> None:
    """Processor seconds ÷ those of a bare pass, for one layer and for several."""
    asked: list[tuple[str, xw.Subject, int, int, list[str]]] = [
        ("SmallCNN, conv4", zoo.subject("shapes"), 600, 96, ["conv4"]),
        ("ResNet-18, layer4", of_resnet(), 384, 112, ["layer4"]),
        ("ResNet-18, layer1 to 4", of_resnet(), 384, 112, [f"layer{i}" for i in (1, 2, 3, 4)]),
    ]
    print(f"{'':26}{'bare, ms a picture':>20}{'without chance':>16}{'20 shuffles':>13}{'units':>9}")
    for name, subject, count, size, layers in asked:
        data = drawn(subject, count, size)
        runs: dict[str, Callable[[], Any]] = {
            "bare": lambda s=subject, d=data: bare(s, d),
            **{
                f"{n}": lambda s=subject, d=data, w=layers, n=n: xw.NetworkDissection(shuffles=n)(
                    s, d, w
                )
                for n in (0, 20)
            },
            "units": lambda s=subject, d=data, w=layers: xw.Units()(
                s, torch.stack([picture for picture, _ in d]), w
            ),
        }
        spent: dict[str, list[float]] = {key: [] for key in runs}
        for turn in range(rounds + 1):
            for key, run in runs.items():
                start = time.process_time()
                run()
                if turn:  # the first turn settles what is traced once
                    spent[key].append(time.process_time() - start)
        ratios = [
            statistics.median(a / b for a, b in zip(spent[n], spent["bare"], strict=True))
            for n in ("0", "20", "units")
        ]
        each = statistics.median(spent["bare"]) / count * 1000
        told = "".join(f"{r:{w}.2f}" for r, w in zip(ratios, (16, 13, 9), strict=True))
        print(f"{name:26}{each:20.2f}{told}", flush=True)


@torch.no_grad()
def bare(subject: xw.Subject, data: Data) -> None:
    """The same network on the same pictures, batched, in the layout that it is quickest with."""
    x = torch.stack([picture for picture, _ in data])
    for part in x.split(subject.batch_size(x, backward=False)):
        subject(part)


# --- floor ------------------------------------------------------------------------------------


def floor(rounds: int) -> None:
    """What the zoo's network leaves for everything beside its pass."""
    subject, layer = zoo.subject("shapes"), "conv4"
    data = drawn(subject, 600, 96)
    x = torch.stack([picture for picture, _ in data])
    maps = torch.cat([layer_outputs(subject, part, [layer])[0][layer] for part in x.split(64)])
    bound = maps.movedim(1, 0).flatten(1).quantile(0.995, dim=1)[:, None, None]
    masks = [[mask.view(np.uint8) for mask in own.values()] for _, own in data]

    def read() -> None:
        for own in masks:
            bits = np.zeros_like(own[0])
            for mask in own:
                bits |= mask

    parts: dict[str, Callable[[], Any]] = {
        "bare": lambda: bare(subject, data),
        "a fingerprint": lambda: tensor_fingerprint(x),
        "masks read": read,
        "activations compared": lambda: [np.flatnonzero(m > bound) for m in maps.split(64)],
    }
    spent: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(rounds):
        for name, run in parts.items():
            start = time.process_time()
            run()
            spent[name].append(time.process_time() - start)
    shares = {name: statistics.median(each) for name, each in spent.items()}
    base = shares.pop("bare")
    print(f"\nSmallCNN, {layer}: ÷ a bare pass")
    for name, seconds in [*shares.items(), ("together", sum(shares.values()))]:
        print(f"{name:26}{seconds / base:8.3f}", flush=True)


# --- memory -----------------------------------------------------------------------------------


def memory() -> None:
    """Peaks for more and more pictures."""
    subject = zoo.subject("shapes")
    print(f"\n{'pictures':>9}{'MB at the peak':>16}")
    for count in (100, 400, 1600):
        scenes = zoo.ShapeScenes(count, size=96, seed=12)
        tracemalloc.start()
        xw.NetworkDissection(shuffles=0)(subject, scenes, "conv4")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"{count:9}{peak / 1e6:16.1f}", flush=True)


# --- truth ------------------------------------------------------------------------------------


def truth() -> None:
    """Detectors by category, of networks that learnt shapes, scenes and nothing."""
    torch.manual_seed(0)
    card = zoo.card("shapes")
    fresh = xw.Subject(
        zoo.SmallCNN().eval(), mean=card["mean"], std=card["std"], size=card["size"],
        title="random weights",
    )  # fmt: skip
    data = zoo.ShapeScenes(600, size=96, seed=13)
    for subject in (zoo.subject("shapes"), zoo.subject("shapes-scene"), fresh):
        answer = xw.NetworkDissection(rotations=5)(subject, data, ["relu2", "relu3", "relu4"])
        table = answer.summary().set_index("layer")
        chosen = [c for c in table if not c.startswith("rotated_u")]
        print(f"\n{subject.title}\n{table[chosen].round(2).T.to_string()}", flush=True)


# --- size -------------------------------------------------------------------------------------


def size() -> None:
    """What the page of `dissect` weighs, part by part."""
    zoos, large = zoo.subject("shapes"), of_resnet()
    asked: list[tuple[str, xw.Subject, Any, list[str]]] = [
        ("SmallCNN, 600 pictures", zoos, zoo.ShapeScenes(600, size=96, seed=11),
         [f"relu{i}" for i in (1, 2, 3, 4)]),
        ("ResNet-18, 384 pictures", large, drawn(large, 384, 112),
         [f"layer{i}" for i in (1, 2, 3, 4)]),
    ]  # fmt: skip
    for name, subject, data, layers in asked:
        widget = xw.dissect(subject, data, layers).wait()
        parts = weights(widget)
        saved = sum(before - after for before, after in parts.values())
        with tempfile.TemporaryDirectory() as folder:
            page = len(widget.to_html(Path(folder) / "page.html").read_bytes())
        widget.close()
        print(f"\n{name + ', kB':38}{'as arrays':>12}{'as they travel':>16}")
        for part, (before, after) in {**parts, "the page": (page + saved * 4 / 3, page)}.items():
            print(f"{part:38}{before / 1000:12.0f}{after / 1000:16.0f}", flush=True)


def weights(widget: Any) -> dict[str, tuple[int, int]]:
    """Bytes of each part of a widget of units: as arrays, and as they travel."""
    maps = [sheet["maps"] for sheet in widget.sheets]
    rest = [{**sheet, "maps": None} for sheet in widget.sheets]
    parts = {
        "maps of units": maps, "what else is told of units": rest,
        "units and concepts": widget.found, "masks of concepts": widget.masks,
    }  # fmt: skip
    pictures = widget.units.pictures.nbytes, held_bytes(widget.pictures)
    told = {name: (held_bytes(part), held_bytes(parcel(part))) for name, part in parts.items()}
    return {"pictures": pictures, **told}


def held_bytes(node: Any) -> int:
    """The bytes of all arrays in dicts and lists."""
    if isinstance(node, bytes):
        return len(node)
    if isinstance(node, dict):
        return sum(map(held_bytes, node.values()))
    return sum(map(held_bytes, node)) if isinstance(node, list) else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("time", "floor", "memory", "truth", "size"))
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    settle_memory()
    if given.only in (None, "time"):
        timing(given.rounds)
    if given.only in (None, "floor"):
        floor(given.rounds)
    if given.only in (None, "memory"):
        memory()
    if given.only in (None, "truth"):
        truth()
    if given.only in (None, "size"):
        size()


if __name__ == "__main__":
    main()
