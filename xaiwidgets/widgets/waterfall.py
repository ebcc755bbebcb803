"""A report of relevance as a page shows it: from the score down to the pixels, row by row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import cast

from xaiwidgets.methods.relevance.accounts import Step
from xaiwidgets.methods.relevance.report import RuleReport, spread

from . import pack
from .wire import FlowRow, FlowTakes, FlowWay

_FOLDED_FROM, _MOST_BLOCKS = 32, 24
_LONGEST = 24
_WORDS = {
    "bias": "biases",
    "stabiliser": "the stabiliser",
    "lost": "dead ends",
    "kept": "the rule",
}


def way_of(report: RuleReport, what: str, side: int, most: int, parts: str = "pixels") -> FlowWay:
    """One way down from the score of `what`, with maps of at most `most` depths and `side` pixels a
    side. `parts` is what the input consists of."""
    steps = report.steps[::-1]
    blocks = _blocks([step.name for step in steps])
    shown = {id(step) for step in _chosen(steps, blocks, most - 1)}
    rows = [_end("output", report.begun, what)]
    flowing = report.begun
    for step, block in zip(steps, blocks, strict=True):
        flowing -= step.kept
        rows.append(_row(step, block, flowing))
        if id(step) in shown and step.map is not None:
            rows[-1]["map"] = pack.pack_map(pack.small(step.map, side))
    if abs(report.unnamed) > 1e-4 * abs(report.begun):
        rows.append(_unnamed(report))
    rows.append(_end("input", report.arrived, f"the {parts}"))
    rows[-1]["map"] = pack.pack_map(pack.small(report.map, side))
    count = len(report.depths)
    note = f"Maps of {len(shown) + 1} of {count + 1} depths are kept here."
    return {"way": report.way, "rows": rows, "note": note if len(shown) < count else ""}


def _chosen(steps: list[Step], blocks: list[str], most: int) -> list[Step]:
    """The depths whose maps are shown: all, or else those at which folded blocks end."""
    depths = [pair for pair in zip(steps, blocks, strict=True) if pair[0].map is not None]
    if len(depths) > most:
        depths = [next(each) for _, each in groupby(depths, lambda pair: pair[1] or pair[0].name)]
    return spread([step for step, _ in depths], most)


def _row(step: Step, block: str, flowing: float) -> FlowRow:
    within = step.name[len(block) + 1 :] if block else step.name
    return {
        "label": _fitting(within or step.kind),
        "title": _title(step),
        "what": ", ".join(filter(None, (step.kind, step.rule))),
        "block": block,
        "size": " × ".join(str(side) for side in step.shape),
        "entered": _short(step.entered or 0.0),
        "flowing": _short(flowing),
        "takes": _takes(step),
        "words": _words(step),
    }


def _fitting(name: str) -> str:
    """A long name by its last parts, which tell it from its neighbours."""
    while len(name) > _LONGEST and "." in name.strip("…."):
        name = f"….{name.removeprefix('….').partition('.')[2]}"
    return name


def _title(step: Step) -> str:
    """A layer by its name; another operation by where it is done as well."""
    if step.is_layer or step.name.endswith(step.kind):
        return step.name
    return f"{step.name} · {step.kind}" if step.name else step.kind


def _end(label: str, value: float, what: str) -> FlowRow:
    return {
        "label": label,
        "title": label,
        "what": what,
        "block": "",
        "size": "",
        "entered": _short(value),
        "flowing": _short(value),
        "takes": {},
        "words": f"{label}, {what}: {value:.3g}",
    }


def _unnamed(report: RuleReport) -> FlowRow:
    return {
        **_end("out of sight", report.arrived, "a part of the network hides its operations"),
        "takes": {"lost": _short(report.unnamed)},
    }


def _takes(step: Step) -> FlowTakes:
    """Who took what of the relevance that an operation kept, as far as that is more than rounding
    leaves."""
    apart = step.bias is not None
    found = {
        "bias": step.bias or 0.0,
        "stabiliser": (step.stabiliser or 0.0) if step.is_layer else 0.0,
        "lost": step.lost,
        "kept": 0.0 if apart else step.kept - step.lost,
    }
    least = 1e-6 * max(abs(step.entered or 0.0), abs(step.kept))
    told = {take: _short(value) for take, value in found.items() if abs(value) > least}
    return cast(FlowTakes, told)


def _words(step: Step) -> str:
    """A row for those who do not see it."""
    what = ", ".join(filter(None, (step.kind, step.rule, step.note)))
    who = f"{step.name or step.kind}, {what}"
    if step.entered is None:
        return f"{who}: no relevance came here"
    taken = [
        f"{_WORDS[take]} {'gave' if value < 0 else 'took'} {abs(value):.3g}"
        for take, value in cast(dict[str, float], _takes(step)).items()
    ]
    told = f"{step.entered:.3g} came in, {step.left or 0.0:.3g} left"
    return f"{who}: {', '.join([told, *taken])}"


def _blocks(names: list[str]) -> list[str]:
    """The block of every row, "" for rows that stand for themselves: names cut at the greatest
    depth that leaves few enough blocks to be seen at once."""
    if len(names) <= _FOLDED_FROM:
        return [""] * len(names)
    cut = _cut(names, 1)
    for depth in range(2, 1 + max(name.count(".") + 1 for name in names)):
        finer = _cut(names, depth)
        if len(list(groupby(finer))) > _MOST_BLOCKS:
            break
        cut = finer
    return list(_of_several(cut))


def _cut(names: Iterable[str], depth: int) -> list[str]:
    return [".".join(name.split(".")[:depth]) for name in names]


def _of_several(blocks: list[str]) -> Iterator[str]:
    """A block of one row needs no name."""
    for block, rows in groupby(blocks):
        count = len(list(rows))
        yield from [block if count > 1 else ""] * count


def _short(value: float) -> float:
    """Six digits: more than a page shows, and a third of the bytes."""
    return float(f"{value:.6g}")
