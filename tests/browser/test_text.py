"""Texts: a page without a kernel, by mouse and by key; and JupyterLab, where a class is chosen."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from browser.driving import Notebook, Watch, number, painted, panel
from playwright.sync_api import Locator, Page, expect

import xaiwidgets as xw

pytest.importorskip("transformers")

from texts import bert, word_tokenizer

TEXTS = ["we saw a splendid film with friends", "it was a really dreadful meal"]
READER = '''
from torch import nn

WORDS = ["", "a", "film", "meal", "saw", "splendid", "tedious", "we"]

class Reader(nn.Module):
    """Adds up what each word speaks for."""
    def __init__(self):
        super().__init__()
        self.words, self.says = nn.Embedding(8, 2), nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.words.weight.zero_()
            self.words.weight[5, 0], self.words.weight[6, 1] = 3.0, 2.0
            self.says.weight.copy_(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]))

    def forward(self, ids):
        return self.says(self.words(ids).sum(1))

def encode(text):
    return [WORDS.index(word) for word in text.split()], text.split()

reader = xw.TextSubject(Reader().eval(), encode, classes=["praise", "blame"])
line = "we saw a splendid film a tedious meal"
'''


@pytest.fixture(scope="module")
def widget() -> Iterator[xw.Compare]:
    subject = xw.TextSubject(bert(), word_tokenizer(), title="Small BERT")
    names = [subject.prepare(text).parts[0].names for text in TEXTS]
    made = xw.compare(
        subject,
        TEXTS,
        truths=["praise", "praise"],
        masks=[np.isin(own, ("splendid", "dreadful")) for own in names],
        methods=[xw.LRP(), xw.InteriorGradients(), xw.Occlusion()],
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def page(offline_page, widget) -> Page:
    return offline_page(widget)


def colour(token: Locator) -> str:
    return token.evaluate("e => getComputedStyle(e).backgroundColor")


def ink(token: Locator) -> str:
    return token.evaluate("e => getComputedStyle(e).color")


def test_a_page_reads_the_values_of_pythons_arrays_by_mouse_and_by_key(page, widget, picture_of):
    panel(page, "LRP").locator(".xw-token").nth(4).hover()
    reads = page.locator(".xw-panel .xw-read").all_inner_texts()
    for read, heat in zip(reads, widget.answers.values(), strict=True):
        name, value = read.split()
        exact = heat.words()[4]
        assert name == exact[0] == "splendid"
        assert abs(number(value) - exact[1]) <= 0.006 * abs(exact[1])
    picture_of(page, "text-hover")
    page.locator(".xw-scene .xw-text").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".xw-scene .xw-read")).to_have_text("film")
    assert "token 6 of 9, film" in page.locator("[aria-live=polite].xw-hidden").inner_text()
    lines = page.locator(".xw-scene .xw-token").evaluate_all(
        "all => [...new Set(all.map(e => e.offsetTop))].length"
    )
    assert lines > 1
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".xw-scene .xw-token.xw-here")).to_have_count(1)


def test_what_speaks_for_the_class_is_red_with_white_letters_and_the_rest_is_paper(page):
    tokens = panel(page, "Occlusion").locator(".xw-token")
    assert ink(tokens.nth(4)) in ("oklch(1 0 0)", "color(srgb 1 1 1)", "rgb(255, 255, 255)")
    assert ink(tokens.nth(5)) in ("oklch(0 0 0)", "color(srgb 0 0 0)", "rgb(0, 0, 0)")
    assert colour(tokens.nth(4)) != colour(tokens.nth(5))
    page.get_by_role("slider", name="Opacity").fill("0")
    painted(page)
    assert colour(tokens.nth(4)) == colour(tokens.nth(5))
    page.get_by_role("button", name="Default display").click()


def test_a_range_tells_its_share_and_the_true_word_is_underlined(page, widget):
    tokens = panel(page, "LRP").locator(".xw-token")
    tokens.nth(4).hover()
    page.mouse.down()
    tokens.nth(5).hover()
    page.mouse.up()
    values = np.abs(widget.answers["LRP"].map()[0, 0])
    share = f"{100 * values[4:6].sum() / values.sum():.0f} % inside the range"
    expect(panel(page, "LRP")).to_contain_text(share)
    expect(page.locator(".xw-scene")).to_contain_text("tokens 5 to 6")
    page.get_by_role("button", name="Truth").click()
    expect(panel(page, "LRP").locator(".xw-token.xw-true")).to_have_text(["splendid"])
    page.locator(".xw-clear").click()
    expect(page.locator(".xw-token.xw-in")).to_have_count(0)


def test_another_text_comes_from_the_strip_and_a_pinned_panel_keeps_its_own(page):
    panel(page, "Occlusion").get_by_role("button", name="Hold this answer").click()
    page.locator(".xw-film button").nth(1).click()
    expect(page.locator(".xw-scene .xw-text")).to_contain_text("dreadful")
    expect(panel(page, "LRP").locator(".xw-text")).to_contain_text("dreadful")
    held = panel(page, "Occlusion")
    expect(held.locator(".xw-text")).to_contain_text("splendid")
    expect(held).to_contain_text("holds")
    held.locator(".xw-token").nth(4).hover()
    expect(page.locator(".xw-scene .xw-token.xw-here")).to_have_count(0)
    held.get_by_role("button", name="Follow the others again").click()
    expect(held.locator(".xw-text")).to_contain_text("dreadful")


def test_tokens_are_struck_out_by_the_slider_without_a_kernel(offline_page, widget, picture_of):
    widget.masking.draw_curves()
    widget.wait()
    page = offline_page(widget)
    page.get_by_role("slider", name="Share of tokens").fill("30")
    lrp = panel(page, "LRP")
    values = widget.answers["LRP"].map()[0, 0]
    names = [name for name, _ in widget.answers["LRP"].words()]
    top = [names[i] for i in sorted(np.argsort(-values, kind="stable")[:3])]  # 3 of 9
    expect(lrp.locator(".xw-token.xw-gone")).to_have_text(top)
    curve = widget.curves["deletion"]["LRP"]
    expect(lrp.locator(".xw-score")).not_to_have_class(re.compile("xw-late"))
    shown = float(lrp.locator(".xw-score b").inner_text().split()[0])
    assert abs(shown - 100 * np.interp(0.3, curve.x, curve.y[0])) < 0.6
    struck = lrp.locator(".xw-token.xw-gone").first
    assert struck.evaluate("e => getComputedStyle(e).textDecorationLine") == "line-through"
    assert colour(struck) == "rgb(255, 255, 255)"
    page.get_by_role("button", name="Reveal").click()
    expect(lrp.locator(".xw-token.xw-gone")).to_have_count(len(names) - 3)
    picture_of(page, "text-masked")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 420, "height": 900})
    painted(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    picture_of(page, "text-masked-dark-narrow")
    widget.masking.on = False


def test_in_a_narrow_page_nothing_sticks_out(page, picture_of):
    page.set_viewport_size({"width": 420, "height": 900})
    painted(page)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 420
    picture_of(page, "text-narrow")


def test_a_class_that_is_clicked_is_explained_in_words(
    lab: Notebook, lab_watch: Watch, picture_of
) -> None:
    lab.run(READER)
    root = lab.show("xw.compare(reader, line, methods=[xw.LRP(), xw.Occlusion()])", panels=2)
    tokens = panel(root, "LRP").locator(".xw-token")
    expect(root.locator(".xw-target b")).to_have_text("praise")
    expect(tokens).to_have_text(["we", "saw", "a", "splendid", "film", "a", "tedious", "meal"])
    tokens.nth(3).hover()
    expect(panel(root, "LRP").locator(".xw-read")).to_have_text("splendid  3.00")
    root.locator(".xw-bar", has_text="blame").click()
    lab.settle()
    tokens.nth(6).hover()
    expect(panel(root, "LRP").locator(".xw-read")).to_have_text("tedious  2.00")
    root.get_by_role("button", name="Subtract praise").click()
    lab.settle()
    expect(root.locator(".xw-target b")).to_have_text("blame − praise")
    assert lab.ask("dict(w.answers['LRP'].words())['tedious']") == 4.0
    assert "reader" in lab.ask("w.python()")
    picture_of(lab.page, "text-lab")


def test_the_kernel_answers_for_the_tokens_that_are_left(lab: Notebook, lab_watch: Watch) -> None:
    lab.run(READER)
    root = lab.show("xw.compare(reader, line, methods=[xw.LRP(), xw.Occlusion()])", panels=2)
    root.get_by_role("button", name="Masking").click()
    expect(root.get_by_label("filled with")).to_have_value("given")
    root.get_by_role("slider", name="Share of tokens").fill("12.5")  # one of eight
    expect(panel(root, "LRP").locator(".xw-token.xw-gone")).to_have_text(["splendid"])
    lab.settle()
    masked = lab.ask("w.wait().masking.scores['LRP']['masked']")
    # "tedious" is left, and the mean of all words, (3, 2) ÷ 8, is where "splendid" was
    assert abs(masked - 1 / (1 + np.exp(2 * (2 - 3 / 8 + 2 / 8)))) < 1e-4
    expect(panel(root, "LRP").locator(".xw-score b")).to_have_text("2.3 %")
