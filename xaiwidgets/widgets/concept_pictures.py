"""The pictures that concepts are looked for in: what the network says of them, and where in them a
concept lies. Each goes through the network twice, once for its class and once for its layers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import torch

from xaiwidgets.core.batches import batches
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.subject import Inputs, Subject
from xaiwidgets.core.target import class_name, true_classes
from xaiwidgets.methods.concepts.pooling import pooled
from xaiwidgets.methods.concepts.store import Activations, Store
from xaiwidgets.methods.concepts.vector import ConceptVector

from . import pack
from .wire import ConceptMaps, ConceptPicture

THUMB = 96
_MEANING = "what each place adds towards the concept, beyond what random pictures have"
_ROWS = 32


class ConceptPictures:
    """Prepared pictures, their predicted classes, and their activations at some layers, on disk."""

    def __init__(self, subject: Subject, images: Any, truths: Any) -> None:
        self.subject = subject
        parts = list(batches(subject, images))
        self.x = torch.cat([part.x for part in parts]).cpu()
        self.names = [name for part in parts for name in part.names]
        self.pixels, self.note = subject.preprocessing.pictures(self.x)
        self.truths = true_classes(truths, len(self), subject.classes)
        self._network = ""
        self._predicted: list[int] = []
        self._classes = 0
        self._known: Activations | None = None
        self._features: dict[tuple[str, str], np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.x)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the pictures as the network sees them."""
        return self.x.shape[2], self.x.shape[3]

    @property
    def classes(self) -> int:
        """How many classes the network tells apart, once it was asked."""
        return self._classes

    def chosen(self, rows: list[int]) -> Inputs:
        """Some of the pictures, where the network is."""
        return Inputs(self.x[rows].to(self.subject.device), [self.names[row] for row in rows])

    # --- what the network says --------------------------------------------------------------

    def follow_network(self) -> None:
        """Forget what was found if the network has changed since."""
        network = self.subject.fingerprint
        if network != self._network:
            self._network, self._predicted, self._known = network, [], None
            self._features.clear()

    def predicted(self) -> list[int]:
        """The class that the network gives each picture, asked once."""
        if not self._predicted:
            outputs = self.subject.outputs(self.x.to(self.subject.device))
            self._predicted, self._classes = outputs.argmax(1).tolist(), outputs.shape[1]
        return self._predicted

    def usual(self) -> int:
        """The class that most of them are given."""
        return Counter(self.predicted()).most_common(1)[0][0]

    def of_class(self, index: int) -> list[int]:
        """The pictures of a class: by truth where it is known, else as predicted."""
        name = class_name(self.subject.classes, index)
        return [
            row
            for row, predicted in enumerate(self.predicted())
            if (predicted == index if self.truths[row] is None else self.truths[row] == name)
        ]

    # --- where a concept lies ---------------------------------------------------------------

    def read(self, store: Store) -> None:
        """Their activations, from the disk where they are known."""
        if self._known is None:
            self._known = store.read(self.x.to(self.subject.device))

    def likeness(self, vector: ConceptVector) -> np.ndarray:
        """The cosine of each picture's activations with a concept's vector, (pictures,)."""
        A = self._pooled(vector.layer, vector.pooling)
        lengths = np.maximum(np.linalg.norm(A, axis=1), 1e-30)
        return A @ vector.values / lengths

    def along(self, vector: ConceptVector) -> np.ndarray:
        """How far each picture's activations lie along a concept's vector, from the border between
        its examples and random pictures, (pictures,)."""
        return self._pooled(vector.layer, vector.pooling) @ vector.values - vector.border

    def maps(self, vector: ConceptVector) -> np.ndarray | None:
        """Where in each picture the concept is seen (pictures, height, width), as ConceptVector.map
        has it before it is enlarged; None where the layer has no map."""
        layer = self._layer(vector.layer)
        if not layer.layout:
            return None
        parts = [vector.positions(output, layer).numpy() for output in self._outputs(layer)]
        return np.concatenate(parts)

    def packed_maps(self, vector: ConceptVector) -> ConceptMaps:
        """The maps as they travel, with what a value means."""
        maps = self.maps(vector)
        words = "This layer has no map: its output says nothing about places."
        return {
            "concept": vector.concept,
            "layer": vector.layer,
            "maps": None if maps is None else pack.pack_map(maps),
            "words": words if maps is None else _MEANING,
        }

    def _pooled(self, name: str, how: str) -> np.ndarray:
        if (name, how) not in self._features:
            layer = self._layer(name)
            vectors = [pooled(output, layer, how).numpy() for output in self._outputs(layer)]
            self._features[name, how] = np.concatenate(vectors)
        return self._features[name, how]

    def _layer(self, name: str) -> Layer:
        return self.subject.layers(self.x[:1].to(self.subject.device))[name]

    def _outputs(self, layer: Layer) -> list[torch.Tensor]:
        """The layer's outputs, some pictures at a time, as doubles."""
        assert self._known is not None
        return [
            torch.from_numpy(np.array(part[at : at + _ROWS], float)).reshape(-1, *layer.shape)
            for part in self._known.parts[layer.name]
            for at in range(0, len(part), _ROWS)
        ]

    # --- as it travels ----------------------------------------------------------------------

    def cards(self) -> list[ConceptPicture]:
        """Every picture in small, with its class where that is known."""
        classes = self._predicted or [-1] * len(self)
        return [
            {
                "name": name,
                "thumb": pack.thumb(pixels, THUMB),
                "truth": truth,
                "predicted": "" if index < 0 else class_name(self.subject.classes, index),
            }
            for name, pixels, truth, index in zip(
                self.names, self.pixels, self.truths, classes, strict=True
            )
        ]
