"""Units in a real JupyterLab and in exported pages: searched, counted, looked through."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.driving import Notebook, Watch, ink, painted
from playwright.sync_api import Browser, Locator, Page, expect

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.widgets.export import write_pages

SHOW = """
if w is not None: w.close()
w = xw.dissect(subject, zoo.ShapeScenes(24, size=96, seed=2), ["conv1", "conv4"], top=4)
w
"""


def cards(root: Page | Locator) -> Locator:
    return root.locator(".xw-unit")


def test_units_are_found_in_the_background_and_chosen_by_mouse_and_keys(
    lab: Notebook, picture_of
) -> None:
    lab.run(SHOW, cell=1)
    root = lab.view()
    lab.run("w.wait()\nNone")
    expect(cards(root).first).to_be_visible()
    assert "empty" not in ink(root, ".xw-unit .xw-tile")
    cards(root).nth(3).click()
    expect(root.get_by_role("heading", name="Unit 3 of conv1")).to_be_visible()
    assert lab.ask("list(w.selected)") == ["conv1", 3]
    root.locator(".xw-units").focus()
    lab.page.keyboard.press("ArrowRight")
    expect(root.get_by_role("heading", name="Unit 4 of conv1")).to_be_visible()
    root.get_by_label("Layer").select_option("1")
    expect(root.get_by_text("128 of 128 units")).to_be_visible()
    root.locator(".xw-units").focus()
    lab.page.keyboard.press("End")
    expect(cards(root).last).to_contain_text("127")
    expect(root.get_by_role("heading", name="Unit 127 of conv4")).to_be_visible()
    picture_of(lab.page, "lab-dissect")


def test_work_on_units_is_cancelled_and_a_mistake_is_said(lab: Notebook) -> None:
    lab.run(SHOW.replace("zoo.ShapeScenes(24", "zoo.ShapeScenes(200000"), cell=1)
    root = lab.view()
    expect(root.get_by_role("progressbar")).to_be_visible()
    root.get_by_role("button", name="Cancel").click()
    expect(root.get_by_role("alert")).to_have_text("Cancelled.")
    lab.run(SHOW.replace("conv4", "conv9"), cell=1)
    expect(lab.view().get_by_role("alert")).to_contain_text("No layer is called 'conv9'")


# --- without a kernel --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    subject = zoo.subject("shapes")
    scenes = zoo.ShapeScenes(24, size=96, seed=2)
    w = xw.dissect(subject, scenes, ["conv1", "conv4"], top=4)
    other = xw.compare(subject, scenes[0].image, methods=[xw.Saliency()])
    path = tmp_path_factory.mktemp("units") / "page.html"
    write_pages([w, other], path, title="both")
    for each in (w, other):
        each.close()
    return path


@pytest.fixture(scope="module")
def watch(browser: Browser, watched) -> Iterator[Watch]:
    context = browser.new_context(viewport={"width": 1300, "height": 1000}, offline=True)
    page = context.new_page()
    page.route(re.compile("^(?!file:|data:|about:)"), lambda route: route.abort())
    yield watched(page)
    context.close()


@pytest.fixture
def page(watch: Watch, exported: Path) -> Page:
    watch.page.goto(exported.as_uri())
    expect(cards(watch.page).first).to_be_visible()
    painted(watch.page)
    return watch.page


def test_a_page_holds_widgets_of_both_bundles(page: Page) -> None:
    expect(page.locator(".xw-root")).to_have_count(2)
    expect(page.locator(".xw-panel")).to_have_count(1)
    expect(page.locator(".xw-detail")).to_have_count(1)
    assert "empty" not in ink(page)


def test_units_are_searched_and_browsed_without_a_kernel(page: Page) -> None:
    page.get_by_label("Layer").select_option("1")
    page.get_by_label("Search units").fill("77")
    expect(cards(page)).to_have_count(1)
    cards(page).click()
    expect(page.get_by_role("heading", name="Unit 77 of conv4")).to_be_visible()
    masked = ink(page, ".xw-tops .xw-tile")
    page.get_by_role("button", name="Bare").click()
    painted(page)
    assert ink(page, ".xw-tops .xw-tile") != masked
    other = page.locator(".xw-near button").first
    number = other.inner_text().split()[0]
    other.click()
    expect(page.get_by_role("heading", name=f"Unit {number} of conv4")).to_be_visible()
    page.get_by_label("Search units").fill("")
    pictures = ink(page, ".xw-unit .xw-tile")
    page.get_by_role("button", name="Filters").click()
    painted(page)
    assert ink(page, ".xw-unit .xw-tile") != pictures
    page.get_by_role("button", name="Likeness").click()
    points = page.locator(".xw-plane button")
    assert points.count() > 100
    points.nth(5).click(force=True)
    expect(points.and_(page.locator("[aria-pressed=true]"))).to_have_count(1)


def test_only_cards_in_sight_are_on_the_page_and_scrolling_brings_others(page: Page) -> None:
    page.get_by_label("Layer").select_option("1")
    assert cards(page).count() < 60
    page.locator(".xw-units").evaluate("e => { e.scrollTop = e.scrollHeight; }")
    expect(cards(page).last).to_contain_text("127")
    assert cards(page).count() < 60


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 760, 420])
def test_units_fit_wide_and_narrow_in_light_and_dark(
    page: Page, theme: str, width: int, picture_of
) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 1000})
    try:
        root = page.locator(".xw-root").first
        page.get_by_label("Layer").select_option("1")
        cards(page).nth(5).click()
        painted(page)
        assert root.evaluate("e => e.scrollWidth - e.clientWidth") <= 1
        picture_of(page, f"units-{theme}-{width}")
    finally:
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1300, "height": 1000})
