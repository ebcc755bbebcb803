"""The gallery: live pages, exported by the widgets from data and networks that come with the
package, each with a title and a sentence: python -m tools.gallery FOLDER [NAME ...]"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from PIL import Image
from playwright.sync_api import Browser, ViewportSize

import xaiwidgets as xw
from benchmarks.networks import import_torchvision
from tools import blocks
from xaiwidgets import zoo
from xaiwidgets.widgets.view import PicturedView

DOCS = Path(__file__).parents[1] / "docs"
SIDE = 96
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
VIEW: ViewportSize = {"width": 1120, "height": 700}
THUMB = (640, 400)


class Entry(NamedTuple):
    """A page: its name, its title, a sentence, and what makes its widget."""

    name: str
    title: str
    sentence: str
    make: Callable[[], PicturedView]


ENTRIES: list[Entry] = []


def entry(title: str, sentence: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Put what a function makes into the gallery, under the function's name."""

    def add(make: Callable[[], Any]) -> Callable[[], Any]:
        ENTRIES.append(Entry(make.__name__, title, sentence, make))
        return make

    return add


def scenes(count: int, seed: int, **held: Any) -> list[zoo.Scene]:
    """Drawn scenes, of which it is known where what lies."""
    return list(zoo.ShapeScenes(count, size=SIDE, seed=seed, **held))


def images(count: int, seed: int, **held: Any) -> list[Any]:
    """Their pictures alone."""
    return [scene.image for scene in scenes(count, seed, **held)]


def lesson(call: Callable[..., PicturedView], *methods: Any, **more: Any) -> PicturedView:
    """A lesson on three scenes of which it is known where the object lies."""
    drawn = scenes(3, 24)
    return call(
        zoo.subject("shapes"),
        [scene.image for scene in drawn],
        methods=[*methods],
        masks=[scene.masks["object"] for scene in drawn],
        **more,
    )


@entry(
    "Which pixels speak for this class?",
    "Six methods side by side under one crosshair, each with badges that say whether it can be "
    "trusted.",
)
def compare() -> PicturedView:
    """With badges, which are the slow part: two pictures."""
    drawn = scenes(2, 24)
    methods = [
        xw.Saliency(), xw.SmoothGrad(samples=24), xw.IntegratedGradients(), xw.GuidedBackprop(),
        xw.GradCam(), xw.EdgeDetector(),
    ]  # fmt: skip
    return xw.compare(
        zoo.subject("shapes"),
        [scene.image for scene in drawn],
        truths=[scene.label for scene in drawn],
        masks=[{"object": scene.masks["object"]} for scene in drawn],
        methods=methods,
        trust=True,
    )


@entry(
    "This one rather than that one",
    "Two objects in a picture, and the contrast of their classes: what speaks for the triangle and "
    "against the ring.",
)
def contrast() -> PicturedView:
    """LRP's kin beside what cannot tell the two apart."""
    drawn = zoo.ShapeScenes(8, size=SIDE, seed=24, objects=2)
    methods = [xw.DeepLift(), xw.GradCam(relu=False), xw.LRP(preset="ε"), xw.DeepTaylor()]
    return xw.compare(
        zoo.subject("shapes"),
        [drawn[0].image],
        target=xw.Contrast("triangle", "ring"),
        methods=methods,
    )


@entry(
    "Why did it misread this digit?",
    "Real handwritten digits that the network never saw, those that it gets wrong first.",
)
def digits() -> PicturedView:
    """The demo's digits, a few of them."""
    from xaiwidgets.demo import handwritten_digits

    return handwritten_digits(6)


@entry(
    "Predict, then look",
    "Mark the region that you expect to matter, by boxes or brush; then the maps are revealed, "
    "with what they share with it.",
)
def predict() -> PicturedView:
    """With a control that knows nothing of the network."""
    methods = xw.Saliency(), xw.IntegratedGradients(), xw.GradCam(), xw.EdgeDetector()
    return lesson(xw.predict, *methods)


@entry(
    "Which map would you trust?",
    "The methods are hidden behind letters until you have voted, and two controls are among them.",
)
def blind() -> PicturedView:
    """The same scenes, names hidden."""
    return lesson(xw.blind, xw.Saliency(), xw.IntegratedGradients(), xw.GradCam(), seed=7)


@entry(
    "Hide what the map calls important",
    "Drag the slider: the top of every map goes, and the class score answers, beside pixels drawn "
    "by lot.",
)
def masking() -> PicturedView:
    """With the curves drawn, which stand in for a kernel."""
    methods = [xw.Saliency(), xw.SmoothGrad(samples=24), xw.GradCam(), xw.RandomMap()]
    widget = xw.masking(zoo.subject("shapes"), images(1, 3), methods=methods, share=20)
    widget.wait().masking.draw_curves()
    return widget


@entry(
    "Let the network forget",
    "Switch its blocks off, one after the other: a map that stays the same was not about the "
    "network.",
)
def sanity() -> PicturedView:
    """Guided backprop stays, the gradient goes."""
    methods = [xw.Saliency(), xw.GuidedBackprop(), xw.GradCam(), xw.EdgeDetector()]
    return xw.sanity(zoo.subject("shapes"), images(1, 24), methods=methods, draws=2)


@entry(
    "Does it stay when the picture gets noise?",
    "More and more noise on the input: does the map let go before the answer does?",
)
def stability() -> PicturedView:
    """Two that calm themselves, two that do not."""
    methods = [xw.Saliency(), xw.SmoothGrad(samples=16), xw.GradCam(), xw.LRP()]
    return xw.stability(zoo.subject("shapes"), images(1, 3), methods=methods)


@entry(
    "What does the baseline do?",
    "Integrated gradients and DeepLIFT with every idea of an absent pixel, as a filmstrip.",
)
def baselines() -> PicturedView:
    """One setting through all its values."""
    methods = [xw.IntegratedGradients(), xw.DeepLift()]
    return xw.sweep(zoo.subject("shapes"), images(1, 24), setting="baseline", methods=methods)


@entry(
    "Where did the score go?",
    "Open “Flow” under a map of LRP: every layer with its rule, what biases took, and the "
    "relevance at any depth.",
)
def flow() -> PicturedView:
    """Three presets."""
    methods = [xw.LRP(), xw.LRP(preset="ε"), xw.LRP(preset="γ-box")]
    return xw.compare(zoo.subject("shapes"), images(1, 5), methods=methods)


@entry(
    "Which words decided?",
    "A small BERT reads sentences whose class one word decides; every method should find it.",
)
def text() -> PicturedView:
    """The network that docs/text.md trains in seconds."""
    subject = blocks.run(DOCS / "text.md", last=2)["subject"]
    texts = ["we saw a splendid film with friends", "the meal was really dreadful"]
    methods = [xw.LRP(), xw.IntegratedGradients(), xw.Occlusion(), xw.AttentionRollout()]
    return xw.compare(subject, texts, methods=methods)


@entry(
    "Which columns decided?",
    "A random forest on breast-cancer data, three rows: Shapley values, LIME, anchors, each column "
    "with its value.",
)
def table() -> PicturedView:
    """The forest of docs/tables.md."""
    known = blocks.run(DOCS / "tables.md", last=1)
    data = known["cancer"].data[:3]
    methods = [xw.KernelShap(samples=500), xw.LIME(samples=500), xw.Occlusion()]
    return xw.compare(known["subject"], data, methods=methods)


@entry(
    "What do the units detect?",
    "Every unit of three layers against every concept: move the limit, search, look closely.",
)
def dissect() -> PicturedView:
    """The zoo's network, with pixel-exact concepts."""
    widget = xw.dissect(
        zoo.subject("shapes"), zoo.ShapeScenes(60, size=SIDE, seed=7), ["conv1", "relu3", "relu4"]
    )
    return widget.wait()


@entry(
    "Which idea does it go by?",
    "TCAV with a test that chance does not pass: crosses, discs and colours, and where in the "
    "pictures each idea lies.",
)
def concepts() -> PicturedView:
    """Four ideas on two layers."""
    ideas = {
        "cross": images(24, 1, shape="cross"), "disc": images(24, 2, shape="disc"),
        "red": images(24, 3, colour="red"), "any": images(24, 77),
    }  # fmt: skip
    widget = xw.concepts(
        zoo.subject("shapes"), images(8, 9, shape="cross") + images(8, 10), "cross",
        concepts=ideas, random=images(16 * 24, 4), layers=["relu3", "conv4"],
        tcav=xw.TCAV(size=24),
    )  # fmt: skip
    return widget.wait()


def make(folder: Path, only: Sequence[str] = ()) -> None:
    """Every page, or some, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    import_torchvision()  # transformers asks for it
    torch.manual_seed(0)
    np.random.seed(0)
    for one in ENTRIES:
        if not only or one.name in only:
            widget = one.make()
            widget.wait()
            widget.to_html(folder / f"{one.name}.html")
            widget.close()


def photograph(browser: Browser, folder: Path, schemes: Sequence[Scheme] = SCHEMES) -> None:
    """A thumbnail beside every page of a folder, of what it shows when it opens."""
    for scheme in schemes:
        tab = browser.new_page(viewport=VIEW, color_scheme=scheme)
        for page in sorted(folder.glob("*.html")):
            tab.goto(page.as_uri())
            tab.wait_for_timeout(500)
            taken = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
            small = taken.resize(THUMB, Image.Resampling.LANCZOS)
            small.save(folder / f"{page.stem}-{scheme}.webp")
        tab.close()


def cards() -> str:
    """What the site's page shows of every page: a link with thumbnail, title and sentence."""
    return "\n".join(['<div class="gallery">', *map(_card, ENTRIES), "</div>"])


def _card(one: Entry) -> str:
    return (
        f'<a class="card" href="gallery/{one.name}.html"><picture>'
        f'<source media="(prefers-color-scheme: dark)" srcset="gallery/{one.name}-dark.webp">'
        f'<img src="gallery/{one.name}-light.webp" width="{THUMB[0]}" height="{THUMB[1]}" '
        f'loading="lazy" alt="The page “{one.title}” as it opens"></picture>'
        f"<strong>{one.title}</strong><span>{one.sentence}</span></a>"
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]), sys.argv[2:])
