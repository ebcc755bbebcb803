# ruff: noqa: E501  (tables of made-up data)
"""Write a page with made-up but plausible maps, to look at and to measure the frontend without a kernel.

python js/dev/fixture.py page.html        # needs numpy; the bundle has to be built first
"""

from __future__ import annotations

import argparse
import base64
import json
from pathlib import Path

import numpy as np

STATIC = Path(__file__).resolve().parents[2] / "xaiwidgets" / "widgets" / "static"
SIZE = 224
CLASSES = ["cross", "star", "ring", "square", "triangle", "<img src=x onerror=alert(1)>"]

# A few stops of well-known maps are enough for a fixture; Python sends the real tables.
STOPS = {
    "RdBu": ("053061 2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b 67001f", True),
    "PuOr": ("2d004b 542788 8073ac b2abd2 d8daeb f7f7f7 fee0b6 fdb863 e08214 b35806 7f3b08", True),
    "BrBG": ("003c30 01665e 35978f 80cdc1 c7eae5 f5f5f5 f6e8c3 dfc27d bf812d 8c510a 543005", True),
    "viridis": ("440154 472d7b 3b528b 2c728e 21918c 28ae80 5ec962 addc30 fde725", False),
    "magma": ("000004 1d1147 51127c 832681 b73779 e75263 fc8961 fec488 fcfdbf", False),
    "cividis": ("00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838", False),
    "gray": ("000000 ffffff", False),
}


def packed(array: np.ndarray) -> dict:
    """Bytes as the offline host reads them."""
    return {"__bytes__": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()}


def picture_array(rgb: np.ndarray) -> dict:
    return {"data": packed(rgb), "dtype": "uint8", "shape": list(rgb.shape), "scale": 1.0}


def map_array(values: np.ndarray) -> dict:
    scale = float(np.abs(values).max()) or 1.0
    stored = (values / scale).astype("<f2")
    return {"data": packed(stored), "dtype": "float16", "shape": list(values.shape), "scale": scale}


def colour_map(name: str) -> dict:
    stops, diverging = STOPS[name]
    rgb = np.array([[int(s[i : i + 2], 16) for i in (0, 2, 4)] for s in stops.split()], float)
    at = np.linspace(0, len(rgb) - 1, 256)
    table = np.stack([np.interp(at, np.arange(len(rgb)), rgb[:, c]) for c in range(3)], axis=1)
    return {"name": name, "diverging": diverging, "data": packed(table.round().astype("u1"))}


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    radius = int(np.ceil(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        pad = [(radius, radius) if a == axis else (0, 0) for a in range(image.ndim)]
        wide = np.pad(image, pad, mode="symmetric")
        image = np.apply_along_axis(np.convolve, axis, wide, weights, mode="valid")
    return image


class Scenery:
    """One synthetic picture with its object's mask and signed evidence for two classes."""

    def __init__(self, seed: int, size: int = SIZE):
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[0:size, 0:size] / size
        cy, cx = rng.uniform(0.3, 0.7, 2)
        ground = np.stack([0.35 + 0.3 * y, 0.45 + 0.2 * x, 0.5 - 0.2 * y], axis=2)
        ground += 0.05 * np.sin(40 * (x + rng.uniform() * y))[..., None]
        r, angle = np.hypot(x - cx, y - cy), np.arctan2(y - cy, x - cx)
        self.mask = r < 0.17 * (1 + 0.42 * np.cos(5 * angle + rng.uniform(0, 6)))
        qy, qx = (cy + 0.45) % 0.8 + 0.1, (cx + 0.4) % 0.8 + 0.1
        self.other = (np.abs(x - qx) < 0.04) & (np.abs(y - qy) < 0.13)
        self.other |= (np.abs(y - qy) < 0.04) & (np.abs(x - qx) < 0.13)
        ground[self.mask] = rng.uniform(0.55, 0.95, 3)
        ground[self.other] = rng.uniform(0.1, 0.5, 3)
        ground += rng.normal(0, 0.02, ground.shape)
        self.rgb = (255 * np.clip(ground, 0, 1)).astype("u1")
        grey = ground.mean(axis=2)
        self.edges = np.hypot(*np.gradient(blur(grey, 1.0)))
        self.body = blur(self.mask.astype(float), 8)
        self.rival = blur(self.other.astype(float), 8)
        self.rng = rng

    def evidence(self, kind: str, flip: float) -> np.ndarray:
        noise = self.rng.normal(0, 1, self.body.shape)
        core = self.body - flip * self.rival
        return {
            "speckle": noise * (0.05 + np.abs(core)) * 0.02,
            "edges": blur(noise, 1.0) * self.edges * 0.4 + self.edges * core * 0.5,
            "blob": blur(core, 14) * 0.8,
            "patch": np.kron(blur(core, 6)[8::16, 8::16], np.ones((16, 16))),
            "mixed": core * self.edges * 3 + 0.004 * noise * np.abs(core),
            "noise": noise * 0.01,
        }[kind].astype("f4")


KNOBS = {
    "steps": {"name": "steps", "kind": "integer", "default": 32, "low": 2, "high": 256, "log": True,
              "unit": "points", "help": "how finely the path is cut"},
    "samples": {"name": "samples", "kind": "integer", "default": 16, "low": 1, "high": 256, "log": True,
                "unit": "copies", "help": "noisy copies of the picture that are averaged"},
    "noise": {"name": "noise", "kind": "number", "default": 0.15, "low": 0.0, "high": 1.0,
              "unit": "of the range", "help": "standard deviation of the noise"},
    "baseline": {"name": "baseline", "kind": "choice", "default": "blur",
                 "choices": ["blur", "black", "mean", "noise"], "help": "what an absent pixel looks like"},
    "reduce": {"name": "reduce", "kind": "choice", "default": "sum", "choices": ["sum", "max", "L2"],
               "help": "how three colours become one number"},
    "squared": {"name": "squared", "kind": "switch", "default": False, "help": "square every gradient"},
    "layer": {"name": "layer", "kind": "layer", "default": None,
              "help": "where activations are weighed; by default the last convolution"},
    "patch": {"name": "patch", "kind": "integer", "default": 16, "low": 1, "high": 64,
              "unit": "pixels", "help": "side of the covered square"},
}  # fmt: skip

METHODS = [
    ("Saliency", "Saliency", "Gradient", "How much the score changes when one pixel changes a little.", ["reduce"], "speckle"),
    ("InputXGradient", "Gradient × input", "Gradient", "The score's first-order share of every pixel.", [], "edges"),
    ("IntegratedGradients", "Integrated gradients", "Gradient", "Share the change in score among the pixels by adding up gradients on the way from a baseline.", ["steps", "baseline"], "mixed"),
    ("SmoothGrad", "SmoothGrad", "Gradient", "The gradient averaged over noisy copies of the picture.", ["samples", "noise", "squared"], "edges"),
    ("GuidedBackprop", "Guided backprop", "Gradient", "Gradients that only positive evidence may pass.", [], "edges"),
    ("Occlusion", "Occlusion", "Perturbation", "Cover one patch at a time and record how far the class score drops.", ["patch", "baseline"], "patch"),
    ("GradCAM", "Grad-CAM", "Class activation", "Which places of the last feature map speak for the class.", ["layer"], "blob"),
    ("Random", "Random map", "Control", "Noise: what any explanation has to beat.", [], "noise"),
    ("DeepLIFT", "DeepLIFT", "Gradient", "Differences from a reference, carried back layer by layer.", ["baseline"], "mixed"),
    ("InteriorGradients", "Interior gradients", "Gradient", "Gradients at points on the way from the baseline.", ["steps"], "mixed"),
    ("Edges", "Edge detector", "Control", "Edges of the picture; knows nothing of the network.", [], "edges"),
]  # fmt: skip


def method_card(row: tuple) -> dict:
    name, title, family, blurb, knobs, _ = row
    return {"name": name, "title": title, "family": family, "blurb": blurb, "source": "",
            "knobs": [KNOBS[knob] for knob in knobs]}  # fmt: skip


def answer(place: Scenery, row: tuple, target: str, index: int, flip: float, request: int) -> dict:
    name, kind = row[0], row[5]
    values = place.evidence(kind, flip)
    result = {
        "kind": "heatmap", "request": request, "target": target, "input": index,
        "map": map_array(values), "low": float(values.min()), "high": float(values.max()),
        "total": float(values.sum()), "seconds": round(0.02 + 0.4 * place.rng.random(), 3),
        "forwards": 32, "backwards": 32, "facts": [], "warnings": [],
    }  # fmt: skip
    if name == "IntegratedGradients":
        result["facts"] = ["completeness gap 0.2 %"]
        result["frames"] = [
            {"label": f"α {a:.2f}", "map": map_array(values * a + place.evidence("speckle", flip))}
            for a in np.linspace(0, 1, 7)
        ]
    if name == "SmoothGrad":
        error = np.abs(blur(place.evidence("noise", flip), 2.0)) + 0.1 * np.abs(values)
        result["error"] = map_array(error)
        result["facts"] = ["standard error 3.1 %"]
        result["warnings"] = ["More samples would still move 4 % of the pixels."]
    return result


def build() -> dict:
    places = [Scenery(seed) for seed in range(12)]
    strip = []
    for i, place in enumerate(places):
        truth = CLASSES[i % 5]
        predicted = CLASSES[5] if i == 7 else CLASSES[(i + (i % 4 == 3)) % 5]
        strip.append({
            "name": f"scene_{i:04d}.png", "thumb": picture_array(place.rgb[::4, ::4]), "truth": truth,
            "predicted": predicted, "right": predicted == truth,
        })  # fmt: skip

    def scene(i: int) -> dict:
        place, rng = places[i], np.random.default_rng(i)
        p = np.sort(rng.dirichlet(np.full(6, 0.45)))[::-1]
        order = [CLASSES.index(strip[i]["predicted"])]
        order += [k for k in range(6) if k not in order]
        return {
            "index": i, "name": strip[i]["name"], "picture": picture_array(place.rgb),
            "predictions": [
                {"index": k, "name": CLASSES[k], "probability": float(p[j]), "logit": float(8 - 2 * j)}
                for j, k in enumerate(order)
            ],
            "truth": strip[i]["truth"],
            "masks": [{"name": "object", "mask": picture_array(place.mask.astype("u1"))}],
            "note": "Absent picture scores 0.03.",
        }  # fmt: skip

    rows = METHODS[:8]
    panels = [
        {"id": f"p{k}", "slot": k, "method": row[0], "title": row[1], "blurb": row[3],
         "pinned": False, "settings": {knob: KNOBS[knob]["default"] for knob in row[4]},
         "knobs": [KNOBS[knob] for knob in row[4]]}
        for k, row in enumerate(rows)
    ]  # fmt: skip

    def patch(i: int, indices: list[int], first: bool = False) -> dict:
        label = " − ".join(CLASSES[k] for k in indices)
        traits: dict = {"scene": scene(i), "target": {"label": label, "indices": indices}}
        flip = 0.7 if len(indices) == 2 else 0.15
        status = {}
        for k, row in enumerate(rows):
            state = {"status": "done", "request": 1, "progress": 1.0, "message": ""}
            traits[f"slot_{k:02d}"] = answer(places[i], row, label, i, flip, 1)
            if first and row[0] == "GuidedBackprop":
                state = {"status": "running", "request": 2, "progress": 0.42, "message": ""}
            if first and row[0] == "Occlusion":
                traits[f"slot_{k:02d}"] = {}
                state = {"status": "running", "request": 1, "progress": 0.18, "message": ""}
            if first and row[0] == "GradCAM":
                traits[f"slot_{k:02d}"] = {}
                state["status"] = "error"
                state["message"] = (
                    "This network has no convolution for Grad-CAM to weigh. "
                    "Occlusion works on any network."
                )
            status[f"p{k}"] = state
        return {**traits, "status": status}

    start = [strip[0]["predicted"]]
    first = patch(0, [CLASSES.index(start[0])], first=True)
    library = {}
    for i, indices in ((0, [0]), (0, [1]), (0, [0, 1]), (1, [1]), (7, [5])):
        library[f"{i}|{','.join(map(str, indices))}"] = patch(i, indices)
    library.pop("0|0")
    state = {
        "_kind": "compare",
        "about": {
            "version": "0", "title": "ShapeScenes CNN", "live": True, "classes": CLASSES,
            "methods": [method_card(row) for row in METHODS],
            "layers": ["conv1", "layer1.0.conv2", "layer2.0.conv2", "layer3.1.conv2", "layer4.1.conv2"],
            "colour_maps": [colour_map(name) for name in STOPS],
        },
        "strip": strip, "panels": panels, "region": {}, "notice": {"message": ""},
        "display": {"colour_map": "RdBu", "sign": "signed", "scaling": "panel", "clip": 99.5,
                    "opacity": 0.85, "smoothing": 0.0, "keep": 100.0, "contour": 0.0,
                    "box": 0.0,
                    "truth": False, "error": False},
        "_code": "import xaiwidgets as xw\n\nxw.compare(model, image, target='cross')\n",
        **{f"slot_{k:02d}": {} for k in range(24)}, **first,
    }  # fmt: skip
    return {"state": state, "library": library}


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>xaiwidgets fixture</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline';
 script-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width"><style>
:root {{ color-scheme: light dark; }} body {{ margin: 16px; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #111; }} }}
{css}</style></head><body><div data-bundle="widget"></div>
<script type="application/json" class="xw-state">{state}</script>
<script>{script}</script></body></html>
"""


def page(saved: dict) -> str:
    state = json.dumps(saved).replace("<", "\\u003c").replace("\u2028", "").replace("\u2029", "")
    css = (STATIC / "widget.css").read_text(encoding="utf-8")
    script = (STATIC / "offline.js").read_text(encoding="utf-8").replace("</script", "<\\/script")
    return PAGE.format(css=css, state=state, script=script)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--dead", action="store_true", help="as an exported page, without a kernel")
    parser.add_argument("--done", action="store_true", help="every panel has its answer")
    options = parser.parse_args()
    saved = build()
    if options.dead:
        saved["state"]["about"]["live"] = False
    if options.done:
        full = Scenery(0)
        for panel in saved["state"]["panels"]:
            slot = f"slot_{panel['slot']:02d}"
            row = METHODS[panel["slot"]]
            if not saved["state"][slot]:
                saved["state"][slot] = answer(full, row, "cross", 0, 0.15, 1)
            saved["state"]["status"][panel["id"]] = {
                "status": "done", "request": 1, "progress": 1.0, "message": ""}  # fmt: skip
    options.path.write_text(page(saved), encoding="utf-8")


if __name__ == "__main__":
    main()
