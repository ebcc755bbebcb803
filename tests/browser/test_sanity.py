"""Sanity in a real JupyterLab and in the exported page: the switches, by mouse and keyboard."""

from __future__ import annotations

from pathlib import Path

from browser.driving import Notebook, ink, painted
from browser.test_lab import eventually, slider
from playwright.sync_api import expect

SHOW = "xw.sanity(subject, images, methods=quick)"
MAPS = ".xw-panel .xw-map"


def test_switches_redraw_every_panel_at_once(lab: Notebook) -> None:
    root = lab.show(SHOW, panels=4)
    lab.settle()
    trained = ink(root, MAPS)
    root.get_by_role("button", name="conv4", exact=True).click()
    painted(lab.page)
    forgot = ink(root, MAPS)
    assert all(a != b for a, b in zip(trained, forgot, strict=True))
    expect(root.locator(".xw-sanity b").first).to_have_text("2 of 5 blocks have forgotten")
    for name, pressed in (("linear", "true"), ("conv4", "true"), ("conv3", "false")):
        button = root.get_by_role("button", name=name, exact=True)
        expect(button).to_have_attribute("aria-pressed", pressed)
    slider(root, "Forget").focus()
    lab.page.keyboard.press("Home")
    painted(lab.page)
    assert ink(root, MAPS) == trained
    expect(root.locator(".xw-sanity b").first).to_have_text("the network as it was trained")


def test_another_way_of_forgetting_asks_python(lab: Notebook) -> None:
    root = lab.show(SHOW, panels=4)
    lab.settle()
    root.get_by_label("How the network forgets").select_option("bottom up")
    eventually(lab, "w.experiment['stages'][0]", "conv1")
    lab.settle()
    expect(root.locator(".xw-switches button").first).to_have_text("conv1")


def test_the_exported_page_keeps_its_switches(lab: Notebook, tmp_path: Path) -> None:
    lab.show(SHOW, panels=4)
    lab.settle()
    place = tmp_path / "sanity.html"
    lab.run(f"w.to_html({str(place)!r})")
    page = lab.page.context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(place.as_uri())
    page.locator(".xw-switches button").first.wait_for()
    before = ink(page.locator("body"), MAPS)
    page.get_by_role("button", name="conv3", exact=True).click()
    painted(page)
    assert ink(page.locator("body"), MAPS) != before
    assert page.get_by_label("How the network forgets").is_disabled()
    assert errors == []
    page.close()
