"""The widget behind `study`: trials on the page, answers back, results at the end."""

import json

import pytest
from page import ask

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.widgets.pack import unpack


@pytest.fixture
def widget(tmp_path):
    images = [scene.image for scene in zoo.ShapeScenes(3, size=64, seed=5)]
    made = xw.study(
        zoo.subject("shapes"), images, [xw.Saliency()], trials=4, file=tmp_path / "a.jsonl"
    ).wait()
    yield made
    made.close()


def answer(widget, choice=0, seconds=2.0):
    card = widget.card
    reply = ask(
        widget, "answer_trial", number=card["number"], choice=card["choices"][choice],
        seconds=seconds,
    )  # fmt: skip
    widget.wait()
    return reply


def test_a_trial_travels_with_its_pictures_and_without_the_right_answer(widget):
    card, trial = widget.card, widget.study.trial(0)
    assert card["state"] == "asking"
    assert (card["number"], card["total"]) == (0, 4)
    assert card["choices"] == list(trial.choices)
    for sent, picture in zip(card["shown"], trial.shown, strict=True):
        assert (unpack(sent["picture"]) == picture.pixels).all()
    assert "right" not in card


def test_answers_lead_from_trial_to_trial_to_the_results(widget):
    for number in range(4):
        assert widget.card["number"] == number
        assert answer(widget)["ok"]
    card = widget.card
    assert card["state"] == "over"
    assert [row["answers"] for row in card["results"]] == [2, 2]
    table = widget.results()
    assert [row["share"] for row in card["results"]] == list(table.share)
    lines = widget.study.file.read_text().splitlines()
    assert [json.loads(line)["seconds"] for line in lines] == [2.0] * 4


def test_an_answer_to_another_trial_or_outside_the_choices_is_refused_and_nothing_is_kept(widget):
    late = ask(widget, "answer_trial", number=3, choice="star", seconds=1.0)
    assert late["error"] == "That trial is not on screen any more."
    wrong = ask(widget, "answer_trial", number=0, choice="unicorn", seconds=1.0)
    assert wrong["error"].startswith("'unicorn' is no choice here")
    timeless = ask(widget, "answer_trial", number=0, choice=widget.card["choices"][0])
    assert timeless["error"] == "The time of an answer is None; it takes seconds."
    assert "no command" in ask(widget, "set_knob")["error"]
    assert widget.study.done == 0
    assert widget.card["state"] == "asking"


def test_what_if_tells_the_outcome_before_it_goes_on(tmp_path):
    images = [scene.image for scene in zoo.ShapeScenes(2, size=64, seed=5)]
    made = xw.study(
        zoo.subject("shapes"), images, [xw.Saliency()], protocol="what if", trials=2
    ).wait()
    told = made.study.trial(0).told
    answer(made)
    assert (made.card["state"], made.card["told"]) == ("told", told)
    assert ask(made, "next_trial")["ok"]
    made.wait()
    assert (made.card["state"], made.card["number"]) == ("asking", 1)
    made.close()


def test_a_method_that_fails_is_said_on_the_page():
    def broken(subject, x, target):
        raise ValueError("no map today")

    images = [scene.image for scene in zoo.ShapeScenes(2, size=64, seed=5)]
    made = xw.study(
        zoo.subject("shapes"), images, [broken], protocol="what if", trials=1
    ).wait()  # fmt: skip
    assert "no map today" in made.card["problem"]
    made.close()
