"""Tables: a page without a kernel, by mouse and by key; JupyterLab, where columns are masked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser.driving import Notebook, Watch, number, painted, panel
from playwright.sync_api import Locator, Page, expect
from tables import cancer, forest

import xaiwidgets as xw

FOREST = """
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
wine = load_wine()
model = RandomForestClassifier(20, random_state=0).fit(wine.data, wine.target)
wines = xw.TableSubject(
    model.predict_proba, wine.data, columns=wine.feature_names, classes=wine.target_names,
    background=5,
)
bottles = wine.data[:2]
"""


@pytest.fixture(scope="module")
def widget() -> Iterator[xw.Compare]:
    made = xw.compare(
        cancer(background=10),
        forest()[1].data[:2],
        truths=["malignant", "malignant"],
        methods=[xw.KernelShap(samples=400), xw.LIME(samples=400), xw.FeatureAblation()],
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def page(offline_page, widget) -> Page:
    return offline_page(widget)


def columns(where: Locator) -> Locator:
    return where.locator(".xw-column[data-at]")


def test_a_column_is_read_in_every_panel_with_the_arrays_own_value(page, widget, picture_of):
    worth = dict(widget.answers["KernelShap"].columns())
    name = max(worth, key=lambda column: abs(worth[column]))
    first = columns(panel(page, "Kernel SHAP")).first
    expect(first.locator(".xw-column-name")).to_have_text(name)
    first.hover()
    for title, heat in zip(
        ("Kernel SHAP", "LIME", "Feature ablation"), widget.answers.values(), strict=True
    ):
        read = panel(page, title).locator(".xw-read").inner_text()
        assert read.startswith(f"{name} = ")
        value = read.split("   ")[1].split(" ±")[0]
        exact = dict(heat.columns())[name]
        assert abs(number(value) - exact) <= 0.006 * abs(exact) + 1e-4
    expect(page.locator(".xw-scene .xw-column.xw-here .xw-column-name")).to_have_text(name)
    picture_of(page, "table-hover")


def test_bars_are_as_long_as_their_values_and_lie_on_their_side_of_zero(page, widget):
    worth = dict(widget.answers["FeatureAblation"].columns())
    most = max(abs(value) for value in worth.values())
    for line in columns(panel(page, "Feature ablation")).all()[:5]:
        name = line.locator(".xw-column-name").inner_text()
        bar = line.locator(".xw-bar-track i").bounding_box()
        track = line.locator(".xw-bar-track").bounding_box()
        middle = track["x"] + track["width"] / 2
        assert abs(bar["width"] - track["width"] / 2 * abs(worth[name]) / most) <= 1.5
        edge = bar["x"] if worth[name] > 0 else bar["x"] + bar["width"]
        assert abs(edge - middle) <= 1.5


def test_by_key_from_bar_to_bar_and_in_the_tables_order(page):
    table = panel(page, "LIME").locator(".xw-table")
    table.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    spoken = page.locator("[aria-live=polite].xw-hidden").inner_text()
    assert ", 2 of 12: " in spoken
    page.get_by_role("button", name="In order").click()
    expect(columns(table).first.locator(".xw-column-name")).to_have_text("mean radius")
    page.get_by_role("button", name="By size").click()
    table.get_by_role("button", name="18 more columns").click()
    expect(columns(table)).to_have_count(30)
    table.get_by_role("button", name="Only the first 12").click()


def test_another_row_comes_from_the_strip(page):
    page.locator(".xw-film button").nth(1).click()
    expect(columns(page.locator(".xw-scene")).first).to_contain_text("20.57")
    page.locator(".xw-film button").nth(0).click()
    expect(columns(page.locator(".xw-scene")).first).to_contain_text("17.99")


def test_in_a_narrow_and_in_a_dark_page_nothing_sticks_out(page, picture_of):
    page.set_viewport_size({"width": 420, "height": 900})
    painted(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    picture_of(page, "table-narrow")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 1300, "height": 900})
    painted(page)
    expect(page.locator(".xw-root")).to_have_attribute("data-theme", "dark")
    picture_of(page, "table-dark")


def test_columns_are_struck_out_by_the_mask_and_the_kernel_answers(
    lab: Notebook, lab_watch: Watch, picture_of
) -> None:
    lab.run(FOREST)
    root = lab.show(
        "xw.compare(wines, bottles, methods=[xw.KernelShap(samples=200), xw.LIME(samples=200)])",
        panels=2,
    )
    expect(columns(panel(root, "LIME"))).to_have_count(13)
    root.get_by_role("button", name="Masking").click()
    root.get_by_role("slider", name="Share of columns").fill("30")
    expect(panel(root, "LIME").locator(".xw-column.xw-gone")).to_have_count(4)
    lab.settle()
    intact = lab.ask("w.wait().masking.scores['LIME']['intact']")
    shown = panel(root, "LIME").locator(".xw-score")
    expect(shown).to_contain_text(f"{100 * intact:.0f} %")
    root.get_by_role("button", name="Trust").click()
    lab.settle()
    assert lab.ask("'While its columns go' in w.wait().badges['LIME']['faithfulness'].sentence")
    picture_of(lab.page, "table-lab")
