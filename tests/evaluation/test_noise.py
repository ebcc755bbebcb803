"""A method followed through rising noise, and the verdict that is read off it."""

import networks
import numpy as np
import pytest
import torch
from conftest import inputs_for, network_of

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation import Continuity, MaxSensitivity
from xaiwidgets.evaluation import similarity as s
from xaiwidgets.evaluation.asking import ask
from xaiwidgets.evaluation.experiment import Followed, Outcome
from xaiwidgets.evaluation.robustness.nearby import noisy
from xaiwidgets.evaluation.robustness.noise import (
    LEVELS,
    RisingNoise,
    checked_levels,
    verdict,
)

X = inputs_for("modules", 1)


def followed(method, x=X, subject=None, target=1, **settings):
    noise = settings.pop("noise", (0.05, 0.3))
    subject = subject or Subject(network_of("modules"))
    return Followed(method, RisingNoise(noise, **settings))(subject, x, target)


# --- against the methods and the evaluations ----------------------------------------------------


@pytest.mark.parametrize("method", [xw.Saliency(), xw.SmoothGrad(samples=3)], ids=str)
def test_its_values_are_the_methods_own_and_its_maps_those_of_the_noisy_input(method):
    subject = Subject(network_of("modules"))
    answer = followed(method, subject=subject)
    own = method(subject, X, 1).values
    assert torch.equal(answer.values, own)
    assert [frame.label for frame in answer.frames] == ["5 %", "30 %"]
    for frame, level in zip(answer.frames, (0.05, 0.3), strict=True):
        moved = [noisy(X, level, 0)(draw) for draw in range(3)]
        maps = [method(subject, x, 1).values for x in moved]
        assert torch.equal(frame.values, maps[0])
        alike = [s.spearman(own.numpy(), other.numpy())[0] for other in maps]
        assert frame.number == pytest.approx(np.mean(alike))
        assert answer.numbers[f"lowest similarity, {frame.label}"] == pytest.approx(min(alike))
        assert answer.numbers[f"highest similarity, {frame.label}"] == pytest.approx(max(alike))
        bound = subject.bind(1, X)
        score = ask(subject, moved[0], bound, torch.arange(1), "probability")
        assert answer.numbers[f"probability, {frame.label}"] == pytest.approx(float(score[0]))


def test_the_change_is_what_max_sensitivity_finds_among_the_same_draws():
    answer = followed(xw.Saliency(), draws=1, noise=(0.1,))
    found = MaxSensitivity(samples=1, radius=0.1)(network_of("modules"), X, xw.Saliency(), 1)
    assert answer.numbers["change, 10 %"] == pytest.approx(found.mean, rel=1e-5)


def test_the_speed_in_words_is_the_local_lipschitz_constant_of_continuity():
    experiment = RisingNoise((0.1,), draws=1)
    subject = Subject(network_of("modules"))
    answer = Followed(xw.Saliency(), experiment)(subject, X, 1)
    found = Continuity(samples=1, radius=0.1)(subject, X, xw.Saliency(), 1).mean
    change = answer.numbers["change, 10 %"]
    said = experiment.on(subject, X).said("0.1", Outcome(0.5, change))
    speed = float(said.split("length, ")[1].split(" ×")[0])
    assert speed == pytest.approx(found, rel=0.05)  # two digits


def test_the_gradient_of_a_linear_network_does_not_change():
    network = networks.seeded(lambda: networks.LinearNetwork((3, 8, 8)))
    x = X[..., :8, :8]
    answer = followed(xw.Saliency(), x, Subject(network), noise=None)
    assert [frame.number for frame in answer.frames] == pytest.approx([1] * 6)
    assert all(answer.numbers[f"change, {frame.label}"] == 0 for frame in answer.frames)
    moving = followed(xw.GradientTimesInput(), x, Subject(network), noise=None)
    numbers = [frame.number for frame in moving.frames]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[-1] < 0.95


def test_the_same_seed_repeats_bit_by_bit_and_another_does_not():
    first, second = (followed(xw.Saliency()) for _ in range(2))
    other = followed(xw.Saliency(), seed=1)
    for a, b, c in zip(first.frames, second.frames, other.frames, strict=True):
        assert torch.equal(a.values, b.values)
        assert a.number == b.number
        assert not torch.equal(a.values, c.values)
    assert first.numbers == second.numbers


def test_several_inputs_are_averaged():
    x = inputs_for("modules", 2)
    both = followed(xw.Saliency(), x)
    alone = [followed(xw.Saliency(), x[i : i + 1]) for i in range(2)]
    for name, value in both.numbers.items():
        if "est " not in name:  # of means, not means of the lowest and the highest
            assert value == pytest.approx(np.mean([a.numbers[name] for a in alone]), rel=1e-4)


def test_the_target_stays_what_it_was_without_noise():
    subject = Subject(network_of("modules"))
    clean = subject.bind(None, X)
    noise = (1.0,)
    moved = noisy(X, 1.0, 0)(0)
    free = Followed(xw.Saliency(), RisingNoise(noise))(subject, X)
    kept = xw.Saliency()(subject, moved, int(clean.classes[0])).values
    assert torch.equal(free.frames[0].values, kept)


def test_its_passes_are_those_announced():
    seen = []
    method = Followed(xw.Saliency(), RisingNoise((0.1, 0.2), draws=2))
    subject = Subject(network_of("modules"))
    made = method(subject, X, 1, progress=seen.append).provenance
    cost = method.cost(subject, X)
    assert (made.forwards, made.backwards) == (cost.forward, cost.backward)
    assert seen[-1] == 1


# --- levels -------------------------------------------------------------------------------------


def test_levels_grow_and_one_number_is_the_last_of_the_usual_ones():
    assert checked_levels() == LEVELS
    assert checked_levels(0.3) == LEVELS
    assert checked_levels(0.07) == (0.01, 0.02, 0.05, 0.07)
    assert checked_levels((0.2, 0.1, 0.2)) == (0.1, 0.2)
    assert checked_levels(np.array([0.1, 1])) == (0.1, 1.0)


@pytest.mark.parametrize("wrong", [0, -0.1, 1.5, float("nan"), (), (0.1, 2), "0.3", True, object()])
def test_what_is_no_level_is_refused_in_words(wrong):
    with pytest.raises(ExplainError, match="it takes shares of the picture's range above 0"):
        checked_levels(wrong)


def test_an_experiment_is_a_value_with_its_levels_in_it():
    assert RisingNoise(0.3) == RisingNoise()
    assert RisingNoise(0.1) != RisingNoise()
    assert RisingNoise((0.1, 0.2), draws=5).changed == {"noise": (0.1, 0.2), "draws": 5}
    assert RisingNoise().changed == {}
    assert RisingNoise(0.1).having(seed=2).levels == (0.01, 0.02, 0.05, 0.1)
    assert RisingNoise(0.1).key == RisingNoise(0.2, draws=7).key != RisingNoise(0.1, seed=1).key
    course = RisingNoise().on(Subject(network_of("modules")), X)
    with pytest.raises(ExplainError, match=r"no step '0\.07'"):
        course.at("0.07", 0, xw.Saliency())


# --- the verdict --------------------------------------------------------------------------------


def said(kept, scores, whole=0.9, measure="spearman"):
    outcomes = [Outcome(k, 1.0, score) for k, score in zip(kept, scores, strict=True)]
    return verdict((0.01, 0.05, 0.2), outcomes, Outcome(1.0, 0.0, whole), measure)


def test_the_verdict_is_told_at_the_most_noise_that_leaves_the_answer_alone():
    told = said([0.9, 0.41, 0.1], [0.9, 0.88, 0.3])
    assert told == (
        "It keeps 0.41 of its ranks by size when noise of 5 % of the range leaves the probability "
        "at 0.88 (0.90 without): it holds in part."
    )
    assert "20 % of the range" in said([0.9, 0.8, 0.75], [0.9, 0.88, 0.85])
    assert said([0.9, 0.8, 0.75], [0.9, 0.88, 0.85]).endswith("it holds as the answer does.")
    assert said([0.3, 0.2, 0.1], [0.9, 0.88, 0.85]).endswith("it moves where the answer does not.")


def test_a_score_that_comes_back_after_it_fell_does_not_count_as_held():
    assert "noise of 1 %" in said([0.9, 0.41, 0.1], [0.9, 0.3, 0.9])


def test_an_answer_that_moves_at_once_is_told_instead_of_the_map():
    told = said([0.9, 0.41, 0.1], [0.4, 0.3, 0.2])
    assert told.startswith("Noise of 1 % of the range already takes the probability from 0.90 to")
    assert told.endswith("the network's own answer moves first.")


def test_a_constant_map_has_nothing_to_keep():
    told = said([np.nan] * 3, [0.9] * 3)
    assert told.startswith("No map is left to compare when noise of 20 % of the range leaves")

    def constant(subject, x, target):
        return x * 0 + 1

    answer = followed(constant)
    assert answer.facts[-1].startswith("No map is left to compare")
    assert np.isnan(answer.frames[0].number)


def test_other_measures_speak_of_likeness_and_other_targets_of_their_score():
    assert "0.90 of its likeness" in said([0.9] * 3, [0.9] * 3, measure="ssim")
    contrast = followed(xw.Saliency(), target=xw.Contrast(0, 1))
    assert "score, 5 %" in contrast.numbers
    assert "the score" in contrast.facts[-1]
