"""Lessons in a real JupyterLab: marked and voted by mouse and by key, and read from Python."""

from __future__ import annotations

import json

from browser.driving import Notebook, Watch, ink, painted
from playwright.sync_api import Locator, Page, expect

PREDICT = """
known = [{"object": scenes[i].masks["object"]} for i in range(2)]
guess = xw.predict(subject, images[:2], methods=quick, masks=known)
guess
"""
BLIND = """
vote = xw.blind(subject, images[:2], methods=quick[:2], seed=3, masks=known)
vote
"""
NAMES = ("Saliency", "SmoothGrad", "Grad-CAM", "Edge detector", "Random map")


def drag(page: Page, stage: Locator, *way: tuple[float, float]) -> None:
    """Press at the first point of the way, as shares of the stage, and let go at the last."""
    box = stage.bounding_box()
    assert box is not None
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in way]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def copied(lesson: Locator) -> str:
    """The code that *Copy as Python* gives."""
    lesson.get_by_role("button", name="Copy as Python").click()
    expect(lesson.get_by_role("button", name="Copied")).to_be_visible()
    return str(lesson.page.evaluate("navigator.clipboard.readText()"))


def test_a_reader_marks_by_mouse_and_by_key_and_then_sees_the_maps(
    lab: Notebook, lab_watch: Watch, picture_of
) -> None:
    page = lab.page
    lab.run(PREDICT, cell=1)
    lesson = page.locator(".xw-lesson").last
    stage = lesson.locator(".xw-scene .xw-stage")
    reveal = lesson.get_by_role("button", name="Reveal the maps")
    expect(reveal).to_be_disabled()
    expect(lesson.locator(".xw-panel")).to_have_count(0)
    drag(page, stage, (0.25, 0.25), (0.5, 0.75))
    expect(reveal).to_be_enabled()
    expect(lesson.get_by_text("of the picture is marked")).to_be_visible()
    lesson.get_by_role("button", name="Brush", exact=True).click()
    drag(page, stage, (0.75, 0.3), (0.85, 0.4))
    stage.focus()
    for key in ("ArrowLeft", "ArrowLeft", "r", "Shift+ArrowDown", "Shift+ArrowRight", "r", " "):
        page.keyboard.press(key)
    page.wait_for_timeout(800)  # a hand at rest is reported
    marks = lab.ask("guess.marks['0']")
    assert [len(shape) for shape in marks][:1] == [4], "a box by mouse"
    assert sum(len(shape) == 4 for shape in marks) == 2, "and one by keyboard"
    assert len(marks[-1]) == 3, "a stamp by the space bar"
    assert lab.ask("int(guess.marked.sum())") > 24 * 48
    picture_of(page, "predict-asking")
    reveal.click()
    expect(lesson.locator(".xw-panel")).to_have_count(4)
    painted(page)
    assert "empty" not in ink(lesson, ".xw-panel .xw-map")
    assert "empty" not in ink(lesson, ".xw-panel .xw-over"), "the mark's outline"
    shown = lesson.locator(".xw-panel", has_text="Grad-CAM").locator(".xw-lies td").nth(1)
    share = lab.ask("guess.wait().overlap['Grad-CAM'].share")
    assert shown.inner_text().startswith(
        f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"
    )
    picture_of(page, "predict-told")


def test_marks_of_python_reach_the_page_and_a_second_picture_is_summed_up(
    lab: Notebook, lab_watch: Watch
) -> None:
    lab.run("_ = guess.select(1); guess.marked = [(10, 10, 60, 60)]")
    lesson = lab.page.locator(".xw-lesson").last
    expect(lesson.get_by_text("27 % of the picture is marked")).to_be_visible()
    lesson.get_by_role("button", name="Reveal the maps").click()
    expect(lesson.locator(".xw-sums tbody tr")).to_have_count(5)
    expect(lesson.get_by_text("Your regions in 2 pictures so far")).to_be_visible()
    lesson.get_by_role("option").first.click()
    expect(lesson.get_by_text("picture 1", exact=True)).to_be_visible()
    expect(lesson.locator(".xw-panel")).to_have_count(4)
    code = copied(lesson)
    assert "marked={0: [[" in code
    assert "[[10, 10, 60, 60]]" in code
    assert code.endswith(".reveal(0, 1)")


def test_no_name_is_heard_or_seen_before_the_vote(
    lab: Notebook, lab_watch: Watch, picture_of
) -> None:
    page = lab.page
    lab_watch.heard.clear()
    lab.run(BLIND, cell=1)
    lesson = page.locator(".xw-lesson").last
    expect(lesson.locator(".xw-panel")).to_have_count(4)
    painted(page)
    on_page = lesson.evaluate("(root) => root.outerHTML")
    for name in NAMES:
        assert name not in on_page
        assert not [text for text, _ in lab_watch.heard if name in text]
    picture_of(page, "blind-asking")
    lesson.locator(".xw-panel .xw-stage").first.focus()
    page.keyboard.press("b")
    page.keyboard.press("a")
    expect(lesson.get_by_text("Your order: B, A")).to_be_visible()
    lesson.get_by_label("Why").fill("It lies on the shape, a lot")
    expect(lesson.get_by_text("Your order: B, A")).to_be_visible()
    lesson.get_by_role("button", name="Vote", exact=True).click()
    expect(lesson.get_by_text("1 of 2 answered")).to_be_visible()
    expect(lesson.get_by_text("picture 2", exact=True)).to_be_visible()
    lesson.get_by_role("button", name="Trust C most").click()
    lesson.get_by_role("button", name="Vote", exact=True).click()
    expect(lesson.locator(".xw-sums tbody tr")).to_have_count(4)
    for name in ("Saliency", "SmoothGrad", "Edge detector (control)", "Random map (control)"):
        expect(lesson.get_by_role("heading", name=name, exact=True)).to_be_visible()
    expect(lesson.locator(".xw-badge").first).to_be_visible()
    assert lab.ask("vote.votes") == {"0": "BA", "1": "C"}
    assert lab.ask("vote.select(0).reason") == "It lies on the shape, a lot"
    lab.run("_ = vote.wait()")
    expect(lesson.locator(".xw-badges")).to_have_count(4)
    picture_of(page, "blind-told")
    row = lesson.locator(".xw-sums tbody tr").first.inner_text()
    table = json.loads(lab.ask("vote.results().to_json(orient='records')"))
    assert row.startswith(table[0]["method"])
