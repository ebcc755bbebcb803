"""Relevance methods asked for one of two objects: how much of the map lies on the right one.

Pictures of ShapeScenes with two objects, both of which the zoo's network names as its best two.
Counted is what speaks for the class, on either object.

    python -m benchmarks.relevance [--pictures 100]
"""

from __future__ import annotations

import argparse
import functools
from typing import NamedTuple

import numpy as np
import torch

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.core.method import Attribution

METHODS = (
    xw.DeepTaylor(), xw.ExcitationBackprop(contrastive=False), xw.ExcitationBackprop(), xw.CLRP(),
    xw.CLRP(others="uniform"), xw.SGLRP(), xw.RAP(), xw.LRP(), xw.LRP(preset="ε"),
    xw.GradientTimesInput(),
)  # fmt: skip


class Pairs(NamedTuple):
    """The network, pictures (pictures, 3, 96, 96) and their scenes."""

    subject: xw.Subject
    x: torch.Tensor
    scenes: list[zoo.Scene]


@functools.cache
def pairs(count: int, seed: int = 7) -> Pairs:
    """Of `count` pictures those whose two objects are the network's two best classes."""
    subject = zoo.subject("shapes")
    scenes = list(zoo.ShapeScenes(count, size=96, seed=seed, objects=2))
    x = subject.prepare([scene.image for scene in scenes]).x
    best = subject.outputs(x).topk(2).indices.tolist()
    kept = [i for i, scene in enumerate(scenes) if set(best[i]) == set(scene.labels)]
    return Pairs(subject, x[torch.tensor(kept)], [scenes[i] for i in kept])


def shares(method: Attribution, data: Pairs) -> np.ndarray:
    """The right object's part of what lies on both, for each object of each picture."""
    found = []
    for this, other in ((0, 1), (1, 0)):
        answer = method(data.subject, data.x, [scene.labels[this] for scene in data.scenes])
        for values, scene in zip(answer.map().clip(0), data.scenes, strict=True):
            right, wrong = (values[scene.masks[f"instance:{i}"]].sum() for i in (this, other))
            found.append(right / (right + wrong) if right + wrong else 0.5)
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=100)
    data = pairs(parser.parse_args().pictures)
    print(f"{len(data.scenes)} pictures, each asked for both of its objects")
    print(f"{'':44}{'share':>8}{'right > wrong':>16}")
    for method in METHODS:
        found = shares(method, data)
        print(f"{method!r:44}{found.mean():8.3f}{(found > 0.5).mean():16.2f}", flush=True)


if __name__ == "__main__":
    main()
