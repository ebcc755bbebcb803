"""Networks in two parts, so that tests can write the papers' formulas without watching anything."""

import torch
from networks import seeded
from torch import nn


class TwoParts(nn.Module):
    """Maps of a body, scores of a head."""

    def __init__(self, head: nn.Module, channels: int = 5) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(4, channels, 3, padding=1), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.head = head

    def forward(self, x):
        return self.head(self.body(x))

    def maps_and_slopes(self, x, target):
        """A (channels, h, w) and ∂f/∂A of one picture (channels, height, width)."""
        maps = self.body(x[None]).detach().requires_grad_()
        (slopes,) = torch.autograd.grad(self.head(maps)[0, target], maps)
        return maps.detach()[0], slopes[0]

    def score(self, maps, target):
        """The score of maps (channels, h, w)."""
        return float(self.head(maps[None])[0, target])


def with_mlp_head(**more):
    """Two dense layers behind the whole map, so that slopes differ from place to place."""
    channels = more.get("channels", 5)
    return _double(
        nn.Sequential(nn.Flatten(), nn.Linear(channels * 12, 9), nn.Tanh(), nn.Linear(9, 4)), **more
    )


def with_pooling_head(**more):
    """Means of the maps and one linear layer, for which CAM was made."""
    channels = more.get("channels", 5)
    return _double(
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 4)), **more
    )


def _double(head, **more):
    return seeded(lambda: TwoParts(_fresh(head), **more)).double().requires_grad_(False)


def _fresh(head):
    for module in head.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return head
