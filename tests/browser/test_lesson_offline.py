"""Lessons on exported pages: marking, voting and revealing work from the file, without a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.driving import ink, painted
from browser.test_lesson import copied, drag
from playwright.sync_api import Page, expect

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.widgets.blind import Blind
from xaiwidgets.widgets.predict import Predict

METHODS = [xw.Saliency(), xw.GradCam(), xw.IntegratedGradients(steps=4)]
TAB = {"permissions": ["clipboard-read", "clipboard-write"]}


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Predict, Blind, Path]]:
    subject = zoo.subject("shapes")
    scenes = list(zoo.ShapeScenes(2, size=96, seed=3))
    images = [scene.image for scene in scenes]
    masks = [{"object": scene.masks["object"]} for scene in scenes]
    folder = tmp_path_factory.mktemp("lessons")
    asked = xw.predict(subject, images, methods=METHODS, masks=masks)
    asked.to_html(folder / "predict.html")
    hidden = xw.blind(subject, images, methods=METHODS[:2], masks=masks)
    hidden.to_html(folder / "blind.html")
    yield asked, hidden, folder
    asked.close()
    hidden.close()


def opened(tab: Page, folder: Path, name: str) -> Page:
    tab.goto((folder / f"{name}.html").as_uri())
    expect(tab.locator(".xw-lesson")).to_be_visible()
    painted(tab)
    return tab


def shares(page: Page) -> list[list[str]]:
    """The cells of every panel's table, row by row."""
    return [
        table.locator("td:not(:empty)").all_inner_texts()
        for table in page.locator(".xw-lies").all()
    ]


def said(found) -> list[str]:
    """An overlap as the page writes it."""

    def percent(share: float) -> str:
        value = share * 100
        return f"{value:.0f} %" if value >= 9.95 or value == 0 else f"{value:.1f} %"

    peak = {1.0: "inside", 0.0: "outside"}.get(found.hit) or percent(found.hit)
    return [percent(found.share), f"{found.iou:.2f}", peak]


def test_the_page_finds_the_numbers_that_python_finds(tab, lessons):
    asked, _, folder = lessons
    page = opened(tab, folder, "predict")
    assert page.locator(".xw-panel").count() == 0
    stage = page.locator(".xw-scene .xw-stage")
    drag(page, stage, (0.3, 0.3), (0.85, 0.8))
    page.get_by_role("button", name="Brush", exact=True).click()
    drag(page, stage, (0.2, 0.2), (0.3, 0.3), (0.4, 0.2))
    code = copied(page.locator(".xw-lesson"))
    page.get_by_role("button", name="Reveal the maps").click()
    expect(page.locator(".xw-panel")).to_have_count(3)
    marks = eval(code.split("marked=")[1].split(",\n)")[0])
    again = xw.predict(
        asked.subject, asked._gallery.inputs.x[:1], methods=METHODS, marked=marks[0],
        masks=asked._gallery.masks[:1],
    ).reveal().wait()  # fmt: skip
    table = shares(page)
    for cells, found in zip(table, again.overlap.values(), strict=True):
        mine = [cell.split(" (")[0] for cell in cells[::2]]
        assert mine == said(found)
        assert f"({said(found.chance)[0]})" in cells[0]
    again.close()


def test_what_is_marked_stays_and_the_code_has_it(tab, lessons):
    _, _, folder = lessons
    page = opened(tab, folder, "predict")
    stage = page.locator(".xw-scene .xw-stage")
    stage.focus()
    for key in ("r", "Shift+ArrowDown", "Shift+ArrowRight", "r"):
        page.keyboard.press(key)
    page.get_by_role("button", name="Reveal the maps").click()
    expect(page.locator(".xw-panel")).to_have_count(3)
    before = ink(page, ".xw-panel .xw-over")
    drag(page, page.locator(".xw-panel .xw-stage").first, (0.1, 0.1), (0.5, 0.5))
    painted(page)
    assert ink(page, ".xw-panel .xw-over") == before
    page.get_by_role("option").nth(1).click()
    expect(page.locator(".xw-panel")).to_have_count(0)
    code = copied(page.locator(".xw-lesson"))
    assert "    marked={0: [[48, 48, 59, 59]]},\n).reveal(0)" in code
    page.get_by_role("option").first.click()
    expect(page.locator(".xw-panel")).to_have_count(3)


def test_the_keyboard_goes_on_where_its_button_has_gone(tab, lessons):
    _, _, folder = lessons
    landed = "document.activeElement.classList.contains('xw-main')"
    page = opened(tab, folder, "predict")
    drag(page, page.locator(".xw-scene .xw-stage"), (0.1, 0.1), (0.2, 0.2))
    page.get_by_role("button", name="Reveal the maps").press("Enter")
    expect(page.locator(".xw-panel")).to_have_count(3)
    page.wait_for_function(landed)
    page = opened(tab, folder, "blind")
    page.locator(".xw-panel .xw-stage").first.press("c")
    page.get_by_role("button", name="Vote", exact=True).press("Enter")
    expect(page.get_by_text("picture 2", exact=True)).to_be_visible()
    page.wait_for_function(landed)


def test_true_regions_are_outlined_only_after_the_reveal(tab, lessons):
    _, _, folder = lessons
    page = opened(tab, folder, "predict")
    assert ink(page, ".xw-scene .xw-over") == ["empty"]
    drag(page, page.locator(".xw-scene .xw-stage"), (0.1, 0.1), (0.2, 0.2))
    page.get_by_role("button", name="Reveal the maps").click()
    truth = page.get_by_role("button", name="Truth", exact=True)
    expect(truth).to_have_attribute("aria-pressed", "true")
    painted(page)
    before = ink(page, ".xw-panel .xw-over")
    truth.click()
    painted(page)
    assert ink(page, ".xw-panel .xw-over") != before


def test_names_are_nowhere_to_be_seen_before_the_last_vote(tab, lessons):
    _, hidden, folder = lessons
    page = opened(tab, folder, "blind")
    expect(page.locator(".xw-panel")).to_have_count(4)
    seen = page.locator(".xw-lesson").evaluate("(root) => root.outerHTML")
    titles = ["Saliency", "Grad-CAM", "Edge detector (control)", "Random map (control)"]
    assert not [name for name in (*titles, "control") if name in seen]
    assert not [name for name in titles if name in page.title()]
    page.get_by_role("button", name="Copy as Python").click()
    expect(page.get_by_text("it can be copied once they are told")).to_be_visible()
    for letter in ("B", "D"):
        page.get_by_role("button", name=f"Trust {letter} most").click()
        page.get_by_role("button", name="Vote", exact=True).click()
    expect(page.locator(".xw-sums tbody tr")).to_have_count(4)
    order = [hidden._titles[place] for place in hidden._order(1)]
    assert page.locator(".xw-heading").all_inner_texts() == order
    expect(page.locator(".xw-badges")).to_have_count(4)
    first = [hidden._titles[hidden._order(0)[1]], hidden._titles[hidden._order(1)[3]]]
    won = page.locator(".xw-sums tbody tr", has_text="1 of 2").locator("th").all_inner_texts()
    assert set(won) == set(first) or won == []  # or one of them both times


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 760, 1300])
def test_lessons_fit_their_width_in_light_and_dark(tab, lessons, picture_of, scheme, width):
    _, _, folder = lessons
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 1100})
    for name in ("predict", "blind"):
        page = opened(tab, folder, name)
        if name == "predict":
            drag(page, page.locator(".xw-scene .xw-stage"), (0.3, 0.3), (0.8, 0.8))
            page.get_by_role("button", name="Reveal the maps").click()
        expect(page.locator(".xw-panel").first).to_be_visible()
        painted(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        wide = page.locator(".xw-panel").evaluate_all(
            "(all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).length"
        )
        assert wide == 0, "nothing runs over a panel's edge"
        expect(page.locator(".xw-root")).to_have_attribute("data-theme", scheme)
        picture_of(page, f"{name}-{width}-{scheme}")
