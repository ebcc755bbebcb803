"""What widgets are called with that they cannot use: each call, and what its sentence says."""

import functools

import numpy as np
import pytest
import torch

import xaiwidgets as xw
from xaiwidgets import ExplainError, zoo

RING = zoo.SHAPES.index("ring")


@functools.cache
def scenes():
    return zoo.ShapeScenes(40, size=96, seed=3)


@functools.cache
def pictures(count: int):
    return [scenes()[i].image for i in range(count)]


def made(kind, *more, count=2, **settings):
    """A widget of a kind on some pictures, with one quick method where it takes methods."""
    if kind is not xw.concepts and kind is not xw.dissect:
        settings.setdefault("methods", [xw.Saliency()])
    return kind(zoo.subject("shapes"), pictures(count), *more, **settings)


def told(call):
    """The sentence that a call is refused with."""
    with pytest.raises(ExplainError) as refused:
        call()
    return str(refused.value)


LETTERS = np.full((96, 96), "a")
PARTS = torch.nn.Linear(3, 3)

OPENED = [
    (xw.compare, {"truths": ["dics", "ring"]}, "no class is called. The nearest names are 'disc'."),
    (xw.predict, {"truths": [99, 1]}, "99; it takes a class name or an index from 0 to 7"),
    (xw.blind, {"truths": [0.5, 1]}, "truths has 0.5; it takes a class name or an index"),
    (xw.compare, {"truths": [True, 1]}, "truths has True"),
    (xw.compare, {"truths": [-1, 1]}, "or None where it is not known"),
    (xw.compare, {"truths": [[1], 1]}, "truths has [1]"),
    (xw.compare, {"truths": 5}, "1 truths came for 2 inputs"),
    (xw.study, {"truths": ["dics", "ring"]}, "The nearest names are 'disc'."),
    (xw.concepts, {"truths": ["dics", "ring"]}, "The nearest names are 'disc'."),
    (xw.compare, {"masks": 5}, "1 masks came for 2 inputs"),
    (xw.compare, {"masks": [5, 5]}, "Mask 'truth' has shape ()"),
    (xw.compare, {"masks": [LETTERS, LETTERS]}, "Mask 'truth' is an array of <U1; it"),
    (xw.predict, {"masks": [{"ring": None}] * 2}, "Mask 'ring' is a NoneType; it takes an array"),
    (xw.compare, {"masks": [[[0, 1], [0]]] * 2}, "Mask 'truth' is a list; it takes an array"),
    (xw.masking, {"share": 0.2}, "share is 0.2; it takes percent, 0 to 100 in halves: write 20"),
    (xw.compare, {"masking": {"share": 0.3}}, "write 30 for 30 %"),
    (xw.masking, {"share": float("nan")}, "masking share is nan; it takes 0 to 100 percent."),
    (xw.compare, {"methods": 5}, "A method is a int"),
    (xw.compare, {"methods": "Saliency"}, "A method is a str"),
    (xw.predict, {"methods": {"a": xw.Saliency()}}, "A method is a dict"),
    (xw.compare, {"methods": [xw.TCAV()]}, "TCAV makes no map of an input"),
    (xw.blind, {"methods": xw.TCAV}, "TCAV makes no map of an input"),
    (xw.sweep, {"methods": []}, "No method came; a sweep takes methods"),
    (xw.predict, {"methods": []}, "0 methods came; a lesson takes 1 to"),
    (xw.study, {"methods": []}, "There is no method to study"),
    (xw.sweep, {"setting": 5}, "setting is a int; a sweep takes"),
    (xw.sanity, {"others": 5}, "others is a int; it takes networks by name"),
    (xw.sanity, {"films": {"Saliency": "form"}}, "films belong to xw.compare"),
    (xw.predict, {"marked": {"a": 1}}, "marked is given for picture 'a'; there are 2"),
    (xw.blind, {"seed": "a"}, "seed is 'a'; it takes a whole number from 0."),
    (xw.blind, {"seed": -1}, "seed is -1"),
    (xw.blind, {"trust": "sanity"}, "trust is 'sanity'; it takes True or False."),
    (xw.blind, {"controls": "edges"}, "controls is 'edges'; it takes True or False."),
    (xw.study, {"trials": 1.5}, "trials is 1.5; it takes a whole number from 1."),
    (xw.study, {"choices": "a"}, "choices is 'a'; it takes a whole number from 1."),
    (xw.study, {"seed": -1}, "seed is -1; it takes a whole number from 0."),
    (xw.study, {"file": 3}, "file is 3; it takes a file in a folder that exists"),
    (xw.study, {"file": "no/such/folder/answers.jsonl"}, "in a folder that exists"),
    (xw.study, {"file": "."}, "in a folder that exists"),
    (xw.concepts, {"tcav": xw.TCAV}, "tcav is a type; it takes xw.TCAV(...)"),
    (xw.concepts, {"concepts": [1]}, "concepts is a list; it takes examples by name"),
    (xw.concepts, {"folder": 5}, "folder is a int"),
    (xw.concepts, {"layers": 5}, "layers is a int; it takes the name of a layer"),
    (xw.dissect, {"layers": 5}, "layers is a int; it takes the name of a layer"),
    (xw.dissect, {"dissection": xw.NetworkDissection}, "dissection is a type; it takes"),
    (xw.dissect, {"compare": 5}, "compare is a int; it takes the widget"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "settings", "words"), OPENED, ids=[f"{k.__name__} {n}" for k, n, _ in OPENED]
)
def test_what_a_widget_cannot_be_made_with_is_refused_in_a_sentence(kind, settings, words):
    assert words in told(lambda: made(kind, **settings))


TAKEN = [
    (xw.compare, {"methods": xw.Saliency()}, "Saliency"),
    (xw.compare, {"methods": xw.Saliency}, "Saliency"),
    (xw.compare, {"methods": lambda subject, x, target: x}, "<lambda>"),
    (xw.sweep, {"methods": xw.SmoothGrad(samples=2), "setting": "noise"}, "SmoothGrad"),
    (xw.blind, {"methods": xw.Saliency()}, "3 maps"),
    (xw.predict, {"methods": xw.Saliency}, "0 of 2 revealed"),
    (xw.study, {"methods": xw.Saliency()}, "0 of 20 answers"),
]


@pytest.mark.parametrize(("kind", "settings", "words"), TAKEN, ids=str)
def test_one_method_is_taken_as_a_list_of_one(kind, settings, words):
    w = made(kind, **settings)
    assert words in repr(w)
    w.close()


@pytest.mark.parametrize(
    "truths", [["ring", None], [RING, None], np.array([RING, 0]), torch.tensor([RING, 0]),
               np.array([[RING], [0]]), [float(RING), None]],
    ids=str,
)  # fmt: skip
def test_true_classes_come_as_names_and_as_numbers_of_any_kind(truths):
    w = made(xw.compare, truths=truths)
    assert w.scene["truth"] == "ring"
    w.close()


def test_numbers_of_numpy_are_numbers():
    w = made(xw.masking, share=np.float32(20), display={"clip": np.float32(90)})
    assert w.masking.share == w.masking_settings["share"] == 20
    assert type(w.display["clip"]) is float
    assert w.select(np.int64(1)).scene["index"] == 1
    w.close()


@pytest.mark.parametrize("share", [0, 0.5, 1, 20, 33.3, 100])
def test_a_share_of_the_slider_is_the_one_that_is_set_shown_and_copied(share):
    w = made(xw.masking, share=share)
    kept = round(2 * share) / 2
    assert w.masking.share == w.masking_settings["share"] == kept
    assert f"'share': {kept}" in w.python() or kept == 10.0
    w.masking.share = w.masking.share
    assert w.masking.share == kept
    w.close()
