"""What LRP did in a network: the rule of every operation, and where the relevance went."""

from __future__ import annotations

from dataclasses import dataclass

from .propagation import Step


@dataclass(frozen=True)
class RuleReport:
    """Which rule each operation of a network received, in the order of the forward pass.

    `score` is what was shared out and `arrived` what reached the input. Each layer's step holds the
    relevance that entered and left it and, for the ε rule, what its bias took; `elsewhere` is what
    operations without a rule of their own took (biases of norms, constants that were added), so
    that score = arrived + Σ layers (entered − left) + elsewhere.
    """

    steps: list[Step]
    unknown: list[str]
    score: float
    arrived: float

    @property
    def layers(self) -> list[Step]:
        """The steps that share relevance by a rule of the table."""
        return [step for step in self.steps if step.is_layer]

    @property
    def absorbed(self) -> float:
        """The relevance that layers kept: in biases, stabilisers, and units without evidence."""
        return sum((step.entered or 0.0) - (step.left or 0.0) for step in self.layers)

    @property
    def biases(self) -> float:
        """What the biases of layers with an ε rule took."""
        return sum(step.bias or 0.0 for step in self.layers)

    @property
    def elsewhere(self) -> float:
        """What operations that are no layers took."""
        return self.score - self.arrived - self.absorbed

    def rows(self) -> list[tuple[str, ...]]:
        """The table as words: layer, operation, rule, relevance in and out."""
        return [
            (step.name, step.kind, ", ".join(filter(None, (step.rule, step.note))),
             _number(step.entered), _number(step.left))
            for step in self.steps
        ]  # fmt: skip

    def __str__(self) -> str:
        head = ("layer", "operation", "rule", "in", "out")
        rows = [head, *self.rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        lines = [
            "  ".join(
                [*(f"{cell:{w}}" for cell, w in zip(row[:3], widths[:3], strict=True)),
                 *(f"{cell:>{w}}" for cell, w in zip(row[3:], widths[3:], strict=True))]
            ).rstrip()
            for row in rows
        ]  # fmt: skip
        return "\n".join([*lines, "", self.summary()])

    def summary(self) -> str:
        """Where the score went, in a sentence."""
        parts = f"{self.arrived:.4g} reached the input, {self.absorbed:.4g} stayed in layers"
        unknown = f" No rule is known for {', '.join(self.unknown)}." if self.unknown else ""
        return f"Of {self.score:.4g}, {parts} and {self.elsewhere:.4g} elsewhere.{unknown}"

    def _repr_html_(self) -> str:
        from html import escape

        head = "".join(f"<th>{word}</th>" for word in ("layer", "operation", "rule", "in", "out"))
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows()
        )
        return f"<p>{escape(self.summary())}</p><table><tr>{head}</tr>{body}</table>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
