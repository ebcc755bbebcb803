"""What widgets are called with that they cannot use: each call, and what its sentence says."""

import functools
import re

import numpy as np
import pytest
import torch

import xaiwidgets as xw
from xaiwidgets import ExplainError, zoo
from xaiwidgets.widgets.compare import Compare

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
    (xw.compare, {"masks": [5, 5]}, "Mask 'truth' holds 5; it takes an array"),
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
    (xw.concepts, {"layers": 5}, "A layer was given as a int; it takes a layer's name"),
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


@pytest.mark.parametrize(
    ("kind", "settings", "words"), TAKEN, ids=[f"{k.__name__} {words}" for k, _, words in TAKEN]
)
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


@functools.cache
def shared(kind):
    """One widget of a kind for all that only asks to be refused."""
    if kind is xw.dissect:
        return xw.dissect(zoo.subject("shapes"), scenes()).wait()
    if kind is xw.concepts:
        return made(kind, "ring", count=40, tcav=xw.TCAV(size=6)).wait()
    return made(kind).wait()


SET = [
    (xw.compare, "w.methds = 1", "Compare has no setting 'methds'. Names here are"),
    (xw.compare, "w.trst = True", "Compare has no setting 'trst'. The nearest names are 'trust'."),
    (xw.compare, "w.masking.shar = 5", "no setting 'shar'. The nearest names are 'share'"),
    (xw.predict, "w.markd = 1", "Predict has no setting 'markd'. The nearest names are 'marked'."),
    (xw.blind, "w.vots = 'A'", "Blind has no setting 'vots'. The nearest names are 'vote'."),
    (xw.study, "w.trials = 3", "StudyView has no setting 'trials'. There are none."),
    (xw.compare, "w.target = 'rng'", "Compare.target is read, not set: w.explain("),
    (xw.concepts, "w.target = 'ring'", "Concepts.target is read, not set: w.explain("),
    (xw.compare, "w.subject = 3", "Compare.subject is read, not set"),
    (xw.compare, "w.select = 3", "Compare.select is read, not set: w.select(1) shows"),
    (xw.compare, "w.masking = True", "Compare.masking is read, not set: w.masking.share = 20"),
    (xw.compare, "w.masking_settings = {'share': 500}", "masking_settings is read, not set."),
    (xw.compare, "w.masking.curves = 3", "Masking.curves is read, not set: w.masking.draw"),
    (xw.predict, "w.revealed = [0]", "Predict.revealed is read, not set: w.reveal()"),
    (xw.blind, "w.names = {}", "Blind.names is read, not set."),
    (xw.dissect, "w.off = {}", "Dissect.off is read, not set: w.switch_off("),
    (xw.dissect, "w.selected = 3", "Dissect.selected is read, not set."),
    (xw.compare, "w.region = (1, 2, 3, 4)", "A region takes x0, y0, x1 and y1"),
    (xw.compare, "w.region = {'x0': 1, 'y0': 1, 'x1': 9, 'y1': 999}", "does not lie in"),
    (xw.compare, "w.display = 'x'", "display is 'x'; it takes a dict"),
    (xw.compare, "w.display = {'clp': 3}", "'clp' is no display setting"),
    (xw.compare, "w.trust = 'sanit'", "trust is 'sanit'; it takes True, False, or a question"),
    (xw.compare, "w.brush = LETTERS", "The brush's mask is an array of <U1; it takes an array"),
    (xw.predict, "w.marked = LETTERS", "A mark is an array of <U1; it takes an array"),
    (xw.compare, "w.masking.share = 0.2", "write 20 for 20 %"),
    (xw.compare, "w.wait('a')", "timeout is 'a'; it takes seconds"),
    (xw.compare, "w.to_figure(0)", "columns is 0; it takes a whole number from 1."),
    (xw.compare, "w.to_figure(2.5)", "columns is 2.5"),
    (xw.compare, "w.to_html(3)", "No page can be written to 3"),
    (xw.dissect, "w.switch_off('relu4', 5)", "units is 5; it takes numbers of units"),
    (xw.dissect, "w.switch_off('relu4', [0.5])", "there is no 0.5"),
    (xw.dissect, "w.switch_off(3, [0])", "3 was not asked about. Names here are 'relu4'."),
    (xw.dissect, "w.at('a')", "quantile is 'a'; it takes a share between 0 and 1."),
    (xw.dissect, "w.at(2)", "quantile is 2; it takes a share between 0 and 1."),
    (xw.concepts, "w.lasso('a', 5)", "pictures is a int; it takes the numbers of pictures"),
    (xw.concepts, "w.brush('a', 5)", "patches is a int; it takes masks by a picture's number"),
    (xw.concepts, "w.remove('zz')", "No concept is called 'zz'. There are none."),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "deed", "words"), SET, ids=[deed for _, deed, _ in SET])
def test_what_cannot_be_set_or_asked_is_refused_and_changes_nothing(kind, deed, words):
    w = shared(kind)
    before = w.get_state()
    assert words in told(lambda: exec(deed, {"w": w, "LETTERS": LETTERS}))
    assert w.get_state() == before


def test_what_can_be_set_stays_so():
    w = made(xw.compare).wait()
    w.region = {"x0": 1, "y0": 2, "x1": 9, "y1": 9}
    w.display = {"colour_map": w.display["colour_map"], "clip": 90}
    assert w.display["clip"] == 90
    assert "opacity" in w.display
    assert w.region["x1"] == 9
    w.region = {}
    w.layout, w.tooltip, w._own = {"width": "50%"}, "mine", 1
    assert (w.region, w.layout.width, w.tooltip, w._own) == ({}, "50%", "mine", 1)
    w.close()


def test_a_widget_of_ones_own_may_have_settings_of_its_own():
    class Mine(Compare):
        note = ""

        def __init__(self, *given, **settings):
            self.made_for = "me"
            super().__init__(*given, **settings)

    w = Mine(zoo.subject("shapes"), pictures(1), methods=[])
    w.note = "mine"
    assert (w.note, w.made_for) == ("mine", "me")
    w.close()


# --- what fails in the background ---------------------------------------------------------------


def broken(subject, x, target):
    raise RuntimeError("no luck")


FAILING = [
    (xw.compare, {"methods": [xw.GradCam(layer="relu9")]},
     "The panel of GradCam failed. No layer is called 'relu9'."),
    (xw.compare, {"methods": [xw.Saliency(), broken]},
     "The panel of broken failed. RuntimeError: no luck"),
    (xw.sanity, {"others": {"another kind": PARTS}}, "Steps of Saliency failed. "),
    (xw.predict, {"methods": [broken]}, "The map of broken failed. RuntimeError: no luck"),
    (xw.concepts, {"concepts": {"few": pictures(1)}}, "The concept 'few' has 1 examples"),
    (xw.dissect, {"layers": "relu9"}, "No layer is called 'relu9'."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "settings", "words"), FAILING, ids=[words for _, _, words in FAILING]
)
def test_a_script_that_waits_hears_what_failed(kind, settings, words):
    w = made(kind, **settings)
    with pytest.warns(UserWarning, match=re.escape(words)) as heard:
        w.wait()
    assert heard[0].filename == __file__
    w.close()


def test_a_blind_comparison_keeps_to_itself_which_map_failed():
    w = made(xw.blind, methods=[xw.Saliency(), broken], trust=False)
    with pytest.warns(UserWarning, match=r"The map of [A-D] failed\. Why is told with its name\."):
        w.wait()
    w.reveal()
    with pytest.warns(UserWarning, match=r"The map of broken failed\. RuntimeError: no luck"):
        w.wait()
    w.close()


def test_a_figure_without_any_map_says_why_there_is_none():
    w = made(xw.compare, methods=[broken])
    with pytest.warns(UserWarning, match="failed"):
        w.wait()
    assert told(w.to_figure) == "The panel of broken failed. RuntimeError: no luck"
    w.close()


def test_a_widget_in_which_all_went_well_warns_of_nothing(recwarn):
    made(xw.masking, share=20).wait().close()
    methods = [xw.SmoothGrad(samples=2), xw.Saliency()]  # of which one has no noise to sweep
    made(xw.sweep, methods=methods, setting="noise").wait().close()
    assert [str(w.message) for w in recwarn if w.category is UserWarning] == []
