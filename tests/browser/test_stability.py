"""Noise and sweeps in a real JupyterLab and in exported pages: drag, click a frame, use a value."""

from __future__ import annotations

import re
from pathlib import Path

from browser.driving import Notebook, Watch, ink, painted, settled
from browser.test_lab import eventually, slider
from playwright.sync_api import Locator, Page, expect

NOISE = "xw.stability(subject, images, methods=quick, noise=(0.05, 0.3), draws=2)"
STEPS = ".xw-step .xw-map"
INPUT = ".xw-scene .xw-picture"
COMPARE = "xw.compare(subject, image, methods=[xw.SmoothGrad(samples=4), xw.Saliency()])"


def shares(root: Locator) -> list[str]:
    return root.locator(".xw-scene .xw-share").all_inner_texts()


def panel(root: Locator, number: int) -> Locator:
    return root.locator(".xw-panel").nth(number)


def sweep(root: Locator, number: int, knob: str) -> Locator:
    """Turn the film beside a knob; its strip."""
    one = panel(root, number)
    if not one.locator(".xw-knobs").count():
        one.get_by_role("button", name="Settings").click()
    one.get_by_role("button", name=f"Sweep {knob}").click()
    return one.locator(".xw-swept .xw-frames button")


def offline(page: Page, place: Path) -> tuple[Page, list[str]]:
    opened, errors = page.context.new_page(), []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(place.as_uri())
    opened.locator(".xw-panel").first.wait_for()
    return opened, errors


def test_the_noise_slider_redraws_input_classes_and_every_map(
    lab: Notebook, lab_watch: Watch, picture_of
) -> None:
    root = lab.show(NOISE, panels=4)
    lab.settle()
    picture, bars = ink(root, INPUT), shares(root)
    lab_watch.said.clear()
    slider(root, "Noise").focus()
    seen = []
    for text in ("5 %, 1 of 2", "30 %, 2 of 2"):
        lab.page.keyboard.press("ArrowRight")
        expect(root.locator(".xw-walk .xw-label b").first).to_have_text(text)
        painted(lab.page)
        seen.append((ink(root, INPUT), ink(root, STEPS)))
    assert "empty" not in seen[0][1] + seen[1][1]
    assert all(a != b for a, b in zip(seen[0][1], seen[1][1], strict=True))
    assert len({picture[0], seen[0][0][0], seen[1][0][0]}) == 3
    assert "show_step" not in lab_watch.commands  # all of it was there already
    said = lab.ask(
        "float(subject.outputs(w._walk._course().at('0.3', 0, w._panels.every[0].method).x)"
        ".softmax(1)[0, w.target['indices'][0]])"
    )
    network = root.locator(".xw-left li").first
    expect(network).to_contain_text("the network: ")
    expect(network.locator("b")).to_have_text(f"{said:.2f}")
    assert len(shares(root)) >= len(bars)
    assert root.locator(".xw-sure").get_attribute("d").count("L") == 2
    expect(panel(root, 0).locator(".xw-told")).to_contain_text("as fast as the picture")
    picture_of(lab.page, "noise-lab")
    slider(root, "Noise").focus()
    lab.page.keyboard.press("Home")
    painted(lab.page)
    assert ink(root, INPUT) == picture
    assert shares(root) == bars


def test_a_level_that_is_asked_for_while_nothing_is_there_comes(lab: Notebook) -> None:
    root = lab.show(
        "xw.stability(subject, image, methods=[xw.SmoothGrad(samples=300)], draws=1)",
        panels=1, wait=False,
    )  # fmt: skip
    slider(root, "Noise").focus()
    lab.page.keyboard.press("End")
    lab.page.wait_for_function("() => !document.querySelector('.xw-step.xw-stale')")
    expect(root.locator(".xw-caption b").first).to_be_visible()
    lab.settle()


def test_the_exported_page_keeps_slider_and_noisy_pictures(lab: Notebook, tmp_path: Path) -> None:
    lab.show(NOISE, panels=4)
    lab.settle()
    place = tmp_path / "noise.html"
    lab.run(f"w.to_html({str(place)!r})")
    page, errors = offline(lab.page, place)
    root = page.locator(".xw-root")
    before, bars = ink(root, INPUT), shares(root)
    slider(root, "Noise").focus()
    page.keyboard.press("End")
    painted(page)
    assert ink(root, INPUT) != before
    assert "empty" not in ink(root, STEPS)
    assert shares(root) != bars
    assert page.get_by_label("measure").first.is_disabled()
    assert errors == []
    page.close()


def test_a_film_beside_a_knob_shows_a_map_for_every_value_and_one_of_them_is_used(
    lab: Notebook, lab_watch: Watch, picture_of
) -> None:
    root = lab.show(COMPARE, panels=2)
    lab.settle()
    own = ink(root)
    frames = sweep(root, 0, "noise")
    expect(frames).to_have_count(8)
    lab.settle()
    expect(frames.nth(7)).to_contain_text(re.compile(r"^0\.5\s*0\.\d\d$"))
    assert ink(root) == own
    frames.nth(7).click()
    painted(lab.page)
    assert ink(root)[0] != own[0]
    assert ink(root)[1] == own[1]
    words = panel(root, 0).locator(".xw-swept")
    expect(words).to_contain_text("At noise 0.5 it is")
    picture_of(lab.page, "sweep-lab")
    shown = ink(root)[0]
    words.get_by_role("button", name="Use this").click()
    eventually(lab, "w.panels[0]['settings']['noise']", 0.5)
    lab.settle()
    painted(lab.page)
    assert ink(root)[0] == shown
    expect(frames.nth(7)).to_contain_text("1.00")
    expect(panel(root, 0).get_by_label("noise, number")).to_have_value("0.5")
    sweep(root, 0, "noise")
    expect(panel(root, 0).locator(".xw-swept")).to_have_count(0)


def test_a_sweep_is_opened_leafed_through_and_closed_by_keyboard(lab: Notebook) -> None:
    root = lab.show(COMPARE, panels=2)
    one = panel(root, 1)
    one.get_by_role("button", name="Settings").focus()
    lab.page.keyboard.press("Enter")
    film = one.get_by_role("button", name="Sweep form")
    film.focus()
    lab.page.keyboard.press("Enter")
    expect(film).to_have_attribute("aria-pressed", "true")
    lab.settle()
    strip = one.get_by_role("listbox")
    strip.focus()
    lab.page.keyboard.press("ArrowRight")
    lab.page.keyboard.press("ArrowRight")
    expect(strip.locator("[aria-selected=true]")).to_contain_text("absolute")
    film.focus()
    lab.page.keyboard.press("Space")
    expect(strip).to_have_count(0)


def test_a_sweep_of_all_panels_says_who_has_no_such_setting(lab: Notebook) -> None:
    root = lab.show(
        "xw.sweep(subject, image, methods=[xw.IntegratedGradients(steps=4), xw.Saliency()])",
        panels=2,
    )
    lab.settle()
    root.locator(".xw-switches").get_by_role("button", name="white").click()
    painted(lab.page)
    expect(panel(root, 1).locator(".xw-step .xw-failed")).to_have_text(
        "It has no baseline to vary: its map stays as it is."
    )
    panel(root, 0).get_by_role("button", name="Use this").click()
    eventually(lab, "w.panels[0]['settings']['baseline']", "white")
    lab.settle()
    expect(panel(root, 0).locator(".xw-caption b").first).to_have_text("1.00")


def test_the_exported_page_keeps_the_strip_of_a_panel(lab: Notebook, tmp_path: Path) -> None:
    root = lab.show(COMPARE, panels=2)
    sweep(root, 0, "form")
    lab.settle()
    place = tmp_path / "strip.html"
    lab.run(f"w.to_html({str(place)!r})")
    page, errors = offline(lab.page, place)
    there = page.locator(".xw-root")
    before = ink(there)
    there.locator(".xw-swept .xw-frames button").nth(2).click()
    painted(page)
    assert ink(there)[0] != before[0]
    assert ink(there)[1] == before[1]
    expect(there.get_by_role("button", name="Use this")).to_have_count(0)
    settled(page)
    assert errors == []
    page.close()
