"""A network of ordinary depth, for what the zoo's four layers cannot tell: torchvision's ResNet-18,
trained on ShapeScenes.

Where it is first asked for it is trained, some ten minutes on one core, and kept in
benchmarks/resnet18.pt, which is no part of the repository.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.evaluation.training import accuracy, built, fit

from .networks import import_torchvision

KEPT = Path(__file__).with_name("resnet18.pt")
COURSE = ((64, 3000, 6, 1e-3), (96, 1200, 2, 3e-4))
"""Pixels, pictures, epochs and rate of every part of the training."""


def shapes_resnet(size: int) -> xw.Subject:
    """The network as a subject that looks at pictures of this size."""
    known = zoo.subject("shapes")
    return xw.Subject(
        trained(), mean=(0.5,) * 3, std=(0.25,) * 3, size=(size, size), classes=known.classes,
        title="ResNet-18 on ShapeScenes",
    )  # fmt: skip


def trained() -> nn.Module:
    """The network, from the file or trained now."""
    import_torchvision()
    from torchvision.models import resnet18

    network = built(partial(resnet18, num_classes=len(zoo.SHAPES)), 0)
    if KEPT.exists():
        network.load_state_dict(torch.load(KEPT, weights_only=True))
        return network.eval()
    for part, (size, count, epochs, rate) in enumerate(COURSE):
        fit(network, *pictures(count, 7000 + size, size), epochs=epochs, seed=part, rate=rate)
    torch.save(network.state_dict(), KEPT)
    print(f"ResNet-18 trained: {accuracy(network, *pictures(200, 9000, 96)):.3f} of 200 right")
    return network.eval()


def pictures(count: int, seed: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Scenes with one object, ready for the network, and which shape it has."""
    scenes = list(zoo.ShapeScenes(count, size=size, seed=seed))
    images = torch.from_numpy(np.stack([scene.image for scene in scenes]))
    shapes = torch.tensor([zoo.SHAPES.index(scene.shape) for scene in scenes])
    return (images.permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25, shapes
