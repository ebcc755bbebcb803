"""Words for units without masks, through a pair of networks that speaks of pictures and texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xaiwidgets.core.errors import ExplainError

from .annotated import examples
from .answer import Dissection
from .counting import Top
from .shards import Shards

if TYPE_CHECKING:
    import pandas as pd

_BATCH = 64
_FIRST, _LAST = 0.998, 0.97  # how surely the first and the last of a unit's pictures are its own
_LEAST = 1e-7


@dataclass(eq=False)
class UnitNames:
    """`scores` (units, words): how much more a unit's pictures speak of a word than those of any
    unit do (soft pointwise mutual information, in nats); the best word is a unit's name."""

    layer: str
    words: list[str]
    scores: np.ndarray = field(repr=False)

    @property
    def names(self) -> list[str]:
        """The best word of each unit."""
        return [self.words[i] for i in self.scores.argmax(1)]

    def table(self, count: int = 3) -> pd.DataFrame:
        """One row a unit: its best words, and how far the best is ahead of the second."""
        import pandas as pd

        order = np.argsort(-self.scores, axis=1, kind="stable")
        falling = np.take_along_axis(self.scores, order, 1)
        ahead = (
            falling[:, 0] - falling[:, 1] if len(self.words) > 1 else np.full(len(order), np.nan)
        )
        rows = [
            {"unit": k, "name": self.words[own[0]], "score": falling[k, 0], "ahead": ahead[k],
             "next": ", ".join(self.words[i] for i in own[1:count])}
            for k, own in enumerate(order)
        ]  # fmt: skip
        return pd.DataFrame(rows)


def name_units(
    dissection: Dissection,
    words: Sequence[str],
    images: Callable[[list[Any]], Any],
    texts: Callable[[list[str]], Any],
    *,
    layer: str | None = None,
    count: int = 100,
    sharpness: float = 10.0,
) -> UnitNames:
    """Name units by words instead of masks (CLIP-Dissect, Oikarinen and Weng 2023).

    `images` turns a list of the data's pictures into vectors (pictures, width), `texts` a list of
    words likewise; any such pair will do. p(word | picture) is the softmax over words of
    `sharpness` times the cosines. A unit's score for a word is Σ log(1 + wᵢ (p(word | i) − 1)) over
    the `count` pictures with its highest mean activations, wᵢ falling from 0.998 to 0.97, less the
    same for units in general. The words compete: a unit is named by the best of those offered.
    """
    source = dissection.needed()
    units = dissection.layer(layer)
    if isinstance(words, str) or not len(words):
        raise ExplainError("words= takes a list of words, such as ['red', 'striped', 'sky'].")
    vectors = _unit_vectors(texts(list(words)), len(words), "texts")
    told = np.zeros((len(units), len(words)))
    chosen = _chosen(source.counting.shards, units.layer, count)
    numbers = sorted(chosen)
    for start in range(0, len(numbers), _BATCH):
        some = numbers[start : start + _BATCH]
        pictures = [each.picture for each in examples(source.data, some)]
        seen = _unit_vectors(images(pictures), len(some), "images")
        if seen.shape[1] != vectors.shape[1]:
            raise ExplainError(
                f"images gives vectors of {seen.shape[1]} numbers and texts of "
                f"{vectors.shape[1]}; they have to be of one space."
            )
        for number, p in zip(some, _softmax(sharpness * seen @ vectors.T), strict=True):
            for unit, surely in chosen[number]:
                told[unit] += np.log(1 + surely * (p - 1) + _LEAST)
    usual = np.logaddexp.reduce(told, axis=0) - np.log(len(units))
    return UnitNames(units.layer, list(words), told - usual)


def _chosen(shards: Shards, layer: str, count: int) -> dict[int, list[tuple[int, float]]]:
    """For each picture the units whose own it is, and how surely."""
    top = Top(count)
    for shard in shards:
        top.add(shard.rows, shard.layers[layer].means)
    surely = _FIRST - np.arange(count) / count * (_FIRST - _LAST)
    found: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for unit, rows in enumerate(top.rows):
        for row, weight in zip(rows, surely, strict=False):
            found[int(row)].append((unit, float(weight)))
    return found


def _unit_vectors(vectors: Any, count: int, who: str) -> np.ndarray:
    """Vectors (count, width) of length 1."""
    if hasattr(vectors, "detach"):
        vectors = vectors.detach().cpu().numpy()
    array = np.asarray(vectors, np.float64)
    if array.ndim != 2 or len(array) != count:
        raise ExplainError(
            f"{who} gave shape {array.shape} for {count} inputs; it takes one vector each, "
            f"({count}, width)."
        )
    return array / np.maximum(np.linalg.norm(array, axis=1, keepdims=True), 1e-12)


def _softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)
