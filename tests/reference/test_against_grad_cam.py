"""The same maps as pytorch-grad-cam 1.5.7, at the layer's own size and after its scaling to 0...1.

Its maps are taken before OpenCV enlarges them, whose weights have eight bits. Where it leaves the
paper, the test brings it back: a small ε in a divisor loses its weight when the score is magnified,
and Score-CAM's masks are enlarged without aligned corners.
"""

import functools

import numpy as np
import pytest
import pytorch_grad_cam as theirs
import torch
from networks import noise, seeded
from pytorch_grad_cam.ablation_layer import AblationLayer
from torchvision import models

from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import (
    AblationCam,
    EigenCam,
    FullGrad,
    GradCam,
    GradCamPlusPlus,
    HiResCam,
    LayerCam,
    ScoreCam,
    XGradCam,
)

# layers whose output nothing overwrites: pytorch-grad-cam keeps the tensor itself, so that behind
# DenseNet's `features` it finds what F.relu(inplace=True) has made of it; ours keeps a copy
LATE = {
    "resnet50": ("layer3", 64),
    "vgg16": ("features.29", 64),
    "densenet121": ("features.denseblock3", 64),
    "vit_b_16": ("encoder.layers.encoder_layer_11.ln_1", 64),
    "swin_t": ("features.5", 64),
}
NARROW = {
    "resnet50": ("layer1.1.conv1", 48),
    "vgg16": ("features.8", 48),
    "densenet121": ("features.relu0", 48),
    "swin_t": ("features.1", 48),
}
ONE_PASS = {
    "GradCAM": GradCam(),
    "GradCAMPlusPlus": GradCamPlusPlus(),
    "XGradCAM": XGradCam(),
    "HiResCAM": HiResCam(relu=True),
    "LayerCAM": LayerCam(),
}


@functools.cache
def network(name):
    settings = {"image_size": 64} if name == "vit_b_16" else {}
    made = seeded(lambda: getattr(models, name)(num_classes=4, **settings))
    if name.startswith("vit"):
        torch.nn.init.normal_(made.heads.head.weight, std=0.05)
    return made


def picture(side):
    return noise(1, 3, side, side, seed=8)


def folded(name):
    """What a user of pytorch-grad-cam has to write for a transformer."""
    if name == "vit_b_16":
        return lambda tokens: tokens[:, 1:].transpose(1, 2).reshape(len(tokens), -1, 4, 4)
    return (lambda maps: maps.permute(0, 3, 1, 2)) if name == "swin_t" else None


def magnified(target):
    """The score of a class times 100 000, or from 4 on what speaks against one: from outputs of one
    input or of many to scores."""
    sign = 1e5 if target < 4 else -1e5
    return lambda outputs: sign * outputs[..., target % 4]


@pytest.fixture
def unscaled(monkeypatch):
    """Their maps at the layer's own size."""
    scale = theirs.base_cam.scale_cam_image
    monkeypatch.setattr(theirs.base_cam, "scale_cam_image", lambda cam, size=None: scale(cam))
    monkeypatch.setattr(torch.nn, "UpsamplingBilinear2d", _without_aligned_corners)


def _without_aligned_corners(size):
    return torch.nn.Upsample(size=size, mode="bilinear", align_corners=False)


def raw(method, name, layer, x, target):
    subject = Subject(network(name))
    bound = subject.bind(target, x)
    return method.raw(subject, x, bound, [subject.layers(x)[layer]])[0][0, 0].detach().numpy()


def assert_alike(mine, other):
    """Correlation and largest difference, both after their scaling to 0...1."""
    mine = np.maximum(mine, 0) - np.maximum(mine, 0).min()
    assert mine.max() > 0
    mine = mine / mine.max()
    assert np.corrcoef(mine.ravel(), other.ravel())[0, 1] >= 0.9999
    assert np.abs(mine - other).max() <= 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", list(LATE))
def test_one_pass_methods_are_theirs(name, unscaled):
    layer, side = LATE[name]
    x, module = picture(side), dict(network(name).named_modules())[layer]
    for title, method in ONE_PASS.items():
        assert any(_one_pass(title, method, name, layer, x, module, k) for k in range(8)), title


def _one_pass(title, method, name, layer, x, module, target):
    """Compare for one class; False where nothing speaks for it, and theirs divides rounding by
    1e-7."""
    cam = getattr(theirs, title)(network(name), [module], reshape_transform=folded(name))
    other = cam(x.clone(), [magnified(target)])[0]
    cam.activations_and_grads.release()
    network(name).zero_grad()
    if other.max() < 0.99:
        return False
    assert_alike(raw(method, name, layer, x, magnified(target)), other)
    return True


@pytest.mark.slow
@pytest.mark.parametrize("name", list(LATE))
def test_eigen_cam_is_theirs_but_for_the_sign(name, unscaled):
    layer, side = LATE[name]
    x, module = picture(side), dict(network(name).named_modules())[layer]
    cam = theirs.EigenCAM(network(name), [module], reshape_transform=folded(name))
    other = cam(x.clone(), [magnified(0)])[0]
    mine = raw(EigenCam(centred=True), name, layer, x, 0)
    sign = np.sign(np.corrcoef(mine.ravel(), other.ravel())[0, 1])
    assert_alike(sign * mine, other)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(NARROW))
def test_score_cam_is_theirs(name, unscaled):
    layer, side = NARROW[name]
    x, module = picture(side), dict(network(name).named_modules())[layer]
    cam = theirs.ScoreCAM(network(name), [module], reshape_transform=folded(name))
    other = cam(x.clone(), [lambda outputs: outputs[..., 1]])[0]
    assert_alike(raw(ScoreCam(), name, layer, x, 1), other)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(NARROW))
def test_ablation_cam_is_theirs_where_a_channel_is_switched_off_by_0(name, unscaled):
    layer, side = NARROW[name]
    x = picture(side)
    with torch.no_grad():
        scores = network(name)(x)[0]
    target = int(scores.argmax())  # theirs divides by a score with its sign
    sign = 1.0 if scores[target] > 0 else -1.0
    twin = seeded(lambda: getattr(models, name)(num_classes=4))  # theirs exchanges the layer
    module = dict(twin.named_modules())[layer]
    cam = theirs.AblationCAM(
        twin, [module], reshape_transform=folded(name), ablation_layer=SwitchedOff(name == "swin_t")
    )
    other = cam(x.clone(), [lambda outputs: sign * outputs[..., target]])[0]
    mine = raw(AblationCam(), name, layer, x, lambda outputs: sign * outputs[:, target])
    assert_alike(mine, other)


class SwitchedOff(AblationLayer):
    """Theirs, with 0 in the place of a channel whatever its maps are, as in the paper."""

    def __init__(self, last):
        super().__init__()
        self.last = last  # whether the channels come last

    def __call__(self, x):
        for row, channel in zip(self.activations, self.indices, strict=False):
            (row[..., channel] if self.last else row[channel]).zero_()
        return self.activations


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet50", "vgg16", "densenet121"])
def test_fullgrad_is_theirs(name):
    x = picture(64)
    twin = seeded(lambda: _with_biases(getattr(models, name)(num_classes=4)))
    other = theirs.FullGrad(twin, [])(x.clone(), [lambda outputs: 1e6 * outputs[..., 1]])[0]
    twin.zero_grad()
    mine = FullGrad()(twin, x, lambda outputs: 1e6 * outputs[:, 1]).values[0, 0].numpy()
    mine = (mine - mine.min()) / (mine.max() - mine.min())
    assert np.corrcoef(mine.ravel(), other.ravel())[0, 1] >= 0.9999
    assert np.abs(mine - other).max() <= 5e-3  # OpenCV's bilinear weights have eight bits: 1/256


def _with_biases(network):
    for module in network.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.BatchNorm2d)) and module.bias is not None:
            torch.nn.init.normal_(module.bias, std=0.1)
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
    return network
