import copy

import numpy as np
import pytest
import texts
import torch
from conftest import inputs_for, network_of
from tables import cancer, forest

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.evaluation import Completeness, Deletion, agreement

NAMES = ["cat", "dog", "fox", "hen", "owl"]
JUDGE = Deletion(steps=2)


def named(**settings):
    return xw.Subject(network_of("modules"), classes=NAMES, **settings)


def another():
    network = copy.deepcopy(network_of("modules"))
    with torch.no_grad():
        network[0].weight.mul_(1.01)
    return xw.Subject(network, classes=NAMES)


X = inputs_for("modules", 3)


def heat(subject=None, x=X, target="dog"):
    return xw.Saliency()(subject or named(), x, target)


def contrast():
    return heat(target=xw.Contrast("dog", "fox"))


def of_function():
    return heat(target=lambda outputs: outputs[:, 0])


REFUSED = {
    "another class": (heat, "fox", r"explains 'dog', and 'fox' is judged \(picture 1\)"),
    "another class of one": (lambda: heat(), ["dog", "hen", "dog"], r"'hen' is judged \(picture 2"),
    "what is predicted": (heat, None, r"explains 'dog', and '\w+' is judged"),
    "one side of a contrast": (contrast, "dog", "explains 'dog − fox', and 'dog' is judged"),
    "a contrast turned": (contrast, xw.Contrast("fox", "dog"), "and 'fox − dog' is judged"),
    "a function": (of_function, "cat", "explains '<lambda>\\(\\)', and 'cat' is judged"),
    "a number": (lambda: heat(xw.Subject(named().model), target=2), "dog", "'class 2', and 'dog'"),
    "other pictures": (lambda: heat(x=X + 0.1), "dog", "explains other pictures than came here"),
    "another order": (lambda: heat(x=X.flip(0)), "dog", "or in another order; give those"),
    "another network": (lambda: heat(another()), "dog", "another network than ModuleNetwork as it"),
}


@pytest.mark.parametrize(("made", "target", "words"), REFUSED.values(), ids=REFUSED)
def test_a_heatmap_of_something_else_is_refused_in_one_sentence(made, target, words):
    with pytest.raises(ExplainError, match=words) as refused:
        JUDGE(named(), X, made(), target)
    assert str(refused.value).count(";") == 1
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("made", [made for made, _, _ in REFUSED.values()], ids=REFUSED)
def test_the_same_values_without_provenance_are_judged_as_they_are(made):
    answer = made()
    for values in (answer.values, answer.numpy(), answer.map()):
        assert JUDGE(named(), X, values, "fox").values.shape == (3,)


def twin():
    return xw.Subject(copy.deepcopy(network_of("modules")), classes=NAMES, title="twin")


def nameless():
    return xw.Subject(network_of("modules"))


TAKEN = {
    "itself": (heat, named, "dog"),
    "by number": (heat, named, 1),
    "class by class": (heat, named, ["dog", 1, "dog"]),
    "a copy with another title": (lambda: heat(twin()), named, "dog"),
    "made without names": (lambda: heat(nameless(), target=1), named, "dog"),
    "judged without names": (heat, nameless, 1),
    "a contrast": (contrast, named, xw.Contrast(1, 2)),
    "a contrast without names": (contrast, nameless, xw.Contrast(1, 2)),
}


@pytest.mark.parametrize(("made", "judged", "target"), TAKEN.values(), ids=TAKEN)
def test_a_heatmap_of_the_same_is_judged_whoever_asks(made, judged, target, tmp_path):
    answer = made()
    kept = xw.Heatmap.load(answer.save(tmp_path / "answer.safetensors"))
    plain = JUDGE(judged(), X, answer.values, target)
    for one in (answer, kept):
        np.testing.assert_array_equal(JUDGE(judged(), X, one, target).values, plain.values)


def test_a_black_box_has_nothing_to_be_told_by():
    def ask(x):
        return np.stack([x.mean((1, 2, 3)), -x.mean((1, 2, 3))], 1)

    answer = xw.Occlusion(patch=16, stride=16)(ask, X.numpy(), 0)
    assert JUDGE(ask, X.numpy(), answer, 0).values.shape == (3,)
    with pytest.raises(ExplainError, match="other pictures"):
        JUDGE(ask, X.numpy() + 1, answer, 0)


def test_rows_and_texts_are_told_apart_too():
    rows = forest()[1].data
    answer = xw.FeatureAblation()(cancer(), rows[:2], "benign")
    assert Completeness(against="mean")(cancer(), rows[:2], answer, "benign").values.shape == (2,)
    with pytest.raises(ExplainError, match="other rows than came here"):
        JUDGE(cancer(), rows[2:4], answer, "benign")
    subject = xw.TextSubject(texts.bert(), texts.word_tokenizer())
    answer = xw.Saliency()(subject, "a splendid film", 0)
    assert JUDGE(subject, "a splendid film", answer, 0).values.shape == (1,)
    with pytest.raises(ExplainError, match="other texts"):
        JUDGE(subject, "a film splendid", answer, 0)


def test_agreement_asks_the_same_of_its_heatmaps():
    with pytest.raises(ExplainError, match="'dog', and 'fox' is judged"):
        agreement([heat(), xw.RandomMap()], named(), X, "fox")
    assert agreement([heat(), xw.RandomMap()], named(), X, "dog").values.shape == (2, 2, 3)
