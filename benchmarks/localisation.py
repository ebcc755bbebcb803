"""Does the map lie on the object? Every method on ShapeScenes, where the truth is pixel-exact.

Pictures with one object that the zoo's network names rightly; each method at its defaults, asked
for the object's class, and judged by what speaks for it. "the object itself" is what an ideal map
would score; RandomMap is chance.

    python -m benchmarks.localisation [--pictures 40] [--only GradCam ScoreCam]
    python -m benchmarks.localisation --write    also into docs/cam.md; what was not asked stays
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.evaluation import BoxIoU, MaskIoU, PointingGame, RelevanceMass

MEASURES = (PointingGame, MaskIoU, BoxIoU, RelevanceMass)
OBJECT = "the object itself"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "cam.md"
BEGIN = "<!-- by python -m benchmarks.localisation --write -->"
END = "<!-- end of the table -->"


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


class Row(NamedTuple):
    """A method's name, its means, and its seconds a picture; or why it has none."""

    name: str
    values: list[float]
    seconds: float = 0.0
    problem: str = ""


def rows(data: Scenes, only: list[str]) -> Iterator[Row]:
    """Every method's, the truth itself first."""
    yield Row(OBJECT, row(data.masks.astype(float), data))
    for cls in xw.declared(xw.Attribution):
        if only and cls.__name__ not in only:
            continue
        start = time.perf_counter()
        try:
            answer = cls()(data.subject, data.x, data.labels)
        except ExplainError as error:
            yield Row(cls.__name__, [], problem=str(error))
            continue
        seconds = (time.perf_counter() - start) / len(data.x)
        yield Row(cls.__name__, row(answer, data), seconds)


def as_markdown(found: list[Row], data: Scenes) -> str:
    """The table for the docs, the best mask IoU first; methods that were not asked keep the line
    that they have there."""
    lines = {name: line for name, line in _written().items() if name not in {r.name for r in found}}
    for one in found:
        if one.values:
            numbers = [f"{value:.2f}" for value in one.values]
            lines[one.name] = f"| `{one.name}` | {' | '.join(numbers)} |"
    head = [
        f"{len(data.x)} pictures of one object, which covers {data.masks.mean():.3f} of the "
        "picture.",
        "",
        "| | pointing game | mask IoU | box IoU | mass |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *sorted(lines.values(), key=_mask_iou, reverse=True)])


def _written() -> dict[str, str]:
    """The lines of the table in the docs, by method."""
    rows = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].splitlines()
    return {line.split("`")[1]: line for line in rows if line.startswith("| `")}


def _mask_iou(line: str) -> float:
    return float(line.split("|")[3])


def write(table: str) -> None:
    """Put the table between its marks in docs/cam.md."""
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--only", nargs="*", default=[], help="methods by name, instead of all")
    parser.add_argument("--write", action="store_true", help="the table into docs/cam.md")
    options = parser.parse_args()
    data = scenes(options.pictures)
    print(f"{len(data.x)} pictures of one object, {data.masks.mean():.3f} of the picture")
    print(f"{'':26}{'pointing':>9}{'mask IoU':>9}{'box IoU':>9}{'mass':>9}{'seconds':>9}")
    found = []
    for one in rows(data, options.only):
        found.append(one)
        numbers = "".join(f"{value:9.2f}" for value in one.values)
        print(f"{one.name:26}{one.problem or f'{numbers}{one.seconds:9.3f}'}", flush=True)
    if options.write:
        write(as_markdown(found, data))


if __name__ == "__main__":
    main()
