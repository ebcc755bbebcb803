"""Trust badges in a real JupyterLab and on the exported page, by mouse and keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.driving import Notebook, painted
from browser.test_lab import eventually
from playwright.sync_api import Locator, Page, expect

import xaiwidgets as xw
from xaiwidgets import zoo

SHOW = "xw.compare(subject, images, methods=quick)"


def badge(root: Locator | Page, panel: int, word: str) -> Locator:
    return root.locator(".xw-panel").nth(panel).locator(".xw-badge", has_text=word)


def headings(root: Locator | Page) -> list[str]:
    return root.locator(".xw-heading").all_inner_texts()


def opened(page: Page) -> Locator:
    return page.locator(".xw-popover:popover-open .xw-evidence")


def test_the_switch_brings_badges_and_each_opens_its_evidence(lab: Notebook) -> None:
    root = lab.show(SHOW, panels=4)
    expect(root.locator(".xw-badge")).to_have_count(0)
    root.get_by_role("button", name="Trust", exact=True).click()
    expect(root.locator(".xw-badge")).to_have_count(12)
    eventually(lab, "w.trust", True)
    lab.settle()
    said = lab.ask("{m: {q: [b.verdict, b.sentence] for q, b in f.items()}"
                   " for m, f in w.badges.items()}")  # fmt: skip
    for number, found in enumerate(said.values()):
        for word, question in (("Sane", "sanity"), ("Faithful", "faithfulness")):
            verdict, sentence = found[question]
            expect(badge(root, number, word)).to_have_attribute(
                "aria-label", f"{question.capitalize()}: {verdict}. {sentence}"
            )
    assert said["EdgeDetector"]["sanity"][0] == "poor"
    badge(root, 3, "Sane").click()
    evidence = opened(lab.page)
    expect(evidence).to_contain_text(said["EdgeDetector"]["sanity"][1])
    expect(evidence.locator("svg .xw-curve").first).to_be_attached()
    expect(evidence).to_contain_text("Limits are conventions")
    lab.page.keyboard.press("Escape")
    expect(opened(lab.page)).to_have_count(0)


def test_evidence_is_opened_and_left_by_keyboard(lab: Notebook) -> None:
    root = lab.show("xw.compare(subject, images, methods=quick, trust=True)", panels=4)
    lab.settle()
    first = badge(root, 0, "Faithful")
    first.focus()
    lab.page.keyboard.press("Enter")
    expect(opened(lab.page)).to_be_focused()
    expect(opened(lab.page)).to_contain_text("random orders")
    lab.page.keyboard.press("Escape")
    expect(opened(lab.page)).to_have_count(0)
    expect(first).to_be_focused()
    lab.page.keyboard.press("Tab")
    expect(badge(root, 0, "Stable")).to_be_focused()


def test_panels_sort_on_the_page_and_python_remembers(lab: Notebook) -> None:
    root = lab.show("xw.compare(subject, images, methods=quick, trust=True)", panels=4)
    lab.settle()
    placed = headings(root)
    root.get_by_label("sort by").select_option("sanity")
    found = lab.ask("[[b['sanity'].verdict, b['sanity'].rank] for b in w.badges.values()]")
    verdicts = ["good", "doubtful", "poor"]
    order = sorted(range(4), key=lambda i: (verdicts.index(found[i][0]), -found[i][1]))
    assert headings(root) == [placed[i] for i in order]
    eventually(lab, "w.trust", "sanity")
    assert lab.ask("[card['title'] for card in w.panels]") == placed
    root.get_by_label("sort by").select_option("as placed")
    assert headings(root) == placed


def test_another_input_is_checked_anew_and_the_first_comes_back_at_once(lab: Notebook) -> None:
    root = lab.show("xw.compare(subject, images, methods=quick, trust=True)", panels=4)
    lab.settle()
    before = root.locator(".xw-badge").evaluate_all("all => all.map(e => e.ariaLabel)")
    root.locator(".xw-film [role=option]").nth(1).click()
    lab.settle()
    after = root.locator(".xw-badge").evaluate_all("all => all.map(e => e.ariaLabel)")
    assert after != before
    root.locator(".xw-film [role=option]").nth(0).click()
    lab.settle()
    assert root.locator(".xw-badge").evaluate_all("all => all.map(e => e.ariaLabel)") == before


# --- without a kernel ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    scenes = zoo.ShapeScenes(2, size=96, seed=3)
    made = xw.compare(
        zoo.subject("shapes"),
        [scenes[i].image for i in range(2)],
        methods=[
            xw.Saliency(), xw.SmoothGrad(samples=8), xw.GuidedBackprop(), xw.GradCam(),
            xw.RandomMap(), xw.EdgeDetector(),
        ],
        masks=[{"object": scenes[i].masks["object"]} for i in range(2)],
        trust="faithfulness",
    )  # fmt: skip
    yield made.to_html(tmp_path_factory.mktemp("trust") / "trust.html")
    made.close()


def shown(tab: Page, exported: Path) -> Page:
    tab.goto(exported.as_uri())
    expect(tab.locator(".xw-panel")).to_have_count(6)
    painted(tab)
    return tab


def test_an_exported_page_keeps_badges_evidence_and_order(tab, exported):
    page = shown(tab, exported)
    expect(page.locator(".xw-badge")).to_have_count(24)
    sort = page.get_by_label("sort by")
    expect(sort).to_have_value("faithfulness")
    by_faith = headings(page)
    sort.select_option("as placed")
    assert headings(page) != by_faith
    assert headings(page)[0] == "Saliency"
    sort.select_option("localisation")
    assert sorted(headings(page)) == sorted(by_faith)
    before = page.locator(".xw-badge").evaluate_all("all => all.map(e => e.ariaLabel)")
    page.locator(".xw-film [role=option]").nth(1).click()
    painted(page)
    assert page.locator(".xw-badge").evaluate_all("all => all.map(e => e.ariaLabel)") != before
    badge(page, 0, "Located").click()
    expect(opened(page)).to_contain_text("lies in 'object'")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Trust", exact=True).click()
    expect(page.locator(".xw-badge")).to_have_count(0)
    page.get_by_role("button", name="Trust", exact=True).click()
    expect(page.locator(".xw-badge")).to_have_count(24)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 1300])
@pytest.mark.parametrize("word", ["Sane", "Faithful", "Stable", "Located"])
def test_badges_and_evidence_fit_every_width(tab, exported, picture_of, scheme, width, word):
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 1300})
    page = shown(tab, exported)
    badge(page, 1, word).click()
    painted(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator(".xw-popover:popover-open").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    outside = page.locator(".xw-badges *").evaluate_all(
        """all => all.filter((e) => {
            const box = e.getBoundingClientRect();
            const home = e.closest('.xw-panel')?.getBoundingClientRect();
            return !e.closest('.xw-popover') && box.width && box.right > home.right + 1;
        }).map((e) => e.className)"""
    )
    assert outside == []
    picture_of(page, f"trust-{scheme}-{width}-{word.lower()}")
    page.keyboard.press("Escape")
