"""Masking on an exported page: masks from the browser alone, scores off the curves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browser.driving import ink, painted
from playwright.sync_api import Page, expect

import xaiwidgets as xw
from xaiwidgets import zoo

UNDER = ".xw-panel .xw-picture"
METHODS = ["Saliency", "GradCam"]
TAB = {"viewport": {"width": 1200, "height": 1300}, "has_touch": True}


@pytest.fixture(scope="module")
def widget() -> Iterator[xw.Compare]:
    scenes = zoo.ShapeScenes(2, size=96, seed=3)
    made = xw.masking(
        zoo.subject("shapes"),
        [scenes[i].image for i in range(2)],
        methods=[xw.Saliency(), xw.GradCam()],
        share=20,
    ).wait()
    yield made
    made.close()


@pytest.fixture(scope="module")
def pages(widget, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("masks")
    plain = widget.to_html(folder / "plain.html")
    widget.masking.draw_curves()
    widget.wait().select(1).masking.draw_curves()
    widget.wait().select(0).wait()
    return {"plain": plain, "curves": widget.to_html(folder / "curves.html")}


@pytest.fixture
def page(tab: Page, pages) -> Page:
    return opened(tab, pages["curves"])


def opened(tab: Page, path: Path) -> Page:
    tab.goto(path.as_uri())
    expect(tab.locator(".xw-panel")).to_have_count(2)
    painted(tab)
    return tab


def shown(page: Page) -> list[list[float]]:
    """Percentages that each panel says: whole, masked, random."""
    return page.locator(".xw-panel .xw-score").evaluate_all(
        "all => all.map(e => [...e.textContent.matchAll(/([\\d.]+) %/g)].map(m => +m[1]))"
    )


def slide(page: Page, share: float) -> None:
    page.get_by_role("slider", name="Share of pixels").fill(str(share))
    painted(page)


def test_masks_move_offline_in_every_mode(page):
    seen = [ink(page, UNDER)]
    for mode in ("Keep", "Reveal", "Remove"):
        page.get_by_role("button", name=mode, exact=True).first.click()
        slide(page, 45)
        seen.append(ink(page, UNDER))
    assert len({tuple(one) for one in seen}) == 4
    slide(page, 20)
    assert ink(page, UNDER) == seen[0]


@pytest.mark.parametrize(
    ("mode", "kind", "share", "at"),
    [
        ("Remove", "deletion", 25, 0.25),
        ("Remove", "deletion", 26.5, 0.265),
        ("Keep", "insertion", 30, 0.7),
        ("Reveal", "insertion", 62.5, 0.625),
        ("Reveal", "insertion", 100, 1.0),
    ],
)
def test_mask_scores_offline_are_read_off_the_curves(page, widget, mode, kind, share, at):
    expect(page.locator(".xw-masking")).to_contain_text("Scores are read off the curves")
    page.get_by_role("button", name=mode, exact=True).first.click()
    slide(page, share)
    expect(page.locator(".xw-late")).to_have_count(0)
    curves = widget.curves[kind]
    control = np.interp(at, curves["random"].x, curves["random"].y.mean(0))
    for name, (whole, masked, random) in zip(METHODS, shown(page), strict=True):
        curve = curves[name]
        assert whole == pytest.approx(100 * widget.curves["deletion"][name].y[0, 0], abs=0.6)
        assert masked == pytest.approx(100 * np.interp(at, curve.x, curve.y[0]), abs=0.6)
        assert random == pytest.approx(100 * control, abs=0.6)


def test_the_sliders_that_draw_maps_are_there_when_maps_are(page):
    slides = page.locator(".xw-display .xw-slides")
    expect(slides).to_have_count(0)
    page.get_by_role("button", name="Maps", exact=True).click()
    expect(slides).to_be_visible()


def test_another_input_of_a_masked_page_is_masked_with_its_own_curves(page, widget):
    slide(page, 35)
    before = ink(page, UNDER)
    page.locator(".xw-film [role=option]").nth(1).click()
    expect(page.locator(".xw-film [role=option]").nth(1)).to_have_attribute("aria-selected", "true")
    painted(page)
    assert all(a != b for a, b in zip(before, ink(page, UNDER), strict=True))
    expect(page.locator(".xw-late")).to_have_count(0)
    widget.select(1).wait()
    curve = widget.curves["deletion"]["GradCam"]
    widget.select(0).wait()
    assert shown(page)[1][1] == pytest.approx(100 * np.interp(0.35, curve.x, curve.y[0]), abs=0.6)


def test_a_page_without_curves_masks_and_says_that_it_has_no_scores(tab, pages):
    page = opened(tab, pages["plain"])
    assert len(shown(page)) == 2, "the scores of the moment of export"
    before = ink(page, UNDER)
    slide(page, 50)
    assert all(a != b for a, b in zip(before, ink(page, UNDER), strict=True))
    expect(page.locator(".xw-panel .xw-score")).to_have_count(0)
    expect(page.locator(".xw-masking")).to_contain_text("No curves came with this page")
    expect(page.get_by_role("button", name="Curves", exact=True)).to_have_count(0)
    expect(page.locator(".xw-fill select")).to_be_disabled()


def test_the_mask_brush_paints_by_touch_and_says_that_its_score_needs_a_kernel(page):
    page.get_by_role("button", name="Brush", exact=True).click()
    scene = page.locator(".xw-scene")
    before = ink(page, ".xw-scene .xw-picture")
    box = scene.locator(".xw-stage").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)
    for kind, points in (
        ("touchStart", [(x, y)]), ("touchMove", [(x + 20, y + 50)]), ("touchEnd", []),
    ):  # fmt: skip
        session.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]},
        )
    painted(page)
    expect(page.locator(".xw-brush-bar")).to_contain_text("needs a kernel")
    touched = ink(page, ".xw-scene .xw-picture")
    assert touched != before
    scene.get_by_role("button", name="Keep", exact=True).click()
    painted(page)
    assert ink(page, ".xw-scene .xw-picture") not in (before, touched)
    scene.get_by_role("button", name="Undo").click()
    painted(page)
    assert ink(page, ".xw-scene .xw-picture") == before


def test_a_masked_page_is_handled_by_keyboard_alone(page):
    slider = page.get_by_role("slider", name="Share of pixels")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "top 20.5 % removed"
    row = page.locator(".xw-table tbody tr").nth(1)
    row.focus()
    expect(page.locator(".xw-panel").nth(1)).to_have_class("xw-panel   xw-lit")
    page.get_by_role("button", name="Maps", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".xw-panel .xw-map").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 900, 1500])
def test_a_masked_page_fits_every_width(tab, pages, picture_of, scheme, width):
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 1300})
    page = opened(tab, pages["curves"])
    page.get_by_role("button", name="Brush", exact=True).click()
    painted(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.locator(".xw-masking *, .xw-curves *, .xw-brush-bar *").evaluate_all(
        """all => all.filter((e) => {
            const box = e.getBoundingClientRect();
            const home = e.closest('.xw-box').getBoundingClientRect();
            return box.width && !e.closest('svg') && box.right > home.right + 1;
        }).map((e) => e.className)"""
    )
    assert outside == []
    picture_of(page, f"offline-mask-{scheme}-{width}")
