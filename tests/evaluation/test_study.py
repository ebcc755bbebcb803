"""Studies with people: schedules, what is asked, what is kept, what it comes to."""

import collections
import json

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.evaluation import Study


@pytest.fixture(scope="module")
def scenes():
    return list(zoo.ShapeScenes(12, size=64, seed=5))


@pytest.fixture(scope="module")
def subject():
    return zoo.subject("shapes")


METHODS = (xw.GradCam(), xw.EdgeDetector())


def made(subject, scenes, **settings) -> Study:
    images = [scene.image for scene in scenes]
    return Study(subject, images, METHODS, **{"trials": 12, **settings})


@pytest.mark.parametrize("protocol", ["predict", "what if"])
def test_an_ideal_participant_is_always_right_and_a_guessing_one_stays_near_chance(
    subject, scenes, protocol
):
    ideal = made(subject, scenes, protocol=protocol).simulate(lambda trial: trial.right)
    assert (ideal.share == 1).all()
    assert ideal.answers.sum() == 12
    rng = np.random.default_rng(1)
    study = made(subject, scenes, protocol=protocol, trials=30)
    guessed = study.simulate(lambda trial: str(rng.choice(trial.choices)))
    right, total = int(guessed.right.sum()), int(guessed.answers.sum())
    assert binomtest(right, total, study.chance).pvalue > 0.01


def test_the_schedule_repeats_is_balanced_and_another_seed_draws_another(subject, scenes):
    studies = [made(subject, scenes, seed=seed) for seed in (3, 3, 4)]
    asked = [[study.trial(k) for k in range(12)] for study in studies]
    plain = [[(t.input, t.method, t.choices, t.right) for t in trials] for trials in asked]
    assert plain[0] == plain[1] != plain[2]
    methods = collections.Counter(trial.method for trial in asked[0])
    assert methods == {"Grad-CAM": 4, "Edge detector (control)": 4, "picture alone": 4}
    assert len({trial.input for trial in asked[0]}) == 12


def test_forward_simulation_offers_the_networks_answer_once_and_shows_it_nowhere(subject, scenes):
    study = made(subject, scenes, choices=5)
    for number in range(12):
        trial = study.trial(number)
        assert trial.choices.count(trial.right) == 1
        assert len(set(trial.choices)) == 5
        words = trial.question + "".join(picture.caption for picture in trial.shown)
        assert trial.right not in words
        assert len(trial.shown) == (1 if trial.method == "picture alone" else 2)
        index = study._inputs.names.index(trial.input)
        predicted = int(subject.outputs(study._inputs.x[index : index + 1]).argmax())
        assert subject.classes[predicted] == trial.right


def test_what_if_covers_a_fifth_and_reveals_what_the_network_answers_then(subject, scenes):
    study = made(subject, scenes, protocol="what if")
    outcomes = set()
    for number in range(12):
        trial = study.trial(number)
        before, after = trial.shown[0].pixels, trial.shown[-1].pixels
        assert (before != after).any(2).mean() <= 0.2 + 1e-3
        now = trial.told.removeprefix("The network now answers ").rstrip(".")
        assert (now in trial.question) == (trial.right == "yes")
        outcomes.add(trial.right)
    assert outcomes == {"yes", "no"}


def test_the_better_of_two_networks_is_the_one_that_is_more_often_right(subject, scenes):
    truths = [scene.label for scene in scenes]
    worse = zoo.load("shapes-permuted")
    study = made(subject, scenes, protocol="choose", other=worse, truths=truths, trials=2)
    trial = study.trial(0)
    place = 1 + "AB".index(trial.right)
    x = study._one(study._inputs.names.index(trial.input))
    target = int(subject.outputs(x.x).argmax())
    method = METHODS[[m.label for m in METHODS].index(trial.method)]
    from xaiwidgets.core.display import Look, paint

    picture = subject.preprocessing.pictures(x.x)[0][0]
    own = paint(method(subject, x, target).map()[0], picture, Look())[0]
    assert (trial.shown[place].pixels == own).all()
    with pytest.raises(ExplainError, match="neither is better"):
        made(subject, scenes, protocol="choose", other=zoo.load("shapes"), truths=truths)
    with pytest.raises(ExplainError, match="give the second as other="):
        made(subject, scenes, protocol="choose")


def test_answers_are_kept_in_the_file_and_the_study_goes_on_where_it_stopped(
    subject, scenes, tmp_path
):
    file = tmp_path / "answers.jsonl"
    first = made(subject, scenes, participant="Ada", file=file)
    for number in range(3):
        trial = first.trial(number)
        first.record(trial, trial.choices[0], 1.5 + number)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["trial"] for line in lines] == [0, 1, 2]
    assert lines[2]["seconds"] == 3.5
    again = made(subject, scenes, participant="Ada", file=file)
    assert again.done == 3
    assert made(subject, scenes, participant="Bob", file=file).done == 0
    assert made(subject, scenes, participant="Ada", file=file, seed=1).done == 0
    with pytest.raises(ExplainError, match="is answered, or not asked yet"):
        again.record(again.trial(1), again.trial(1).choices[0], 1)


def test_shares_have_exact_intervals(subject, scenes):
    study = made(subject, scenes)
    table = study.simulate(lambda t: t.right if t.method == "Grad-CAM" else t.choices[0])
    row = table[table.method == "Grad-CAM"].iloc[0]
    assert (row.share, row.high) == (1, 1)
    assert row.low == pytest.approx(0.025 ** (1 / 4))  # Clopper and Pearson for 4 of 4
    assert row.chance == 0.25


def test_what_cannot_be_studied_is_said(subject, scenes, tmp_path):
    with pytest.raises(ExplainError, match="protocol is 'guess'"):
        made(subject, scenes, protocol="guess")
    with pytest.raises(ExplainError, match="trials is 0"):
        made(subject, scenes, trials=0)
    with pytest.raises(ExplainError, match="at least two"):
        made(subject, scenes, choices=1)
    with pytest.raises(ExplainError, match="no method to study"):
        Study(subject, torch.zeros(1, 3, 64, 64), [])
    study = made(subject, scenes)
    with pytest.raises(ExplainError, match="is no choice here"):
        study.record(study.trial(0), "unicorn", 1)
    broken = tmp_path / "broken.jsonl"
    broken.write_text("what?\n")
    with pytest.raises(ExplainError, match=r"Line 1 of .* is no answer of a study"):
        made(subject, scenes, file=broken)
