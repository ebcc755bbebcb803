"""Small networks to explain, made from fixed seeds: the ways in which people write networks."""

import torch
import torch.nn.functional as F
from torch import nn

from xaiwidgets.methods import CBAM

SIZE = 32
CLASSES = 5


class ModuleNetwork(nn.Sequential):
    """Everything is a module, nothing is shared or done in place."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4),
            nn.Flatten(), nn.Linear(12 * 16, CLASSES),
        )  # fmt: skip


class FunctionalNetwork(nn.Module):
    """F.relu, relu_ in place, a residual addition in place, functional pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.third = nn.Conv2d(8, 8, 3, padding=1)
        self.scale = nn.Parameter(torch.linspace(0.5, 1.5, 8).view(8, 1, 1))
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x):
        x = F.relu(self.first(x))
        y = self.second(x).relu_()
        y = self.third(y) * self.scale
        y += x
        y = F.max_pool2d(F.relu(y, inplace=True), 2)
        return self.head(y.mean((2, 3)))


class ReluNetwork(nn.Module):
    """A ReLU network that without biases is homogeneous, so that gradient × input adds up."""

    def __init__(self, bias: bool = False) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1, bias=bias), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 6, 3, padding=1, bias=bias), nn.ReLU(), nn.Flatten(),
            nn.Linear(6 * 16, 4, bias=bias),
        )  # fmt: skip

    def forward(self, x):
        return self.body(x)


class LinearNetwork(nn.Module):
    """score_k = Σ w_k x + b_k."""

    def __init__(self, shape=(2, 4, 4), classes: int = 3) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, *shape))
        self.bias = nn.Parameter(torch.randn(classes))

    def forward(self, x):
        return x.flatten(1) @ self.weight.flatten(1).T + self.bias


class Formula(nn.Module):
    """A network that is a formula: scores (batch, classes) from the flattened input."""

    def __init__(self, formula) -> None:
        super().__init__()
        self.formula = formula
        self.unused = nn.Parameter(
            torch.zeros(1, dtype=torch.float64)
        )  # makes it a network of doubles
        self.eval()

    def forward(self, x):
        return self.formula(x.flatten(1))


class AttentiveNetwork(nn.Module):
    """Two CBAM blocks, as users put them into a network."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.gate = nn.Conv2d(3, 8, 3, padding=1), CBAM(8, reduction=4)
        self.second, self.last_gate = nn.Conv2d(8, 8, 3, padding=1), CBAM(8, kernel=3)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x):
        x = F.max_pool2d(self.gate(F.relu(self.first(x))), 2)
        return self.head(self.last_gate(F.relu(self.second(x))).mean((2, 3)))


def seeded(make, seed: int = 0):
    """What `make` builds with torch's seed set, in eval mode; the global seed is put back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make().eval()


def noise(*shape: int, seed: int = 0, dtype=torch.float32) -> torch.Tensor:
    """Normal noise from a fixed seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def lived_in(network):
    """The network with statistics that are not trivial."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.8, 1.2)
    return network


def resnet18():
    """torchvision's ResNet-18, five classes, random weights."""
    from torchvision.models import resnet18 as make

    return lived_in(make(num_classes=CLASSES))


def resnet():
    """torchvision's ResNet with an eighth of the channels and half of the blocks; past the second
    block there is no convolution, past the others one."""
    from torchvision.models.resnet import BasicBlock, ResNet

    class Narrow(ResNet):
        def _make_layer(self, block, planes, *settings, **more):
            return super()._make_layer(block, planes // 8, *settings, **more)

    network = Narrow(BasicBlock, [2, 1, 1, 1])
    network.fc = nn.Linear(64, CLASSES)
    return lived_in(network)


def vision_transformer():
    """torchvision's VisionTransformer, tiny, with a head that is not zero."""
    from torchvision.models import VisionTransformer

    network = VisionTransformer(
        image_size=SIZE, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32,
        num_classes=CLASSES,
    )  # fmt: skip
    nn.init.normal_(network.heads.head.weight, std=0.5)
    nn.init.normal_(network.class_token, std=0.5)
    return network


def timm_network():
    """timm's ConvNeXt, tiny: layer scale, LayerNorm over channels, a head with a flatten."""
    import timm

    network = timm.create_model(
        "convnext_atto", depths=(1, 1, 1, 1), dims=(8, 8, 16, 16), num_classes=CLASSES
    )
    for parameter in network.parameters():
        nn.init.normal_(parameter, mean=0.1 * (parameter.ndim == 1), std=0.3)
    return network


def transformers_network():
    """transformers' ViT from a tiny configuration; its output is a ModelOutput."""
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        image_size=SIZE, patch_size=8, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, num_labels=CLASSES, initializer_range=0.3,
    )  # fmt: skip
    return ViTForImageClassification(config)


NETWORKS = {
    "modules": (ModuleNetwork, SIZE),
    "functional": (FunctionalNetwork, SIZE),
    "resnet": (resnet, 48),
    "vit": (vision_transformer, SIZE),
    "timm": (timm_network, SIZE),
    "transformers": (transformers_network, SIZE),
}
BESIDES = {
    "resnet18": (resnet18, 48),
    "attentive": (AttentiveNetwork, SIZE),  # made for one method
}


class Block(nn.Module):
    """Two convolutions with batch normalisation, and what came in added to what came out."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return self.relu(out)


class ResidualNetwork(nn.Module):
    """A residual network in small: a stem, two layers of two blocks, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1, self.pool = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.MaxPool2d(2)
        self.layer1 = nn.Sequential(*(Block(8) for _ in range(4)))
        self.layer2 = nn.Sequential(*(Block(8) for _ in range(4)))
        self.fc = nn.Linear(8, CLASSES)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(std=0.1)
                nn.init.normal_(module.bias, std=0.1)

    def forward(self, x):
        x = self.pool(F.relu(self.bn1(self.conv1(x))))
        return self.fc(self.layer2(self.layer1(x)).mean((2, 3)))
