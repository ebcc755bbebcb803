"""Presets: which rule each layer gets, by kind and place; and tables of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from xaiwidgets.core.errors import ExplainError

from .operations import Treatment
from .propagation import Place
from .rules import AlphaBeta, Epsilon, Flat, Gamma, Rule, WSquare, ZBox, ZPlus

Row = tuple[str, Rule]

WORDS = ("first", "convolution", "dense", "any")


@dataclass(frozen=True)
class Table:
    """Rules in order; the first row whose pattern fits a layer gives its rule.

    A pattern is "first" (layers that see the input itself), "convolution", "dense", "any", or a
    layer's name with wildcards, such as "layer4.*". `treatment` says what is done at products and
    attention.

    >>> Table([("first", Flat()), ("features.*", Gamma(0.1)), ("any", Epsilon(0.01))])
    """

    rows: Sequence[Row]
    treatment: Treatment = field(default_factory=Treatment)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(self.rows))
        for row in self.rows:
            fits = isinstance(row, tuple) and len(row) == 2 and isinstance(row[0], str)
            if not fits or not isinstance(row[1], Rule):
                raise ExplainError(
                    f"A row of the table is {row!r}; it takes (pattern, rule), such as "
                    "('convolution', Gamma(0.25))."
                )

    def rule(self, place: Place) -> Rule:
        """The rule of one layer; ε where no row fits."""
        row = self.row(place)
        return Epsilon() if row is None else self.rows[row][1]

    def row(self, place: Place) -> int | None:
        """Which row gives one layer its rule; None where no row fits."""
        fitting = (row for row, (pattern, _) in enumerate(self.rows) if fits(pattern, place))
        return next(fitting, None)


def fits(pattern: str, place: Place) -> bool:
    """Whether a row is for this layer."""
    if pattern in WORDS:
        kinds = {"first": place.first, "any": True}
        return kinds.get(pattern, place.kind == pattern)
    return fnmatchcase(place.name, pattern)


@dataclass(frozen=True)
class Amounts:
    """How much rules do: ε, γ, and the α of αβ, where β is α − 1."""

    epsilon: float = 1e-6
    gamma: float = 0.25
    alpha: float = 2.0


RULES: dict[str, Callable[[Amounts], Rule]] = {
    "LRP-0": lambda amounts: Epsilon(0.0),
    "ε": lambda amounts: Epsilon(amounts.epsilon),
    "γ": lambda amounts: Gamma(amounts.gamma),
    "αβ": lambda amounts: AlphaBeta(amounts.alpha, amounts.alpha - 1),
    "z⁺": lambda amounts: ZPlus(),
    "flat": lambda amounts: Flat(),
    "w²": lambda amounts: WSquare(),
    "zᴮ": lambda amounts: ZBox(),
}
PIXEL_RULES = frozenset(("flat", "w²", "zᴮ"))
"""Rules for the layer that sees the pixels."""

PRESETS: dict[str, tuple[tuple[str, str], ...]] = {
    "LRP-0": (("any", "LRP-0"),),
    "ε": (("any", "ε"),),
    "ε-plus": (("convolution", "z⁺"), ("dense", "ε")),
    "ε-plus-flat": (("first", "flat"), ("convolution", "z⁺"), ("dense", "ε")),
    "ε-αβ": (("convolution", "αβ"), ("dense", "ε")),
    "ε-αβ-flat": (("first", "flat"), ("convolution", "αβ"), ("dense", "ε")),
    "γ-box": (("first", "zᴮ"), ("any", "γ")),
    "ε-γ-box": (("first", "zᴮ"), ("convolution", "γ"), ("dense", "ε")),
    "deep Taylor": (("first", "zᴮ"), ("any", "z⁺")),
    "deep Taylor w²": (("first", "w²"), ("any", "z⁺")),
    "excitation backprop": (("any", "z⁺"),),
    "AttnLRP": (("any", "LRP-0"),),
    "CP-LRP": (("any", "LRP-0"),),
}
TREATMENTS = {"AttnLRP": Treatment(products="uniform", attention="attnlrp")}

PIXEL_PRESETS = frozenset(
    name for name, rows in PRESETS.items() if PIXEL_RULES & {rule for _, rule in rows}
)
"""Presets that have a rule of its own for the layer that sees the pixels: a text has none."""


def preset_table(
    name: str, amounts: Amounts | None = None, instead: Mapping[str, str] | None = None
) -> Table:
    """The table of a preset, with ε, γ and α as they usually are; `instead` names other rules for
    some kinds of layer, of which those that see the input come before all others."""
    if name not in PRESETS:
        raise ExplainError(f"preset is {name!r}; it takes one of {', '.join(PRESETS)}.")
    named = sorted([*(instead or {}).items(), *PRESETS[name]], key=lambda row: row[0] != "first")
    rows = [(kind, RULES[rule](amounts or Amounts())) for kind, rule in named]
    return Table(rows, TREATMENTS.get(name, Treatment()))
