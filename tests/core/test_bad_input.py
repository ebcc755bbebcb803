"""Bad input: one sentence that says what came, what is taken, and what to do next."""

import numpy as np
import pytest
import torch
from conftest import network_of
from networks import ModuleNetwork, noise, seeded
from PIL import Image
from torch import nn

import xaiwidgets
from xaiwidgets import evaluation
from xaiwidgets.core.declare import declared
from xaiwidgets.core.errors import Cancelled, ExplainError, nearest, one_line
from xaiwidgets.core.method import Attribution, as_method
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import LIME, GradCam, IntegratedGradients, Occlusion, Saliency, SmoothGrad


def refusal(call) -> str:
    """The sentence with which something is refused."""
    with pytest.raises(ExplainError) as refused:
        call()
    words = str(refused.value)
    assert "\n" not in words
    assert words[0].isupper() or words[0] in "'\"<" or "=" in words.split()[0] or words[0].islower()
    assert words.endswith(".")
    return words


def broken(place, value):
    x = noise(2, 3, 32, 32)
    x[place] = value
    return x


@pytest.mark.parametrize(
    ("inputs", "facts"),
    [
        (broken((1, 2, 3, 4), float("nan")), ["1 NaN or infinite", "(1, 2, 3, 4)", "nan_to_num"]),
        (broken((0, 0, 0, 0), float("inf")), ["1 NaN or infinite", "(0, 0, 0, 0)"]),
        (broken((0, 1), -float("inf")), ["1024 NaN or infinite", "(0, 1, 0, 0)"]),
        (noise(1, 1, 32, 32), ["1 channels", "(1, 1, 32, 32)", "first convolution takes 3"]),
        (noise(1, 4, 32, 32), ["4 channels", "takes 3"]),
        (noise(0, 3, 32, 32), ["batch of inputs is empty", "at least one"]),
        (np.zeros((0, 32, 32, 3), np.uint8), ["batch of inputs is empty"]),
        ([], ["list of inputs is empty", "at least one"]),
        (noise(1, 3, 2, 2), ["(1, 3, 2, 2)", "Check its size"]),
        (noise(1, 2, 3, 32, 32), ["(1, 2, 3, 32, 32)", "(batch, channels, height, width)"]),
        (noise(32, 32), ["(32, 32)", "(channels, height, width)"]),
        (noise(7), ["(7,)", "(channels, height, width)"]),
        (
            [noise(3, 32, 32), noise(3, 16, 16)],
            ["different shapes", "16, 16", "size=(height, width)"],
        ),
        ("no/such/picture.png", ["No picture is found at 'no/such/picture.png'", "check the path"]),
        (torch.full((3, 32, 32), 9), ["of torch.int64", "0 to 255", "x.to(torch.uint8)"]),
        (noise(2, 3, 32, 32) > 0, ["of torch.bool", "x.float()"]),
        (3.5, ["a float", "PIL image, a path, an array or a tensor"]),
        (None, ["a NoneType", "PIL image"]),
        ({"x": 1}, ["a dict", "PIL image"]),
        (np.full((8, 8, 3), np.nan), ["192 NaN or infinite", "nan_to_num"]),
        (np.full((8, 8, 3), -3.0), ["run from -3 to -3", "0 to 1 or 0 to 255"]),
        (np.zeros((8, 8, 2), np.uint8), ["(8, 8, 2)", "(height, width, 3)"]),
        (np.array(["a", "b"]), ["(2,)", "(height, width)"]),
    ],
    ids=lambda value: "" if isinstance(value, (torch.Tensor, np.ndarray)) else None,
)
def test_inputs_that_cannot_be_used(inputs, facts):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    words = refusal(lambda: Saliency()(network, inputs, 1))
    for fact in facts:
        assert fact in words


def test_a_file_that_is_no_picture(tmp_path):
    place = tmp_path / "notes.png"
    place.write_text("not a picture")
    assert "notes.png' cannot be read as a picture" in refusal(
        lambda: Saliency()(network_of("modules"), place, 1)
    )
    assert "cannot be read as a picture" in refusal(
        lambda: Saliency()(network_of("modules"), tmp_path, 1)
    )


@pytest.mark.parametrize("name", ["vit", "timm", "transformers"])
def test_a_size_that_a_transformer_cannot_take(name):
    x = noise(1, 3, 20, 20) if name != "timm" else noise(1, 3, 2, 2)
    words = refusal(lambda: Saliency()(network_of(name), x, 1))
    assert f"The network cannot take an input of shape {tuple(x.shape)}" in words


def test_a_size_that_a_linear_layer_cannot_take():
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).eval()
    words = refusal(lambda: Saliency()(network, noise(1, 3, 4, 4), 1))
    assert "cannot take an input of shape (1, 3, 4, 4): mat1 and mat2" in words


def test_a_network_in_training_mode():
    network = seeded(ModuleNetwork).train()
    assert "model.eval()" in refusal(lambda: Saliency()(network, noise(1, 3, 32, 32), 1))


def test_a_network_with_one_dropout_left_in_training_mode():
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Dropout(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network.eval()
    network[1].train()
    assert "training mode" in refusal(lambda: Saliency()(network, noise(1, 3, 8, 8), 1))


@pytest.mark.parametrize(
    ("output", "facts"),
    [
        (
            lambda x: x,
            ["output has shape (2, 3, 8, 8)", "(2, classes)", "Subject(model, output=...)"],
        ),
        (lambda x: x.mean(), ["output has shape ()", "(2, classes)"]),
        (lambda x: x.mean((2, 3)).argmax(1), ["output is of torch.int64", "Leave out the argmax"]),
        (lambda x: x.flatten(1)[:1], ["output has shape (1, 192)", "(2, classes)"]),
        (lambda x: (x, x), ["returns a tuple of 2", "Subject(model, output=...)"]),
        (lambda x: {"a": x}, ["returns a dict with 'a'", "Subject(model, output=...)"]),
        (lambda x: None, ["returns a NoneType"]),
    ],
)
def test_outputs_that_are_no_scores(output, facts):
    class Network(nn.Module):
        def forward(self, x):
            return output(x)

    words = refusal(lambda: Saliency()(Network().eval(), noise(2, 3, 8, 8)))
    for fact in facts:
        assert fact in words


@pytest.mark.parametrize(
    ("forward", "facts"),
    [
        (lambda net, x: net.missing(x), ["AttributeError: 'Failing' object has no", "by itself"]),
        (lambda net, x: {}["logits"], ["KeyError: 'logits'"]),
        (lambda net, x, mask: x, ["TypeError: ", "'mask'"]),
        (lambda net, x: unloaded(), ["RuntimeError: no weights were loaded. Call it by itself"]),
    ],
)
def test_a_network_whose_own_code_fails(forward, facts):
    network = type("Failing", (nn.Module,), {"forward": forward})().eval()
    words = refusal(lambda: Saliency()(network, noise(1, 3, 8, 8), 1))
    assert words.startswith("The network fails on an input of shape (1, 3, 8, 8): ")
    assert "size" not in words
    for fact in facts:
        assert fact in words


def unloaded():
    raise RuntimeError("no weights were loaded")


def ask(target=1, **settings):
    return lambda: Saliency()(
        Subject(network_of("modules"), **settings), noise(1, 3, 32, 32), target
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            ask(lambda scores: scores[:, 99]),
            "The target function <lambda>() fails on a Tensor of shape (1, 5): IndexError: index",
        ),
        (ask(lambda scores: scores.chunk(5, 1)[0].relu_()[:, 0]), "write that operation out of"),
        (ask(lambda: 3), "<lambda>() fails on a Tensor of shape (1, 5): TypeError: "),
        (
            ask(output=lambda scores: scores.logits),
            "The function given as output= fails on a Tensor of shape (1, 5): ",
        ),
        (ask(output=lambda: 3), "output= fails on a Tensor of shape (1, 5): TypeError: "),
        (
            lambda: as_method(lambda subject, x: x),
            "<lambda> takes (subject, x); a function as a method is called with (subject, x, t",
        ),
        (
            lambda: Subject(Subject(network_of("modules"))),
            "is a Subject already; use it as it is, or make another from its network",
        ),
    ],
)
def test_whose_fault_it_is(call, words):
    assert words in refusal(call)


def test_a_network_that_cuts_its_gradient_is_sent_to_occlusion():
    class Cut(ModuleNetwork):
        def forward(self, x):
            return super().forward(x).detach()

    words = refusal(lambda: Saliency()(seeded(Cut), noise(1, 3, 32, 32), 1))
    assert "does not depend on its input by a gradient" in words
    assert "Occlusion works on any network" in words


def test_a_network_that_answers_with_nan():
    network = seeded(ModuleNetwork)
    with torch.no_grad():
        network[7].weight.fill_(float("nan"))
    assert "NaN or infinite scores" in refusal(lambda: Saliency()(network, noise(1, 3, 32, 32)))
    words = refusal(lambda: IntegratedGradients(steps=2)(network, noise(1, 3, 32, 32), 1))
    assert "gave NaN or infinite values" in words


def test_an_unknown_layer():
    words = refusal(lambda: GradCam(layer="33")(network_of("modules"), noise(1, 3, 32, 32), 1))
    assert words.startswith("No layer is called '33'. The last layer with a map is '4'.")


@pytest.mark.parametrize("thing", ["resnet18", 3, None, ModuleNetwork], ids=repr)
def test_what_is_no_network(thing):
    assert "takes a torch.nn.Module" in refusal(lambda: Saliency()(thing, noise(1, 3, 8, 8), 0))


@pytest.mark.parametrize(
    ("settings", "facts"),
    [
        ({"mean": 0.5}, ["mean and std belong together"]),
        ({"preprocess": 3}, ["preprocess is a int", "torchvision weights"]),
        (
            {"preprocess": lambda image: np.zeros(3)},
            ["returned shape (3,)", "(channels, height, width)"],
        ),
        ({"mean": [0.1, 0.2], "std": [1, 1]}, ["mean has 2 numbers", "3 channels"]),
        ({"mean": 0.5, "std": [1, 1]}, ["std has 2 numbers", "3 channels"]),
        ({"mean": 0.5, "std": 0}, ["std is (0.0,)", "numbers above 0"]),
        ({"mean": 0.5, "std": [0.2, -0.2, 0.2]}, ["std is (0.2, -0.2, 0.2)", "above 0"]),
        ({"mean": float("nan"), "std": 1}, ["mean is (nan,)", "finite numbers"]),
        ({"mean": "grey", "std": 1}, ["mean is 'grey'", "a number from 0 to 1"]),
        ({"mean": [], "std": 1}, ["mean is []", "one for each channel"]),
        ({"size": "big"}, ["size is 'big'", "whole number of pixels, or (height, width)"]),
        ({"size": 9.5}, ["size is 9.5", "whole number of pixels"]),
        ({"size": ()}, ["size is ()", "(height, width)"]),
        ({"size": float("inf")}, ["size is inf", "whole number of pixels"]),
        ({"size": (0, 96)}, ["size is (0, 96)", "at least 1 pixel"]),
        ({"size": -5}, ["size is (-5, -5)", "at least 1 pixel"]),
    ],
)
def test_subjects_that_cannot_be_made(settings, facts):
    picture = Image.new("RGB", (8, 8))
    words = refusal(lambda: Subject(seeded(ModuleNetwork), **settings).preprocess(picture))
    for fact in facts:
        assert fact in words


def test_a_given_baseline_that_was_not_given_or_does_not_fit():
    method, x = IntegratedGradients(baseline="given"), noise(1, 3, 32, 32)
    words = refusal(lambda: method(network_of("modules"), x, 1))
    assert "the subject has no absent input" in words
    subject = Subject(network_of("modules"), absent=noise(1, 3, 16, 16))
    assert "have to be alike" in refusal(lambda: method(subject, x, 1))


def test_the_first_line_of_any_error_fits_a_panel():
    assert one_line(ExplainError("One sentence.")) == "One sentence."
    assert one_line(Cancelled()) == "Cancelled before it was finished."
    assert one_line(RuntimeError("\n\n first\nsecond")) == "RuntimeError: first"
    assert one_line(KeyError()) == "KeyError"


def test_a_setting_whose_choices_stand_in_the_sentence_lists_them_once():
    words = refusal(lambda: LIME(fill="grey"))
    assert words.endswith("'median', 'rows'.")
    assert "The nearest names are 'median'" in refusal(lambda: LIME(fill="medan"))
    assert "it takes one of 'slic', 'squares'." in refusal(lambda: LIME(segmentation=noise(2, 2)))


def test_a_filling_that_a_picture_has_not_is_refused_with_those_that_it_has():
    words = refusal(lambda: Occlusion(fill="median")(network_of("modules"), noise(3, 16, 16)))
    assert words.endswith("it takes mean, blur, zero, noise, black, white, given, neighbours.")


def test_the_nearest_names_are_offered_and_otherwise_a_few():
    assert nearest("zebrra", ["horse", "zebra"]) == "The nearest names are 'zebra'."
    assert nearest("xxxxx", ["a", "b", "c", "d"]) == "Names here are 'a', 'b', 'c' ...."


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        (xaiwidgets, "GradCAM", "xaiwidgets has no 'GradCAM'. The nearest names are 'GradCam', "),
        (xaiwidgets, "predikt", "The nearest names are 'predict'"),
        (xaiwidgets, "PixelFlipping", "'PixelFlipping'; it is xaiwidgets.evaluation.PixelFlip"),
        (evaluation, "Pixelflipping", "xaiwidgets.evaluation has no 'Pixelflipping'. The nearest"),
        (evaluation, "_secret", "xaiwidgets.evaluation has no '_secret'."),
    ],
)
def test_a_name_that_a_module_lacks(module, name, words):
    assert not hasattr(module, name)
    with pytest.raises(AttributeError) as refused:
        getattr(module, name)
    assert words in str(refused.value)
    with pytest.raises(ImportError, match=f"cannot import name '{name}'"):
        exec(f"from {module.__name__} import {name}")


class Overwriting(nn.Module):
    """It works in place where torch needs what was there."""

    def __init__(self, written):
        super().__init__()
        self.written = written
        self.layer, self.head = nn.Conv2d(3, 6, 3), nn.Linear(6, 4)

    def forward(self, x):
        return self.head(self.written(self, x).mean((2, 3)))


def a_view(net, x):
    first, second = net.layer(x).chunk(2, 1)
    first.relu_()
    return torch.cat([first, second], 1)


def a_value_that_is_needed(net, x):
    y = net.layer(x).relu()
    return y.mul_(y.sigmoid()).mul_(y.sigmoid())


def a_leaf(net, x):
    net.layer.weight.mul_(1.0)
    return net.layer(x)


def torchs_own_words(network, x):
    with pytest.raises(RuntimeError, match=r"in-?place") as refused:
        network(x.clone().requires_grad_())[:, 1].sum().backward()
    return str(refused.value)


@pytest.mark.parametrize("written", [a_view, a_value_that_is_needed, a_leaf])
@pytest.mark.parametrize(
    "method", [Saliency(), IntegratedGradients(steps=2), SmoothGrad(samples=2), GradCam()], ids=str
)
def test_a_network_that_torch_cannot_differentiate(method, written):
    network, x = seeded(lambda: Overwriting(written)), noise(1, 3, 8, 8)
    assert "place" in torchs_own_words(network, x)
    assert "write that operation out of place" in refusal(lambda: method(network, x, 1))


WITH_GRADIENTS = [
    method
    for method in declared(Attribution)
    if method.__module__.split(".")[2] in ("gradient", "relevance", "cam")
]


@pytest.mark.parametrize("written", [a_view, a_value_that_is_needed])
@pytest.mark.parametrize("method", WITH_GRADIENTS, ids=lambda method: method.__name__)
def test_no_method_answers_in_torchs_words_there(method, written):
    network, x = seeded(lambda: Overwriting(written)), noise(1, 3, 8, 8)
    said = ""
    try:
        method()(network, x, 1)
    except ExplainError as error:
        said = str(error)
    assert "inplace" not in said
    assert "\n" not in said
