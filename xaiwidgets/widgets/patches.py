"""Examples of a concept from patches that were brushed in pictures.

A patch alone is no picture that the network knows, and one that is enlarged to its input shows the
enlarging as well. So patches are laid into random pictures, at places drawn by lot: what such a
picture has and a random one has not is the patch.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from xaiwidgets.core.errors import ExplainError

EXAMPLES = 48


def laid_into(
    pictures: torch.Tensor, masks: Mapping[int, np.ndarray], grounds: torch.Tensor, seed: int = 0
) -> torch.Tensor:
    """Prepared examples (EXAMPLES, channels, height, width): patches of `pictures`, by number where
    the mask (height, width) is true, each laid into some of the `grounds`."""
    found = {row: mask for row, mask in masks.items() if mask.any()}
    if not found:
        raise ExplainError("Nothing is painted; paint a patch in one picture or in several.")
    draw = np.random.default_rng(seed)
    rows = [list(found)[i % len(found)] for i in range(EXAMPLES)]
    under = grounds[draw.choice(len(grounds), EXAMPLES, replace=len(grounds) < EXAMPLES)].clone()
    for ground, row in zip(under, rows, strict=True):
        _lay(ground, pictures[row], found[row], draw)
    return under


def _lay(
    ground: torch.Tensor, picture: torch.Tensor, mask: np.ndarray, draw: np.random.Generator
) -> None:
    """Lay what the mask shows of a picture into another, anywhere that it fits."""
    (top, bottom), (left, right) = _ends(np.any(mask, 1)), _ends(np.any(mask, 0))
    patch = picture[:, top:bottom, left:right]
    inside = torch.from_numpy(np.ascontiguousarray(mask[top:bottom, left:right]))
    height, width = inside.shape
    y = int(draw.integers(0, ground.shape[1] - height + 1))
    x = int(draw.integers(0, ground.shape[2] - width + 1))
    place = ground[:, y : y + height, x : x + width]
    place.copy_(torch.where(inside, patch, place))


def _ends(any_in: np.ndarray) -> tuple[int, int]:
    """The first true place, and the one behind the last."""
    found = np.flatnonzero(any_in)
    return int(found[0]), int(found[-1]) + 1
