"""Units switched off: which classes fall."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from xaiwidgets.core.activations import layer_outputs, outputs_after
from xaiwidgets.core.answers import Provenance, versions
from xaiwidgets.core.batches import batches
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.figure import figure_type
from xaiwidgets.core.job import Job, current_job, working
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.subject import Subject

from ..numbered import units_of
from .annotated import pictures_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(eq=False)
class Ablation:
    """What becomes of a network's classes without some units.

    `before` and `after` (pictures, classes) are the scores, `classes` the class of each picture:
    its label where labels were given, else what the network calls it. `names` are the classes'.
    """

    before: np.ndarray
    after: np.ndarray
    classes: np.ndarray
    names: list[str]
    provenance: Provenance = field(repr=False)

    def __repr__(self) -> str:
        made = self.provenance.settings
        return (
            f"Ablation(of {len(made['units'])} units of {made['layer']!r}: "
            f"{_share(self.before, self.classes):.0%} of {len(self.classes)} pictures are called "
            f"by their class with them, {_share(self.after, self.classes):.0%} without)"
        )

    def table(self) -> pd.DataFrame:
        """One row a class that occurs: its pictures, the share called by it and the mean softmax
        of it, before and after, and by how much they fall; the class that falls most comes first.
        """
        import pandas as pd

        rows = []
        for c in np.unique(self.classes):
            own = self.classes == c
            before, after = self.before[own], self.after[own]
            rows.append(
                {
                    "class": self.names[c], "pictures": int(own.sum()),
                    "share before": _share(before, self.classes[own]),
                    "share after": _share(after, self.classes[own]),
                    "softmax before": _softmax(before)[:, c].mean(),
                    "softmax after": _softmax(after)[:, c].mean(),
                }
            )  # fmt: skip
        table = pd.DataFrame(rows)
        table["fall"] = table["softmax before"] - table["softmax after"]
        return table.sort_values("fall", ascending=False, ignore_index=True)

    def plot(self) -> Any:
        """A matplotlib figure: the mean softmax of each class before and after."""
        table = self.table()[::-1]
        figure = figure_type()(figsize=(5, 1 + 0.3 * len(table)), layout="constrained")
        ax = figure.subplots()
        ax.hlines(table["class"], table["softmax after"], table["softmax before"], color="0.7")
        ax.plot(table["softmax before"], table["class"], "o", mfc="white", label="with the units")
        ax.plot(table["softmax after"], table["class"], "o", label="without them")
        ax.set(xlabel="mean softmax of the pictures' own class", xlim=(0, 1))
        ax.legend(frameon=False, fontsize=8)
        return figure


def ablate(
    subject: Any, data: Any, layer: str, units: Sequence[int], *, labels: Any = None
) -> Ablation:
    """Switch units of a layer off and see which classes fall (two passes a picture).

    `data` is whatever Subject.prepare takes, a folder, or a data set; of pairs the first is the
    picture. `labels` are the classes, by number or name, of all pictures in order. Raises
    ExplainError for units that the layer has not.
    """
    subject = Subject.of(subject)
    start, job = time.perf_counter(), Job()
    before, after = [], []
    with working(job):
        for ready in batches(subject, pictures_of(data)):
            for x in ready.x.split(subject.batch_size(ready.x, backward=False)):
                with_them, without = switched_off(subject, x, layer, units)
                before.append(with_them)
                after.append(without)
    scores = np.concatenate(before)
    names = list(subject.classes) or [f"class {i}" for i in range(scores.shape[1])]
    settings = {"layer": layer, "units": [int(unit) for unit in units]}
    made = Provenance(
        "ablate", settings, [], subject.title, subject.fingerprint, "", versions(),
        time.perf_counter() - start, job.forwards,
    )  # fmt: skip
    classes = scores.argmax(1) if labels is None else _numbers(labels, names, len(scores))
    return Ablation(scores, np.concatenate(after), classes, names, made)


def switched_off(
    subject: Subject, x: torch.Tensor, layer: str, units: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """The network's scores (batch, classes) of prepared inputs, with units and without."""
    known = subject.layers(x)[layer]
    current_job().check()
    with torch.no_grad():
        outputs, scores = layer_outputs(subject, x, [layer])
        without = outputs_after(subject, x, known, silenced(outputs[layer], known, units))
    return scores.cpu().numpy(), without.cpu().numpy()


def silenced(output: torch.Tensor, layer: Layer, units: Sequence[int]) -> torch.Tensor:
    """A layer's output with some units at 0 everywhere."""
    axis = 1 if layer.layout in ("channels first", "") else output.ndim - 1
    chosen = units_of(units, layer.name, output.shape[axis])
    return output.index_fill(axis, torch.as_tensor(chosen, device=output.device).long(), 0)


def _numbers(labels: Any, names: list[str], count: int) -> np.ndarray:
    """Labels as numbers of classes."""
    several = isinstance(labels, Iterable) and not isinstance(labels, str)
    came = list(labels) if several else [labels]
    given = [names.index(each) if each in names else each for each in came]
    try:
        numbers = np.array([int(each) for each in given])
    except (TypeError, ValueError):
        numbers = np.array([-1])
    if len(numbers) != count or numbers.min() < 0 or numbers.max() >= len(names):
        raise ExplainError(
            f"{len(given)} labels came for {count} pictures; they take one a picture, a class's "
            f"name or a number from 0 to {len(names) - 1}."
        )
    return numbers


def _share(scores: np.ndarray, classes: np.ndarray) -> float:
    return float((scores.argmax(1) == classes).mean())


def _softmax(scores: np.ndarray) -> np.ndarray:
    return np.asarray(torch.from_numpy(scores).double().softmax(1))
