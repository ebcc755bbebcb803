"""Concepts on an exported page: everything that needs no network works from the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.driving import ink, painted
from playwright.sync_api import Browser, Page, expect

import xaiwidgets as xw
from xaiwidgets import zoo

LIKENESS = ".xw-one .xw-under"


def draw(count: int, seed: int, **held: str) -> list:
    return [scene.image for scene in zoo.ShapeScenes(count, size=96, seed=seed, **held)]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ideas = {
        "cross": draw(24, 1, shape="cross"), "disc": draw(24, 2, shape="disc"),
        "red": draw(24, 3, colour="red"), "any": draw(24, 77),
    }  # fmt: skip
    widget = xw.concepts(
        zoo.subject("shapes"), draw(16, 9, shape="cross") + draw(16, 10), "cross", concepts=ideas,
        random=draw(16 * 24, 4), layers=["relu3", "conv4"], tcav=xw.TCAV(size=24),
    )  # fmt: skip
    masks = {i: scene.masks["object"] for i, scene in enumerate(
        zoo.ShapeScenes(4, size=96, seed=9, shape="cross"))}  # fmt: skip
    widget.wait().brush("brushed", masks).wait()
    written = widget.to_html(tmp_path_factory.mktemp("concepts") / "page.html")
    widget.close()
    return written


@pytest.fixture(scope="module")
def tab(browser: Browser, watched) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1300, "height": 1200}, offline=True)
    yield watched(context.new_page()).page
    context.close()


@pytest.fixture
def page(tab: Page, path: Path) -> Page:
    tab.goto(path.as_uri())
    expect(tab.locator(".xw-cell")).to_have_count(10)
    painted(tab)
    return tab


def test_every_cell_can_be_chosen_and_brings_its_order_and_its_maps(page):
    seen = []
    for cell in page.locator(".xw-cell").all():
        cell.click()
        expect(cell).to_have_attribute("aria-pressed", "true")
        painted(page)
        seen.append(tuple(ink(page, ".xw-one .xw-over-picture")))
    assert len(set(seen)) == 10


def test_order_measure_and_map_need_no_kernel(page):
    before = page.locator(LIKENESS).all_inner_texts()
    page.get_by_label("Order of the pictures").select_option("slope")
    assert page.locator(LIKENESS).all_inner_texts() != before
    assert page.locator(LIKENESS).last.inner_text() == "–", "not a picture of the class"
    page.get_by_role("button", name="How many").click()
    expect(page.locator(".xw-value").first).to_contain_text("%")
    page.get_by_role("button", name="Map", exact=True).click()
    expect(page.locator(".xw-canvas .xw-over-picture")).to_be_hidden()


def test_a_picture_can_be_looked_at_closely(page):
    before = ink(page, ".xw-canvas > canvas:first-child")
    page.locator(".xw-one").nth(5).click()
    expect(page.locator(".xw-one").nth(5)).to_have_attribute("aria-pressed", "true")
    painted(page)
    assert ink(page, ".xw-canvas > canvas:first-child") != before


def test_what_needs_a_kernel_is_not_offered_and_the_code_is(page):
    expect(page.get_by_text("This page has no kernel")).to_be_visible()
    for name in ("Lasso", "Brush"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name="Remove the concept")).to_have_count(0)
    expect(page.get_by_label("Class")).to_have_count(0)
    page.get_by_role("button", name="Copy as Python").click()
    expect(page.locator('.xw-code, .xw-button:has-text("Copied")')).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 760, 1300])
def test_the_page_fits_its_width_in_light_and_dark(page, picture_of, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 1200})
    painted(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.locator(".xw-root")).to_have_attribute("data-theme", scheme)
    picture_of(page, f"concepts-{width}-{scheme}")
