"""Networks for measuring: architectures from torchvision, with random weights."""

from __future__ import annotations

import torch
from torch import nn

_schemas: list[torch.library.Library] = []


def import_torchvision() -> None:
    """Import torchvision. One built for another torch lacks two operators; their schemas are
    enough to import it."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _schemas.append(library)


def resnet18() -> nn.Module:
    """torchvision's ResNet-18 in evaluation mode."""
    import_torchvision()
    from torchvision.models import resnet18 as build

    return build().eval()
