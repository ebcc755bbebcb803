"""`compare` in a marimo app: a shadow root, and bytes that travel as base64."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from browser.driving import PATIENCE, Watch, free_port, ink, painted, serving
from playwright.sync_api import Browser, Locator, expect

pytest.importorskip("marimo")

APP = """
import marimo

app = marimo.App(width="full")


@app.cell
def _():
    import json
    import marimo as mo
    import xaiwidgets as xw
    from xaiwidgets import zoo

    widget = xw.compare(
        zoo.subject("shapes"),
        [scene.image for scene in zoo.ShapeScenes(2, size=96, seed=3)],
        methods=[xw.Saliency(), xw.SmoothGrad(samples=4), xw.GradCam(), xw.EdgeDetector()],
    )
    return json, mo, widget


@app.cell
def _(widget):
    widget
    return


@app.cell
def _(json, mo, widget):
    refresh = mo.ui.button(label="ask Python", value=0, on_click=lambda value: value + 1)
    refresh
    return (refresh,)


@app.cell
def _(json, mo, refresh, widget):
    mo.md(f"asked {refresh.value}: " + json.dumps(
        [widget.target["label"], widget.display["opacity"],
         [answer.provenance.target[0] for answer in widget.answers.values()]]
    ))
    return


if __name__ == "__main__":
    app.run()
"""


SANITY = """
import marimo

app = marimo.App(width="full")


@app.cell
def _():
    import xaiwidgets as xw
    from xaiwidgets import zoo

    widget = xw.sanity(
        zoo.subject("shapes"), zoo.ShapeScenes(1, size=96, seed=3)[0].image,
        methods=[xw.Saliency(), xw.GradCam()], draws=1,
    )
    widget
    return


if __name__ == "__main__":
    app.run()
"""


@contextmanager
def shown(browser: Browser, watched, folder: Path, app: str) -> Iterator[Watch]:
    """An app in its own server, on a page."""
    (folder / "app.py").write_text(app)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        sys.executable, "-m", "marimo", "run", "app.py", "--headless", "--no-token",
        f"--port={port}",
    ]  # fmt: skip
    env = {**os.environ, "XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder)}
    with serving(command, url, folder, env):
        page = browser.new_page(viewport={"width": 1300, "height": 1400})
        watch = watched(page)
        page.goto(url)
        yield watch
        page.close()


@pytest.fixture(scope="module")
def marimo_watch(
    browser: Browser, watched, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watch]:
    with shown(browser, watched, tmp_path_factory.mktemp("marimo"), APP) as watch:
        yield watch


@pytest.fixture
def root(marimo_watch: Watch) -> Locator:
    view = marimo_watch.page.locator(".xw-root")
    expect(view.locator(".xw-panel")).to_have_count(4, timeout=PATIENCE)
    expect(view.locator(".xw-panel[aria-busy=true]")).to_have_count(0, timeout=PATIENCE)
    painted(marimo_watch.page)
    return view


def asked(root: Locator, count: int) -> str:
    """What Python says after the button was pressed for the count-th time."""
    root.page.get_by_role("button", name="ask Python").click()
    words = root.page.get_by_text(f"asked {count}: ")
    words.wait_for()
    return words.inner_text()


def test_a_click_on_a_class_makes_every_panel_explain_it(root, picture_of):
    before = ink(root)
    assert "empty" not in before
    assert len(set(before)) == 4
    name = root.locator(".xw-class").nth(1).inner_text()
    root.locator(".xw-bar").nth(1).click()
    expect(root.locator(".xw-target b")).to_have_text(name)
    expect(root.locator(".xw-stale, .xw-panel[aria-busy=true]")).to_have_count(0)
    for _ in range(40):
        changed = [a != b for a, b in zip(before, ink(root), strict=True)]
        if changed == [True, True, True, False]:
            break
        root.page.wait_for_timeout(100)
    assert changed == [True, True, True, False]
    assert asked(root, 1).count(f'"{name}"') == 5
    picture_of(root.page, "marimo")


def test_a_slider_repaints_every_panel(root):
    before = root.locator(".xw-panel .xw-map").evaluate_all("all => all.map(e => e.style.opacity)")
    slider = root.get_by_role("slider", name="Opacity")
    slider.focus()
    for _ in range(5):
        root.page.keyboard.press("ArrowLeft")
    painted(root.page)
    after = root.locator(".xw-panel .xw-map").evaluate_all("all => all.map(e => e.style.opacity)")
    assert after == ["0.8"] * 4 != before
    root.page.wait_for_timeout(800)
    assert ", 0.8, " in asked(root, 2)


def test_the_theme_is_read_through_the_shadow_root(root):
    assert root.get_attribute("data-theme") in ("light", "dark")
    border = root.evaluate("e => getComputedStyle(e.querySelector('.xw-panel')).borderTopStyle")
    assert border == "solid", "the style sheet reaches into the shadow root"


def test_another_input_is_chosen_in_the_strip(root):
    before = ink(root)
    root.locator(".xw-film [role=option]").nth(1).click()
    expect(root.locator(".xw-film [role=option]").nth(1)).to_have_attribute("aria-selected", "true")
    for _ in range(60):
        if all(a != b for a, b in zip(before, ink(root), strict=True)):
            return
        root.page.wait_for_timeout(100)
    pytest.fail("some map still shows the first input")


def test_maps_of_an_experiment_arrive_as_messages(browser, watched, tmp_path, picture_of):
    with shown(browser, watched, tmp_path, SANITY) as watch:
        page = watch.page
        page.locator(".xw-switches button").first.wait_for(timeout=PATIENCE)
        page.locator(".xw-switches button", has_text="conv4").click()
        expect(page.locator(".xw-step .xw-map")).to_have_count(2)
        expect(page.locator(".xw-step.xw-stale")).to_have_count(0, timeout=PATIENCE)
        painted(page)
        forgot = ink(page, ".xw-step .xw-map")
        assert "empty" not in forgot
        page.get_by_text("all 10 maps are there").wait_for()
        page.locator(".xw-switches button", has_text="conv1").click()
        painted(page)
        assert all(a != b for a, b in zip(forgot, ink(page, ".xw-step .xw-map"), strict=True))
        picture_of(page, "marimo-sanity")
