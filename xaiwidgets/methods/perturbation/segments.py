"""Pictures cut into segments, which methods cover as a whole."""

from __future__ import annotations

from typing import Any

import torch

from xaiwidgets.core.answers import SEGMENTS, Frame
from xaiwidgets.core.subject import Subject

SEGMENTATIONS = ("slic", "squares")


def cut(
    subject: Subject, x: torch.Tensor, segmentation: str, segments: int, compactness: float
) -> torch.Tensor:
    """The number of each pixel's segment, counted from 0 for every input (inputs, height,
    width)."""
    if segmentation == "squares":
        return squares(x.shape[2], x.shape[3], segments).expand(len(x), -1, -1)
    pictures = (subject.preprocessing.pictures(x[i : i + 1])[0][0] for i in range(len(x)))
    return torch.stack([superpixels(picture, segments, compactness) for picture in pictures])


def squares(height: int, width: int, segments: int) -> torch.Tensor:
    """A grid of about so many equal rectangles, (height, width)."""
    rows, columns = grid(height, width, segments)
    down = torch.arange(height) * rows // height
    across = torch.arange(width) * columns // width
    return down[:, None] * columns + across


def grid(height: int, width: int, segments: int) -> tuple[int, int]:
    """Rows and columns of rectangles that are as square as whole numbers allow."""
    rows = min(height, max(1, round((segments * height / width) ** 0.5)))
    return rows, min(width, max(1, round(segments / rows)))


def superpixels(picture: Any, segments: int, compactness: float) -> torch.Tensor:
    """SLIC's superpixels (Achanta et al. 2012) of a uint8 picture (height, width, 3), which is
    blurred by one pixel first: grains that stand alone would all end in one segment."""
    import numpy as np
    from skimage.segmentation import slic

    labels = slic(picture, segments, compactness, sigma=1, start_label=0, channel_axis=-1)
    names, own = np.unique(labels, return_inverse=True)
    numbers = np.random.default_rng(0).permutation(
        len(names)
    )  # neighbours are told apart by colour
    return torch.from_numpy(numbers[own].reshape(labels.shape))


def as_frame(labels: torch.Tensor, x: torch.Tensor) -> Frame:
    """The segments' numbers as a map in an answer's strip."""
    return Frame(SEGMENTS, labels[:, None].to(x))


def colours(x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Inputs (inputs, channels, height, width) with every segment in its mean colour."""
    painted = torch.empty_like(x)
    for one, own, to in zip(x, labels.to(x.device), painted, strict=True):
        flat, count = own.flatten(), int(own.max()) + 1
        total = torch.zeros(x.shape[1], count, dtype=x.dtype, device=x.device)
        total.index_add_(1, flat, one.flatten(1))
        to.copy_((total / flat.bincount(minlength=count))[:, own])
    return painted
