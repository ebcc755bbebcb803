"""How much of a map is left when two fifths of a network have forgotten, over many draws.

The sanity badge reads this number from three draws. Printed are its mean over twenty, how far one
draw lies from the next, and what three draws in a row would have said: why a map of few patches,
such as Grad-CAM's, is judged as it is, and what its rectifier and the network's depth do.

    python -m benchmarks.forgetting [--pictures 8] [--draws 21] [--deep]

`--deep` adds a ResNet-18 that names the same shapes; see benchmarks/deep.py.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.core.method import Attribution
from xaiwidgets.evaluation.sanity.blocks import blocks_of
from xaiwidgets.evaluation.sanity.forgetting import Forgetting, seed_of
from xaiwidgets.evaluation.sanity.kept import GOOD, POOR, unsettled
from xaiwidgets.evaluation.similarity import likeness_to
from xaiwidgets.evaluation.trust.badge import graded
from xaiwidgets.evaluation.trust.sanity import DRAWS

from .deep import shapes_resnet

METHODS = [xw.GradCam(), xw.GradCam(relu=False), xw.Saliency(), xw.GuidedBackprop()]
SHOWN = 96


def forgotten(subject: xw.Subject, x: object, draws: int) -> tuple[list[xw.Subject], str]:
    """Networks without what their last two fifths learnt, one a draw, and how much that is."""
    blocks = blocks_of(subject, x)[::-1]
    gone = blocks[: max(1, round(0.4 * len(blocks)))]
    networks = [Forgetting(subject, seed=seed_of(0, i)).without(gone) for i in range(draws)]
    return networks, f"last {len(gone)} of {len(blocks)} blocks"


def left(method: Attribution, subject: xw.Subject, x: object, networks: list) -> np.ndarray:
    """Rank correlations with the trained network's maps, signs included (draws, pictures)."""
    target = subject.bind(None, x)
    alike = likeness_to("signed spearman", method.values(subject, x, target).numpy())
    found = np.stack([alike(method.values(one, x, target).numpy()) for one in networks])
    return np.where(np.isnan(found), 0, found)  # of a map that went flat nothing is left


def verdicts(kept: np.ndarray) -> str:
    """What draws taken three by three would have said of every picture, in percent."""
    said: Counter[str] = Counter()
    for three in (kept[i : i + DRAWS] for i in range(0, len(kept) - DRAWS + 1, DRAWS)):
        for low, high, mean in zip(three.min(0), three.max(0), three.mean(0), strict=True):
            said["doubtful" if unsettled(low, high) else graded(mean, GOOD, POOR)] += 1
    return "  ".join(
        f"{100 * said[word] / said.total():3.0f} % {word}" for word in ("good", "doubtful", "poor")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--draws", type=int, default=21)
    parser.add_argument("--deep", action="store_true", help="a ResNet-18 too")
    options = parser.parse_args()
    shown = zoo.ShapeScenes(options.pictures, size=SHOWN, seed=11)
    subjects = {"zoo's network": zoo.subject("shapes")}
    if options.deep:
        subjects["ResNet-18"] = shapes_resnet(SHOWN)
    for name, subject in subjects.items():
        x = subject.prepare([scene.image for scene in shown]).x
        networks, gone = forgotten(subject, x, options.draws)
        print(f"{name}, {gone}, {options.draws} draws, {options.pictures} pictures of {SHOWN} px")
        for method in METHODS:
            kept = left(method, subject, x, networks)
            told = f"mean {kept.mean():5.2f}  spread of a draw {kept.std(0).mean():.2f}"
            print(f"  {method!r:22} {told}  three draws: {verdicts(kept)}", flush=True)


if __name__ == "__main__":
    main()
