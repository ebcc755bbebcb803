"""The same numbers as Captum's, where its implementation is right for the network.

Captum 0.9 answers for networks made of modules; float64 throughout, so that 1e-9 leaves no room for
another formula.
"""

import copy

import captum.attr as reference
import pytest
import torch
from networks import FunctionalNetwork, ModuleNetwork, noise, resnet18, seeded
from torch import nn

from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import (
    Deconvnet,
    DeepLift,
    GradCam,
    GradientTimesInput,
    GuidedBackprop,
    GuidedGradCam,
    IntegratedGradients,
    Occlusion,
    Saliency,
)

TARGET = torch.tensor([3, 1])
CLOSE = {"rtol": 1e-9, "atol": 1e-12}


@pytest.fixture(params=["modules", "resnet18"])
def network(request):
    make = {"modules": ModuleNetwork, "resnet18": resnet18}[request.param]
    return seeded(make).double()


@pytest.fixture
def x():
    return noise(2, 3, 32, 32, seed=3, dtype=torch.float64)


def test_saliency(network, x):
    expected = reference.Saliency(network).attribute(x.clone(), TARGET, abs=True)
    torch.testing.assert_close(
        Saliency(form="absolute")(network, x, TARGET).values, expected, **CLOSE
    )
    expected = reference.Saliency(network).attribute(x.clone(), TARGET, abs=False)
    torch.testing.assert_close(Saliency()(network, x, TARGET).values, expected, **CLOSE)


def test_gradient_times_input(network, x):
    expected = reference.InputXGradient(network).attribute(x.clone(), TARGET).detach()
    torch.testing.assert_close(GradientTimesInput()(network, x, TARGET).values, expected, **CLOSE)


def test_integrated_gradients(network, x):
    expected = reference.IntegratedGradients(network).attribute(
        x, torch.zeros_like(x), TARGET, n_steps=7, method="gausslegendre"
    )
    found = IntegratedGradients(steps=7)(network, x, TARGET).values
    torch.testing.assert_close(found, expected, **CLOSE)


def test_integrated_gradients_in_several_passes(x, monkeypatch):
    network = seeded(ModuleNetwork).double()
    monkeypatch.setattr(Subject, "batch_size", lambda *_, **__: 3)
    expected = reference.IntegratedGradients(network).attribute(x, 0 * x, TARGET, n_steps=7)
    found = IntegratedGradients(steps=7)(network, x, TARGET).values
    torch.testing.assert_close(found, expected, **CLOSE)


class OwnReluEach(nn.Module):
    """What Captum's guided backprop and DeepLIFT ask for: no ReLU is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.third = nn.Conv2d(6, 6, 3, padding=1)
        self.one, self.two, self.three = nn.ReLU(), nn.ReLU(), nn.ReLU()
        self.pool, self.head = nn.MaxPool2d(2), nn.Linear(6 * 256, 5)

    def forward(self, x):
        x = self.one(self.first(x))
        y = self.third(self.two(self.second(x))) + x
        return self.head(self.pool(self.three(y)).flatten(1))


class FunctionalTwin(OwnReluEach):
    """The same network, written with functions and in place."""

    def forward(self, x):
        x = nn.functional.relu(self.first(x))
        y = self.third(self.second(x).relu_())
        y += x
        y = nn.functional.max_pool2d(torch.relu_(y), 2)
        return self.head(y.flatten(1))


@pytest.fixture
def twins():
    network = seeded(OwnReluEach).double()
    twin = FunctionalTwin().double().eval()
    twin.load_state_dict(network.state_dict())
    return network, twin


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(GuidedBackprop(), reference.GuidedBackprop), (Deconvnet(), reference.Deconvolution)],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Setting backward hooks")
def test_rectifier_methods_on_modules_and_on_their_functional_twin(ours, theirs, twins, x):
    network, twin = twins
    expected = theirs(copy.deepcopy(network)).attribute(x.clone(), TARGET)
    torch.testing.assert_close(ours(network, x, TARGET).values, expected, **CLOSE)
    torch.testing.assert_close(ours(twin, x, TARGET).values, expected, **CLOSE)
    assert not torch.allclose(Saliency()(network, x, TARGET).values, expected)


class Averaging(OwnReluEach):
    """The same layers with average pooling, as modules."""

    def forward(self, x):
        x = self.one(self.first(x))
        y = self.three(self.third(self.two(self.second(x))) + x)
        return self.head(nn.functional.avg_pool2d(y, 2).flatten(1))


class AveragingTwin(OwnReluEach):
    """The same network, written with functions and in place."""

    def forward(self, x):
        x = nn.functional.relu(self.first(x))
        y = self.third(self.second(x).relu_())
        y += x
        return self.head(nn.functional.avg_pool2d(y.clamp_(min=0), 2).flatten(1))


@pytest.mark.filterwarnings("ignore")
def test_deeplift_on_modules_and_on_their_functional_twin(x):
    network, twin = seeded(Averaging).double(), AveragingTwin().double().eval()
    twin.load_state_dict(network.state_dict())
    baseline = noise(1, 3, 32, 32, seed=4, dtype=torch.float64)
    expected = reference.DeepLift(copy.deepcopy(network)).attribute(
        x, baseline.expand_as(x), TARGET
    )
    for made in (network, twin):
        found = DeepLift(baseline="given")(Subject(made, absent=baseline), x, TARGET)
        # quotients of small differences: 1e-6 is what rounding leaves of them
        torch.testing.assert_close(found.values, expected.detach(), rtol=1e-6, atol=1e-10)
        assert found.numbers["completeness_gap"] < 1e-9


@pytest.mark.filterwarnings("ignore")
def test_deeplift_of_max_pooling_on_a_convolution(x):
    def make():
        return nn.Sequential(
            nn.Conv2d(3, 6, 3), nn.MaxPool2d(3), nn.Flatten(), nn.Linear(6 * 100, 5)
        )

    network = seeded(make).double()
    baseline = noise(1, 3, 32, 32, seed=4, dtype=torch.float64)
    expected = reference.DeepLift(copy.deepcopy(network)).attribute(
        x, baseline.expand_as(x), TARGET
    )
    found = DeepLift(baseline="given")(Subject(network, absent=baseline), x, TARGET).values
    torch.testing.assert_close(found, expected.detach(), rtol=1e-6, atol=1e-10)


@pytest.mark.filterwarnings("ignore")
def test_captums_deeplift_does_not_add_up_where_pooling_follows_a_relu():
    """Where we differ, and why: max ReLU(x) against max ReLU(b), by hand.

    Four windows of 2 x 2 with weights 1. Behind a ReLU Captum passes the pooling's plain gradient
    on, to the picture's place alone, so its values do not add up; ours do. The rule layer by layer
    is in test_slow_and_plain.py.
    """
    network = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4, 1)).double()
    nn.init.ones_(network[3].weight)
    x, baseline = (noise(1, 1, 4, 4, seed=seed, dtype=torch.float64) for seed in (11, 12))
    change = (network(x) - network(baseline)).item()
    theirs = reference.DeepLift(copy.deepcopy(network)).attribute(x, baseline, 0).sum().item()
    ours = DeepLift(baseline="given")(Subject(network.eval(), absent=baseline), x, 0)
    assert abs(theirs - change) > 0.1
    assert ours.values.sum().item() == pytest.approx(change, abs=1e-12)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Sigmoid, nn.Tanh, nn.ELU, nn.Softplus])
def test_deeplift_of_elementwise_activations(activation, x):
    def make():
        return nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), activation(), nn.AvgPool2d(2),
            nn.Conv2d(6, 6, 3, padding=1), activation(), nn.Flatten(), nn.Linear(6 * 256, 5),
        )  # fmt: skip

    network = seeded(make).double()
    baseline = noise(2, 3, 32, 32, seed=4, dtype=torch.float64)[:1]
    expected = reference.DeepLift(copy.deepcopy(network)).attribute(
        x, baseline.expand_as(x), TARGET
    )
    found = DeepLift(baseline="given")(Subject(network, absent=baseline), x, TARGET).values
    torch.testing.assert_close(found, expected.detach(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("patch", "stride"), [(8, 8), (16, 4)])
def test_occlusion(network, x, patch, stride):
    # strides that divide (32 − patch): where they do not, the last square is moved in here, and
    # Captum lets it stick out
    expected = reference.Occlusion(network).attribute(
        x, (3, patch, patch), (3, stride, stride), 0, TARGET, perturbations_per_eval=16
    )
    found = Occlusion(patch=patch, stride=stride)(network, x, TARGET).values
    # Captum adds up in float32
    torch.testing.assert_close(found, expected[:, :1].double(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("relu", [True, False])
def test_grad_cam(network, x, relu):
    layer = "3" if isinstance(network, nn.Sequential) else "layer3"
    expected = reference.LayerGradCam(network, dict(network.named_modules())[layer]).attribute(
        x, TARGET, relu_attributions=relu
    )
    expected = nn.functional.interpolate(expected, x.shape[2:], mode="bilinear").detach()
    found = GradCam(layer=layer, relu=relu)(network, x, TARGET).values
    torch.testing.assert_close(found, expected, **CLOSE)


@pytest.mark.filterwarnings("ignore:Setting backward hooks")
def test_guided_grad_cam(twins, x):
    network, twin = twins
    expected = reference.GuidedGradCam(copy.deepcopy(network), None)
    expected.grad_cam.layer = expected.grad_cam.forward_func.third
    expected = expected.attribute(x.clone(), TARGET, interpolate_mode="bilinear").detach()
    for made in (network, twin):
        found = GuidedGradCam(layer="third")(made, x, TARGET).values
        torch.testing.assert_close(found, expected, **CLOSE)


def test_a_functional_network_is_where_captum_sees_no_relu(x):
    """Why ours goes through the interception: Captum's answer here is the plain gradient."""
    network = seeded(FunctionalNetwork).double()
    plain = Saliency()(network, x, TARGET).values
    theirs = reference.GuidedBackprop(copy.deepcopy(network)).attribute(x.clone(), TARGET)
    torch.testing.assert_close(theirs, plain, **CLOSE)
    assert not torch.allclose(GuidedBackprop()(network, x, TARGET).values, plain)
