"""`compare` in Notebook 7: the same bundle on another page."""

from __future__ import annotations

import re

import pytest
from browser.driving import PRELUDE, JupyterServer, Notebook, Watch, ink, painted, write_notebook
from playwright.sync_api import Browser, expect


@pytest.fixture(scope="module")
def notebook_watch(browser: Browser, watched) -> Watch:
    page = browser.new_page(viewport={"width": 1300, "height": 1400})
    # Notebook 7.6 logs the first by itself, without any widget, and the second when JupyterLab has
    # left a layout on the same server.
    yield watched(page, r"reading 'schema'", r"'filebrowser:open-path' not registered")
    page.close()


@pytest.fixture(scope="module")
def notebook(server: JupyterServer, notebook_watch: Watch) -> Notebook:
    page = notebook_watch.page
    write_notebook(server.folder / "seven.ipynb")
    page.goto(server.url("notebooks/seven.ipynb"))
    book = Notebook(page)
    book.ready()
    book.run(PRELUDE)
    return book


@pytest.fixture(autouse=True)
def shown(notebook: Notebook):
    return notebook.show("xw.compare(subject, image, methods=quick)", panels=4)


def test_a_click_on_a_class_makes_every_panel_explain_it(notebook, shown, picture_of):
    before = ink(shown)
    assert "empty" not in before
    name = shown.locator(".xw-class").nth(1).inner_text()
    shown.locator(".xw-bar").nth(1).click()
    expect(shown.locator(".xw-target b")).to_have_text(name)
    notebook.settle()
    assert notebook.ask("[a.provenance.target for a in w.answers.values()]") == [[name]] * 4
    changed = [a != b for a, b in zip(before, ink(shown), strict=True)]
    assert changed == [True, True, True, False]
    picture_of(notebook.page, "notebook7")


def test_a_slider_repaints_and_python_hears_of_it_once(notebook, shown, notebook_watch):
    before = ink(shown)
    notebook_watch.said.clear()
    keep = shown.get_by_role("slider", name="Keep top")
    keep.focus()
    notebook.page.keyboard.press("PageDown")
    painted(notebook.page)
    assert ink(shown) != before
    value = float(keep.input_value())
    notebook.page.wait_for_timeout(700)
    assert notebook_watch.commands == ["set_display"]
    assert notebook.ask("w.display['keep']") == value


def test_keys_are_no_shortcuts_of_the_notebook(notebook, shown):
    cells = notebook.page.locator(".jp-Notebook .jp-Cell")
    before = cells.count()
    slider = shown.get_by_role("slider", name="Opacity")
    slider.focus()
    for key in ("a", "b", "d", "d", "ArrowDown", "ArrowUp", "m"):
        notebook.page.keyboard.press(key)
    expect(slider).to_be_focused()
    assert cells.count() == before
    assert notebook.cells.count() == 2


def test_a_knob_recomputes_its_panel(notebook, shown):
    panel = shown.locator('section.xw-panel[aria-label="SmoothGrad"]')
    panel.get_by_role("button", name="Settings").click()
    box = panel.get_by_label("samples, number")
    box.fill("9")
    box.press("Enter")
    expect(panel).to_contain_text(re.compile("9 fwd"))
    assert notebook.ask("w.answers['SmoothGrad'].provenance.settings['samples']") == 9
