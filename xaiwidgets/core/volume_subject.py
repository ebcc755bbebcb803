"""A network that reads volumes, explained by maps of the same three dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from .errors import ExplainError
from .subject import Inputs, Kind, Selector, Subject
from .words import Words


class VolumeSubject(Subject):
    """A network that reads volumes, such as tomograms or short films.

    >>> subject = VolumeSubject(model)
    >>> xw.RespondCam()(subject, volume).plot()

    Inputs are tensors or arrays (channels, depth, height, width), one or with a batch in front, or
    a list of them, in the network's own units. Class activation maps explain them: their values,
    maps and boxes have a depth before the height, and `plot()` draws slices along it. `classes` and
    `output` are as for Subject.
    """

    kind: ClassVar[Kind] = "volume"
    words: ClassVar[Words] = Words("volume", "voxel")
    axes: ClassVar[tuple[str, ...]] = ("channels", "depth", "height", "width")
    baselines: ClassVar[tuple[str, ...]] = ("zero",)

    def __init__(
        self,
        model: nn.Module,
        *,
        classes: Sequence[str] | Mapping[int, str] | None = None,
        output: Selector | None = None,
        title: str | None = None,
    ) -> None:
        super().__init__(model, classes=classes, output=output, title=title)

    def _prepared(self, inputs: Any) -> Inputs:
        each = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        volumes = [self._checked(self._tensor(one)) for one in each]
        shapes = sorted({tuple(one.shape[1:]) for one in volumes})
        if len(shapes) != 1:
            raise ExplainError(
                f"The volumes have different shapes: {shapes}; bring them to one first."
                if shapes
                else "The list of inputs is empty; give at least one volume."
            )
        x = torch.cat(volumes)
        return Inputs(x, [f"volume {i + 1}" for i in range(len(x))])

    def _tensor(self, inputs: Any) -> torch.Tensor:
        if not isinstance(inputs, (torch.Tensor, np.ndarray)):
            raise ExplainError(
                f"The input is a {type(inputs).__name__}; this subject reads volumes: it takes a "
                f"tensor or an array ({', '.join(self.axes)}), or a list of these."
            )
        x = torch.as_tensor(inputs)
        x = (x[None] if x.ndim == len(self.axes) else x).detach()
        x = x.to(device=self.device, dtype=self.dtype)
        return x.clone() if x.is_inference() else x

    def _usual_shape(self) -> tuple[int, ...]:
        return self._first_channels or 1, 32, 32, 32
