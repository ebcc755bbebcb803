"""Layers by name, with shapes and kinds; and the last one that holds a map, by family."""

import pytest
import torch
from conftest import inputs_for, network_of
from networks import ModuleNetwork, noise, seeded
from state import State
from torch import nn

from xaiwidgets.core.activations import layer_gradients
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.subject import Subject


def test_layers_come_in_the_order_of_the_pass_with_kind_shape_and_size():
    layers = Subject(network_of("modules")).layers(inputs_for("modules"))
    assert [(layer.name, layer.kind, layer.shape) for layer in layers] == [
        ("0", "Conv2d", (8, 32, 32)), ("1", "ReLU", (8, 32, 32)), ("2", "MaxPool2d", (8, 16, 16)),
        ("3", "Conv2d", (12, 16, 16)), ("4", "ReLU", (12, 16, 16)),
        ("5", "AdaptiveAvgPool2d", (12, 4, 4)), ("6", "Flatten", (192,)), ("7", "Linear", (5,)),
    ]  # fmt: skip
    assert layers["0"].parameters == 8 * 27 + 8
    assert [layer.name for layer in layers.maps] == ["0", "1", "3", "4"]
    assert "3" in layers
    assert "layer4" not in layers
    assert len(layers) == 8


def test_tracing_leaves_no_hook_and_asks_for_one_pass():
    network = seeded(ModuleNetwork)
    state, passes = State(network), []
    subject = Subject(network)
    subject.layers(inputs_for("modules"))
    state.assert_unchanged()
    handle = network.register_forward_hook(lambda *_: passes.append(1))
    subject.layers(inputs_for("modules")), subject.layers()
    handle.remove()
    assert passes == []


def test_scripted_modules_are_left_out_and_refused_when_asked_for():
    inner = torch.jit.script(nn.Sequential(nn.Conv2d(4, 6, 3), nn.ReLU()))
    network = nn.Sequential(nn.Conv2d(3, 4, 3), inner, nn.Flatten()).eval()
    x = noise(2, 3, 8, 8)
    subject = Subject(network)
    assert [layer.name for layer in subject.layers(x)] == ["0", "2"]
    assert subject.batch_size(x) > 1
    with pytest.raises(ExplainError, match="scripted module cannot be watched"):
        layer_gradients(subject, x, subject.bind(1, x), ["1"])


def test_without_an_input_a_grey_picture_of_the_known_size_is_traced():
    subject = Subject(seeded(ModuleNetwork), size=(24, 32))
    assert subject.layers()["0"].shape == (8, 24, 32)


def test_a_reused_module_is_described_by_its_last_use():
    class Reused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.relu = nn.Conv2d(3, 3, 3, 2, 1), nn.ReLU()

        def forward(self, x):
            return self.relu(self.conv(self.relu(self.conv(x)))).mean((2, 3))

    layers = Subject(Reused().eval()).layers(noise(1, 3, 16, 16))
    assert layers["relu"].shape == (3, 4, 4)
    assert layers.maps[-1].name == "relu"


@pytest.mark.parametrize(
    ("shape", "size", "layout", "grid"),
    [
        ((8, 16, 16), (64, 64), "channels first", (16, 16)),
        ((16, 16, 96), (64, 64), "channels last", (16, 16)),
        ((16, 16, 16), (64, 64), "channels first", (16, 16)),
        ((64, 64, 128), (128, 256), "channels first", (64, 128)),
        ((8, 16, 24), (64, 128), "channels last", (8, 16)),
        ((2048, 7, 7), (224, 224), "channels first", (7, 7)),
    ],
)
def test_a_map_lies_as_the_picture_does(shape, size, layout, grid):
    class Made(nn.Module):
        def forward(self, x):
            return x.new_ones(len(x), *shape)

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.made = Made()

        def forward(self, x):
            return self.made(x).flatten(1)[:, :2]

    found = Subject(Network().eval()).layers(torch.zeros(1, 3, *size))["made"]
    assert (found.layout, found.grid) == (layout, grid)


def test_folding_puts_every_value_where_it_belongs():
    maps = noise(2, 5, 3, 4)
    first = Layer("a", "", (5, 3, 4), 0, 0, "channels first", (3, 4))
    last = Layer("a", "", (3, 4, 5), 0, 0, "channels last", (3, 4))
    tokens = Layer("a", "", (14, 5), 0, 0, "tokens", (3, 4), 2)
    sequence = torch.cat([torch.zeros(2, 2, 5), maps.flatten(2).transpose(1, 2)], 1)
    assert torch.equal(first.fold(maps), maps)
    assert torch.equal(last.fold(maps.permute(0, 2, 3, 1)), maps)
    assert torch.equal(tokens.fold(sequence), maps)


def test_the_gradient_at_a_layer_is_that_of_the_rest_of_the_network():
    network, x = seeded(ModuleNetwork).double(), noise(2, 3, 32, 32).double()
    subject = Subject(network)
    target = subject.bind([1, 2], x)
    output, gradient = layer_gradients(subject, x, target, ["2"])["2"]
    below, above = (nn.Sequential(*part) for part in (list(network)[:3], list(network)[3:]))
    kept = below(x).detach().requires_grad_()
    above(kept).gather(1, torch.tensor([[1], [2]])).sum().backward()
    assert torch.equal(output, kept.detach())
    assert torch.allclose(gradient, kept.grad)
    both = layer_gradients(subject, x, target, ["2", "4"])
    assert torch.allclose(both["2"][1], gradient)
    with pytest.raises(ExplainError, match="No layer is called 'nowhere'"):
        layer_gradients(subject, x, target, ["nowhere"])


# the last map that a reader would choose by hand, from each family's own definition
TORCHVISION = {
    "alexnet": ("features.11", 96), "vgg11": ("features.19", 64), "vgg11_bn": ("features.27", 64),
    "resnet18": ("layer4", 64), "resnext50_32x4d": ("layer4", 64),
    "wide_resnet50_2": ("layer4", 64),
    "densenet121": ("features", 64), "googlenet": ("inception5b", 64),
    "inception_v3": ("Mixed_7c", 128), "squeezenet1_1": ("classifier.2", 64),
    "mobilenet_v2": ("features", 64), "mobilenet_v3_small": ("features", 64),
    "shufflenet_v2_x0_5": ("conv5", 64), "mnasnet0_5": ("layers", 64),
    "efficientnet_b0": ("features", 64), "efficientnet_v2_s": ("features", 64),
    "regnet_y_400mf": ("trunk_output", 64), "convnext_tiny": ("features", 64),
    "swin_t": ("permute", 64), "vit_b_32": ("encoder", 224),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", list(TORCHVISION))
def test_the_last_map_of_a_torchvision_family(name):
    from torchvision import models

    expected, side = TORCHVISION[name]
    extra = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    network = seeded(lambda: getattr(models, name)(num_classes=3, **extra))
    layers = Subject(network).layers(torch.zeros(1, 3, side, side))
    last = layers.maps[-1]
    assert last.name == expected
    assert last.grid[0] == last.grid[1] > 1


TIMM = {
    "resnet10t": "layer4", "resnetv2_50": "norm", "regnetx_002": "final_conv",
    "efficientnet_lite0": "bn2", "mobilenetv3_small_050": "blocks", "convnext_atto": "norm_pre",
    "vit_tiny_patch16_224": "norm", "swin_tiny_patch4_window7_224": "norm", "mixer_s32_224": "norm",
    "densenet121": "features", "hardcorenas_a": "blocks", "edgenext_xx_small": "norm_pre",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", list(TIMM))
def test_the_last_map_of_a_timm_family(name):
    import timm

    network = seeded(lambda: timm.create_model(name, num_classes=3))
    side = 224 if "224" in name else 96
    last = Subject(network).layers(torch.zeros(1, 3, side, side)).maps[-1]
    assert last.name == TIMM[name]
    assert last.grid[0] == last.grid[1] > 1
