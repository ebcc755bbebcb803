"""Write lesson.json: what marks, overlaps and votes come to, in plain Python.

The browser (js/src/lesson) and Python (core/marks.py, evaluation/localisation/overlap.py,
widgets/blind.py, widgets/code.py) are held to the same file.

1. A box [x0, y0, x1, y1] covers its pixels, the last two just outside; a stroke [side, x, y, ...]
   squares of `side` from x - side // 2 on.
2. Overlap of a map with a region of k pixels: `share` of the positive values inside; `iou` of the
   region with the k highest positive values, of ties for the last places the expected number;
   `hit` the share of the highest pixels that lie inside; None where all positive values are equal.
3. Standings: a map's place is that in the vote, and the mean of the places left over for those
   that a vote leaves out.
4. Answers as arguments: of one picture alone, of several as a dict by number.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np

SIZE = (6, 8)
SHAPES = {
    "one box": [[1, 1, 4, 3]],
    "a tall box": [[2, 0, 3, 6]],
    "a wide box with a rest": [[0, 2, 7, 5]],
    "a square": [[3, 2, 6, 5]],
    "a stroke": [[3, 1, 1, 4, 1]],
    "a box and two strokes": [[5, 4, 8, 6], [1, 0, 0], [2, 6, 2, 7, 3]],
    "the whole picture": [[0, 0, 8, 6]],
}
NAMES = {"0": ["Edges", "CAM", "Noise", "IG"], "1": ["IG", "Noise", "CAM", "Edges"]}
VOTES = [{"0": "B"}, {"0": "BD", "1": "CA"}, {"0": "ABCD", "1": "D"}, {"1": "BA"}]
ANSWERS = [
    {
        "count": 1, "marks": {"0": SHAPES["a box and two strokes"]}, "ballots": {},
        "said": "    marked=[[5, 4, 8, 6], [1, 0, 0], [2, 6, 2, 7, 3]],\n",
    },
    {
        "count": 3, "ballots": {},
        "marks": {"0": SHAPES["one box"], "1": [], "2": SHAPES["a stroke"]},
        "said": "    marked={0: [[1, 1, 4, 3]], 2: [[3, 1, 1, 4, 1]]},\n",
    },
    {
        "count": 1, "marks": {},
        "ballots": {"0": {"vote": "CA", "reason": 'it is on "the" cross – ✓'}},
        "said": '    vote="CA",\n    reason="it is on \\"the\\" cross – ✓",\n',
    },
    {
        "count": 2, "marks": {},
        "ballots": {"0": {"vote": "B", "reason": "x"}, "1": {"vote": "C", "reason": ""}},
        "said": '    vote={0: "B", 1: "C"},\n    reason={0: "x"},\n',
    },
]  # fmt: skip


def maps() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(11)
    noise = rng.normal(size=SIZE).astype(np.float32)
    return {
        "noise": noise,
        "few values, many ties": rng.integers(-1, 3, SIZE).astype(np.float32),
        "all against": -np.abs(noise),
        "nothing": np.zeros(SIZE, np.float32),
        "one pixel": np.eye(1, SIZE[0] * SIZE[1], 19, dtype=np.float32).reshape(SIZE),
    }


def covers(shape: list[int], x: int, y: int) -> bool:
    if len(shape) == 4:
        x0, y0, x1, y1 = shape
        return x0 <= x < x1 and y0 <= y < y1
    side, *points = shape
    corners = [
        (a - side // 2, b - side // 2) for a, b in zip(points[::2], points[1::2], strict=True)
    ]
    return any(a <= x < a + side and b <= y < b + side for a, b in corners)


def marked(shapes: list[list[int]]) -> list[int]:
    height, width = SIZE
    return [
        y * width + x
        for y, x in product(range(height), range(width))
        if any(covers(shape, x, y) for shape in shapes)
    ]


def overlap(values: list[float], inside: list[int]) -> dict[str, float | None]:
    proof = [max(value, 0.0) for value in values]
    count, area = len(inside), len(inside) / len(values)
    if max(proof) == min(proof):
        return {"share": None, "iou": None, "hit": None, "area": area}
    last = sorted(proof, reverse=True)[count - 1]
    above = [i for i, value in enumerate(proof) if value > last]
    tied = [i for i, value in enumerate(proof) if value == last]
    part = (count - len(above)) / len(tied)
    common = len({*above} & {*inside}) + part * len({*tied} & {*inside})
    highest = {i for i, value in enumerate(proof) if value == max(proof)}
    return {
        "share": sum(proof[i] for i in inside) / sum(proof),
        "iou": common / (2 * count - common),
        "hit": len(highest & {*inside}) / len(highest),
        "area": area,
    }


def standings(votes: dict[str, str]) -> list[list[str | int | float]]:
    places: dict[str, list[float]] = {}
    for index, vote in votes.items():
        left = [place + 1 for place in range(len(vote), len(NAMES[index]))]
        for letter, name in zip("ABCD", NAMES[index], strict=True):
            place = vote.index(letter) + 1 if letter in vote else sum(left) / len(left)
            places.setdefault(name, []).append(place)
    rows = [(sum(all_) / len(all_), name, all_.count(1)) for name, all_ in places.items()]
    return [[name, first, place] for place, name, first in sorted(rows)]


def main() -> None:
    plain = {name: [float(v) for v in values.ravel()] for name, values in maps().items()}
    golden = {
        "size": SIZE, "shapes": SHAPES, "maps": plain, "names": NAMES, "answers": ANSWERS,
        "marked": {name: marked(shapes) for name, shapes in SHAPES.items()},
        "overlaps": [
            {"map": name, "shapes": which, **overlap(values, marked(shapes))}
            for name, values in plain.items()
            for which, shapes in SHAPES.items()
        ],
        "standings": [{"votes": votes, "rows": standings(votes)} for votes in VOTES],
    }  # fmt: skip
    path = Path(__file__).with_name("lesson.json")
    path.write_text(json.dumps(golden, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
