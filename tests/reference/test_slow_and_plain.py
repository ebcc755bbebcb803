"""The formula again, slow and plain: one draw, one patch, one unit at a time."""

import numpy as np
import pytest
import torch
from networks import FunctionalNetwork, ModuleNetwork, noise, seeded

from xaiwidgets.core.baselines import baseline_draws, normal, uniform
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import (
    DeepLift,
    GradientShap,
    InteriorGradients,
    Occlusion,
    SimpleTaylor,
    SmoothGrad,
)

CLOSE = {"rtol": 1e-9, "atol": 1e-13}
TARGETS = [4, 2]


@pytest.fixture(params=[ModuleNetwork, FunctionalNetwork], ids=["modules", "functional"])
def network(request):
    return seeded(request.param).double()


@pytest.fixture
def x():
    return noise(2, 3, 32, 32, seed=5, dtype=torch.float64) * torch.tensor([1.0, 3.0]).view(
        2, 1, 1, 1
    )


def gradient(network, picture, target):
    point = picture.clone()[None].requires_grad_()
    network(point.clone())[0, target].backward()
    network.zero_grad()
    return point.grad[0]


def score(network, picture, target):
    with torch.no_grad():
        return network(picture.clone()[None])[0, target]


def test_smoothgrad_and_its_standard_error(network, x):
    found = SmoothGrad(samples=9, noise=0.2, seed=3)(network, x, TARGETS)
    for i, target in enumerate(TARGETS):
        sigma = 0.2 * (x[i].max() - x[i].min())
        drawn = torch.stack(
            [gradient(network, x[i] + sigma * normal(x[i], 3, k), target) for k in range(9)]
        )
        torch.testing.assert_close(found.values[i], drawn.mean(0), **CLOSE)
        torch.testing.assert_close(
            found.error[i], drawn.std(0, correction=1) / 3, rtol=1e-6, atol=1e-12
        )


def test_smoothgrad_squared_and_vargrad(network, x):
    squared = SmoothGrad(samples=9, form="squared")(network, x, TARGETS)
    variance = SmoothGrad(samples=9, form="variance")(network, x, TARGETS)
    for i, target in enumerate(TARGETS):
        sigma = 0.15 * (x[i].max() - x[i].min())
        drawn = torch.stack(
            [gradient(network, x[i] + sigma * normal(x[i], 0, k), target) for k in range(9)]
        )
        torch.testing.assert_close(squared.values[i], drawn.square().mean(0), **CLOSE)
        torch.testing.assert_close(variance.values[i], drawn.var(0, correction=0), **CLOSE)
        away = drawn - drawn.mean(0)
        spread = (away**4).mean(0) - away.square().mean(0) ** 2
        torch.testing.assert_close(variance.error[i], (spread / 9).sqrt(), rtol=1e-5, atol=1e-10)


@pytest.mark.parametrize("baseline", ["noise", "given", "blur"])
def test_gradient_shap_and_its_standard_error(network, x, baseline):
    absent = noise(3, 3, 32, 32, seed=6, dtype=torch.float64)
    subject = Subject(network, absent=absent)
    method = GradientShap(samples=8, noise=0.1, baseline=baseline, seed=5)
    found = method(subject, x, TARGETS)
    for i, target in enumerate(TARGETS):
        sigma = 0.1 * (x[i].max() - x[i].min())
        drawn = []
        for k in range(8):
            start = baseline_draws(baseline, subject, x[i : i + 1], 5)(3 * k)[0]
            end = x[i] + sigma * normal(x[i], 5, 3 * k + 1)
            a = uniform(x.new_zeros(1), 5, 3 * k + 2)
            drawn.append((end - start) * gradient(network, start + a * (end - start), target))
        drawn = torch.stack(drawn)
        torch.testing.assert_close(found.values[i], drawn.mean(0), **CLOSE)
        torch.testing.assert_close(
            found.error[i], drawn.std(0, correction=1) / 8**0.5, rtol=1e-6, atol=1e-12
        )


def test_interior_gradients_and_the_strip(network, x):
    found = InteriorGradients(alpha=0.3, baseline="white")(network, x, TARGETS)
    labels = [frame.label for frame in found.frames]
    assert labels == [f"α = {a:g}" for a in (0.02, 0.04, 0.06, 0.08, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)]
    for i, target in enumerate(TARGETS):
        white = torch.ones_like(x[i])
        strip = {0.3: found, 0.02: found.frames[0], 0.6: found.frames[7], 1.0: found.frames[9]}
        for alpha, shown in strip.items():
            expected = gradient(network, white + alpha * (x[i] - white), target)
            torch.testing.assert_close(shown.values[i], expected, **CLOSE)


@pytest.mark.parametrize(("patch", "stride"), [(8, 8), (5, 3), (7, 9), (40, 8)])
def test_occlusion_patch_by_patch(network, x, patch, stride):
    found = Occlusion(patch=patch, stride=stride, fill="mean")(network, x, TARGETS).values
    starts = sorted({*range(0, max(33 - patch, 1), stride), max(32 - patch, 0)})
    for i, target in enumerate(TARGETS):
        whole = score(network, x[i], target)
        total, times = torch.zeros(32, 32).double(), torch.zeros(32, 32).double()
        mean = x[i].mean((1, 2), keepdim=True).expand_as(x[i])
        for top in starts:
            for left in starts:
                covered = x[i].clone()
                covered[:, top : top + patch, left : left + patch] = mean[
                    :, top : top + patch, left : left + patch
                ]
                drop = whole - score(network, covered, target)
                box = np.ix_(reached(starts, top, patch), reached(starts, left, patch))
                total[box] += drop
                times[box] += 1
        torch.testing.assert_close(found[i, 0], total / times, **CLOSE)


def reached(starts, start, patch):
    """The pixels of a side that a patch covers, and those that none does to which it is nearest."""
    covered = {pixel for each in starts for pixel in range(each, each + patch)}
    nearest = [min(starts, key=lambda each: abs(each + (patch - 1) / 2 - i)) for i in range(32)]
    own = range(start, start + patch)
    return [i for i in range(32) if i in own or (i not in covered and nearest[i] == start)]


def _rescale_by_hand(network, x, absent, target):
    """DeepLIFT's rescale rule on ModuleNetwork, layer by layer, the multipliers as dense arrays."""
    near, far = [x[None]], [absent[None]]
    with torch.no_grad():
        for layer in network:
            near.append(layer(near[-1]))
            far.append(layer(far[-1]))
    multiplier = torch.zeros_like(near[-1])
    multiplier[0, target] = 1.0
    for layer, a, b in zip(reversed(network), reversed(near[:-1]), reversed(far[:-1]), strict=True):
        if isinstance(layer, torch.nn.ReLU):
            difference = a - b
            slope = (a.clamp(min=0) - b.clamp(min=0)) / difference
            slope = torch.where(difference == 0, (a > 0).to(a), slope)
            multiplier = multiplier * slope
        elif isinstance(layer, torch.nn.MaxPool2d):
            passed = torch.zeros_like(a)
            for c in range(a.shape[1]):
                for i in range(a.shape[2] // 2):
                    for j in range(a.shape[3] // 2):
                        window = (0, c, slice(2 * i, 2 * i + 2), slice(2 * j, 2 * j + 2))
                        change = a[window].max() - b[window].max()
                        larger = a[window] if change >= 0 else b[window]
                        place = divmod(int(larger.argmax()), 2)
                        row, column = 2 * i + place[0], 2 * j + place[1]
                        away = a[0, c, row, column] - b[0, c, row, column]
                        share = change / away if away != 0 else 0.0
                        passed[0, c, row, column] = multiplier[0, c, i, j] * share
            multiplier = passed
        else:
            _, multiplier = torch.autograd.functional.vjp(layer, a, multiplier)
    return (multiplier * (x - absent))[0]


def test_deeplift_layer_by_layer(x):
    network = seeded(ModuleNetwork).double()
    found = DeepLift(baseline="white")(network, x, TARGETS).values
    for i, target in enumerate(TARGETS):
        expected = _rescale_by_hand(network, x[i], torch.ones_like(x[i]), target)
        torch.testing.assert_close(found[i], expected, rtol=1e-8, atol=1e-12)


def test_the_root_on_the_segment_lies_behind_the_last_change_of_sign(network, x):
    found = SimpleTaylor(baseline="white")(network, x, TARGETS)
    roots = 0
    for i, target in enumerate(TARGETS):
        white, way = torch.ones_like(x[i]), x[i] - 1
        positive = score(network, x[i], target) > 0
        a = 1.0
        while a > 0 and (score(network, white + (a - 1 / 16) * way, target) > 0) == positive:
            a -= 1 / 16
        if a <= 0:
            continue  # no root on the way
        roots += 1
        low, high = a - 1 / 16, a
        for _ in range(40):
            middle = (low + high) / 2
            same = (score(network, white + middle * way, target) > 0) == positive
            low, high = (low, middle) if same else (middle, high)
        high += (a - high) / 4096  # a hair on the picture's side
        expected = gradient(network, white + high * way, target) * (1 - high) * way
        # six steps of the false position come within 1e-5 of the way
        torch.testing.assert_close(found.values[i], expected, rtol=5e-5, atol=1e-9)
    assert roots > 0
