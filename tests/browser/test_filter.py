"""The table of methods can be filtered by mouse, keyboard and address, and is whole without a
script."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

markdown_it = pytest.importorskip("markdown_it")

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "docs" / "_static"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as Markdown makes it, with the site's own script and style."""
    render = markdown_it.MarkdownIt("commonmark").enable("table").render
    body = render((ROOT / "docs" / "which-method.md").read_text(encoding="utf-8"))
    script = (STATIC / "filter.js").read_text(encoding="utf-8")
    style = (STATIC / "site.css").read_text(encoding="utf-8")
    page = tmp_path_factory.mktemp("filter") / "page.html"
    page.write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Which</title>"
        f"<style>{style}</style><body>{body}<script>{script}</script></body></html>"
    )
    return page


@pytest.fixture
def page(tab: Page, path: Path) -> Page:
    tab.goto("about:blank")
    tab.goto(path.as_uri())
    return tab


def names(page: Page) -> list[str]:
    """The methods that are left."""
    return page.locator("table.filtered tbody tr:not([hidden]) td:first-child").all_inner_texts()


def test_all_methods_are_there_until_something_is_chosen(page):
    every = len(names(page))
    assert every > 45
    expect(page.get_by_role("status")).to_have_text(f"{every} of {every} methods")


def test_choices_narrow_the_table_together(page):
    page.get_by_label("Access").select_option("black box")
    asking = names(page)
    assert {"LIME", "RISE", "Occlusion"} <= set(asking)
    assert "Saliency" not in asking
    page.get_by_label("Formulation").select_option("proxy")
    assert set(names(page)) < set(asking)
    expect(page.get_by_role("status")).to_contain_text(f"{len(names(page))} of ")
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("table.filtered tbody tr[hidden]")).to_have_count(0)


def test_what_is_narrower_is_found_under_the_surveys_word(page):
    page.get_by_label("Model").select_option("specific")
    assert {"Grad-CAM", "Guided backprop"} <= set(names(page))
    assert page.get_by_label("Model").locator("option").all_inner_texts() == [
        "any", "any network", "differentiable", "specific"
    ]  # fmt: skip


def test_words_are_searched_in_all_that_a_row_says(page):
    page.get_by_label("Words").fill("shapley share")
    assert "Kernel SHAP" in names(page)
    page.get_by_label("Words").fill("no such method")
    expect(page.get_by_role("status")).to_have_text(
        "No method is like that; let go of one of the choices."
    )


def test_the_keyboard_reaches_every_control(page):
    page.get_by_label("Words").focus()
    seen = []
    for _ in range(10):
        seen.append(page.evaluate("document.activeElement.name || document.activeElement.type"))
        page.keyboard.press("Tab")
    assert seen[:2] == ["words", "model"]
    assert seen[-1] == "reset"
    page.get_by_label("Scope").focus()
    page.keyboard.press("ArrowDown")
    assert 0 < len(names(page)) < 10, "global comes first"


def test_the_address_keeps_the_choice(page, path):
    page.goto(f"{path.as_uri()}?scope=global&nonsense=1")
    expect(page.get_by_label("Scope")).to_have_value("global")
    assert set(names(page)) == {"TCAV", "Units", "Network dissection", "GAN dissection"}


@pytest.mark.parametrize("width", [420, 1300])
def test_it_fits_its_width(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    form = page.get_by_role("search").bounding_box()
    assert form["x"] + form["width"] <= width


def test_without_a_script_the_table_is_all_there(browser, path):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator("tbody tr").count() > 50
    expect(page.locator("form")).to_have_count(0)
    context.close()
