"""Trust badges of every method on the zoo's network: what four quick questions say of each.

Counts verdicts over pictures and prints the median of every number, so that the limits between
verdicts can be judged: the controls have to come out badly, and known failures have to show.

    python -m benchmarks.badges [--pictures 8] [--methods Saliency,GradCam]
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

from xaiwidgets import zoo
from xaiwidgets.core.declare import declared
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.method import Attribution
from xaiwidgets.evaluation.trust import QUESTIONS, Badge, Checkup

SIGNS = {"good": "+", "doubtful": "~", "poor": "-", "unknown": "?"}


def methods(names: str) -> list[Attribution]:
    """Every declared method at its defaults, or those of these names."""
    import xaiwidgets.methods  # noqa: F401 - declares them

    known = {cls.__name__: cls for cls in declared(Attribution)}
    return [known[name]() for name in (names.split(",") if names else known)]


def cell(found: list[Badge]) -> str:
    """Verdicts over pictures, and the median of the number."""
    counts = Counter(badge.verdict for badge in found)
    verdicts = " ".join(f"{counts[word]}{sign}" for word, sign in SIGNS.items() if counts[word])
    values = [badge.value for badge in found if badge.verdict != "unknown"]
    return f"{verdicts:>12} {np.median(values):6.2f}" if values else f"{verdicts:>12}       "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--methods", default="", help="names, separated by commas")
    options = parser.parse_args()
    subject = zoo.subject("shapes")
    scenes = zoo.ShapeScenes(options.pictures, size=96, seed=11)
    checkups = [
        Checkup(subject, scenes[i].image, masks={"object": scenes[i].masks["object"]})
        for i in range(options.pictures)
    ]
    print(f"{options.pictures} pictures of the zoo; + good, ~ doubtful, - poor, ? unknown; median")
    print(f"{'':24}" + "".join(f"{question.name:>20}" for question in QUESTIONS))
    for method in methods(options.methods):
        try:
            found = [checkup.badges(method) for checkup in checkups]
        except ExplainError as error:  # a method that needs another kind of network
            print(f"{type(method).__name__:24}{str(error).split(';')[0]}")
            continue
        cells = [cell([row[i] for row in found]) for i in range(len(QUESTIONS))]
        print(f"{type(method).__name__:24}" + "".join(f"{c:>20}" for c in cells), flush=True)


if __name__ == "__main__":
    main()
