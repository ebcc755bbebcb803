"""Does the map lie on the object? Every method on ShapeScenes, where the truth is pixel-exact.

Pictures with one object that the zoo's network names rightly; each method at its defaults, asked
for the object's class, and judged by what speaks for it. "object" is the truth itself, what an
ideal map would score; RandomMap is chance.

    python -m benchmarks.localisation [--pictures 40] [--only GradCam ScoreCam]
"""

from __future__ import annotations

import argparse
import time
from typing import NamedTuple

import numpy as np
import torch

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.evaluation import BoxIoU, MaskIoU, PointingGame, RelevanceMass

MEASURES = (PointingGame, MaskIoU, BoxIoU, RelevanceMass)


class Scenes(NamedTuple):
    """The network, pictures (pictures, 3, 96, 96), their classes and masks."""

    subject: xw.Subject
    x: torch.Tensor
    labels: list[int]
    masks: np.ndarray


def scenes(count: int, seed: int = 11) -> Scenes:
    """The first `count` pictures that the network names rightly."""
    subject = zoo.subject("shapes")
    drawn = list(zoo.ShapeScenes(2 * count, size=96, seed=seed))
    x = subject.prepare([scene.image for scene in drawn]).x
    named = subject.outputs(x).argmax(1).tolist()
    kept = [i for i, scene in enumerate(drawn) if named[i] == scene.label][:count]
    masks = np.stack([drawn[i].masks["object"] for i in kept])
    return Scenes(subject, x[kept], [drawn[i].label for i in kept], masks)


def row(explanation: object, data: Scenes) -> list[float]:
    """Every measure's mean."""
    found = []
    for measure in MEASURES:
        judge = measure(sign="positive")
        scores = judge(data.subject, data.x, explanation, data.labels, masks=data.masks)
        found.append(scores.mean)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--only", nargs="*", default=[], help="methods by name, instead of all")
    options = parser.parse_args()
    data = scenes(options.pictures)
    print(f"{len(data.x)} pictures of one object, {data.masks.mean():.3f} of the picture")
    print(f"{'':26}{'pointing':>9}{'mask IoU':>9}{'box IoU':>9}{'mass':>9}{'seconds':>9}")
    print(_line("object", row(data.masks.astype(float), data)))
    for cls in xw.declared(xw.Attribution):
        if options.only and cls.__name__ not in options.only:
            continue
        start = time.perf_counter()
        try:
            answer = cls()(data.subject, data.x, data.labels)
        except ExplainError as error:
            print(f"{cls.__name__:26}{error}")
            continue
        seconds = (time.perf_counter() - start) / len(data.x)
        print(f"{_line(cls.__name__, row(answer, data))}{seconds:9.3f}", flush=True)


def _line(name: str, values: list[float]) -> str:
    return f"{name:26}" + "".join(f"{value:9.2f}" for value in values)


if __name__ == "__main__":
    main()
