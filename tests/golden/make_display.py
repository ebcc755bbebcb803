"""Write display.json: what the display rules give on small maps, in plain NumPy.

The browser (js/src/display.ts, smooth.ts) and the figures (xaiwidgets/core/display.py) are held
to the same file. The rules, for a map m, in this order:

1. smoothing: Gaussian blur, sigma in pixels, radius ceil(3 sigma), border reflected
   (d c b a | a b c d), as scipy.ndimage.gaussian_filter(mode="reflect", radius=...).
2. sign: signed v = m, positive v = max(m, 0), negative v = max(-m, 0), absolute v = |m|.
3. limit: the percentile `clip` of |v|, linear between neighbours; the largest |v| when that is 0.
   With scaling "shared" it is the largest of all panels' limits.
4. index: floor(base + gain * clamp(v / limit, low, 1) + 1/2) with (base, gain, low)
   = (127.5, 127.5, -1) for a signed map in any table, (128, 127, 0) for the others in a diverging
   table, (0, 255, 0) for the others in a sequential one. A limit of 0 counts as v / limit = 0.
5. keep: count = max(1, floor(n * keep / 100 + 1/2)); drawn are all pixels with |v| >= the count-th
   largest |v| (all for keep = 100). A pixel that is left out shows the picture under black of
   alpha 166/255, times the opacity like every colour of the map.
6. contour: the outline of |v| >= the percentile `contour` of |v|.
7. composite: picture * (1 - opacity * a) + colour * opacity * a, with a = 1, or 166/255 (and
   colour 0) where left out.
8. box: the tight box around the largest patch (corners touch) of what reaches the share `box` of
   the map's maximum, [top, left, bottom, right], the last two just outside; of equally large
   patches the first in reading order; none where no value is above 0. Of the map as it is: no
   smoothing, no sign.
9. share of a region: the sum of |v| inside over the sum of |v|, of the map without smoothing.
"""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SIGNS = ("signed", "positive", "negative", "absolute")


def blurred(m: np.ndarray, sigma: float) -> np.ndarray:
    if sigma == 0:
        return m
    radius = math.ceil(3 * sigma)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        n = m.shape[axis]
        out = np.zeros_like(m)
        for offset, weight in zip(range(-radius, radius + 1), weights, strict=True):
            at = (np.arange(n) + offset) % (2 * n)
            out += weight * np.take(m, np.where(at < n, at, 2 * n - 1 - at), axis=axis)
        m = out
    return m


def of_sign(m: np.ndarray, sign: str) -> np.ndarray:
    parts = {"signed": m, "positive": np.maximum(m, 0), "negative": np.maximum(-m, 0)}
    return parts.get(sign, np.abs(m))


def limit_of(v: np.ndarray, clip: float) -> float:
    return float(np.percentile(np.abs(v), clip)) or float(np.abs(v).max())


def scale(sign: str, diverging: bool) -> tuple[float, float, float]:
    if sign == "signed":
        return 127.5, 127.5, -1.0
    return (128.0, 127.0, 0.0) if diverging else (0.0, 255.0, 0.0)


def places(v: np.ndarray, limit: float, sign: str, diverging: bool) -> np.ndarray:
    """Places in the colour table before rounding down."""
    base, gain, low = scale(sign, diverging)
    t = np.clip(v / limit, low, 1) if limit > 0 else np.zeros_like(v)
    return base + gain * t + 0.5


def maps() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:9, 0:12]
    heavy = rng.standard_t(2, (16, 16))
    sparse = np.where(rng.random((10, 10)) < 0.04, rng.normal(size=(10, 10)), 0)
    few = {
        "noise": rng.normal(size=(9, 12)),
        "heavy": heavy,
        "blob": np.exp(-((x - 5) ** 2 + (y - 3) ** 2) / 9) - 0.4 * np.exp(-((x - 9) ** 2) / 4),
        "sparse": sparse,
        "ties": rng.integers(-2, 3, (8, 8)) / 4,
        "positive only": np.abs(rng.normal(size=(6, 7))),
        "constant": np.full((5, 5), 0.25),
        "zero": np.zeros((4, 6)),
        "one pixel": np.array([[-0.5]]),
        "tiny": rng.normal(size=(6, 6)) * 1e-6,
    }
    # Whatever a half float times its scale can say, both sides can hold exactly.
    return {name: m.astype("f4").astype("f8") for name, m in few.items()}


def cases() -> list[dict]:
    out = []
    for name, m in maps().items():
        for sign in SIGNS:
            for clip, keep, contour, sigma in (
                (100.0, 100.0, 0.0, 0.0),
                (99.5, 20.0, 90.0, 0.0),
                (90.0, 5.0, 50.0, 0.0),
                (99.0, 33.0, 75.0, 1.0),
                (95.0, 50.0, 95.0, 2.5),
            ):
                v = of_sign(blurred(m, sigma), sign)
                size = np.abs(v)
                limit = limit_of(v, clip)
                count = max(1, math.floor(v.size * keep / 100 + 0.5))
                case = {
                    "map": name, "sign": sign, "clip": clip, "keep": keep, "contour": contour,
                    "smoothing": sigma, "limit": limit,
                    "threshold": float(np.sort(size, axis=None)[-count]) if keep < 100 else 0.0,
                    "level": float(np.percentile(size, contour)),
                }  # fmt: skip
                for key, diverging in (("diverging", True), ("sequential", False)):
                    place = places(v, limit, sign, diverging)
                    case[key] = np.floor(place).astype(int).ravel().tolist()
                    # The browser blurs in float32: what lies on an edge may fall either way.
                    case[f"{key}_edge"] = np.flatnonzero(
                        np.abs(place - np.round(place)).ravel() < 1e-3
                    ).tolist()
                out.append(case)
    return out


def shares() -> list[dict]:
    out = []
    for name in ("noise", "blob", "sparse", "zero"):
        m = maps()[name]
        for sign in SIGNS:
            v = np.abs(of_sign(m, sign))
            for y0, y1 in pairwise((0, 2, m.shape[0])):
                region = {"x0": 1, "y0": y0, "x1": 4, "y1": y1}
                inside = float(v[y0:y1, 1:4].sum())
                share = inside / float(v.sum()) if v.sum() > 0 else None
                out.append({"map": name, "sign": sign, "region": region, "share": share})
    return out


def box_of(m: np.ndarray, share: float) -> list[int] | None:
    if m.max() <= 0:
        return None
    left = {tuple(place) for place in np.argwhere(m >= share * m.max()).tolist()}
    largest: list[tuple[int, int]] = []
    while left:
        edge, patch = [min(left)], []
        left.discard(edge[0])
        while edge:
            y, x = edge.pop()
            patch.append((y, x))
            near = {(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            edge += near
        largest = patch if len(patch) > len(largest) else largest
    rows, columns = zip(*largest, strict=True)
    return [min(rows), min(columns), max(rows) + 1, max(columns) + 1]


def main() -> None:
    golden = {
        "maps": {
            name: {"shape": list(m.shape), "values": m.ravel().tolist()}
            for name, m in maps().items()
        },
        "blurred": [
            {"map": name, "sigma": sigma, "values": blurred(maps()[name], sigma).ravel().tolist()}
            for name in ("noise", "ties", "one pixel")
            for sigma in (0.25, 1.0, 3.0)
        ],
        "cases": cases(),
        "shared": [
            {"maps": list(three), "sign": sign, "clip": clip,
             "limit": max(limit_of(of_sign(maps()[name], sign), clip) for name in three)}
            for three in (("noise", "blob", "tiny"),)
            for sign in SIGNS
            for clip in (100.0, 98.0)
        ],
        "shares": shares(),
        "boxes": [
            {"map": name, "share": share, "box": box_of(m, share)}
            for name, m in maps().items()
            for share in (0.05, 0.2, 0.5, 0.95)
        ],
        "composite": [
            {"picture": p, "colour": c, "opacity": o, "kept": kept,
             "value": p * (1 - o * a) + c * o * a}
            for p, c, o, kept in ((200, 10, 0.85, True), (10, 200, 0.0, True), (90, 0, 1.0, False))
            for a in ((1.0 if kept else 166 / 255),)
        ],
    }  # fmt: skip
    text = json.dumps(golden, separators=(",", ":"))
    (HERE / "display.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
