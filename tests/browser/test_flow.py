"""The flow of relevance in a real JupyterLab and on the exported page, by mouse and keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser.driving import Notebook, painted
from browser.test_lab import eventually
from networks import ResidualNetwork, seeded
from playwright.sync_api import Locator, Page, expect

import xaiwidgets as xw
from xaiwidgets import zoo

SHOW = 'xw.compare(subject, images, methods=[xw.LRP(preset="ε", epsilon=0.05), xw.Saliency()])'


def opener(root: Locator | Page) -> Locator:
    return root.get_by_role("button", name="Flow of relevance")


def opened(page: Page) -> Locator:
    return page.locator(".xw-popover:popover-open .xw-flow")


def lines(page: Page) -> Locator:
    return opened(page).get_by_role("treeitem")


def chosen(page: Page) -> Locator:
    return opened(page).locator("[role=treeitem][aria-selected=true]")


def depth(page: Page) -> Locator:
    return opened(page).get_by_role("slider", name="Depth")


def number(words: str) -> float:
    return float(words.replace("−", "-"))


def stands_in_two_columns(pairs: Locator) -> bool:
    """Whether every number of a list stands in the line of its words, all words from one edge."""
    words, numbers = (
        [one.bounding_box() for one in pairs.locator(tag).all()] for tag in ("dt", "dd")
    )
    ends = {round(one["x"] + one["width"]) for one in numbers if one}
    starts = {round(one["x"]) for one in words if one}
    beside = [a["y"] == b["y"] for a, b in zip(words, numbers, strict=True) if a and b]
    return len(starts) == len(ends) == 1 and len(beside) > 2 and all(beside)


def test_a_flow_is_made_when_it_is_opened_and_says_what_explain_rules_says(lab: Notebook) -> None:
    root = lab.show(SHOW, panels=2)
    expect(opener(root)).to_have_count(1)
    assert lab.ask("w.flow_00") == {}
    steps = lab.ask(
        "[[s.name, s.kept] for s in reversed(xw.LRP(preset='ε', epsilon=0.05)"
        ".explain_rules(subject, images[0], w.target['indices'][0]).steps)]"
    )
    opener(root).click()
    expect(lines(lab.page)).to_have_count(9)
    left = number(lines(lab.page).first.locator("b").inner_text())
    for line, (name, kept) in zip(lines(lab.page).all()[1:], steps, strict=False):
        left -= kept
        assert line.locator("span").first.inner_text().split("\n")[0] == name
        assert number(line.locator("b").inner_text()) == pytest.approx(left, abs=0.02)
    lines(lab.page).filter(has_text="conv2").click()
    expect(opened(lab.page)).to_contain_text("48 × 24 × 24 · Σ")
    assert stands_in_two_columns(opened(lab.page).locator("dl"))
    expect(depth(lab.page)).to_have_attribute("aria-valuetext", "conv2")
    lab.page.keyboard.press("Escape")
    expect(opened(lab.page)).to_have_count(0)


def test_another_input_closes_nothing_and_its_flow_is_made_when_opened_again(lab: Notebook) -> None:
    root = lab.show(SHOW, panels=2)
    opener(root).click()
    expect(lines(lab.page)).to_have_count(9)
    began = lines(lab.page).first.locator("b").inner_text()
    lab.page.keyboard.press("Escape")
    root.locator(".xw-film [role=option]").nth(2).click()
    lab.settle()
    eventually(lab, "w.flow_00", {})
    opener(root).focus()
    lab.page.keyboard.press("Enter")
    expect(lines(lab.page)).to_have_count(9)
    assert lines(lab.page).first.locator("b").inner_text() != began
    lab.page.keyboard.press("Escape")


# --- without a kernel ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("flow")
    image = zoo.ShapeScenes(1, size=96, seed=3)[0].image
    methods = [xw.LRP(preset="ε", epsilon=0.05), xw.CLRP(), xw.Saliency()]
    pages = {}
    for name, subject in (("zoo", zoo.subject("shapes")),
                          ("blocks", xw.Subject(seeded(ResidualNetwork), size=96))):  # fmt: skip
        made = xw.compare(subject, image, methods=methods)
        pages[name] = made.to_html(folder / f"{name}.html")
        made.close()
    return pages


def shown(tab: Page, path: Path, panel: int = 0) -> Page:
    tab.goto(path.as_uri())
    expect(tab.locator(".xw-panel")).to_have_count(3)
    expect(opener(tab)).to_have_count(2)
    opener(tab).nth(panel).click()
    painted(tab)
    return tab


def test_slider_rows_and_blocks_go_by_keyboard_on_a_page_without_a_kernel(tab, exported):
    page = shown(tab, exported["blocks"])
    expect(opened(page)).to_be_focused()
    expect(lines(page)).to_have_count(14)
    expect(chosen(page)).to_contain_text("layer2.3")
    expect(chosen(page)).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(depth(page)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(chosen(page)).to_contain_text("layer2.2")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(lines(page)).to_have_count(18)
    expect(chosen(page)).to_contain_text("relu")
    page.keyboard.press("ArrowDown")
    expect(chosen(page)).to_contain_text("add, by contribution")
    page.keyboard.press("ArrowLeft")
    expect(lines(page)).to_have_count(14)
    expect(opened(page)).to_contain_text("Maps of 11 of")
    for _ in range(14):
        page.keyboard.press("ArrowDown")
    expect(chosen(page)).to_contain_text("input")
    inside = chosen(page).evaluate(
        "e => e.getBoundingClientRect().bottom <= e.parentNode.getBoundingClientRect().bottom + 1"
    )
    assert inside


def test_a_method_that_goes_down_twice_offers_both_ways(tab, exported):
    page = shown(tab, exported["zoo"], panel=1)
    first = lines(page).nth(1).get_attribute("title")
    opened(page).get_by_role("button", name="its opposite").click()
    expect(lines(page).nth(1)).not_to_have_attribute("title", first)


def test_the_crosshair_reads_the_map_at_the_depth(tab, exported):
    page = shown(tab, exported["zoo"])
    stage = opened(page).locator(".xw-stage").nth(1)
    stage.hover(position={"x": 20, "y": 20})
    pill = stage.locator(".xw-pill")
    coarse = pill.inner_text()
    assert coarse == opened(page).locator(".xw-stage").first.locator(".xw-pill").inner_text()
    lines(page).last.click()
    stage.hover(position={"x": 21, "y": 20})
    assert pill.inner_text() != coarse


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 1300])
@pytest.mark.parametrize("name", ["zoo", "blocks"])
def test_a_flow_fits_every_width(tab, exported, picture_of, scheme, width, name):
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 900})
    page = shown(tab, exported[name])
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator(".xw-popover:popover-open").bounding_box()
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= 900
    outside = (
        opened(page)
        .locator("*")
        .evaluate_all(
            """all => all.filter((e) => {
            const box = e.getBoundingClientRect();
            return box.width && box.right > e.closest('.xw-flow').getBoundingClientRect().right + 1;
        }).map((e) => e.className)"""
        )
    )
    assert outside == []
    picture_of(page, f"flow-{name}-{scheme}-{width}")
    page.keyboard.press("Escape")
