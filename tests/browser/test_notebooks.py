"""Every notebook in a real JupyterLab: opened, run, saved, and its widgets handled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from browser.driving import BROKEN, JupyterServer, connected, menu, painted, settled
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from tools import notebooks as tool

MINUTES = 60_000
ENDED = """() => {
    const prompts = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')];
    return prompts.length > 0 && prompts.every((one) => /\\[\\d+\\]/.test(one.textContent));
}"""
"""Whether every cell was run; what is out of sight has no inner text."""
FAILED = f"document.querySelector({BROKEN!r}) !== null"
STATE = """() => {
    const context = window.jupyterapp.shell.currentWidget?.sessionContext;
    const kernel = context?.session?.kernel;
    const texts = (chosen) => [...document.querySelectorAll(chosen)].map((one) => one.textContent);
    return {
        kernel: [kernel?.status, kernel?.connectionStatus],
        prompts: texts('.jp-Notebook .jp-CodeCell .jp-InputPrompt'),
        dialogs: texts('.jp-Dialog-content'),
    };
}"""
LAST_CELL = f"{tool.LAST_CELL}\nimport time\nprint(time.process_time())"


@pytest.fixture
def page(browser: Browser, watched) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1500, "height": 1400})
    made = watched(context.new_page()).page
    yield made
    context.close()


@pytest.fixture
def opened(request: pytest.FixtureRequest, server: JupyterServer, page: Page) -> Iterator[Page]:
    """A notebook without its outputs in a workspace of its own, with its kernel ready; the kernel
    goes when the test ends."""
    path: Path = request.param
    notebook = nbformat.read(path, as_version=4)
    for cell in tool.code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    if tool.starts(notebook):
        first = tool.code_cells(notebook)[0]
        first.source = "\n".join([*tool.STARTS, first.source])
    notebook.cells.append(nbformat.v4.new_code_cell(LAST_CELL))
    nbformat.write(notebook, server.folder / path.name)
    page.goto(server.url(f"lab/workspaces/{path.stem}/tree/{path.name}"))
    connected(page)
    yield page
    page.close()  # it would ask for its kernel once more, and complain
    for session in page.request.get(server.url("api/sessions")).json():
        if session["path"] == path.name:
            page.request.delete(server.url(f"api/sessions/{session['id']}"))


def run_all(page: Page, server: JupyterServer) -> None:
    """Run every cell from the menu. Behind one that fails none is run; where one never ends, its
    kernel is asked what it is at."""
    menu(page, "Run", "Run All Cells")
    try:
        page.wait_for_function(f"() => ({ENDED})() || {FAILED}", timeout=5 * MINUTES)
    except TimeoutError:
        pytest.fail(f"Not every cell has ended: {page.evaluate(STATE)}\n{server.stacks()}")
    if broken := page.locator(BROKEN).all_text_contents():
        pytest.fail("\n".join(broken))


def as_saved(page: Page, path: Path) -> tuple[nbformat.NotebookNode, float]:
    """What JupyterLab saves of the notebook, tidied, and the seconds that its kernel computed."""
    menu(page, "File", "Save Notebook")
    expect(page.locator(".jp-mod-current.jp-mod-dirty")).to_have_count(0)
    ran = nbformat.read(path, as_version=4)
    seconds = float(ran.cells.pop().outputs[-1].text)
    tool.tidy(ran)
    return ran, seconds


def shapes(notebook: nbformat.NotebookNode) -> list[list[list[str]]]:
    """What kinds of things each cell shows."""
    return [
        [sorted(output.get("data", {output.output_type})) for output in cell.outputs]
        for cell in tool.code_cells(notebook)
    ]


def touch(root: Locator) -> None:
    """Use one control of a widget as a reader would: a class, a slider, or else a button."""
    before = root.inner_html()
    classes = root.locator(".xw-bar:has(.xw-class)")
    sliders, buttons = root.get_by_role("slider"), root.get_by_role("button", disabled=False)
    if classes.count() > 1:
        name = classes.nth(1).locator(".xw-class").inner_text()
        classes.nth(1).click()
        expect(root.locator(".xw-target b")).to_have_text(name)
    elif sliders.count():
        sliders.first.press("ArrowRight")
    else:
        buttons.first.click()
    settled(root.page)
    changed = root.inner_html() != before
    assert changed


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "opened", sorted(tool.FOLDER.glob("*.ipynb")), ids=lambda path: path.stem, indirect=True
)
def test_a_notebook_runs_shows_what_is_saved_of_it_and_its_widgets_answer(
    opened: Page, server: JupyterServer, request, picture_of
) -> None:
    path = request.node.callspec.params["opened"]
    saved = nbformat.read(path, as_version=4)
    run_all(opened, server)
    ran, seconds = as_saved(opened, server.folder / path.name)
    assert seconds < tool.MOST_SECONDS
    assert tool.complaints(ran) == []
    assert shapes(ran) == shapes(saved)
    roots = opened.locator(".xw-root")
    expect(roots).to_have_count(len(tool.widgets(saved)))
    for number in range(roots.count()):
        root = roots.nth(number)
        root.scroll_into_view_if_needed()
        settled(opened)
        touch(root)
        picture_of(opened, f"{path.stem}-{number}")
    painted(opened)
