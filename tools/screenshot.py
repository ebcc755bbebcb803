"""Take the README's pictures of the demo, light and dark: python tools/screenshot.py"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import captum.attr  # noqa: F401  (loaded now, or it counts among the seconds on the picture)
import numpy as np
from playwright.sync_api import sync_playwright

import xaiwidgets as xw
from xaiwidgets import zoo

IMAGES = Path(__file__).parents[1] / "docs" / "images"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def page(folder: Path) -> Path:
    """The widget of the README on a page: two objects, and what speaks for one
    rather than the other."""
    scenes = zoo.ShapeScenes(8, size=96, seed=24, objects=2)
    chosen = [scenes[i] for i in range(8)]
    empty = np.zeros((96, 96))
    widget = xw.compare(
        zoo.subject("shapes"),
        [scene.image for scene in chosen],
        target=xw.Contrast("triangle", "ring"),
        masks=[{"triangle": scene.masks.get("shape:triangle", empty)} for scene in chosen],
        methods=[
            xw.Saliency(), xw.SmoothGrad(), xw.IntegratedGradients(), xw.DeepLift(),
            xw.GuidedBackprop(), xw.GradCam(), xw.Occlusion(patch=12, stride=4), xw.EdgeDetector(),
        ],
        display={"truth": True},
        trust=True,
    )  # fmt: skip
    return widget.to_html(folder / "page.html", every_input=False)


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    browser = os.environ.get("XAIWIDGETS_CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        address = page(Path(folder)).as_uri()
        chromium = play.chromium.launch(executable_path=browser, args=FLAGS)
        for scheme in ("light", "dark"):
            tab = chromium.new_page(
                viewport={"width": 1360, "height": 900}, color_scheme=scheme, device_scale_factor=1
            )
            tab.goto(address)
            tab.wait_for_timeout(1000)
            tab.screenshot(path=IMAGES / f"compare-{scheme}.png", full_page=True)
        chromium.close()


if __name__ == "__main__":
    main()
