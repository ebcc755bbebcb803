"""One server, one page and one kernel for each process of a run; every test ends with a quiet
console."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser tests need `pip install playwright`")

from browser.driving import (
    PATIENCE,
    PRELUDE,
    JupyterServer,
    Notebook,
    Watch,
    chromium,
    jupyter,
    painted,
    write_notebook,
)
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

from xaiwidgets import Compare

HERE = Path(__file__).parent
SCREENSHOTS = HERE / "screenshots"

JUPYTER_MAY_SAY = (
    # JupyterLab's debugger, when a page is opened or reloaded before the kernel has answered it.
    r"Could not restore the debugger state",
)

_watched: list[Watch] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The notebooks go first: of the files that two processes share out, theirs takes longest."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")
    items.sort(key=lambda item: item.path != HERE / "test_notebooks.py")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without one the tests are skipped, on a build machine they fail."""
    with sync_playwright() as play:
        try:
            started = chromium(play)
        except Error as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(
                "No Chromium is found; install one, or name it in XAIWIDGETS_CHROMIUM: "
                + str(error).splitlines()[0]
            )
        yield started
        started.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    with jupyter(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@pytest.fixture(scope="session")
def watched() -> Callable[..., Watch]:
    """Makes a page one whose errors fail the test; patterns name those that it may log."""

    def watch(page: Page, *allowed: str) -> Watch:
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=20_000)
        _watched.append(Watch(page, (*JUPYTER_MAY_SAY, *allowed)))
        return _watched[-1]

    return watch


@pytest.fixture(scope="module")
def tab(browser: Browser, watched, request) -> Iterator[Page]:
    """A page without a network, for a whole file, which may say in `TAB` how it is to be."""
    how = {"viewport": {"width": 1300, "height": 1200}, **getattr(request.module, "TAB", {})}
    context = browser.new_context(offline=True, **how)
    yield watched(context.new_page()).page
    context.close()


@pytest.fixture(scope="module")
def offline_page(browser: Browser, watched, tmp_path_factory) -> Iterator[Callable[..., Page]]:
    """Opens what a widget exports, without a network, and waits until its panels are painted."""
    contexts: list[BrowserContext] = []

    def opened(widget: Compare) -> Page:
        path = widget.to_html(tmp_path_factory.mktemp("page") / "page.html")
        contexts.append(browser.new_context(viewport={"width": 1300, "height": 900}, offline=True))
        shown = watched(contexts[-1].new_page()).page
        shown.goto(path.as_uri())
        expect(shown.locator(".xw-panel")).to_have_count(len(widget.panels))
        painted(shown)
        return shown

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def lab_context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1500, "height": 1400})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


@pytest.fixture(scope="session")
def lab_watch(lab_context: BrowserContext, watched) -> Watch:
    return watched(lab_context.new_page())


@pytest.fixture(scope="session")
def lab(server: JupyterServer, lab_watch: Watch) -> Notebook:
    """A notebook in JupyterLab, with its kernel ready."""
    page = lab_watch.page
    write_notebook(server.folder / "compare.ipynb")
    page.goto(server.url("lab/tree/compare.ipynb"))
    notebook = Notebook(page)
    notebook.ready()
    page.keyboard.press("Control+b")  # the folder's list takes room
    notebook.run(PRELUDE)
    return notebook


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test leaves a picture of every page, before its fixtures close them."""
    report = yield
    if report.failed:
        for number, watch in enumerate(_watched):
            if not watch.page.is_closed():
                name = f"failed-{item.name[:80]}-{number}.png".replace("/", "-")
                with suppress(Error):  # of a page that crashed
                    watch.page.screenshot(path=SCREENSHOTS / name)
    return report


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """No page may have logged an error by the end of a test."""
    yield
    complaints = []
    for watch in list(_watched):
        if watch.page.is_closed():
            complaints += watch.errors
            _watched.remove(watch)
            continue
        watch.page.wait_for_timeout(1)  # events arrive inside Playwright's own calls
        complaints += watch.errors
        watch.errors.clear()
    if complaints:
        pytest.fail("The console is not quiet:\n" + "\n".join(complaints))


@pytest.fixture
def picture_of():
    """Keep a picture of a page, to be looked at."""
    SCREENSHOTS.mkdir(exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png")

    return take
