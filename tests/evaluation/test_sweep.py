"""A method followed through the values of one of its settings: which values, and what is said."""

import pytest
import torch
from conftest import inputs_for, network_of

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.method import FromFunction
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation import similarity as s
from xaiwidgets.evaluation.experiment import Followed, Outcome
from xaiwidgets.evaluation.robustness.sweep import Sweep, sweep_of, value_words

X = inputs_for("modules", 1)


def values(method, setting, given=None, **about):
    return list(
        sweep_of([method], setting, Subject(network_of("modules"), **about), X, given).values
    )


def test_numbers_go_from_a_quarter_to_four_times_the_present_in_two_digits():
    assert values(xw.SmoothGrad(samples=50), "samples") == [12, 20, 31, 50, 79, 130, 200]
    noise = values(xw.SmoothGrad(noise=0.1), "noise")
    assert noise == [0.025, 0.04, 0.063, 0.1, 0.16, 0.25, 0.4]
    assert values(xw.SmoothGrad(noise=0.123), "noise")[3] == 0.123  # in its place, as it is
    assert len(values(xw.SmoothGrad(noise=0.15), "noise")) == 7
    assert values(xw.Occlusion(patch=32), "patch")[-1] == 64


def test_a_number_that_is_0_goes_through_its_whole_range():
    found = values(xw.SmoothGrad(noise=0), "noise")
    assert (found[0], found[-1], len(found)) == (0, 0.5, 7)


def test_choices_are_all_there_but_an_absent_input_only_where_there_is_one():
    plain = ["zero", "black", "white", "mean", "blur", "noise"]
    assert values(xw.IntegratedGradients(), "baseline") == plain
    absent = torch.zeros_like(X)
    assert values(xw.IntegratedGradients(), "baseline", absent=absent) == [*plain, "given"]
    assert values(xw.GradCam(), "relu") == [False, True]
    assert values(xw.Saliency(), "form") == ["signed", "absolute", "squared"]


def test_layers_go_from_the_input_to_the_output_a_dozen_at_most():
    maps = [layer.name for layer in Subject(network_of("modules")).layers(X).maps]
    assert values(xw.GradCam(), "layer") == maps
    subject, x = Subject(network_of("resnet18")), inputs_for("resnet18", 1)
    names = [layer.name for layer in subject.layers(x).maps]
    assert len(names) > 12
    found = list(sweep_of([xw.GradCam()], "layer", subject, x).values)
    assert len(found) == 12
    assert (found[0], found[-1]) == (names[0], names[-1])
    assert sorted(found, key=names.index) == found
    now = next(name for name in names if name not in found)
    with_now = sweep_of([xw.GradCam(layer=now)], "layer", subject, x).values
    assert sorted([*found, now], key=names.index) == list(with_now)


def test_given_values_are_checked_sorted_and_joined_by_the_present_one():
    assert values(xw.Occlusion(patch=10), "patch", [20, 4, 20]) == [4, 10, 20]
    with pytest.raises(ExplainError, match=r"Occlusion.patch is 100; it takes a whole number"):
        values(xw.Occlusion(), "patch", [100])
    with pytest.raises(ExplainError, match="would take only"):
        values(xw.Occlusion(patch=16), "patch", [16])
    with pytest.raises(ExplainError, match=r"values is a int; a sweep takes a list of what Occlu"):
        values(xw.Occlusion(), "patch", 8)


def test_a_setting_that_is_not_there_is_refused_with_the_nearest_names():
    with pytest.raises(ExplainError, match=r"no setting 'baselin' .* nearest names are 'baseline'"):
        values(xw.IntegratedGradients(), "baselin")
    with pytest.raises(ExplainError, match="GradientTimesInput has no settings"):
        values(xw.GradientTimesInput(), "steps")
    with pytest.raises(ExplainError, match="loud has no settings"):
        values(FromFunction(lambda s, x, t: x, "loud"), "steps")


def test_values_are_said_with_their_unit():
    knobs = xw.Occlusion.knobs
    assert value_words(knobs["patch"], 16) == "16 pixels"
    assert value_words(xw.SmoothGrad.knobs["noise"], 0.063) == "0.063 of the range"
    assert value_words(knobs["fill"], "blur") == "blur"
    assert value_words(xw.GradCam.knobs["relu"], True) == "on"
    assert value_words(xw.SmoothGrad.knobs["seed"], 3) == "3"


# --- maps and words -----------------------------------------------------------------------------


def followed(method, setting, given=None, target=1):
    subject = Subject(network_of("modules"))
    return Followed(method, sweep_of([method], setting, subject, X, given))(subject, X, target)


@pytest.mark.parametrize(
    ("method", "setting", "given"),
    [
        (xw.SmoothGrad(samples=3), "noise", [0.05, 0.3]),
        (xw.IntegratedGradients(steps=4), "baseline", None),
        (xw.GradCam(), "layer", None),
        (xw.GradCam(), "relu", None),
    ],
    ids=str,
)
def test_every_map_is_the_methods_own_with_that_setting(method, setting, given):
    answer = followed(method, setting, given)
    own = method(network_of("modules"), X, 1).values
    assert torch.equal(answer.values, own)
    course = sweep_of([method], setting, Subject(network_of("modules")), X, given)
    assert len(answer.frames) == len(course.values) > 1
    for frame, value in zip(answer.frames, course.values, strict=True):
        other = method.having(**{setting: value})(network_of("modules"), X, 1).values
        assert torch.equal(frame.values, other)
        assert frame.label == value_words(method.knobs[setting], value)
        alike = s.ssim(own.numpy(), other.numpy())[0]
        assert frame.number == pytest.approx(alike, nan_ok=True)


def test_a_method_without_the_setting_says_so():
    subject = Subject(network_of("modules"))
    methods = [xw.Saliency(), xw.IntegratedGradients()]
    course = sweep_of(methods, "baseline", subject, X).on(subject, X)
    with pytest.raises(ExplainError, match="It has no baseline to vary: its map stays as it is"):
        course.at("blur", 0, methods[0])
    assert course.at("blur", 0, methods[1]).method == xw.IntegratedGradients(baseline="blur")
    with pytest.raises(
        ExplainError, match=r"Saliency and IntegratedGradients have no setting 'no'"
    ):
        sweep_of(methods, "no", subject, X)


def test_every_method_has_its_own_unit():
    subject = Subject(network_of("modules"))
    methods = [xw.SmoothGrad(samples=4), xw.GradientShap(samples=4)]
    course = sweep_of(methods, "samples", subject, X, [2, 8]).on(subject, X)
    assert [course.at("8", 0, method).label for method in methods] == ["8 copies", "8 draws"]


def test_its_passes_are_one_explanation_a_value():
    subject = Subject(network_of("modules"))
    method = Followed(xw.Saliency(), sweep_of([xw.Saliency()], "form", subject, X))
    made = method(subject, X, 1).provenance
    cost = method.cost(subject, X)
    assert (made.forwards, made.backwards) == (cost.forward, cost.backward) == (4, 4)


def course_of(values):
    entry = xw.SmoothGrad.knobs["noise"]
    return Sweep(entry, values).on(Subject(network_of("modules")), X)


def test_the_verdict_names_the_value_at_which_the_map_is_least_alike():
    course = course_of([0.1, 0.2, 0.4])
    outcomes = {"0.1": Outcome(0.9, 0.2), "0.2": Outcome(1.0, 0.0), "0.4": Outcome(0.6, 0.9)}
    assert course.verdict(outcomes) == (
        "At noise 0.4 it is 0.60 like the map as set, the least of all: name the noise beside this "
        "map."
    )
    assert course.verdict({}) == ""
    same = dict.fromkeys(outcomes, Outcome(1.0, 0.0))
    assert course.verdict(same) == "The maps are all the same: noise does nothing here."
    assert course.said("0.1", outcomes["0.1"]) == (
        "At noise 0.1 it is 0.90 like the map as set; it changes by 20 % of its length."
    )


def test_a_sweep_is_a_value():
    entry = xw.SmoothGrad.knobs["noise"]
    assert Sweep(entry, [0.1, 0.2]) == Sweep(entry, (0.1, 0.2))
    assert Sweep(entry, [0.1, 0.2]) != Sweep(entry, [0.1, 0.3])
    other = Sweep(entry, [0.1, 0.2]).having(measure="hog")
    assert other.measure == "hog"
    assert other.values == (0.1, 0.2)
    assert other.key == Sweep(entry, [0.1]).key != Sweep(xw.SmoothGrad.knobs["seed"], [0]).key
