"""The exported page: from a file, with no network, under its own strict policy, in a sandbox."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from browser.driving import Watch, ink, number, painted
from playwright.sync_api import Browser, Locator, Page, expect

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.core.boxes import box, overlap

EVIL = "</script><img src=x onerror=window.__pwned=1>"
METHODS = ["Saliency", "SmoothGrad", "InteriorGradients", "GradCam"]


@dataclass
class Exported:
    """A page, and the widget that it was made from."""

    widget: xw.Compare
    path: Path


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    plain = zoo.subject("shapes")
    subject = xw.Subject(
        plain.model,
        mean=plain.preprocessing.mean,
        std=plain.preprocessing.std,
        size=96,
        classes=[EVIL, *plain.classes[1:]],
        title="ShapeScenes",
    )
    scenes = zoo.ShapeScenes(3, size=96, seed=3)
    widget = xw.compare(
        subject,
        [scenes[i].image for i in range(3)],
        methods=[
            xw.Saliency(), xw.SmoothGrad(samples=4), xw.InteriorGradients(), xw.GradCam(),
        ],
        truths=[*scenes.tensors(range(2))[1].tolist(), "cross"],
        masks=[{"object": scenes[i].masks["object"]} for i in range(3)],
    )  # fmt: skip
    path = widget.to_html(tmp_path_factory.mktemp("page") / "page.html")
    return Exported(widget, path)


@pytest.fixture(scope="module")
def watch(browser: Browser, watched, exported: Exported) -> Iterator[Watch]:
    context = browser.new_context(viewport={"width": 1400, "height": 1300}, offline=True)
    page = context.new_page()
    page.route(re.compile("^(?!file:|data:|about:)"), lambda route: route.abort())
    yield watched(page)
    context.close()


@pytest.fixture
def page(watch: Watch, exported: Exported) -> Page:
    watch.requests.clear()
    watch.page.goto(exported.path.as_uri())
    expect(watch.page.locator(".xw-panel")).to_have_count(4)
    painted(watch.page)
    return watch.page


def panel(page: Page, number: int) -> Locator:
    return page.locator(".xw-panel").nth(number)


def looks(page: Page) -> list[str]:
    """Every canvas of every panel, with its opacity."""
    canvases = ".xw-panel .xw-stage canvas"
    styles = page.locator(canvases).evaluate_all("all => all.map(e => e.style.opacity)")
    return [*ink(page, canvases), *styles]


# --- the page ----------------------------------------------------------------------------------


def test_the_page_works_from_a_file_and_asks_for_nothing_else(page, watch, exported):
    assert watch.requests == [exported.path.as_uri()]
    policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "unsafe-eval" not in policy
    assert "empty" not in ink(page)
    expect(page.get_by_text("This page has no kernel")).to_be_visible()


def test_the_read_outs_are_the_values_of_pythons_arrays(page, exported):
    page.locator(".xw-scene .xw-stage").focus()
    for key in ("ArrowRight", *["ArrowRight"] * 3, "Shift+ArrowDown"):
        page.keyboard.press(key)
    expect(page.locator(".xw-scene .xw-pill")).to_have_text("(51, 58)")
    pills = page.locator(".xw-panel .xw-pill").all_inner_texts()
    for text, answer in zip(pills, exported.widget.answers.values(), strict=True):
        values = answer.map()[0]
        # Three digits are shown; a half float keeps eleven bits of value ÷ largest.
        tolerance = 0.006 * abs(values[58, 51]) + np.abs(values).max() * 2**-24
        assert abs(number(text.split("±")[0]) - values[58, 51]) <= tolerance


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Clip", "Home"),
        ("Opacity", "Home"),
        ("Smoothing", "End"),
        ("Keep top", "Home"),
        ("Contour", "End"),
        ("Box", "End"),
    ],
)
def test_every_slider_repaints_by_keyboard_and_the_reset_undoes_it(page, name, key):
    before = looks(page)
    slider = page.get_by_role("slider", name=name, exact=True)
    slider.focus()
    page.keyboard.press(key)
    painted(page)
    changed = looks(page)
    assert changed != before
    page.keyboard.press("ArrowRight" if key == "Home" else "ArrowLeft")
    painted(page)
    assert looks(page) != changed, "one step of an arrow key is visible"
    page.get_by_role("button", name="Default display").click()
    expect(page.get_by_role("button", name="Default display")).to_be_disabled()
    painted(page)
    assert looks(page) == before


AMBER = """e => {
    const { width, height } = e;
    const { data } = e.getContext('2d').getImageData(0, 0, width, height);
    const found = { x0: width, y0: height, x1: 0, y1: 0 };
    for (let at = 0; at < width * height; at++) {
        if (data[4 * at] !== 255 || data[4 * at + 1] !== 176 || data[4 * at + 2]) continue;
        const x = at % width, y = (at - x) / width;
        found.x0 = Math.min(found.x0, x); found.x1 = Math.max(found.x1, x + 1);
        found.y0 = Math.min(found.y0, y); found.y1 = Math.max(found.y1, y + 1);
    }
    return [found.y0 / height, found.x0 / width, found.y1 / height, found.x1 / width];
}"""


def test_the_box_is_pythons_and_is_compared_with_the_true_one(page, exported):
    slider = page.get_by_role("slider", name="Box", exact=True)
    slider.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "20 %")
    painted(page)
    answer = list(exported.widget.answers.values())[3]
    top, left, bottom, right = answer.boxes(0.2)[0]
    facts = panel(page, 3).locator(".xw-facts")
    expect(facts).to_contain_text(f"Box: x {left} to {right - 1}, y {top} to {bottom - 1}.")
    truth = box(zoo.ShapeScenes(3, size=96, seed=3)[0].masks["object"] > 0)
    agrees = overlap((slice(top, bottom), slice(left, right)), truth)
    expect(facts).to_contain_text(f"Box IoU with object: {agrees:.2f}.")
    drawn = panel(page, 3).locator(".xw-over").evaluate(AMBER)
    assert drawn == pytest.approx([side / 96 for side in (top, left, bottom, right)], abs=0.01)
    before = ink(page, ".xw-over")
    page.get_by_role("button", name="Truth", exact=True).click()
    painted(page)
    assert ink(page, ".xw-over") != before
    page.keyboard.press("Escape")
    slider.focus()
    page.keyboard.press("Home")
    expect(facts).not_to_contain_text("Box")


def test_every_button_of_the_display_repaints(page):
    seen = [looks(page)]
    for name in ("Positive", "Negative", "Absolute", "Shared", "Truth", "Std. error"):
        page.get_by_role("button", name=name, exact=True).focus()
        page.keyboard.press("Space")
        painted(page)
        seen.append(looks(page))
    for name in ("PuOr_r", "viridis", "gray"):
        page.get_by_role("button", name="Colour map").or_(page.locator(".xw-colours")).first.click()
        page.locator(".xw-popover:popover-open").get_by_text(name, exact=True).click()
        painted(page)
        seen.append(looks(page))
    assert all(a != b for a, b in pairwise(seen))


def test_the_strip_leafs_through_the_inputs(page, exported):
    options = page.locator(".xw-film [role=option]")
    expect(options).to_have_count(3)
    first = ink(page, "canvas")
    options.nth(1).click()
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    painted(page)
    second = ink(page, "canvas")
    assert second != first
    page.locator(".xw-film").focus()
    page.keyboard.press("ArrowRight")
    expect(options.nth(2)).to_have_attribute("aria-selected", "true")
    painted(page)
    assert ink(page, "canvas") not in (first, second)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(options.nth(0)).to_have_attribute("aria-selected", "true")
    painted(page)
    assert ink(page, "canvas") == first
    page.get_by_role("button", name=re.compile("^Wrong")).click()
    expect(options).to_have_count(sum(item["right"] is False for item in exported.widget.strip))


def test_what_the_page_does_not_hold_is_said_in_words(page):
    bar = page.locator(".xw-bar").nth(1)
    if bar.is_enabled():
        bar.click()
        expect(page.get_by_text("Run the notebook to get one")).to_be_visible()
    panel(page, 1).get_by_role("button", name="Settings").click()
    knobs = panel(page, 1).locator(".xw-knobs input, .xw-knobs select, .xw-knobs [role=switch]")
    assert knobs.count() >= 4
    for i in range(knobs.count()):
        expect(knobs.nth(i)).to_be_disabled()
    expect(page.get_by_role("button", name="Add a method")).to_have_count(0)


def test_panels_are_moved_and_removed_without_a_kernel(page):
    titles = page.locator(".xw-panel h3")
    before = titles.all_inner_texts()
    panel(page, 2).get_by_role("button", name=re.compile("^More")).click()
    page.get_by_role("button", name="Move left").click()
    expect(titles.nth(1)).to_have_text(before[2])
    panel(page, 0).get_by_role("button", name=re.compile("^More")).click()
    page.get_by_role("button", name="Remove").click()
    expect(titles).to_have_count(3)


def test_the_code_can_be_had(page, exported):
    page.get_by_role("button", name="Copy as Python").click()
    code = page.locator("textarea.xw-code")
    copied = page.get_by_role("button", name="Copied")
    expect(code.or_(copied)).to_be_visible()
    if code.count():
        assert code.input_value() == exported.widget.python()


def test_a_class_name_with_html_is_text(page, exported):
    assert exported.widget.target["label"] == EVIL, "the first picture shows the nasty class"
    expect(page.locator(".xw-target b")).to_have_text(EVIL)
    expect(page.locator(".xw-class").first).to_have_text(EVIL)
    assert EVIL in page.title()
    page.locator(".xw-film [role=option]").nth(1).click()
    page.locator(".xw-film [role=option]").nth(0).click()
    assert page.locator("img").count() == 0
    assert page.evaluate("window.__pwned") is None
    assert page.locator("script").count() == 2


# --- by keyboard -------------------------------------------------------------------------------

FOCUSED = """() => {
    const e = document.activeElement;
    if (!e || e === document.body) return null;
    const style = getComputedStyle(e);
    const box = e.getBoundingClientRect();
    return {
        name: e.getAttribute('aria-label') || e.innerText.trim() || e.title || e.tagName,
        role: e.getAttribute('role') || e.tagName,
        ring: (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0)
            || style.boxShadow !== 'none',
        seen: box.width > 0 && box.height > 0,
    };
}"""
FOCUSABLE = """() => [...document.querySelectorAll(
    'button, input, select, textarea, [tabindex]')].filter((e) =>
    e.tabIndex >= 0 && !e.matches(':disabled') && e.checkVisibility()).length
"""


def walk(page: Page) -> list[dict]:
    """Everything that Tab reaches, in its order."""
    page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(200):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at is None:
            break
        reached.append(at)
    return reached


def test_tab_reaches_every_control_and_the_focus_is_always_visible(page):
    expected = page.evaluate(FOCUSABLE)
    reached = walk(page)
    assert len(reached) == expected
    assert [at["name"] for at in reached if not at["ring"]] == [], "no focus ring"
    assert [at["name"] for at in reached if not at["seen"]] == [], "focus on nothing visible"
    assert all(at["name"] not in ("DIV", "BUTTON", "INPUT") for at in reached), "all have names"
    names = [at["name"] for at in reached]
    order = ["Inputs", "Zoom in", "Signed", "Opacity", "Saliency: arrow keys read values"]
    places = [next(i for i, name in enumerate(names) if name.startswith(o)) for o in order]
    assert places == sorted(places), "the order follows the page from top to bottom"


def test_a_menu_opens_by_keyboard_and_escape_gives_the_focus_back(page):
    for opener in (
        page.locator(".xw-colours"),
        page.get_by_role("button", name="Keys", exact=True),
        panel(page, 0).get_by_role("button", name=re.compile("^More")),
    ):
        opener.first.focus()
        page.keyboard.press("Enter")
        expect(page.locator(".xw-popover:popover-open")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(".xw-popover:popover-open")).to_have_count(0)
        expect(opener.first).to_be_focused()


def test_a_region_is_drawn_zoomed_and_cleared_by_keyboard(page):
    page.locator(".xw-panel .xw-stage").first.focus()
    for key in ("ArrowRight", "r", "Shift+ArrowRight", "Shift+ArrowDown", "r"):
        page.keyboard.press(key)
    expect(page.locator(".xw-zoom")).to_contain_text("11 × 11 px")
    expect(page.locator(".xw-panel .xw-strong")).to_have_count(4)
    page.keyboard.press("+")
    expect(page.locator(".xw-zoom")).to_contain_text("150 %")
    page.keyboard.press("0")
    expect(page.locator(".xw-zoom")).to_contain_text("100 %")
    page.keyboard.press("Escape")
    expect(page.locator(".xw-panel .xw-strong")).to_have_count(0)
    expect(page.locator(".xw-scene .xw-pill")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".xw-scene .xw-pill")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator(".xw-panel .xw-stage").first).not_to_be_focused()


def test_a_methods_steps_are_chosen_by_arrow(page):
    steps = panel(page, 2).locator(".xw-frames")
    before = ink(page)
    steps.focus()
    page.keyboard.press("ArrowRight")
    expect(steps.locator("[role=option]").nth(1)).to_have_attribute("aria-selected", "true")
    painted(page)
    changed = [a != b for a, b in zip(before, ink(page), strict=True)]
    assert changed == [False, False, True, False]
    page.keyboard.press("ArrowLeft")
    painted(page)
    assert ink(page) == before


# --- how it looks ------------------------------------------------------------------------------


def test_the_theme_follows_the_system_at_once(page):
    root = page.locator(".xw-root")

    def paper() -> str:
        return root.evaluate("e => getComputedStyle(e).backgroundColor")

    page.emulate_media(color_scheme="light")
    expect(root).to_have_attribute("data-theme", "light")
    light = paper()
    page.emulate_media(color_scheme="dark")
    expect(root).to_have_attribute("data-theme", "dark")
    assert paper() != light
    page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 900, 420])
def test_nothing_sticks_out_sideways(page, picture_of, width, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 1300})
    try:
        painted(page)
        page.wait_for_timeout(100)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        page.locator(".xw-panel .xw-stage").first.scroll_into_view_if_needed()
        picture_of(page, f"offline-{scheme}-{width}")
    finally:
        page.set_viewport_size({"width": 1400, "height": 1300})
        page.emulate_media(color_scheme="light")


def test_nothing_moves_for_a_reader_who_asked_for_stillness(page):
    page.emulate_media(reduced_motion="reduce")
    moving = page.evaluate(
        """() => [...document.querySelectorAll('.xw-root *')].filter((e) => {
            const { transitionDuration, animationName } = getComputedStyle(e);
            return parseFloat(transitionDuration) > 0.01 || animationName !== 'none';
        }).map((e) => e.className)"""
    )
    page.emulate_media(reduced_motion="no-preference")
    assert moving == []


def test_the_page_works_in_a_sandboxed_frame(watch, exported, tmp_path):
    page = watch.page
    source = html.escape(exported.path.read_text(encoding="utf-8"), quote=True)
    host = tmp_path / "host.html"
    host.write_text(
        "<!doctype html><meta charset=utf-8><title>host</title>"
        f'<iframe sandbox="allow-scripts" width=1300 height=1200 srcdoc="{source}"></iframe>'
    )
    page.goto(host.as_uri())
    frame = page.frame_locator("iframe")
    expect(frame.locator(".xw-panel")).to_have_count(4)
    options = frame.locator(".xw-film [role=option]")
    options.nth(2).click()
    expect(options.nth(2)).to_have_attribute("aria-selected", "true")
    frame.get_by_role("button", name="Absolute").click()
    expect(frame.get_by_role("button", name="Absolute")).to_have_attribute("aria-pressed", "true")
    ends = frame.locator(".xw-panel .xw-ends").first
    expect(ends).not_to_contain_text("−")
    frame.get_by_role("slider", name="Opacity").press("Home")
    opacity = frame.locator(".xw-panel .xw-map").first.evaluate("e => e.style.opacity")
    assert opacity == "0"
