"""The Python for what is on screen: answers live in code, not in clicks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from xaiwidgets.core.method import Attribution, FromFunction
from xaiwidgets.core.target import Contrast

if TYPE_CHECKING:
    from xaiwidgets.evaluation.experiment import Experiment
    from xaiwidgets.methods.concepts import TCAV


def names_in(frame: FrameType, **things: Any) -> dict[str, str]:
    """The names by which the caller knows some things: {"subject": "model", ...} where found."""
    scope = {**frame.f_globals, **frame.f_locals}
    found = {}
    for role, thing in things.items():
        named = [name for name, value in scope.items() if value is thing and name[0] != "_"]
        if thing is not None and named:
            found[role] = named[-1]
    return found


def known_in(frame: FrameType, **things: Any) -> dict[str, str]:
    """The code for each thing that was given beside the images: the caller's name for it, what it
    is where that is short, and otherwise a place to fill in."""
    names = names_in(frame, **things)
    given = {role: thing for role, thing in things.items() if thing is not None}
    return {role: names.get(role) or _short(thing) or PLACE for role, thing in given.items()}


PLACE = "..."


def _short(thing: Any) -> str:
    """A name, a number, or a list of a few; not NumPy's, which are written with its name."""
    plain = all(type(one) in (str, int) for one in (thing if isinstance(thing, list) else [thing]))
    return repr(thing) if plain and len(repr(thing)) <= 72 else ""


def _known_code(names: Mapping[str, str], *roles: str) -> list[str]:
    """Arguments of a call, one a line, for those of these that are known."""
    said = [(role, names[role]) for role in roles if role in names]
    return [
        f"    {role}={code}," + (f"  # your {role}" if code == PLACE else "") for role, code in said
    ]


def compare_code(
    methods: Sequence[Attribution],
    aim: Any,
    display: Mapping[str, Any],
    names: Mapping[str, str],
    index: int = 0,
    masking: Mapping[str, Any] | None = None,
    experiment: Experiment | None = None,
    trust: bool | str = False,
    films: Mapping[str, Any] | None = None,
) -> str:
    """A cell that makes the same widget again, with input number `index` on screen."""
    call = "compare" if experiment is None else experiment.call
    lines = ["import xaiwidgets as xw", "", f"w = xw.{call}("]
    lines.append(f"    {names.get('subject', 'model')},")
    lines.append(f"    {names.get('images', 'image')},")
    if aim is not None:
        lines.append(f"    target={_aim_code(aim)},")
    lines.append("    methods=[")
    lines += [f"        {_method_code(method)}," for method in methods]
    lines.append("    ],")
    lines += _known_code(names, "truths", "masks")
    if display:
        lines.append(f"    display={dict(display)!r},")
    if experiment is not None:
        lines += [f"    {name}={value!r}," for name, value in experiment.changed.items()]
        lines += [f"    {line}" for line in _others_code(getattr(experiment, "others", {}), names)]
    if masking:
        lines.append(f"    masking={dict(masking)!r},")
    if trust:
        lines.append(f"    trust={trust!r},")
    if films:
        lines.append(f"    films={dict(films)!r},")
    lines.append(f").select({index})" if index else ")")
    return "\n".join(lines)


def concepts_code(
    names: Mapping[str, str],
    given: Sequence[str],
    settings: Mapping[str, Any],
    tcav: TCAV,
    calls: Sequence[str],
) -> str:
    """A cell that makes a widget of concepts again; `calls` on it follow, one a line."""
    lines = ["import xaiwidgets as xw", "", "w = xw.concepts("]
    lines += [f"    {names.get('subject', 'model')},", f"    {names.get('images', 'images')},"]
    if given and "concepts" not in names:
        lines.append("    concepts={")
        lines += [f"        {name!r}: ...,  # your examples" for name in given]
        lines.append("    },")
    lines += _known_code(names, "concepts", "random", "truths")
    lines += [f"    {name}={value!r}," for name, value in settings.items()]
    if tcav != type(tcav)():
        lines.append(f"    tcav=xw.{tcav!r},")
    return "\n".join([*lines, ")", *calls])


ANSWERS, ENDING = "⟨answers⟩", "⟨ending⟩"
"""Where a lesson's code takes in what the reader did; an exported page fills them in by itself."""


def lesson_code(
    call: str,
    names: Mapping[str, str],
    aim: Any,
    methods: Sequence[Attribution] | str | None,
    settings: Mapping[str, Any],
) -> str:
    """A cell that makes the same prediction or blind comparison again, with places for ANSWERS and
    ENDING. `methods` may be the name by which the caller knows them."""
    lines = ["import xaiwidgets as xw", "", f"w = xw.{call}("]
    lines += [f"    {names.get('subject', 'model')},", f"    {names.get('images', 'image')},"]
    if aim is not None:
        lines.append(f"    target={_aim_code(aim)},")
    if isinstance(methods, str):
        lines.append(f"    methods={methods},")
    elif methods is not None:
        lines.append("    methods=[")
        lines += [f"        {_method_code(method)}," for method in methods]
        lines.append("    ],")
    lines += _known_code(names, "truths", "masks")
    lines += [f"    {name}={value!r}," for name, value in settings.items()]
    return "\n".join(lines) + f"\n{ANSWERS}){ENDING}"


def lesson_answers(of: Mapping[str, Mapping[int, Any]], pictures: int) -> str:
    """What a reader did with each picture, as arguments; of one picture without its number."""
    lines = []
    for name, answers in of.items():
        told = {index: json.dumps(one, ensure_ascii=False) for index, one in answers.items()}
        each = ", ".join(f"{index}: {words}" for index, words in sorted(told.items()))
        if told:
            lines.append(f"    {name}={told[0] if pictures == 1 else f'{{{each}}}'},\n")
    return "".join(lines)


def _method_code(method: Attribution) -> str:
    if isinstance(method, FromFunction):
        return (
            method.title if method.title.isidentifier() else f"...  # {method.title}: your function"
        )
    built_in = type(method).__module__.startswith("xaiwidgets.")
    return f"xw.{method!r}" if built_in else repr(method)


def _others_code(others: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """Networks beside the subject: the name of the dict, or of each network in it."""
    if not others or "others" in names:
        return [f"others={names['others']},"] if others else []
    lines = ["others={"]
    for name in others:
        known = names.get(f"others[{name!r}]")
        lines.append(f"    {name!r}: {known}," if known else f"    {name!r}: ...,  # your network")
    return [*lines, "},"]


def _aim_code(aim: Any) -> str:
    if isinstance(aim, Contrast):
        return f"xw.Contrast({aim.a!r}, {aim.b!r})"
    if isinstance(aim, torch.Tensor) or hasattr(aim, "tolist"):
        return repr(aim.tolist())
    if callable(aim):
        return getattr(aim, "__name__", repr(aim))
    return repr(aim)
