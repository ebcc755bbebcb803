"""Concepts on an exported page: everything that needs no network works from the file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser.driving import ink, number, painted
from playwright.sync_api import Page, expect

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


def across(spot) -> float:
    """What a picture's words say of its place across."""
    return number(re.search(r"across (\S+),", spot.get_attribute("aria-label"))[1])


def test_pictures_lie_in_a_plane_of_two_concepts(page):
    page.get_by_role("button", name="In a plane").click()
    spots = page.locator(".xw-ground > button")
    expect(spots).to_have_count(32)
    expect(page.locator(".xw-ground > .xw-zero")).to_have_count(2)
    told = [across(spot) for spot in spots.all()]
    lefts = [spot.bounding_box()["x"] for spot in spots.all()]
    assert sorted(range(32), key=lefts.__getitem__) == sorted(range(32), key=told.__getitem__)
    assert min(told) < 0 < max(told)
    zero = page.locator(".xw-ground > .xw-zero:not(.xw-level)").bounding_box()["x"]
    half = spots.first.bounding_box()["width"] / 2
    for left, value in zip(lefts, told, strict=True):
        assert abs(left + half - zero) < 2 or (left + half > zero) == (value > 0)

    page.get_by_label("Axis upwards").select_option(label="score towards cross at conv4")
    expect(page.locator(".xw-upwards")).to_have_text(
        "change of the logit of cross per unit towards cross at conv4"
    )
    few = spots.count()
    assert few < 32
    expect(page.get_by_text(f"Of 32 pictures {few} were asked")).to_be_visible()


def test_a_picture_in_the_plane_tells_its_values_by_pointer_and_by_keys(page):
    page.get_by_role("button", name="In a plane").click()
    spots = page.locator(".xw-ground > button")
    expect(page.locator(".xw-hint")).to_have_count(0)
    spots.last.hover()
    words = spots.last.get_attribute("aria-label")
    for value in re.findall(r"(?:across|upwards) (\S+?)(?:,|$)", words):
        expect(page.locator(".xw-hint")).to_contain_text(value)
    page.mouse.move(2, 2)
    expect(page.locator(".xw-hint")).to_have_count(0)
    page.locator('.xw-ground > button[tabindex="0"]').focus()
    focused = page.locator(".xw-ground > button:focus")
    for _ in range(32):
        page.keyboard.press("ArrowLeft")
    way = [across(focused)]
    for _ in range(31):
        page.keyboard.press("ArrowRight")
        way.append(across(focused))
    assert sorted(way) == way == sorted(across(spot) for spot in spots.all())
    expect(page.locator(".xw-hint")).to_be_visible()
    before = ink(page, ".xw-canvas > canvas:first-child")
    page.keyboard.press("Space")
    expect(focused).to_have_attribute("aria-pressed", "true")
    painted(page)
    assert ink(page, ".xw-canvas > canvas:first-child") != before


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 760, 1300])
def test_the_page_fits_its_width_in_light_and_dark(page, picture_of, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 1200})
    painted(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.locator(".xw-root")).to_have_attribute("data-theme", scheme)
    picture_of(page, f"concepts-{width}-{scheme}")
    page.get_by_role("button", name="In a plane").click()
    page.locator(".xw-ground > button").nth(3).focus()
    painted(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    picture_of(page, f"concepts-plane-{width}-{scheme}")
