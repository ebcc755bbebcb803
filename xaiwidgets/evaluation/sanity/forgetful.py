"""A method together with what it says while the network forgets: one answer with a strip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from xaiwidgets.core.answers import Findings, Frame
from xaiwidgets.core.errors import ExplainError, nearest
from xaiwidgets.core.method import Attribution, Passes, as_method
from xaiwidgets.core.scores import mean_known
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from ..similarity import SIMILARITIES, similarity
from .blocks import blocks_of
from .cascade import MODES, stages
from .forgetting import STARTS, Forgetting
from .parameter_randomisation import verdict


class Forgetful(Attribution):
    """`method`, followed through a network that forgets block after block.

    The answer's values are the method's own; its strip holds the map at every stage, labelled with
    the block that forgot last, with the similarity that is left as its number, and a verdict in
    words stands among its facts. `others` are further networks of the same kind by name, such as
    one trained on permuted labels: each adds a map to the strip. Its settings are the method's.
    """

    def __init__(
        self,
        method: Any,
        mode: str = "top down",
        measure: str = "spearman",
        start: str = "own",
        seed: int = 0,
        others: Mapping[str, Subject] | None = None,
    ) -> None:
        for name, value, known in (
            ("mode", mode, MODES), ("measure", measure, SIMILARITIES), ("start", start, STARTS),
        ):  # fmt: skip
            if value not in known:
                raise ExplainError(f"{name} is {value!r}. {nearest(str(value), known)}")
        super().__init__()
        inner = as_method(method)
        found: dict[str, Any] = {
            "method": inner, "mode": mode, "measure": measure, "start": start, "seed": seed,
            "others": dict(others or {}), "title": inner.label, "knobs": inner.knobs,
        }  # fmt: skip
        for name, value in found.items():
            object.__setattr__(self, name, value)

    method: Attribution
    mode: str
    measure: str
    start: str
    seed: int
    others: dict[str, Subject]

    @property
    def settings(self) -> dict[str, Any]:
        """The method's own."""
        return self.method.settings

    def having(self, **changes: Any) -> Forgetful:
        """The same experiment with other settings of the method."""
        return Forgetful(
            self.method.having(**changes), self.mode, self.measure, self.start, self.seed,
            self.others,
        )  # fmt: skip

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """The method once, and once more a stage and a network."""
        own = self.method.cost(subject, x)
        times = 1 + len(blocks_of(subject, x)) + len(self.others)
        return Passes(own.forward * times, own.backward * times)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """The method's own findings, with the strip of stages and the verdict."""
        found = replace(self.method._found(subject, x, target), frames=[])
        trained = self.method._checked(found.values, x).numpy()
        names, curve = [], []
        forgetting = Forgetting(subject, self.start, self.seed)
        for stage in stages(forgetting, blocks_of(subject, x), self.mode):
            values = self.method.values(stage.subject, x, target)
            alike = self._alike(trained, values)
            names.append(stage.name)
            curve.append(alike)
            found.frames.append(Frame(stage.name, values, alike))
        for name, other in self.others.items():
            values = self.method.values(other, x, target)
            alike = self._alike(trained, values)
            found.frames.append(Frame(name, values, alike))
            found.numbers[f"similarity, {name}"] = alike
        found.numbers.update(zip((f"similarity, {name}" for name in names), curve, strict=True))
        said = verdict(names, np.array(curve), self.mode, self.measure)
        return replace(found, facts=[*found.facts, said])

    def _alike(self, trained: np.ndarray, values: torch.Tensor) -> float:
        """The mean over inputs, NaN where a map is constant on all of them."""
        found = similarity(self.measure, trained, values.numpy())
        return mean_known(found)

    def _name(self) -> str:
        return self.method._name()

    def __repr__(self) -> str:
        return repr(self.method)

    def _key(self) -> tuple[Any, ...]:
        others = tuple((name, other.fingerprint) for name, other in self.others.items())
        return self.method, self.mode, self.measure, self.start, self.seed, others

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Forgetful) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())
