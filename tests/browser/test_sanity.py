"""Sanity in a real JupyterLab and in an exported page: slider, switches, mouse and keyboard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser.driving import Notebook, Watch, ink, painted
from browser.test_lab import eventually, slider
from playwright.sync_api import Locator, Page, expect

SHOW = "xw.sanity(subject, images, methods=quick, draws=2)"
STEPS = ".xw-step .xw-map"
TRAINED = ".xw-pair > :first-child .xw-map"
SLOW = """
class Slow(xw.Saliency, title="Slow"):
    def attribute(self, subject, x, target):
        for _ in range(60):
            time.sleep(0.02)
            subject(x)
        return super().attribute(subject, x, target)
"""


def switch(root: Locator, name: str) -> Locator:
    return root.locator(".xw-switches").get_by_role("button", name=name, exact=True)


def asked(watch: Watch) -> list[str]:
    """The steps that the page has asked Python for."""
    contents = [data.get("content", {}) for data in watch.said]
    return [one["args"]["key"] for one in contents if one.get("name") == "show_step"]


def fresh(page: Page) -> None:
    """Wait until every panel shows the map of the step on screen."""
    page.wait_for_function("() => !document.querySelector('.xw-step.xw-stale')")
    painted(page)


def test_a_seen_step_is_drawn_at_once_beside_the_trained_map_without_a_message(
    lab: Notebook, lab_watch: Watch, picture_of
) -> None:
    root = lab.show(SHOW, panels=4)
    lab.settle()
    trained = ink(root, TRAINED)
    lab_watch.said.clear()
    switch(root, "conv4").click()
    painted(lab.page)
    forgot = ink(root, STEPS)
    assert "empty" not in forgot
    assert all(a != b for a, b in zip(trained[:3], forgot[:3], strict=True))
    assert ink(root, TRAINED) == trained
    sizes = root.locator(".xw-pair .xw-stage").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().width)"
    )
    assert max(sizes) - min(sizes) < 1.5
    for name, pressed in (("linear", "true"), ("conv4", "true"), ("conv3", "false")):
        expect(switch(root, name)).to_have_attribute("aria-pressed", pressed)
    expect(root.locator(".xw-walk .xw-label b").first).to_have_text("conv4, 2 of 5")
    # an interval that rounds to its mean is not written
    drawn = root.locator(".xw-caption .xw-interval").filter(has_text=re.compile(r"\["))
    expect(drawn.first).to_have_text(re.compile(r"^\S+ \[\S+, \S+\]$"))
    picture_of(lab.page, "sanity-lab")
    slider(root, "Forget").focus()
    lab.page.keyboard.press("Home")
    painted(lab.page)
    expect(root.locator(".xw-empty").first).to_be_visible()
    assert asked(lab_watch) == []


def test_the_crosshair_reads_both_maps(lab: Notebook) -> None:
    root = lab.show(SHOW, panels=4)
    lab.settle()
    switch(root, "linear").click()
    painted(lab.page)
    root.locator(".xw-scene .xw-stage").focus()
    lab.page.keyboard.press("ArrowRight")
    pills = root.locator(".xw-panel").first.locator(".xw-pill").all_inner_texts()
    both = lab.ask(
        "[[float(m.map()[0][48, 48]) if hasattr(m, 'map') else float(m.values.sum(1)[0, 48, 48])]"
        " for m in (w.answers['Saliency'], w.answers['Saliency'].frames[0])]"
    )
    for text, (value,) in zip(pills, both, strict=True):
        shown = float(text.replace("−", "-").split("±")[0])
        assert shown == pytest.approx(value, rel=0.01, abs=1e-6)


def test_a_step_that_is_asked_for_overtakes_and_the_newest_wins(
    lab: Notebook, lab_watch: Watch
) -> None:
    lab.run(SLOW)
    root = lab.show(
        "xw.sanity(subject, image, methods=[xw.Saliency(), Slow()], draws=1)", panels=2, wait=False
    )
    lab.page.wait_for_function(
        "() => !document.querySelector('.xw-panel[aria-busy=true]')", timeout=60_000
    )
    lab_watch.said.clear()
    box = slider(root, "Forget").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    lab.page.mouse.move(box["x"] + 8, middle)
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + box["width"] - 8, middle, steps=60)
    lab.page.mouse.up()
    expect(root.locator(".xw-walk .xw-label b").first).to_have_text("conv1, 5 of 5")
    # the fast panel is redrawn while the slow one is still at work
    first = root.locator(".xw-step").first
    expect(first).not_to_have_class(re.compile("xw-stale"), timeout=3000)
    expect(root.locator(".xw-step").nth(1)).to_have_class(re.compile("xw-stale"))
    passed = asked(lab_watch)
    assert passed[-1] == "conv1 + conv2 + conv3 + conv4 + linear"
    assert len(passed) <= 5
    lab.settle()
    fresh(lab.page)
    assert lab.ask("[len(a.frames) for a in w.answers.values()]") == [5, 5]


def test_after_a_cancel_a_step_says_so_and_is_made_when_it_is_asked_for_again(
    lab: Notebook,
) -> None:
    lab.run(SLOW)
    root = lab.show(
        "xw.sanity(subject, image, methods=[xw.Saliency(), Slow()], draws=1)", panels=2, wait=False
    )
    panels, steps = root.locator(".xw-panel"), root.locator(".xw-step")
    expect(panels.first).to_have_attribute("aria-busy", "false")
    expect(panels.nth(1)).to_have_attribute("aria-busy", "true")
    switch(root, "conv4").click()  # its map waits for the slow panel
    expect(steps.first.locator(".xw-progress")).to_be_visible()
    root.get_by_role("button", name="Cancel all").click()
    expect(steps.first).to_contain_text("Cancelled.")
    expect(root.locator(".xw-step.xw-stale")).to_have_count(0)
    expect(steps.first.locator(".xw-stage")).to_have_css("opacity", "1")
    expect(root.locator(".xw-progress")).to_have_count(0)
    steps.first.get_by_role("button", name="Retry").click()
    expect(steps.first.locator(".xw-failed")).to_have_count(0)
    fresh(lab.page)
    assert ink(root, STEPS)[0] != "empty"
    lab.settle()


def test_any_set_of_blocks_is_made_when_it_is_asked_for(lab: Notebook, lab_watch: Watch) -> None:
    root = lab.show(SHOW.replace("draws=2", "draws=1, mode='any blocks'"), panels=4)
    lab.settle()
    expect(slider(root, "Forget")).to_have_count(0)
    lab_watch.said.clear()
    switch(root, "conv1").click()
    switch(root, "linear").click()
    fresh(lab.page)
    assert asked(lab_watch) == ["conv1 + linear"]
    expect(root.locator(".xw-panel").first).to_contain_text("when 'conv1' and 'linear' forget")
    switch(root, "conv1").press("Enter")
    expect(switch(root, "conv1")).to_have_attribute("aria-pressed", "false")


def test_another_way_of_forgetting_asks_python(lab: Notebook) -> None:
    root = lab.show(SHOW, panels=4)
    lab.settle()
    root.get_by_label("mode", exact=True).select_option("bottom up")
    eventually(lab, "w.experiment['steps'][0]['label']", "conv1")
    lab.settle()
    expect(root.locator(".xw-switches button").first).to_have_text("conv1")


def test_a_second_view_has_the_maps_too(lab: Notebook) -> None:
    lab.show(SHOW, panels=4)
    lab.settle()
    lab.run("w")
    root = lab.view(0)
    root.locator(".xw-panel").nth(3).wait_for()
    switch(root, "conv4").click()
    fresh(lab.page)
    assert "empty" not in ink(root, STEPS)
    lab.run("None")


def test_the_verdict_is_read_out(lab: Notebook) -> None:
    root = lab.show(SHOW, panels=4)
    lab.settle()
    switch(root, "conv4").click()
    expect(root.locator("[aria-live]")).to_contain_text(
        re.compile(r"Saliency: It keeps \S+ of its ranks when the last 2 of 5 blocks forget")
    )


def test_the_exported_page_keeps_what_was_seen(lab: Notebook, tmp_path: Path) -> None:
    lab.show(SHOW.replace("draws=2", "draws=1, mode='any blocks'"), panels=4)
    lab.settle()
    lab.run("w._do('show_step', {'key': 'conv3 + conv4'})\nw.wait()\nNone")
    place = tmp_path / "sanity.html"
    lab.run(f"w.to_html({str(place)!r})")
    page = lab.page.context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(place.as_uri())
    body = page.locator("body")
    switch(body, "conv3").wait_for()
    switch(body, "conv3").click()
    painted(page)
    one = ink(body, STEPS)
    assert "empty" not in one
    expect(switch(body, "linear")).to_be_disabled()
    expect(switch(body, "linear")).to_have_attribute("title", re.compile("run the notebook"))
    switch(body, "conv4").click()
    painted(page)
    assert ink(body, STEPS)[:3] != one[:3]
    page.locator(".xw-film [role=option]").nth(2).click()
    painted(page)
    expect(switch(body, "conv4")).to_have_attribute("aria-pressed", "true")
    assert page.get_by_label("mode", exact=True).is_disabled()
    assert errors == []
    page.close()
