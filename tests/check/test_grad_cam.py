"""Grad-CAM's checks: what is right passes, and every known slip is told by name."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from told import told

import xaiwidgets as xw
from xaiwidgets import check


def caught(subject, x, target, layer="relu4", score=None):
    """A layer's maps, and the gradient of what is explained."""
    kept = []
    module = subject.model.get_submodule(layer)
    hook = module.register_forward_hook(lambda module, given, maps: kept.append(maps))
    outputs = subject(x)
    hook.remove()
    value = target.score(outputs) if score is None else score(outputs)
    (gradients,) = torch.autograd.grad(value.sum(), kept[-1])
    return kept[-1], gradients


def drawn(weighed, x, **how):
    how = how or {"mode": "bilinear", "align_corners": False}
    return F.interpolate(weighed.sum(1, keepdim=True).clamp_min(0), size=x.shape[2:], **how)


def right(subject, x, target):
    maps, gradients = caught(subject, x, target)
    return drawn(gradients.mean((2, 3), keepdim=True) * maps, x)


def by(formula):
    """A method that makes its map of maps, gradients and the picture."""

    def method(subject, x, target):
        return formula(*caught(subject, x, target), x)

    return method


def of_score(score):
    def method(subject, x, target):
        maps, gradients = caught(subject, x, target, score=score)
        return drawn(gradients.mean((2, 3), keepdim=True) * maps, x)

    return method


def at(layer):
    def method(subject, x, target):
        maps, gradients = caught(subject, x, target, layer)
        return drawn(gradients.mean((2, 3), keepdim=True) * maps, x)

    return method


def alpha(g):
    return g.mean((2, 3), keepdim=True)


def of_the_probability(subject, x, target):
    own = target.classes.expand(len(x))

    def score(outputs):
        return outputs.softmax(1)[torch.arange(len(x)), own]

    maps, gradients = caught(subject, x, target, score=score)
    return drawn(alpha(gradients) * maps, x)


def of_another_class(subject, x, target):
    return of_score(lambda outputs: outputs[:, (int(target.classes[0]) + 1) % 5])(
        subject, x, target
    )


class Declared(xw.Attribution, title="Mine"):
    """Declared as a class."""

    def attribute(self, subject, x, target):
        return right(subject, x, target)


WRONG = {
    "the map without the cut at 0": by(
        lambda a, g, x: F.interpolate(
            (alpha(g) * a).sum(1, keepdim=True), x.shape[2:], mode="bilinear"
        )
    ),
    "not averaged (that is HiResCAM)": by(lambda a, g, x: drawn(g * a, x)),
    "the mean of the gradient, not the sum": by(
        lambda a, g, x: drawn(g.sum((2, 3), keepdim=True) * a, x)
    ),
    "added up, not averaged": by(lambda a, g, x: drawn(alpha(g) * a, x) / a.shape[1]),
    "cut at 0 before the sum": by(lambda a, g, x: drawn((alpha(g) * a).clamp_min(0), x)),
    "without the channels that speak against": by(
        lambda a, g, x: drawn(alpha(g).clamp_min(0) * a, x)
    ),
    "the weights' sizes": by(lambda a, g, x: drawn(alpha(g).abs() * a, x)),
    "without weights": by(lambda a, g, x: drawn(a, x)),
    "without the layer's maps": by(lambda a, g, x: drawn(g, x)),
    "averaged over all pictures of the batch": by(lambda a, g, x: drawn(alpha(g).mean(0) * a, x)),
    "repeating pixels": by(lambda a, g, x: drawn(alpha(g) * a, x, mode="nearest")),
    "the corners aligned": by(
        lambda a, g, x: drawn(alpha(g) * a, x, mode="bilinear", align_corners=True)
    ),
    "the sign turned": lambda *given: -right(*given),
    "upside down": lambda *given: right(*given).flip(2),
    "mirrored": lambda *given: right(*given).flip(3),
    "each divided by its largest value": lambda *given: (
        right(*given) / right(*given).amax((1, 2, 3), keepdim=True)
    ),
    "squared": lambda *given: right(*given).square(),
    "0 everywhere": lambda *given: 0 * right(*given),
    "height and width are swapped": lambda *given: right(*given).transpose(2, 3),
    "the channels stand last": lambda *given: right(*given).permute(0, 2, 3, 1),
    "one map for 2 pictures": lambda *given: right(*given)[0],
    "enlarge it: F.interpolate": by(lambda a, g, x: (alpha(g) * a).sum(1)),
    "the map of the probability": of_the_probability,
    "all classes' scores added up": of_score(lambda outputs: outputs.sum(1)),
    "the predicted class, which was not asked for": of_score(lambda outputs: outputs.amax(1)),
    "not of the one that was asked for": of_another_class,
    "the map at relu3, not at relu4": at("relu3"),
    "the map at conv4, not at relu4": at("conv4"),
    "NaN or infinite": lambda *given: right(*given) / 0,
    "is not written yet": lambda *given: (_ for _ in ()).throw(NotImplementedError),
    "stops with ZeroDivisionError": lambda subject, x, target: 1 / 0,
    "returns nothing": lambda subject, x, target: None,
    "returns a str": lambda subject, x, target: "a map",
    "a function of (subject, x, target)": lambda model: model,
    "which is a result": torch.zeros(3),
}


@pytest.mark.parametrize(
    "method",
    [right, Declared, Declared(), xw.GradCam(), lambda *given: right(*given).detach().numpy()],
    ids=["function", "class", "instance", "the library's", "array"],
)
def test_what_is_right_passes(method):
    assert check.grad_cam(method).share == 1
    assert check.grad_cam(method, seed=3, points=4) == 4


@pytest.mark.parametrize(("words", "method"), WRONG.items(), ids=WRONG)
def test_a_slip_is_told_by_name(words, method):
    said = told(check.grad_cam, method)
    assert words in said
    assert "Try" in said


def test_two_slips_at_once_are_both_told():
    with pytest.raises(check.CheckFailed, match=r"HiResCAM.*and with the sign turned"):
        check.grad_cam(by(lambda a, g, x: -drawn(g * a, x)))


def test_what_nobody_knows_gets_numbers_and_a_way_to_look():
    def noise(subject, x, target):
        return torch.rand(len(x), 1, *x.shape[2:])

    said = told(check.grad_cam, noise)
    assert "correlation 0.0" in said or "correlation −0.0" in said or "correlation -0.0" in said
    assert "furthest at" in said
    assert "step by step" in said


def stale():
    """A method that keeps the first map that it ever made of one picture."""
    kept = []

    def method(subject, x, target):
        kept.extend([right(subject, x, target)] if len(x) == 1 else [])
        return kept[0] if len(x) == 1 else right(subject, x, target)

    return method


def test_a_list_kept_from_call_to_call_is_found():
    with pytest.raises(check.CheckFailed, match="the picture that was asked about before"):
        check.grad_cam(stale())


def test_maps_that_add_up_from_call_to_call_are_found():
    made = []

    def method(subject, x, target):
        made.append(right(subject, x, target))
        return sum(m for m in made if len(m) == len(x))

    with pytest.raises(check.CheckFailed, match="the maps of several calls added up"):
        check.grad_cam(method)


def test_points_are_a_share_of_the_parts(capsys):
    assert check.grad_cam(stale(), points=3) == 2
    assert "asked about before" in capsys.readouterr().out
    assert check.grad_cam(lambda subject, x, target: None, points=3) == 0


EARNS = {
    "the map without the cut at 0": 3,
    "the mean of the gradient, not the sum": 3,
    "repeating pixels": 3,
    "not averaged (that is HiResCAM)": 2,
    "the sign turned": 2,
    "the map at relu3, not at relu4": 2,
    "without weights": 0,
    "0 everywhere": 0,
    "returns nothing": 0,
}


@pytest.mark.parametrize(("words", "points"), EARNS.items(), ids=EARNS)
def test_a_known_slip_earns_what_it_leaves_right(words, points, capsys):
    assert check.grad_cam(WRONG[words], points=4) == points
    some = f"earns {points / 4:.0%} of its points"
    assert (some in capsys.readouterr().out) == (points > 0)


def test_two_slips_earn_less_than_one():
    assert check.grad_cam(by(lambda a, g, x: -drawn(g * a, x)), points=4) == 1


def by_backward(subject, x, target):
    """With hooks both ways, and gradients that add up in the network's parameters."""
    kept = {}
    layer = subject.model.relu4
    hooks = [
        layer.register_forward_hook(lambda module, given, maps: kept.update(maps=maps)),
        layer.register_full_backward_hook(lambda module, given, back: kept.update(back=back[0])),
    ]
    sum(target.score(subject(x))).backward()
    for hook in hooks:
        hook.remove()
    made = torch.einsum("bkij,bk->bij", kept["maps"], kept["back"].mean((-2, -1))).relu()
    return F.interpolate(made[:, None], tuple(x.shape[-2:]), mode="bilinear")


def keep(caught, module, given, maps):
    caught["maps"] = maps


def by_retaining(subject, x, target):
    """Picture by picture, the gradient kept on the maps."""
    drawn = []
    for i, one in enumerate(x):
        caught = {}
        hook = subject.model.relu4.register_forward_hook(partial(keep, caught))
        classes = target.classes.expand(len(x))
        score = subject(one[None])[0, classes[i]]
        hook.remove()
        caught["maps"].retain_grad()
        score.backward()
        weights = caught["maps"].grad.mean(dim=[2, 3])
        made = sum(w * a for w, a in zip(weights[0], caught["maps"][0], strict=True)).clamp(min=0)
        drawn.append(F.interpolate(made[None, None], x.shape[2:], mode="bilinear")[0, 0])
    return torch.stack(drawn)


@pytest.mark.parametrize("method", [by_backward, by_retaining])
def test_another_way_to_the_same_map_passes(method):
    assert check.grad_cam(method).share == 1


def test_a_method_that_changes_the_network_is_told_so():
    def method(subject, x, target):
        with torch.no_grad():
            subject.model.linear.weight.mul_(2)
        return right(subject, x, target)

    with pytest.raises(check.CheckFailed, match="changed the network's parameters"):
        check.grad_cam(method)


def test_a_network_of_ones_own_is_asked_and_left_alone(module_network, x):
    before = {key: value.clone() for key, value in module_network.state_dict().items()}
    report = check.grad_cam(xw.GradCam(layer="3"), layer="3", subject=module_network, inputs=x)
    assert report.share == 1
    assert all(value.equal(before[key]) for key, value in module_network.state_dict().items())


def test_the_weights_of_the_channels():
    assert check.channel_weights(lambda g: g.mean((2, 3))).share == 1
    assert check.channel_weights(lambda g: np.asarray(g).mean((2, 3))).share == 1
    for words, weights in {
        "30 is the number of places": lambda g: g.sum((2, 3)),
        "over the batch as well": lambda g: g.mean((0, 2, 3)).expand(len(g), -1),
        "the mean of what is positive": lambda g: g.clamp_min(0).mean((2, 3)),
        r"shape \(4,\)": lambda g: g.mean((0, 2, 3)),
    }.items():
        with pytest.raises(check.CheckFailed, match=words):
            check.channel_weights(weights)
