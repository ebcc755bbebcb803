"""CAM: found by watching a pass, exact where a network ends in means and one linear layer."""

import pytest
import torch
from conftest import inputs_for, network_of
from methods.cam.two_parts import with_mlp_head, with_pooling_head
from networks import noise, seeded
from torch import nn
from torch.nn import functional as F

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import Contrast
from xaiwidgets.methods import CAM, GradCam, HiResCam
from xaiwidgets.methods.cam.cam import ending


class Ending(nn.Module):
    """A convolution and one of the ways in which people write means and a linear layer."""

    def __init__(self, end, *parts: nn.Module) -> None:
        super().__init__()
        self.maps, self.end, self.parts = nn.Conv2d(3, 4, 3, padding=1), end, nn.ModuleList(parts)

    def forward(self, x):
        return self.end(F.relu(self.maps(x)), *self.parts)


WAYS = {
    "modules": (
        lambda x, pool, flat, drop, head: head(drop(flat(pool(x)))),
        lambda: (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(4, 3)),
    ),
    "mean": (lambda x, head: head(x.mean((2, 3))), lambda: (nn.Linear(4, 3),)),
    "channels last": (
        lambda x, head: head(x.permute(0, 2, 3, 1).mean((1, 2))), lambda: (nn.Linear(4, 3),)
    ),
    "a convolution behind the mean": (
        lambda x, head: head(F.adaptive_avg_pool2d(x, 1)).flatten(1), lambda: (nn.Conv2d(4, 3, 1),)
    ),
    "a convolution before the mean": (
        lambda x, head: F.avg_pool2d(head(x), (6, 8)).flatten(1), lambda: (nn.Conv2d(4, 3, 1),)
    ),
    "a hand-written product": (
        lambda x, head: torch.addmm(head.bias, x.mean((2, 3)), head.weight.T),
        lambda: (nn.Linear(4, 3),),
    ),
}  # fmt: skip


def network(way):
    end, parts = WAYS[way]
    return seeded(lambda: Ending(end, *parts())).double().requires_grad_(False)


@pytest.mark.parametrize("way", list(WAYS))
def test_the_mean_of_the_map_and_the_bias_is_the_score_however_the_end_is_written(way):
    made, x = network(way), noise(2, 3, 6, 8, seed=1, dtype=torch.float64)
    head = made.parts[-1]
    bias = 0 if "before" in way else head.bias[2]
    maps = CAM()(made, x, 2).values
    torch.testing.assert_close(maps.mean((1, 2, 3)) + bias, made(x)[:, 2], rtol=1e-12, atol=1e-14)
    expected = torch.einsum("k,nkhw->nhw", head.weight.flatten(1)[2], F.relu(made.maps(x)))
    if bias:
        torch.testing.assert_close(maps[:, 0], expected, rtol=1e-12, atol=1e-14)


def test_with_pooling_and_a_linear_layer_the_family_agrees():
    made, x = with_pooling_head(), noise(2, 3, 6, 8, seed=1, dtype=torch.float64)
    subject = Subject(made)
    layer, target = [subject.layers(x)["body"]], subject.bind(1, x)
    grad_cam, hires = (m(relu=False).raw(subject, x, target, layer)[0] for m in (GradCam, HiResCam))
    end = ending(subject, x)
    cam = torch.einsum("k,nkhw->nhw", end.weight[1], end.maps)[:, None]
    close = {"rtol": 1e-12, "atol": 1e-14}
    torch.testing.assert_close(grad_cam, cam / cam[0].numel(), **close)
    torch.testing.assert_close(hires, grad_cam, **close)
    score = made(x)[:, 1] - made.head[2].bias[1]
    torch.testing.assert_close(hires.sum((1, 2, 3)), score, **close)


def test_a_contrast_is_the_difference_of_two_maps():
    made, x = network("mean"), noise(2, 3, 6, 8, seed=1, dtype=torch.float64)
    one, other, both = (CAM()(made, x, target).values for target in (0, 2, Contrast(0, 2)))
    torch.testing.assert_close(both, one - other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["modules", "vit", "timm"])
def test_a_network_that_ends_otherwise_is_refused_in_words(name):
    words = r"averaged over the picture .* one linear layer .* Grad-CAM works on it"
    with pytest.raises(ExplainError, match=words):
        CAM()(network_of(name), inputs_for(name), 1)
    with pytest.raises(ExplainError, match=words):
        CAM()(with_mlp_head(), noise(1, 3, 6, 8, dtype=torch.float64), 1)


def test_a_nonlinear_head_behind_the_means_is_refused():
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = with_pooling_head().float()
            self.last = nn.Linear(4, 3)

        def forward(self, x):
            return self.last(F.relu(self.parts(x)))

    with pytest.raises(ExplainError, match="this one ends otherwise"):
        CAM()(seeded(Deep), noise(1, 3, 6, 8), 1)


def test_known_architectures_are_found():
    assert CAM()(network_of("resnet18"), inputs_for("resnet18"), 1).facts == [
        "Of a map of 2×2 the mean, and a bias, is the score."
    ]
