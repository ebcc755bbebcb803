"""A study in a real JupyterLab: asked, answered by mouse and by key, and told what came of it."""

from __future__ import annotations

from browser.driving import Notebook, Watch
from playwright.sync_api import expect

SHOW = """
from pathlib import Path
Path("study.jsonl").unlink(missing_ok=True)
xw.study(subject, images, [xw.Saliency()], trials=4, choices=3, file="study.jsonl")
"""


def test_a_participant_answers_by_mouse_and_by_key_and_reads_the_results(
    lab: Notebook, lab_watch: Watch, picture_of
) -> None:
    lab.run(SHOW, cell=1)
    study = lab.page.locator(".xw-study").last
    expect(study.get_by_text("1 of 4")).to_be_visible(timeout=20_000)
    expect(study.get_by_text("What does the network answer?")).to_be_visible()
    choices = study.locator(".xw-choices button")
    expect(choices).to_have_count(3)
    picture_of(lab.page, "study-asking")
    first = choices.nth(1).inner_text()
    choices.nth(1).click()
    expect(study.get_by_text("2 of 4")).to_be_visible(timeout=20_000)
    choices.first.focus()
    lab.page.keyboard.press("3")
    expect(study.get_by_text("3 of 4")).to_be_visible(timeout=20_000)
    for number in (4, None):
        choices.first.click()
        expect(study.get_by_text(f"{number} of 4" if number else "4 answers")).to_be_visible(
            timeout=20_000
        )
    expect(study.get_by_role("row")).to_have_count(3)
    expect(study.get_by_role("progressbar")).to_have_count(1)
    expect(study.locator("header")).to_have_count(1)
    expect(study.get_by_role("row", name="picture alone")).to_contain_text("33 %")
    picture_of(lab.page, "study-over")
    lines = lab.ask(
        "[[line['answer'], line['seconds'] > 0] for line in "
        "map(__import__('json').loads, open('study.jsonl'))]"
    )
    assert len(lines) == 4
    assert lines[0][0] == first
    assert all(timed for _, timed in lines)
