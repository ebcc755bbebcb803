"""Several widgets on one page: the style that came last undoes nothing of another's."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser.driving import painted
from playwright.sync_api import Page

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.widgets.view import STATIC

OWN = {"compare": "widget", "concepts": "inside", "dissect": "inside", "lesson": "lesson"}
DIFFERING = """([still, others]) => {
    const nodes = [...document.querySelectorAll('.xw-root, .xw-root *')];
    const dressed = (styles) => {
        document.adoptedStyleSheets = styles.map((css) => {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync(css);
            return sheet;
        });
        return nodes.flatMap((node) => ['', '::before', '::after'].map((part) => {
            const style = getComputedStyle(node, part || null);
            const named = `${node.tagName.toLowerCase()}.${node.getAttribute('class')}${part}`;
            if (part && style.content === 'none') return [named, {}];
            return [named, Object.fromEntries([...style].map((one) => [one, style[one]]))];
        }));
    };
    const [before, after] = [dressed([still]), dressed([...others, still])];
    const found = before.flatMap(([named, was], i) => {
        const now = after[i][1];
        return Object.keys({ ...was, ...now })
            .filter((one) => was[one] !== now[one])
            .map((one) => `${named} ${one}: ${was[one]} → ${now[one]}`);
    });
    return [nodes.length, found];
}"""
"""How many elements there are, and what looks otherwise where other styles come last."""
STILL = "*, ::before, ::after { transition: none !important; animation: none !important; }"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("styles")
    subject, scenes = zoo.subject("shapes"), list(zoo.ShapeScenes(8, size=96, seed=3))
    images = [scene.image for scene in scenes]
    masks = [{"object": scene.masks["object"]} for scene in scenes]
    crosses = [s.image for s in zoo.ShapeScenes(12, size=96, seed=1, shape="cross")]
    others = [s.image for s in zoo.ShapeScenes(36, size=96, seed=2)]
    methods = [xw.LRP(), xw.IntegratedGradients(steps=8), xw.SmoothGrad(samples=4)]
    made = {
        "compare": xw.compare(
            subject, images[:3], methods=methods, masks=masks[:3], masking={"share": 20}, trust=True
        ),
        "concepts": xw.concepts(
            subject, images, "cross", concepts={"cross": crosses}, random=others,
            layers=["relu3", "conv4"], tcav=xw.TCAV(size=12),
        ),
        "dissect": xw.dissect(subject, zoo.ShapeScenes(16, size=96, seed=4), ["conv4"], top=4),
        "lesson": xw.predict(subject, images[:2], methods=methods, masks=masks[:2]),
    }  # fmt: skip
    written = {name: w.wait().to_html(folder / f"{name}.html") for name, w in made.items()}
    for widget in made.values():
        widget.close()
    return written


def differing(page: Page, others: list[str]) -> list[str]:
    """What looks otherwise where the styles of other widgets come last."""
    elements, found = page.evaluate(DIFFERING, [STILL, others])
    assert elements > 50
    return found


@pytest.mark.parametrize("name", OWN)
def test_a_widget_looks_the_same_with_the_others_styles_after_its_own(tab, pages, name):
    bundles = {*OWN.values()} - {OWN[name]}
    others = [(STATIC / f"{bundle}.css").read_text() for bundle in sorted(bundles)]
    tab.goto(pages[name].as_uri())
    painted(tab)
    changed = differing(tab, others)
    opening = tab.locator("button[aria-expanded=false]:visible")
    for number in range(opening.count()):
        button = tab.locator("button[aria-expanded]:visible").nth(number)
        button.click()
        changed += differing(tab, others)
        tab.keyboard.press("Escape")
    assert sorted({*changed}) == []
