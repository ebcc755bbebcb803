"""Declarations: knobs from a class statement, and instances that are values."""

import inspect

import numpy as np
import pytest
import torch
from torch import nn

from xaiwidgets.core.declare import Declared, Taxonomy, declared, knob
from xaiwidgets.core.errors import ExplainError


class Plain(Declared):
    steps: int = knob(default=4, low=1, high=9, unit="steps", help="how many")
    share: float = knob(default=0.5, low=0, high=1, help="how much")
    way: str = knob(default="up", choices=("up", "down"), help="which way")
    on: bool = knob(default=False, help="whether")
    layer: str = knob(default="", layers=True, help="where")


class Child(Plain):
    share: float = knob(default=0.25, low=0, high=0.5, help="less")
    extra: int = knob(default=1, low=0, high=1, help="more")


def test_the_kind_of_a_knob_comes_from_its_annotation():
    kinds = {name: entry.kind for name, entry in Plain.knobs.items()}
    assert kinds == {
        "steps": "integer", "share": "number", "way": "choice", "on": "switch", "layer": "layer"
    }  # fmt: skip


def test_the_python_signature_shows_every_knob_with_its_default():
    parameters = inspect.signature(Plain).parameters
    assert [(p.name, p.default) for p in parameters.values()] == [
        ("steps", 4), ("share", 0.5), ("way", "up"), ("on", False), ("layer", "")
    ]  # fmt: skip
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters.values())


def test_children_inherit_knobs_and_may_change_them():
    assert list(Child.knobs) == ["steps", "share", "way", "on", "layer", "extra"]
    assert Child().share == 0.25
    assert Plain().share == 0.5
    with pytest.raises(ExplainError, match=r"Child\.share is 0\.75"):
        Child(share=0.75)


def test_values_come_in_the_knobs_own_type():
    made = Plain(steps=3.0, share=1, on=1)
    assert type(made.steps) is int
    assert type(made.share) is float
    assert made.on is True


def test_instances_are_equal_and_hash_alike_when_class_and_settings_are():
    assert Plain(steps=3) == Plain(steps=3)
    assert Plain(steps=3) != Plain(steps=4)
    assert Plain() != Child()
    assert len({Plain(), Plain(), Plain(way="down")}) == 2


def test_an_instance_cannot_be_changed_but_copied_with_changes():
    made = Plain(steps=3)
    with pytest.raises(ExplainError, match=r"write \.having\(steps=5\)"):
        made.steps = 5
    other = made.having(way="down")
    assert (other.steps, other.way, made.way) == (3, "down", "up")
    with pytest.raises(ExplainError, match=r"Plain\.steps is 99; it takes .* from 1 to 9 steps"):
        made.having(steps=99)


def test_repr_is_the_python_that_makes_it():
    made = Plain(steps=3, way="down")
    assert repr(made) == "Plain(steps=3, way='down')"
    assert eval(repr(made)) == made
    assert repr(Plain()) == "Plain()"


def test_an_unknown_setting_is_refused_with_the_nearest_name():
    with pytest.raises(ExplainError) as refused:
        Plain(stepz=3)
    assert str(refused.value) == ("Plain has no setting 'stepz'. The nearest names are 'steps'.")
    with pytest.raises(ExplainError, match=r"Bare has no setting 'a'\. It has no settings\."):
        type(Declared)("Bare", (Declared,), {})(a=1)


class Asked(Plain):
    def __call__(self, subject, inputs, target=None):
        """Nothing."""


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Plain(3), "Plain takes its settings by name: Plain(steps=3)."),
        (lambda: Plain("up"), "Plain takes its settings by name: Plain(way='up')."),
        (lambda: Plain("conv4", share=0.5), "by name: Plain(layer='conv4')."),
        (lambda: Plain(99.5), "was given 99.5; it takes settings by name: steps, share, way, on"),
        (lambda: Declared(3), "Declared was given 3; it takes no settings."),
        (lambda: Asked(nn.ReLU(), None), "Make it first, then ask it: Asked()(subject, inputs)."),
        (lambda: Plain(way=np.zeros((2, 3))), "Plain.way is a ndarray of shape (2, 3); it takes"),
        (lambda: Plain(steps=torch.zeros(3)), "Plain.steps is a Tensor of shape (3,); it takes"),
        (lambda: Plain(on=np.zeros(2)), "Plain.on is a ndarray of shape (2,); it takes True or"),
        (lambda: Plain(layer=[]), "Plain.layer is []; it takes the name of a layer"),
    ],
)
def test_what_is_no_setting_is_refused_with_what_to_write(call, words):
    with pytest.raises(ExplainError) as refused:
        call()
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_choice_with_greek_letters_may_be_spelt_without():
    class Greek(Declared):
        rule: str = knob(default="ε", choices=("ε", "ε-αβ", "deep w²"), help="which rule")

    assert [Greek(rule=spelt).rule for spelt in ("epsilon", "epsilon-alphabeta", "deep w2")] == [
        "ε", "ε-αβ", "deep w²"
    ]  # fmt: skip
    with pytest.raises(ExplainError, match="it takes one of 'ε'"):
        Greek(rule="epsilon-beta")


def test_a_wrong_word_is_refused_with_the_nearest_choice():
    with pytest.raises(ExplainError) as refused:
        Plain(way="upp")
    assert str(refused.value) == (
        "Plain.way is 'upp'; it takes one of 'up', 'down'. The nearest names are 'up'."
    )


def _declare(**body):
    return type(Declared)("Wrong", (Declared,), body)


@pytest.mark.parametrize(
    ("annotation", "arguments", "words"),
    [
        (None, {"default": 1, "low": 0, "high": 2}, "needs an annotation"),
        (list, {"default": 1}, "needs an annotation"),
        (int, {"default": 1}, "needs low= and high="),
        (float, {"default": 1.0, "low": 0}, "needs low= and high="),
        (str, {"default": "a"}, "needs choices= or layers=True"),
        (int, {"default": 5, "low": 0, "high": 2}, r"Wrong\.a is 5; it takes a whole number"),
        (str, {"default": "c", "choices": ("a", "b")}, r"Wrong\.a is 'c'; it takes one of"),
    ],
)
def test_a_wrong_declaration_is_refused_where_it_stands(annotation, arguments, words):
    annotations = {} if annotation is None else {"a": annotation}
    with pytest.raises(ExplainError, match=words):
        _declare(__annotations__=annotations, a=knob(help="", **arguments))


def test_postponed_annotations_of_the_four_kinds_are_understood():
    made = _declare(__annotations__={"a": "int"}, a=knob(default=1, low=0, high=2, help=""))
    assert made.knobs["a"].kind == "integer"


def test_only_classes_with_a_title_join_the_catalogue():
    class Hidden(Plain):
        pass

    class Shown(Hidden, title="Shown", source="nobody1900", taxonomy={"scope": "global"}):
        pass

    assert Shown in declared(Plain)
    assert Hidden not in declared(Plain)
    assert Shown().label == "Shown"
    assert Shown.source == "nobody1900"
    assert Shown.taxonomy == Taxonomy(scope="global")
    assert Hidden.taxonomy == Taxonomy()
