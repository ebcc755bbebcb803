"""What LRP did in a network: the rule of every operation, and where the relevance went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xaiwidgets.core.errors import ExplainError, nearest
from xaiwidgets.core.figure import strip_figure

from .accounts import Step

_STRIP = 8


@dataclass(frozen=True)
class RuleReport:
    """Which rule each operation of a network received, in the order of the forward pass, and the
    way of the relevance of one input down through them.

    `begun` is the relevance that was shared out, which for a class is its `score`, and `arrived`
    what reached the input. Each step holds the relevance that entered and left it, and of the
    difference what biases and other constants took, the stabiliser, and what was lost (see Step),
    so that begun = arrived + Σ steps (entered − left) + unnamed. `way` tells the ways of a method
    that goes down the network twice, `map` is that of the pixels (height, width), channels summed.
    """

    steps: list[Step]
    unknown: list[str]
    score: float
    arrived: float
    begun: float
    way: str = ""
    label: str = ""
    map: np.ndarray = field(kw_only=True, repr=False)
    picture: np.ndarray = field(kw_only=True, repr=False)

    @property
    def layers(self) -> list[Step]:
        """The steps that share relevance by a rule of the table."""
        return [step for step in self.steps if step.is_layer]

    @property
    def absorbed(self) -> float:
        """The relevance that layers kept: in biases, stabilisers, and units without evidence."""
        return sum(step.kept for step in self.layers)

    @property
    def biases(self) -> float:
        """What the biases of layers took, of those whose rule tells it."""
        return sum(step.bias or 0.0 for step in self.layers)

    @property
    def stabilisers(self) -> float:
        """What the stabilisers of layers took, of those whose rule tells it."""
        return sum(step.stabiliser or 0.0 for step in self.layers)

    @property
    def constants(self) -> float:
        """What constants elsewhere took: biases of norms, embeddings of positions."""
        return sum(step.bias or 0.0 for step in self.steps if not step.is_layer)

    @property
    def untold(self) -> float:
        """What layers kept whose rule does not tell the bias from the stabiliser."""
        return sum(step.kept - step.lost for step in self.layers if step.bias is None)

    @property
    def lost(self) -> float:
        """What had nowhere to go, in layers and elsewhere; see Step."""
        return sum(step.lost for step in self.steps)

    @property
    def elsewhere(self) -> float:
        """What operations that are no layers took: biases of norms, constants that are added."""
        return self.begun - self.arrived - self.absorbed

    @property
    def unnamed(self) -> float:
        """What no step accounts for: nothing, unless a part of the network hides from LRP."""
        return self.begun - self.arrived - sum(step.kept for step in self.steps)

    # --- maps on the way --------------------------------------------------------------------

    @property
    def depths(self) -> list[Step]:
        """The steps at whose output the relevance is a map, from the input to the output."""
        return [step for step in self.steps if step.map is not None]

    def at(self, name: str) -> Step:
        """The last step with a map in the layer or block of that name, such as "layer3"."""
        if not isinstance(name, str):
            raise ExplainError(
                f"The layer is {name!r}; it takes a name, such as {self.depths[-1].name!r}."
            )
        inside = [step for step in self.depths if f"{step.name}.".startswith(f"{name}.")]
        if inside and name:
            return inside[-1]
        names = dict.fromkeys(step.name for step in self.depths)
        raise ExplainError(f"No map of relevance lies at {name!r}. {nearest(name, names)}")

    def plot(self, layers: str | Sequence[str] | None = None, **display: Any) -> Any:
        """A matplotlib figure of the way down: the picture, then the relevance at some depths with
        channels summed, from the output to the pixels, each on its own scale and with its sum.

        `layers` names layers or blocks, one or several, such as ["layer4", "layer2"]; by default
        up to eight maps spread over the network. `display` as for Heatmap.plot.
        """
        if min(self.map.shape) == 1:
            raise ExplainError(
                "The relevance of a text is no map that a strip could show; print the report, or "
                "plot the heatmap."
            )
        layers = [layers] if isinstance(layers, str) else layers
        steps = [self.at(name) for name in layers or []] or spread(self.depths[::-1], _STRIP)
        maps = [(_title(step), step.map) for step in steps if step.map is not None]
        return strip_figure(
            self.picture,
            [*maps, (f"pixels\nΣ {self.arrived:.3g}", self.map)],
            self.label,
            **display,
        )

    # --- in words ---------------------------------------------------------------------------

    def rows(self) -> list[tuple[str, ...]]:
        """The table as words: layer, operation, rule, relevance in and out, and what took it."""
        return [
            (
                step.name, step.kind, ", ".join(filter(None, (step.rule, step.note))),
                _number(step.entered), _number(step.left), _part(step.bias, step),
                _part(step.stabiliser if step.is_layer else None, step), _part(step.lost, step),
            )
            for step in self.steps
        ]  # fmt: skip

    def __str__(self) -> str:
        rows = [_HEAD, *self.rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
        lines = [
            "  ".join(
                [*(f"{cell:{w}}" for cell, w in zip(row[:3], widths[:3], strict=True)),
                 *(f"{cell:>{w}}" for cell, w in zip(row[3:], widths[3:], strict=True))]
            ).rstrip()
            for row in rows
        ]  # fmt: skip
        return "\n".join([*lines, "", self.summary()])

    def summary(self) -> str:
        """Where the score went, in a sentence: input, biases, stabilisers and what else there is
        make up all of it."""
        rest = {"constants": self.constants, "rules that do not tell": self.untold,
                "dead ends": self.lost, "hidden parts": self.unnamed}  # fmt: skip
        takers = {"biases": self.biases, "stabilisers": self.stabilisers}
        takers |= {who: took for who, took in rest.items() if self._counts(took)}
        parts = ", ".join(f"{who} {took if self._counts(took) else 0:.4g}"
                          for who, took in takers.items())  # fmt: skip
        unknown = f" No rule is known for {', '.join(self.unknown)}." if self.unknown else ""
        return (
            f"Of {self.begun:.4g}, {self.arrived:.4g} reached the input; taken by {parts}.{unknown}"
        )

    def _counts(self, took: float) -> bool:
        """Whether it is more than rounding leaves."""
        return abs(took) > 1e-9 * max(abs(self.begun), abs(self.arrived))

    def _repr_html_(self) -> str:
        from html import escape

        head = "".join(f"<th>{word}</th>" for word in _HEAD)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows()
        )
        return f"<p>{escape(self.summary())}</p><table><tr>{head}</tr>{body}</table>"


def spread(steps: list[Step], most: int) -> list[Step]:
    """At most so many of them, spread evenly, the first and the last among them."""
    if len(steps) <= most:
        return steps
    places = np.linspace(0, len(steps) - 1, most).round().astype(int)
    return [steps[place] for place in places]


_HEAD = ("layer", "operation", "rule", "in", "out", "bias", "stabiliser", "lost")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _part(value: float | None, step: Step) -> str:
    """What somebody took of what entered; nothing where rounding took it."""
    return "" if abs(value or 0.0) <= 1e-6 * abs(step.entered or 0.0) else _number(value)


def _title(step: Step) -> str:
    assert step.map is not None
    size = "×".join(str(side) for side in step.map.shape)
    return f"{step.name or step.kind}\n{size}, Σ {step.entered:.3g}"
