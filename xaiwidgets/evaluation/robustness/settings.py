"""The same explanation with one of its settings varied: how alike are the maps?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Case, Graded
from xaiwidgets.core.method import Attribution, FromFunction, Passes
from xaiwidgets.core.scores import Curve

from ..similarity import pairwise


def method_of(case: Case, who: str) -> Attribution:
    """The case's method, or an ExplainError where there is none with settings."""
    if case.method is None or isinstance(case.method, FromFunction):
        raise ExplainError(
            f"{who} varies a setting of the explanation, but it came as {case.label}, which has "
            "none; give one of xaiwidgets' methods."
        )
    return case.method


def compared(case: Case, setting: str, values: Sequence[Any], measure: str) -> Graded:
    """The mean likeness of every two maps made with these values of a setting (inputs,), and in a
    curve the likeness of each to all others."""
    maps = [_maps(case, setting, value) for value in values]
    alike = pairwise(measure, maps)
    count = len(values)
    off = ~np.eye(count, dtype=bool)
    each = np.stack([alike[i, off[i]].mean(0) for i in range(count)], 1)
    plain = all(isinstance(value, (int, float)) for value in values)
    across = np.array(values if plain else range(count), dtype=np.float64)
    found = Graded(each.mean(1), {measure: Curve(across, each, setting, measure)})
    found.facts.append(f"{setting} was " + ", ".join(_short(value) for value in values) + ".")
    for i, value in enumerate(values):
        if not np.isnan(each[:, i]).all():
            found.numbers[f"{setting} {_short(value)}"] = float(np.nanmean(each[:, i]))
    silent = int(np.isnan(found.values).sum())
    if silent:
        found.warnings.append(
            f"For {silent} of {len(case)} inputs a map is constant at some {setting}: no score."
        )
    if np.isclose(found.values, 1, atol=1e-9).all():
        found.warnings.append(f"The maps are all the same: {setting} does nothing here.")
    return found


def spread(method: Attribution, setting: str, steps: int, span: float) -> list[Any]:
    """Values that a setting may take: every choice, both ways of a switch, its own seed and the
    first others, or `steps` numbers from its own ÷ `span` to its own × `span` within what it
    accepts (its whole range where its own is 0). A layer's names are the network's to tell."""
    entry, now = method.knobs[setting], getattr(method, setting)
    if entry.kind == "choice":
        return list(entry.choices)
    if entry.kind == "switch":
        return [False, True]
    if entry.kind == "layer":
        raise ExplainError(
            f"{type(method).__name__}.{setting} names a layer; give values= with the names of two "
            "or more."
        )
    assert entry.low is not None
    assert entry.high is not None
    if setting == "seed":
        return [now, *(s for s in range(steps) if s != now)][:steps]
    if now <= 0:
        found = np.linspace(entry.low, entry.high, steps)
    else:
        low, high = max(entry.low, now / span), min(entry.high, now * span)
        found = (np.geomspace if low > 0 else np.linspace)(low, high, steps)
    whole = entry.kind == "integer"
    return [round(value) if whole else float(value) for value in found.tolist()]


def passes(case: Case, method: Attribution, setting: str, values: Sequence[Any]) -> Passes:
    """What the explanations with all these values take."""
    each = [method.having(**{setting: v}).cost(case.subject, case.x) for v in values]
    return Passes(sum(one.forward for one in each), sum(one.backward for one in each))


def _maps(case: Case, setting: str, value: Any) -> np.ndarray:
    assert case.method is not None
    if case.method.settings[setting] == value:
        return case.maps
    return case.folded(case.explain(case.x, **{setting: value}))


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
