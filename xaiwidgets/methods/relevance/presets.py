"""Presets: which rule each layer gets, by kind and place; and tables of one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from xaiwidgets.core.errors import ExplainError

from .operations import Treatment
from .propagation import Place
from .rules import AlphaBeta, Epsilon, Flat, Gamma, Rule, WSquare, ZBox, ZPlus

Row = tuple[str, Rule]
Settings = dict[str, float]

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
        for row in self.rows:
            fits = isinstance(row, tuple) and len(row) == 2 and isinstance(row[0], str)
            if not fits or not isinstance(row[1], Rule):
                raise ExplainError(
                    f"A row of the table is {row!r}; it takes (pattern, rule), such as "
                    "('convolution', Gamma(0.25))."
                )

    def rule(self, place: Place) -> Rule:
        """The rule of one layer; ε where no row fits."""
        fitting = (rule for pattern, rule in self.rows if _fits(pattern, place))
        return next(fitting, Epsilon())


def _fits(pattern: str, place: Place) -> bool:
    if pattern in WORDS:
        kinds = {"first": place.first, "any": True}
        return kinds.get(pattern, place.kind == pattern)
    return fnmatchcase(place.name, pattern)


def _plain(*rows: Row) -> Callable[[float, float], Table]:
    return lambda epsilon, gamma: Table(rows)


PRESETS: dict[str, Callable[[float, float], Table]] = {
    "LRP-0": lambda epsilon, gamma: Table([("any", Epsilon(0.0))]),
    "ε": lambda epsilon, gamma: Table([("any", Epsilon(epsilon))]),
    "ε-plus": lambda epsilon, gamma: Table([("convolution", ZPlus()), ("dense", Epsilon(epsilon))]),
    "ε-plus-flat": lambda epsilon, gamma: Table(
        [("first", Flat()), ("convolution", ZPlus()), ("dense", Epsilon(epsilon))]
    ),
    "ε-αβ": lambda epsilon, gamma: Table(
        [("convolution", AlphaBeta()), ("dense", Epsilon(epsilon))]
    ),
    "ε-αβ-flat": lambda epsilon, gamma: Table(
        [("first", Flat()), ("convolution", AlphaBeta()), ("dense", Epsilon(epsilon))]
    ),
    "γ-box": lambda epsilon, gamma: Table([("first", ZBox()), ("any", Gamma(gamma))]),
    "ε-γ-box": lambda epsilon, gamma: Table(
        [("first", ZBox()), ("convolution", Gamma(gamma)), ("dense", Epsilon(epsilon))]
    ),
    "deep Taylor": _plain(("first", ZBox()), ("any", ZPlus())),
    "deep Taylor w²": _plain(("first", WSquare()), ("any", ZPlus())),
    "excitation backprop": _plain(("any", ZPlus())),
    "AttnLRP": lambda epsilon, gamma: Table(
        [("any", Epsilon(0.0))], Treatment(products="uniform", attention="attnlrp")
    ),
    "CP-LRP": lambda epsilon, gamma: Table([("any", Epsilon(0.0))]),
}

PIXEL_PRESETS = frozenset(
    name
    for name, make in PRESETS.items()
    if any(pattern == "first" for pattern, _ in make(1e-6, 0.25).rows)
)
"""Presets that have a rule of its own for the layer that sees the pixels: a text has none."""


def preset_table(name: str) -> Table:
    """The table of a preset, with ε and γ as they usually are."""
    if name not in PRESETS:
        raise ExplainError(f"preset is {name!r}; it takes one of {', '.join(PRESETS)}.")
    return PRESETS[name](1e-6, 0.25)
