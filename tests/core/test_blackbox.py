"""A subject that can only be asked: any function from an array to scores."""

import numpy as np
import pytest
import torch
from networks import noise

import xaiwidgets as xw
from xaiwidgets.core.cache import AnswerCache
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject


def brightness(array):
    """Score 0 is the mean of the left half, score 1 of the right."""
    assert isinstance(array, np.ndarray)
    half = array.shape[3] // 2
    return np.stack([array[..., :half].mean((1, 2, 3)), array[..., half:].mean((1, 2, 3))], 1)


def test_a_function_of_an_array_is_a_subject():
    subject = Subject(brightness, classes=["left", "right"])
    assert subject.black_box
    assert subject.title == "brightness"
    outputs = subject(torch.ones(2, 1, 4, 4))
    assert outputs.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert not outputs.requires_grad


def test_a_network_is_no_black_box():
    assert not Subject(torch.nn.Flatten()).black_box


@pytest.mark.parametrize(
    "method",
    [
        xw.Occlusion(patch=4, stride=4), xw.RISE(samples=99, cells=4), xw.LIME(samples=99),
        xw.FeatureAblation(segments=4), xw.KernelShap(segments=4), xw.ShapleySampling(segments=4),
    ],
    ids=lambda method: type(method).__name__,
)  # fmt: skip
def test_methods_that_only_ask_explain_it_as_they_would_a_network(method):
    class Network(torch.nn.Module):
        def forward(self, x):
            return torch.stack([x[..., :8].mean((1, 2, 3)), x[..., 8:].mean((1, 2, 3))], 1)

    x = noise(2, 1, 16, 16) + 1
    asked, known = (method(what, x, "2nd").values for what in (brightness, Network().eval()))
    assert torch.allclose(asked, known, atol=1e-6)


def test_anchors_explain_it_too():
    found = xw.Anchors(segments=4, samples=400, segmentation="squares")(
        brightness, torch.cat([torch.ones(1, 1, 16, 8), torch.zeros(1, 1, 16, 8)], 3)
    )
    assert found.values[0, 0, :, 8:].sum() == 0


@pytest.mark.parametrize("method", [xw.Saliency, xw.GradCam, xw.LRP, xw.ExtremalPerturbation])
def test_methods_that_need_more_refuse_it_in_one_sentence(method):
    with pytest.raises(ExplainError) as refused:
        method()(brightness, noise(1, 1, 16, 16))
    words = str(refused.value)
    assert words.startswith(f"{method.__name__} needs the network's gradients or layers, and")
    assert "brightness is a black box" in words
    assert "RISE" in words
    assert "\n" not in words


def test_a_users_own_function_may_ask_it():
    def own(subject, x, target):
        return x * target.score(subject(x))[:, None, None, None]

    found = xw.core.method.FromFunction(own)(brightness, torch.ones(1, 1, 4, 4), 0)
    assert torch.equal(found.values, torch.ones(1, 1, 4, 4))


def test_two_functions_are_never_taken_for_one_in_a_cache():
    cache, x = AnswerCache(), torch.ones(1, 1, 8, 8)
    method = xw.Occlusion(patch=8)
    first = method(Subject(lambda a: a.mean((2, 3)) * [[1.0, 0]]), x, 0, cache=cache)
    other = method(Subject(lambda a: a.mean((2, 3)) * [[2.0, 0]]), x, 0, cache=cache)
    assert float(other.values.max()) == 2 * float(first.values.max())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda a: "cat", "returned a str; a black box has to return an array of scores"),
        (lambda a: None, "returned a NoneType"),
        (lambda a: np.array(["cat"] * len(a)), "returned a ndarray of <U3; a black box has to"),
        (lambda a: [[0.1, 0.9], [0.2]], "returned a list; a black box has to return an array"),
        (lambda a: a, "has shape (1, 1, 8, 8); explanations take scores (1, classes)"),
        (lambda a: 1 / 0, "<lambda> fails on an input of shape (1, 1, 8, 8): ZeroDivisionError"),
        (lambda a, b: a, "fails on an input of shape (1, 1, 8, 8): TypeError: "),
    ],
)
def test_what_is_no_array_of_scores_is_said_in_words(answer, words):
    with pytest.raises(ExplainError) as refused:
        xw.Occlusion(patch=8)(answer, torch.ones(1, 1, 8, 8), 0)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "told",
    [
        lambda scores: scores.tolist(),
        lambda scores: [tuple(row) for row in scores],
        lambda scores: torch.from_numpy(scores).requires_grad_(),
        lambda scores: scores[:, 0],
        lambda scores: scores[:, 0].tolist(),
    ],
    ids=["lists", "tuples", "tensor", "one score", "list of one"],
)
def test_scores_are_taken_in_any_form(told):
    x = noise(1, 1, 16, 16)
    method = xw.KernelShap(segments=4)
    plain = method(brightness, x, 0).values
    assert torch.equal(method(lambda array: told(brightness(array)), x, 0).values, plain)


def test_scores_that_are_no_numbers_are_refused_where_something_is_fitted_to_them():
    def root(array):
        with np.errstate(invalid="ignore"):
            return np.sqrt(array.sum((1, 2, 3)) - 60)

    for method in (xw.KernelShap(), xw.LIME(), xw.ShapleySampling(), xw.Anchors()):
        squares = method.having(segments=4, segmentation="squares", samples=20, fill="zero")
        with pytest.raises(ExplainError, match=r"root answers \d+ of \d+ changed copies .*NaN"):
            squares(root, torch.ones(1, 1, 8, 8), 0)


def test_a_class_is_no_subject():
    with pytest.raises(ExplainError, match="a function from an array to scores"):
        Subject(torch.nn.Linear)


def test_it_opens_as_a_widget_with_methods_that_can_ask_it():
    w = xw.compare(brightness, torch.ones(1, 16, 16), methods=[xw.Occlusion(patch=8)]).wait(60)
    assert w.status["p1"]["status"] == "done"
    names = {method["name"] for method in w.about["methods"]}
    assert "RISE" in names
    assert "Saliency" not in names
    w.close()
    default = xw.compare(brightness, torch.ones(1, 16, 16))
    assert [panel["method"] for panel in default.panels][:2] == ["Occlusion", "RISE"]
    default.close()
