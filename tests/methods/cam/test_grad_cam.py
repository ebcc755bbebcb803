"""Grad-CAM on networks solved by hand, and where it looks."""

import pytest
import torch
from conftest import inputs_for, network_of
from networks import ModuleNetwork, noise, seeded, transformers_network, vision_transformer
from torch import nn
from torch.nn import functional as F

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import GradCam, GuidedBackprop, GuidedGradCam


class PoolAndLinear(nn.Module):
    """Maps, their means, one linear layer: the network for which CAM was made."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(F.relu(self.maps(x)).mean((2, 3)))


def test_with_pooling_and_a_linear_head_it_is_cam_divided_by_the_number_of_cells():
    class Relu(PoolAndLinear):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x):
            return self.head(self.relu(self.maps(x)).mean((2, 3)))

    network, x = seeded(Relu).double(), noise(2, 3, 6, 8, seed=2, dtype=torch.float64)
    cam = torch.einsum("k,nkhw->nhw", network.head.weight[1], F.relu(network.maps(x))).detach()
    answer = GradCam(layer="relu", relu=False)(network, x, 1)
    torch.testing.assert_close(answer.values[:, 0], cam / 48, rtol=1e-12, atol=1e-14)
    cut = GradCam(relu=True)(network, x, 1)
    torch.testing.assert_close(cut.values[:, 0], cam.clamp(min=0) / 48, rtol=1e-12, atol=1e-14)
    # the signed map adds up to the score without its bias
    score = (network(x)[:, 1] - network.head.bias[1]).detach()
    torch.testing.assert_close(answer.values.sum((1, 2, 3)), score, rtol=1e-12, atol=1e-14)


def test_a_picture_that_is_not_square_keeps_its_orientation():
    network, x = seeded(PoolAndLinear), noise(1, 3, 4, 16, seed=2)
    bright = x.clone()
    bright[..., 12:] += 20
    values = GradCam(relu=False)(network, bright, 0).values[0, 0].abs()
    assert values.shape == (4, 16)
    assert values[:, 12:].mean() > 2 * values[:, :11].mean()


def test_what_follows_in_place_does_not_reach_the_layer_that_is_looked_at():
    class InPlace(PoolAndLinear):
        def forward(self, x):
            return self.head(self.maps(x).relu_().mean((2, 3)))

    network, x = seeded(InPlace), noise(2, 3, 8, 8)
    twin = seeded(PoolAndLinear)
    expected = GradCam(layer="maps", relu=False)(twin, x, 1).values
    assert torch.equal(GradCam(layer="maps", relu=False)(network, x, 1).values, expected)


def test_an_earlier_layer_gives_another_map_and_is_named():
    network, x = seeded(ModuleNetwork), noise(1, 3, 32, 32)
    early, late = (GradCam(layer=layer)(network, x, 1) for layer in ("0", "3"))
    assert early.facts == ["Layer 0, a map of 32×32."]
    assert late.facts == ["Layer 3, a map of 16×16."]
    assert not torch.allclose(early.values, late.values)


def test_it_looks_at_the_last_layer_that_holds_a_map():
    assert GradCam()(network_of("resnet18"), inputs_for("resnet18"), 1).facts == [
        "Layer layer4, a map of 2×2."
    ]


@pytest.mark.parametrize("make", [vision_transformer, transformers_network])
def test_on_a_transformer_it_finds_tokens_that_the_class_token_still_reads(make):
    answer = GradCam(relu=False)(seeded(make), noise(2, 3, 32, 32), 1)
    assert answer.values.abs().max() > 0
    assert "a map of 4×4" in answer.facts[0]


def test_tokens_lie_in_the_grid_as_the_patches_do_in_the_picture():
    class Tokens(nn.Module):
        """One number a patch; the score reads the patch in row 1, column 3 alone."""

        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(1, 1, 8, 8, bias=False)
            self.tokens = nn.Identity()

        def forward(self, x):
            tokens = self.patches(x).flatten(2).transpose(1, 2)
            tokens = torch.cat([torch.zeros_like(tokens[:, :1]), tokens], 1)
            tokens = self.tokens(tokens)
            return tokens[:, 1 + 1 * 4 + 3]

    network = seeded(Tokens)
    nn.init.ones_(network.patches.weight)
    x = torch.zeros(1, 1, 32, 32)
    x[0, 0, 8:16, 24:] = 1.0
    values = GradCam(layer="tokens")(network, x, 0).values[0, 0]
    assert divmod(int(values.argmax()), 32) in {(r, c) for r in range(8, 16) for c in range(24, 32)}
    assert values[24:, :8].max() == 0


def test_guided_grad_cam_is_the_product_of_its_two_parts():
    network, x = network_of("functional"), inputs_for("functional")
    expected = GuidedBackprop()(network, x, 1).values * GradCam()(network, x, 1).values
    torch.testing.assert_close(GuidedGradCam()(network, x, 1).values, expected)


def test_a_layer_that_holds_no_map_is_refused_in_words():
    with pytest.raises(ExplainError, match=r"Layer '7' holds no map .*the last that does is '4'"):
        GradCam(layer="7")(seeded(ModuleNetwork), noise(1, 3, 32, 32), 1)


def test_an_unknown_layer_is_refused_with_the_last_convolution_and_the_nearest_names():
    with pytest.raises(ExplainError) as refused:
        GradCam(layer="layer5")(network_of("resnet18"), inputs_for("resnet18"), 1)
    assert str(refused.value).startswith("No layer is called 'layer5'. The last ")
    assert "'layer4" in str(refused.value)


def test_a_map_of_which_nothing_is_left_is_told():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    ).eval()
    nn.init.constant_(network[4].weight, -1)
    x = noise(1, 3, 8, 8)
    (words,) = GradCam()(network, x, 1).warnings
    assert words.startswith("The map is 0 everywhere: nothing here speaks for the target. relu=Fal")
    for method in (GradCam(relu=False), GradCam(speaks="against")):
        assert method(network, x, 1).warnings == []


def test_a_network_without_maps_is_sent_to_occlusion():
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 3)).eval()
    with pytest.raises(
        ExplainError, match=r"no convolution or other layer that holds a map. Occlusion works"
    ):
        GradCam()(network, noise(1, 3, 4, 4), 1)


def test_one_subject_may_be_asked_about_pictures_of_several_sizes():
    network = seeded(PoolAndLinear)
    subject = Subject(network)
    for shape in ((1, 3, 8, 8), (1, 3, 8, 24), (1, 3, 4, 64)):
        x = noise(*shape)
        fresh, used = GradCam()(network, x, 1), GradCam()(subject, x, 1)
        assert torch.equal(fresh.values, used.values)
        assert used.facts == [f"Layer maps, a map of {shape[2]}×{shape[3]}."]
