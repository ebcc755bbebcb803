"""A concept as a direction in a layer: which pictures lie along it, and where in a picture."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.core.answers import Heatmap, Provenance, Seen
from xaiwidgets.core.arrays_file import read_arrays, write_arrays
from xaiwidgets.core.batches import batches
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.job import Job, working
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.subject import Subject

from .pooling import along, pooled

_KIND = "concept vectors"


@dataclass(frozen=True, eq=False)
class ConceptVector:
    """The mean CAV of a concept at a layer: `values` (features,), of length 1.

    `border` is the place along it half way between the concept's examples and the others, `random`
    (features,) the mean of what it was told from, `shape` (channels, height, width) that of the
    inputs, and `network` the fingerprint of the network that it belongs to.
    """

    concept: str
    layer: str
    pooling: str
    values: np.ndarray = field(repr=False)
    border: float
    random: np.ndarray = field(repr=False)
    shape: tuple[int, ...]
    subject: Subject = field(repr=False)
    network: str

    def of(self, x: torch.Tensor) -> torch.Tensor:
        """How far prepared inputs lie along it (batch,), differentiable; 0 at the border."""
        return self._pooled(x) @ self._direction(x) - self.border

    def cosines(self, pictures: Any) -> np.ndarray:
        """The cosine of each picture's activations with it, (pictures,)."""
        self._refuse_another_network()
        found = []
        with torch.no_grad():
            for inputs in batches(self.subject, pictures):
                for part in inputs.x.split(self.subject.batch_size(inputs.x, backward=False)):
                    vectors = self._pooled(part)
                    lengths = vectors.norm(dim=1).clamp_min(1e-30)
                    found.append((vectors @ self._direction(part) / lengths).cpu().numpy())
        return np.concatenate(found)

    def sort(self, pictures: Any) -> tuple[np.ndarray, np.ndarray]:
        """Pictures by concept: their numbers, the most like it first, and their cosines in that
        order. The cosine is with the activations, as in the paper, so it ranks and is no grade."""
        cosines = self.cosines(pictures)
        order = np.argsort(-cosines, kind="stable")
        return order, cosines[order]

    def map(self, inputs: Any) -> Heatmap:
        """Where in a picture the concept is seen: what each position adds along the vector to what
        random pictures have. The mean over positions is how much farther the picture lies.

        With "max" for pooling only the maximum of a channel counts, so that few positions speak. A
        position sees its receptive field, which may be most of the picture. Raises ExplainError for
        a layer without a map.
        """
        self._refuse_another_network()
        ready = self.subject.prepare(inputs)
        layer = self.subject.layers(ready.x)[self.layer]
        if not layer.layout:
            raise ExplainError(
                f"The output of {self.layer!r}, of shape {layer.shape}, says nothing about places; "
                "a map needs a layer with one."
            )
        start, job = time.perf_counter(), Job()
        with working(job), torch.no_grad():
            parts = ready.x.split(self.subject.batch_size(ready.x, backward=False))
            small = torch.cat([self.positions(self._output(x), layer) for x in parts])[:, None]
        values = F.interpolate(small, ready.x.shape[2:], mode="bilinear", align_corners=False)
        seen = Seen(self.subject.preprocessing, ready.x.cpu())
        settings = {"concept": self.concept, "layer": self.layer}
        made = Provenance.of_work(
            "ConceptVector", settings, [self.concept] * len(ready), self.subject.title,
            self.network, seen, job, time.perf_counter() - start,
        )  # fmt: skip
        return Heatmap(values.cpu(), made, make_pictures=seen.pictures)

    def positions(self, output: torch.Tensor, layer: Layer) -> torch.Tensor:
        """The layer's output as the map's values (batch, height, width), before it is enlarged."""
        origin = torch.as_tensor(self.random).to(output)
        return along(output, layer, self.pooling, self._direction(output), origin)

    def save(self, path: str | Path) -> Path:
        """Write it to one .npz file; nothing in it can run code."""
        names = ("concept", "layer", "pooling", "border", "network")
        about = {name: getattr(self, name) for name in names}
        return write_arrays(
            path, _KIND, {**about, "shape": list(self.shape)}, {"v": self.values, "r": self.random}
        )

    @classmethod
    def load(cls, path: str | Path, subject: Any) -> ConceptVector:
        """Read what `save` wrote; refuses any other file. `subject` is the network it is of."""
        about, arrays = read_arrays(path, _KIND)
        return cls(
            about["concept"], about["layer"], about["pooling"], arrays["v"], about["border"],
            arrays["r"], tuple(about["shape"]), Subject.of(subject), about["network"],
        )  # fmt: skip

    def _pooled(self, x: torch.Tensor) -> torch.Tensor:
        return pooled(self._output(x), self.subject.layers(x)[self.layer], self.pooling)

    def _output(self, x: torch.Tensor) -> torch.Tensor:
        wanted = torch.is_grad_enabled()
        outputs, _ = layer_outputs(self.subject, x, [self.layer], differentiable=wanted)
        return outputs[self.layer]

    def _direction(self, like: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.values).to(like)

    def _refuse_another_network(self) -> None:
        if self.subject.fingerprint != self.network:
            raise ExplainError(
                "The network has changed since this concept vector was made; ask TCAV again."
            )
