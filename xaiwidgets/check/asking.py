"""Asking a student's work: it is called as it should be, and what it does not do is told."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import torch

from xaiwidgets.core.answers import Findings, Heatmap
from xaiwidgets.core.errors import ExplainError, one_line
from xaiwidgets.core.guard import guarded
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .marking import Wrong

_METHOD = "(subject, x, target)"


def called(student: Any, *given: Any, takes: str) -> Any:
    """What a student's function returns for these arguments; `takes` names them, as in
    "(heatmap)". Raises `Wrong` where it cannot be called, stops, or returns nothing."""
    function = _function(student, takes)
    name, expected = named(student), f"a function of {takes}."
    try:
        inspect.signature(function).bind(*given)
    except ValueError:
        pass  # built in: it has no signature to look at
    except TypeError as error:
        raise Wrong(
            expected, f"{name}{_signature(function)} cannot be called so: {error}.",
            f"begin it with def {name}{takes}:, in this order; more arguments need a default.",
        ) from None  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a grading cell that warns is taken for a failed one
            found = function(*given)
    except NotImplementedError:
        raise Wrong(
            expected, f"{name} is not written yet.", "replace the line that raises."
        ) from None
    except Exception as error:
        raise Wrong(
            expected, f"{name} stops with {_told(error)}",
            f"call {name} in a cell of its own, and look at the line that the arrow points at.",
        ) from None  # fmt: skip
    if found is None:
        raise Wrong(expected, f"{name} returns nothing.", "end it with return.")
    return found


def map_of(student: Any, subject: Subject, x: torch.Tensor, target: BoundTarget) -> torch.Tensor:
    """The map (batch, channels or 1, *space) that a student's method gives, as it came."""
    return shaped(findings_of(student, subject, x, target).values, x, named(student), subject)


def findings_of(student: Any, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
    """What a student's method finds, with the network put back whatever it did to it."""
    if isinstance(student, type) and issubclass(student, Attribution):
        student = student()
    ask = student.attribute if isinstance(student, Attribution) else student
    try:
        with guarded(subject, named(student), ask) as handed:
            found = called(ask, handed, x.clone(), target, takes=_METHOD)
    except ExplainError as error:  # raised by the guard: what the student's raises is told above
        raise Wrong(
            "a method that leaves the network as it was.", str(error),
            "work on copy.deepcopy(subject.model), or on tensors that you detach and clone.",
        ) from None  # fmt: skip
    if isinstance(found, Findings):
        return found
    return Findings(found.values if isinstance(found, Heatmap) else found)


def shaped(values: Any, x: torch.Tensor, name: str, subject: Subject) -> torch.Tensor:
    """Values as (batch, channels or 1, *space); raises `Wrong` where they do not lie over x."""
    values = tensor(values, name)
    space, count = tuple(x.shape[2:]), len(x)
    shape = tuple(values.shape)
    if shape == (count, *space):
        values = values[:, None]
    elif shape not in ((count, 1, *space), tuple(x.shape)):
        raise Wrong(
            f"one value a pixel, shape {(count, *space)}, or with channels {tuple(x.shape)}.",
            f"{name} returns shape {shape}{_because(shape, x, subject)}",
            _shape_hint(shape, x, subject),
        )
    return finite(values, name)


def tensor(values: Any, name: str) -> torch.Tensor:
    """Values as a tensor of floats on the CPU, without their history."""
    if isinstance(values, (list, tuple)) and values and isinstance(values[0], torch.Tensor):
        values = torch.stack([value.detach().cpu() for value in values])
    try:
        return torch.as_tensor(values).detach().cpu().double()
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(
            "a tensor or an array of numbers.", f"{name} returns a {type(values).__name__}.",
            "return the values themselves.",
        ) from None  # fmt: skip


def numbers(found: Any, name: str) -> torch.Tensor:
    """A list of numbers, or an array or tensor of one dimension, as a tensor of finite ones."""
    try:
        values = [float(value) for value in found]
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(
            "a list of numbers.", f"{name} returns a {type(found).__name__} that is none.",
            "return one number for every step, in a list or an array of one dimension.",
        ) from None  # fmt: skip
    return finite(torch.tensor(values, dtype=torch.float64), name)


def finite(values: torch.Tensor, name: str) -> torch.Tensor:
    """The values, if all of them are numbers."""
    bad = ~torch.isfinite(values)
    if bad.any():
        where = tuple(bad.nonzero()[0].tolist())
        raise Wrong(
            "numbers everywhere.", f"{name} has {int(bad.sum())} NaN or infinite values, the "
            f"first at {where}.", "look for a division by 0, or a root or logarithm of it.",
        )  # fmt: skip
    return values


def named(student: Any) -> str:
    """What a student calls their work."""
    owner = getattr(student, "__self__", None)
    if isinstance(owner, Attribution):
        student = owner
    if isinstance(student, Attribution):
        return type(student).__name__
    return getattr(student, "__name__", type(student).__name__)


def _function(student: Any, takes: str) -> Callable[..., Any]:
    if callable(student):
        return student  # type: ignore[no-any-return]
    if student is None:
        raise Wrong(f"a function of {takes}.", "nothing.", "run the cell that defines it first.")
    raise Wrong(
        f"a function of {takes}.",
        f"you handed over a {type(student).__name__}, which is a result.",
        "hand over the function itself, by its name and without brackets.",
    )  # fmt: skip


def _signature(function: Callable[..., Any]) -> str:
    return "(" + ", ".join(inspect.signature(function).parameters) + ")"


def _told(error: Exception) -> str:
    words = one_line(error) or type(error).__name__
    return words if words.endswith(".") else words + "."


def _because(shape: tuple[int, ...], x: torch.Tensor, subject: Subject) -> str:
    space, count = tuple(x.shape[2:]), len(x)
    if len(space) == 2 and shape[-2:] == space[::-1]:
        return ": height and width are swapped."
    if shape[-len(space) - 1 : -1] == space and shape[-1] in (1, x.shape[1]):
        return ": the channels stand last."
    if shape in (space, (1, *space), (1, 1, *space), (1, *x.shape[1:]), tuple(x.shape[1:])):
        return f": one map for {count} pictures."
    layer = _layer_with(shape[-len(space) :], subject, x)
    return f", the size of the map at {layer}." if layer else "."


def _shape_hint(shape: tuple[int, ...], x: torch.Tensor, subject: Subject) -> str:
    space = tuple(x.shape[2:])
    why = _because(shape, x, subject)
    if "swapped" in why:
        return "tensors are (batch, channels, height, width); look for a transpose or a permute."
    if "last" in why:
        return "undo the permute: channels come second."
    if "one map" in why:
        return "keep the first dimension, the batch: do not sum over it, nor take [0]."
    if "the size of" in why:
        return f"enlarge it: F.interpolate(map, size={space}, mode='bilinear')."
    return "print the shape after every step, and see where it leaves that of x."


def _layer_with(space: tuple[int, ...], subject: Subject, x: torch.Tensor) -> str:
    if len(space) != x.ndim - 2 or space == tuple(x.shape[2:]):
        return ""
    maps = [layer for layer in subject.layers(x) if tuple(layer.grid or ()) == space]
    return maps[-1].name if maps else ""
