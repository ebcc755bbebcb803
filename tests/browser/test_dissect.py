"""Units in a real JupyterLab and in exported pages: searched, counted, looked through."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.driving import Notebook, Watch, ink, painted
from browser.many_units import write_many_units
from playwright.sync_api import Browser, Locator, Page, expect

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.widgets.export import write_pages
from xaiwidgets.widgets.view import STATIC

SHOW = """
if w is not None: w.close()
some = zoo.ShapeScenes(24, size=96, seed=2)
w = xw.dissect(subject, {data}, ["conv1", "conv4"], top=4)
w
"""
MASKED = SHOW.format(data="some")
PLAIN = SHOW.format(data="[one.image for one in some]")


LINKED = """
if w is not None: w.close()
w = xw.compare(subject, image, methods=[xw.GradCam()])
some = zoo.ShapeScenes(24, size=96, seed=2)
v = xw.dissect(subject, some, "conv4", top=4, compare=w).wait()
display(w, v)
"""


def cards(root: Page | Locator) -> Locator:
    return root.locator(".xw-unit")


def test_units_are_found_in_the_background_and_chosen_by_mouse_and_keys(
    lab: Notebook, picture_of
) -> None:
    lab.run(PLAIN, cell=1)
    root = lab.view()
    lab.settle()
    expect(cards(root).first).to_be_visible()
    assert "empty" not in ink(root, ".xw-unit .xw-tile")
    cards(root).nth(3).click()
    expect(root.get_by_role("heading", name="Unit 3 of conv1")).to_be_visible()
    assert lab.ask("list(w.selected)") == ["conv1", 3]
    root.locator(".xw-units").focus()
    lab.page.keyboard.press("ArrowRight")
    expect(root.get_by_role("heading", name="Unit 4 of conv1")).to_be_visible()
    root.get_by_label("Layer", exact=True).select_option("1")
    expect(root.get_by_text("128 of 128 units")).to_be_visible()
    root.locator(".xw-units").focus()
    lab.page.keyboard.press("End")
    expect(cards(root).last).to_contain_text("127")
    expect(root.get_by_role("heading", name="Unit 127 of conv4")).to_be_visible()
    picture_of(lab.page, "lab-dissect")


def test_work_on_units_is_cancelled_and_a_mistake_is_said(lab: Notebook) -> None:
    lab.run(MASKED.replace("ShapeScenes(24", "ShapeScenes(200000"), cell=1)
    root = lab.view()
    expect(root.get_by_role("progressbar")).to_be_visible()
    root.get_by_role("button", name="Cancel").click()
    expect(root.get_by_role("alert")).to_have_text("Cancelled.")
    lab.run(MASKED.replace("conv4", "conv9"), cell=1)
    expect(lab.view().get_by_role("alert")).to_contain_text("No layer is called 'conv9'")


def test_the_page_counts_detectors_as_python_does(lab: Notebook) -> None:
    lab.run(MASKED, cell=1)
    lab.settle()
    root = lab.view()
    bars = root.locator(".xw-layers button")
    slider = root.get_by_role("slider", name="A detector from an IoU of")
    for limit in (0.04, 0.1, 0.25):
        slider.fill(str(limit))
        table = lab.ask(
            f"w.dissection.summary({limit})[['detectors', 'units', 'unique']].values.tolist()"
        )
        for i, (layer, (detectors, units, unique)) in enumerate(
            zip(("conv1", "conv4"), table, strict=True)
        ):
            words = f"{layer}: {detectors} of {units} units detect {unique} concepts"
            expect(bars.nth(i)).to_have_attribute("aria-label", words)
        label, iou = lab.ask(
            "[w.dissection.units('conv1')[3].concept, w.dissection.units('conv1')[3].iou]"
        )
        expect(cards(root).nth(3)).to_contain_text(f"{label.split(':')[1]} {iou:.2f}")


def test_units_are_switched_off_and_classes_fall(lab: Notebook, picture_of) -> None:
    lab.run(MASKED, cell=1)
    lab.settle()
    root = lab.view()
    root.locator(".xw-layers button").nth(1).click()
    named = lab.ask("[u.concept for u in w.dissection.units('conv4')]")
    concept = max(named, key=named.count)
    root.get_by_label("Search units").fill(concept)
    root.get_by_role("button", name="Switch these").click()
    off = root.locator(".xw-off")
    expect(off.locator("li").first).to_be_visible()
    told = lab.ask("[[r['name'], r['before'], r['after']] for r in w.off['rows']]")
    worst = max(told, key=lambda row: row[1] - row[2])
    expect(off.locator("li").first).to_contain_text(worst[0])
    units = lab.ask("w.off['units']")
    assert units == [unit for unit, name in enumerate(named) if name == concept]
    picture_of(lab.page, "lab-dissect-off")
    cards(root).first.click()
    root.get_by_role("button", name="Switched off").click()
    expect(root.get_by_role("button", name="Switch off", exact=True)).to_be_visible()
    assert lab.ask("w.off['units']") == units[1:]
    root.get_by_role("button", name="All on").click()
    expect(off).to_have_count(0)


TURNED = """
if w is not None: w.close()
some = zoo.ShapeScenes(24, size=96, seed=2)
method = xw.NetworkDissection(rotations=3)
w = xw.dissect(subject, some, "conv4", top=4, dissection=method)
w
"""


def test_random_axes_and_another_share_of_activations_are_counted(
    lab: Notebook, picture_of
) -> None:
    lab.run(TURNED, cell=1)
    lab.settle()
    root = lab.view()
    counted = root.locator(".xw-counted")
    slider = root.get_by_role("slider", name="A detector from an IoU of")
    for limit in (0.04, 0.15):
        slider.fill(str(limit))
        mean, unique = lab.ask(
            f"w.dissection.summary({limit})[['rotated', 'rotated_unique']].values[0].tolist()"
        )
        expect(counted).to_contain_text(f"along random axes {_percent(mean)}")
        expect(counted).to_contain_text(f"of {unique:.1f} concepts")
    p = lab.ask("float(w.dissection.layer().p[7])")
    cards(root).nth(7).click()
    expect(root.locator(".xw-null")).to_contain_text(f"p {p:.2f}")
    expect(root.locator(".xw-null .xw-tick")).to_have_count(20)
    root.get_by_label("Active is the top").select_option("0.02")
    expect(root.get_by_label("Active is the top")).to_have_value("0.02")
    expect(slider).to_have_value("0.15")
    detectors = lab.ask("int(w.dissection.summary(0.15)['detectors'][0])")
    assert lab.ask("w.dissection.provenance.settings['quantile']") == 0.02
    expect(counted).to_contain_text(f"{detectors} of 128 units")
    picture_of(lab.page, "lab-dissect-turned")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.0995 or not share else f"{100 * share:.1f} %"


DRAWN = """
if w is not None: w.close()
import torch
codes = torch.randn(60, 9, generator=torch.Generator().manual_seed(0))
found = xw.GANDissection()(zoo.generator(), codes, "relu3", zoo.landscape_masks)
w = xw.dissect(found, top=4)
w
"""


def test_a_generator_draws_its_pictures_again_without_units(lab: Notebook, picture_of) -> None:
    lab.run(DRAWN, cell=1)
    lab.settle()
    root = lab.view()
    expect(cards(root).first).to_be_visible()
    assert "empty" not in ink(root, ".xw-unit .xw-tile")
    named = lab.ask("[u.concept for u in w.dissection.units()]")
    concept = max(named, key=named.count)
    root.get_by_label("Search units").fill(concept)
    root.get_by_role("button", name="Switch these").click()
    off = root.locator(".xw-off")
    expect(off.locator(".xw-redrawn figure")).to_have_count(8)
    expect(off).to_contain_text("Share of the pixels of 60 pictures")
    told = lab.ask("{r['name']: [r['before'], r['after']] for r in w.off['rows']}")
    worst = max(told, key=lambda name: told[name][0] - told[name][1])
    expect(off.locator("li").first).to_contain_text(worst)
    drawn = ink(off, ".xw-redrawn canvas")
    assert "empty" not in drawn
    picture_of(lab.page, "lab-dissect-generator")
    root.get_by_role("button", name="All on").click()
    expect(off).to_have_count(0)


def test_a_linked_widget_shows_the_relevance_of_the_chosen_unit(lab: Notebook) -> None:
    lab.run(LINKED, cell=1)
    units = lab.page.locator(".xw-root").filter(has=lab.page.locator(".xw-units"))
    cards(units).nth(2).click()
    explained = lab.page.locator(".xw-root").filter(has=lab.page.locator(".xw-panel"))
    expect(explained.locator(".xw-panel")).to_have_count(2)
    lab.settle()
    assert lab.ask("w.answers['ConceptRelevance'].provenance.settings['channel']") == 2
    before = ink(explained, ".xw-panel .xw-map")
    cards(units).nth(5).click()
    lab.settle()
    expect(explained.locator(".xw-panel")).to_have_count(2)
    assert lab.ask("w.answers['ConceptRelevance'].provenance.settings['channel']") == 5
    assert ink(explained, ".xw-panel .xw-map") != before
    lab.run("v.close()")


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


@pytest.mark.parametrize("last", [0, 1])
def test_whichever_style_comes_last_resets_only_its_own_widgets(
    browser: Browser, watched, last: int, exported: Path
) -> None:
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    watched(page)
    page.goto(exported.as_uri())
    parts = (STATIC / "widget.css").read_text(), (STATIC / "inside.css").read_text()
    page.locator("style").first.evaluate(
        "(e, text) => { e.textContent = text; }", parts[1 - last] + parts[last]
    )
    kind = page.locator(".xw-unit .xw-kind").first
    assert kind.evaluate("e => getComputedStyle(e).marginRight") == "4px"
    seen = page.locator(".xw-sees").first
    assert seen.evaluate("e => getComputedStyle(e).borderTopColor") == "rgb(255, 255, 255)"
    bars = page.locator(".xw-bars").first
    assert bars.evaluate("e => getComputedStyle(e).paddingTop") == "8px"
    page.close()


def test_units_are_searched_and_browsed_without_a_kernel(page: Page) -> None:
    page.locator(".xw-layers button").nth(1).click()
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
    expect(points.and_(page.locator("[aria-selected=true]"))).to_have_count(1)


def test_only_cards_in_sight_are_on_the_page_and_scrolling_brings_others(page: Page) -> None:
    page.locator(".xw-layers button").nth(1).click()
    assert cards(page).count() < 60
    page.locator(".xw-units").evaluate("e => { e.scrollTop = e.scrollHeight; }")
    expect(cards(page).last).to_contain_text("127")
    assert cards(page).count() < 60


SLIDE = """async () => {
    const input = document.querySelector('.xw-counted input');
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
    const times = [];
    for (let i = 0; i < 60; i++) {
        await new Promise((r) => setTimeout(r, 20));
        const start = performance.now();
        set.call(input, 0.01 + ((i * 17) % 60) / 200);
        input.dispatchEvent(new Event('input', { bubbles: true }));
        document.body.getBoundingClientRect(); // the layout belongs to it
        times.push(performance.now() - start);
    }
    return times.sort((a, b) => a - b)[30];
}"""


def test_the_slider_recounts_512_units_and_60_concepts_within_a_frame(
    watch: Watch, tmp_path: Path
) -> None:
    page = watch.page
    page.goto(write_many_units(tmp_path / "many.html", layers=4).as_uri())
    expect(cards(page).first).to_be_visible()
    said = page.locator(".xw-counted [role=status]")
    before = said.inner_text()
    assert page.evaluate(SLIDE) < 1000 / 60
    assert said.inner_text() != before
    page.get_by_label("Order").select_option("iou")
    page.get_by_label("Show units").select_option("any")
    assert page.evaluate(SLIDE) < 1000 / 60


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 760, 420])
def test_units_fit_wide_and_narrow_in_light_and_dark(
    page: Page, theme: str, width: int, picture_of
) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 1000})
    try:
        root = page.locator(".xw-root").first
        page.locator(".xw-layers button").nth(1).click()
        cards(page).nth(5).click()
        painted(page)
        assert root.evaluate("e => e.scrollWidth - e.clientWidth") <= 1
        picture_of(page, f"units-{theme}-{width}")
    finally:
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1300, "height": 1000})
