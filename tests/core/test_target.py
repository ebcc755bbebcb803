"""Which output is explained."""

import numpy as np
import pytest
import torch

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.target import Contrast, Target

CLASSES = ("cat", "dog", "tabby cat", "<img src=x onerror=alert(1)>")
OUTPUTS = torch.tensor([[0.1, 0.4, 0.3, 0.2], [0.9, 0.0, 0.05, 0.5]])


def bound(what, classes=CLASSES, outputs=OUTPUTS):
    return Target(what).bind(2, 4, classes, outputs)


@pytest.mark.parametrize(
    ("what", "indices"),
    [
        (2, [2, 2]),
        (np.int64(1), [1, 1]),
        (torch.tensor(2), [2, 2]),
        (np.array(2), [2, 2]),
        ("dog", [1, 1]),
        (None, [1, 0]),
        ("predicted", [1, 0]),
        ("1st", [1, 0]),
        ("2nd", [2, 3]),
        ("4th", [0, 1]),
        ([2, "dog"], [2, 1]),
        (("2nd", "predicted"), [2, 0]),
        (torch.tensor([3, 0]), [3, 0]),
        (np.array([3, 0]), [3, 0]),
        (Target("cat"), [0, 0]),
        ("<img src=x onerror=alert(1)>", [3, 3]),
    ],
)
def test_it_settles_on_a_class_for_each_input(what, indices):
    made = bound(what)
    assert made.classes.tolist() == indices
    assert made.labels == [CLASSES[i] for i in indices]
    assert made.score(OUTPUTS).tolist() == [OUTPUTS[i, k].item() for i, k in enumerate(indices)]


def test_a_contrast_scores_the_difference():
    made = bound(Contrast("dog", "predicted"))
    assert made.labels == ["dog − dog", "dog − cat"]
    assert made.score(OUTPUTS).tolist() == pytest.approx([0.0, -0.9])
    assert made.indices(1) == [1, 0]


def test_a_function_scores_as_it_likes():
    made = bound(lambda outputs: outputs.sum(1))
    assert made.score(OUTPUTS).tolist() == pytest.approx([1.0, 1.45])
    assert made.indices(0) == []
    assert made.labels == ["<lambda>()"] * 2


def test_rows_say_which_input_an_output_was_made_from():
    rows = torch.tensor([1, 1, 0])
    outputs = torch.arange(12.0).view(3, 4)
    assert bound([2, 0]).score(outputs, rows).tolist() == [0.0, 4.0, 10.0]
    assert bound([2, 0])[1].score(outputs[:1]).tolist() == [0.0]


def test_the_margin_is_the_lead_over_the_strongest_rival():
    made = bound(None).margin()
    assert made.score(OUTPUTS).tolist() == pytest.approx([0.1, 0.4])
    assert made.labels == ["dog − its rival", "cat − its rival"]
    contrast = bound(Contrast(0, 1))
    assert contrast.margin() is contrast


def test_only_what_depends_on_the_answer_asks_for_a_pass():
    needs = {"dog": False, None: True, "2nd": True, 3: False}
    for what, expected in needs.items():
        assert Target(what).needs_outputs(CLASSES) is expected
    assert Target(Contrast("dog", "2nd")).needs_outputs(CLASSES)
    assert not Target(["dog", 1]).needs_outputs(CLASSES)
    assert not Target(lambda outputs: outputs).needs_outputs(CLASSES)


def test_classes_without_names_are_numbered():
    assert bound(2, classes=()).labels == ["class 2", "class 2"]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (4, "target is class 4, but this network has 4 classes: 0 to 3."),
        (-5, "target is class -5, but this network has 4 classes: 0 to 3."),
        (True, "target is True; it takes a class index, a class name, 'predicted', a rank"),
        (-1, "class -1, but this network has 4 classes: 0 to 3"),
        (1.5, "target is a float; it takes a class index"),
        ({"dog": 1}, "target is a dict; it takes a class index"),
        ("dgo", "No class is called 'dgo'. The nearest names are 'dog'."),
        ("DOG", "No class is called 'DOG'. The nearest names are 'dog'."),
        ("zebra", "No class is called 'zebra'."),
        ("5th", "The target is the 5th class, but this network has 4 classes."),
        ("0th", "No class is called '0th'."),
        ([1], "1 targets came for 2 inputs; give one target, or one for each input."),
        ([], "0 targets came for 2 inputs"),
        ([0, Contrast(0, 1)], "A sequence of targets takes class names or indices only."),
        ([0, 9], "target is class 9, but this network has 4 classes"),
        (Contrast(len, 1), "A contrast takes two classes, not functions of the output."),
        (torch.tensor([0.5, 1.0]), "target is a float"),
    ],
    ids=repr,
)
def test_what_cannot_be_a_target_is_refused_in_one_sentence_or_two(what, words):
    with pytest.raises(ExplainError) as refused:
        bound(what)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_name_that_several_classes_have_is_refused():
    with pytest.raises(ExplainError, match="2 classes are called 'crane', the first 0 and 2; give"):
        bound("crane", classes=("crane", "dog", "crane"))


def test_a_name_without_known_names_says_how_to_give_them():
    with pytest.raises(ExplainError, match=r"no class names are known; .*Subject\(model, classes="):
        bound("dog", classes=())


@pytest.mark.parametrize("scorer", [lambda o: o, lambda o: o.sum(), lambda o: 3.0])
def test_a_function_that_does_not_score_every_row_is_refused(scorer):
    with pytest.raises(ExplainError, match=r"has to return one score a row, shape \(2,\)"):
        bound(scorer).score(OUTPUTS)
