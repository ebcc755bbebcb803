"""Planted faults × evaluations: which evaluation catches which wrong explanation.

A right explanation is spoilt in known ways, and every evaluation judges the right one and the
spoilt ones on the same pictures. A fault is caught where the evaluation finds the spoilt one
worse, with a 95 % bootstrap interval of the paired difference that leaves 0 out.

    python -m benchmarks.faults [--pictures 24] [--method IntegratedGradients]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import xaiwidgets as xw
import xaiwidgets.evaluation as ev
from xaiwidgets import zoo
from xaiwidgets.core.evaluation import Evaluation
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.scores import bootstrap

Fault = Callable[[Any, torch.Tensor, Any], torch.Tensor]


def faults(right: Attribution) -> dict[str, Any]:
    """The right explanation, and the spoilt ones by name."""

    def shuffled(subject: Any, x: torch.Tensor, target: Any) -> torch.Tensor:
        values = right.values(subject, x, target)
        order = torch.randperm(values[0, 0].numel(), generator=torch.Generator().manual_seed(1))
        return values.flatten(2)[:, :, order].view_as(values)

    def flipped_sign(subject: Any, x: torch.Tensor, target: Any) -> torch.Tensor:
        return -right.values(subject, x, target)

    def other_picture(subject: Any, x: torch.Tensor, target: Any) -> torch.Tensor:
        return right.values(subject, x.roll(1, 0), target)

    def mirrored(subject: Any, x: torch.Tensor, target: Any) -> torch.Tensor:
        return right.values(subject, x, target).flip(3)

    def other_class(subject: Any, x: torch.Tensor, target: Any) -> torch.Tensor:
        wrong = (target.classes + 3) % len(subject.classes)
        return right.values(subject, x, subject.bind(wrong.tolist(), x))

    return {
        "right": right,
        "shuffled": shuffled,
        "edge detector": xw.EdgeDetector(),
        "flipped sign": flipped_sign,
        "other picture": other_picture,
        "mirrored": mirrored,
        "other class": other_class,
    }


def evaluations() -> list[Evaluation]:
    """One of each kind."""
    return [
        ev.ParameterRandomisation(similarity="spearman"),
        ev.PixelFlipping(order="most first", controls=0),
        ev.PixelFlipping(order="least first", controls=0),
        ev.Deletion(),
        ev.Insertion(),
        ev.Infidelity(),
        ev.FaithfulnessCorrelation(),
        ev.MaxSensitivity(samples=5),
        ev.ClassSensitivity(),
        ev.PointingGame(),
        ev.RelevanceMass(),
        ev.BoxIoU(),
    ]


def worse(found: np.ndarray, right: np.ndarray, better: str) -> bool | None:
    """Whether the paired difference is on the worse side with its interval; None if unknown."""
    away = (found - right) if better == "higher" else (right - found)
    if (~np.isnan(away)).sum() < 3:
        return None
    return bool(bootstrap(away[:, None], 0.95, 2000)[1][0] < 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--method", default="IntegratedGradients")
    options = parser.parse_args()
    scenes = zoo.ShapeScenes(options.pictures, size=96, seed=11)
    pictures = [scenes[i].image for i in range(options.pictures)]
    masks = np.stack([scenes[i].masks["object"] for i in range(options.pictures)])
    subject = zoo.subject("shapes")
    right = getattr(xw, options.method)()
    planted = faults(right.having(steps=8) if "steps" in right.knobs else right)
    print(f"{options.method} on {options.pictures} pictures of the zoo; * caught, . not")
    names = list(planted)
    print(f"{'':30}" + "".join(f"{name:>16}" for name in names))
    caught = dict.fromkeys(names[1:], 0)
    for evaluation in evaluations():
        start = time.perf_counter()
        found = {
            name: evaluation(subject, pictures, explanation, masks=masks)
            for name, explanation in planted.items()
        }
        better = evaluation.better
        if not isinstance(evaluation, ev.PixelFlipping) or evaluation.order == "most first":
            wanted = better
        else:
            wanted = "lower"  # what matters least goes first
        cells = []
        for name, scores in found.items():
            spoilt = name != "right" and worse(scores.values, found["right"].values, wanted)
            caught[name] = caught.get(name, 0) + bool(spoilt)
            mark = "" if name == "right" else " *" if spoilt else " ."
            cells.append(f"{scores.mean:.3f}{mark}")
        title = type(evaluation).__name__ + (" LeRF" if wanted != better else "")
        print(f"{title:30}" + "".join(f"{cell:>16}" for cell in cells), end="")
        print(f"{time.perf_counter() - start:8.1f} s", flush=True)
    caught.pop("right", None)
    print("\ncaught by: " + ", ".join(f"{name} {count}" for name, count in caught.items()))


if __name__ == "__main__":
    main()
