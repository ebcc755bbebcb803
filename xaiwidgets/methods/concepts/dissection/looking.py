"""A unit's mask in a few pictures, beside that of a concept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.core.subject import Subject

from .anchors import Grid, Sides
from .annotated import Labels, examples, together


class Looked(NamedTuple):
    """Pictures (n, height, width, 3) as uint8, the unit's activations and the concept's masks (n,
    height, width) at the size of the masks."""

    pictures: np.ndarray
    values: np.ndarray
    masks: np.ndarray


def look(
    subject: Subject, data: Any, numbers: Sequence[int] | np.ndarray, layer: str, unit: int,
    concept: str, sides: Sides, size: tuple[int, int],
) -> Looked:  # fmt: skip
    """Send some pictures of the data through the network for one unit and one concept."""
    read = examples(data, numbers)
    x = subject.prepare(together([each.picture for each in read])).x
    known = subject.layers(x)[layer]
    with torch.no_grad():
        parts = x.split(subject.batch_size(x, backward=False))
        outputs = [layer_outputs(subject, part, [layer])[0][layer] for part in parts]
    maps = known.fold(torch.cat(outputs))[:, unit].float().cpu().numpy()
    grid = Grid.of(known.grid, size, sides, (int(x.shape[2]), int(x.shape[3])))
    labels = Labels.of(subject, read, {concept}, size)
    masks = np.zeros(labels.codes.shape, bool)
    if labels.concepts:
        masks = np.stack([labels.mask(i, 0) for i in range(len(masks))])
    drawn = data.drawn(numbers) if hasattr(data, "drawn") else subject.preprocessing.pictures(x)[0]
    return Looked(drawn, grid.raised(maps), masks)
