"""A shortcut that was found: judged by what the network does, not by a picture of the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from xaiwidgets import zoo
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject

from .asking import called, finite, tensor
from .marking import HALF, MOST, Part, Report, Wrong, marked

_COUNT = 16
_LARGEST = 0.06  # of the picture: a box that hides more changes answers by itself
_MOST = 0.9  # of the pictures have to change
_FEW = 0.25  # of them may change with a control

Planted = tuple[Subject, torch.Tensor, torch.Tensor]


def shortcut(
    *,
    label: str | None = None,
    box: Sequence[int] | None = None,
    plant: Callable[[torch.Tensor], Any] | None = None,
    mend: Callable[[list[Any]], Any] | None = None,
    seed: int = 0,
    points: float | None = None,
) -> Report | float:
    """Whether the shortcut of the zoo's planted network, `zoo.subject("shapes-trojan")`, was found.

    `label` is the class that the shortcut calls; `box` = (top, left, bottom, right), in pixels of a
    picture of 96, what has to be covered to switch it off; `plant`, a function of pictures (batch,
    3, 96, 96) as the network takes them, puts it into clean ones; `mend`, a function of a list of
    pictures (arrays), names their classes with the shortcut made harmless. Any of these may be
    asked about alone. Each is tried on pictures that nobody has seen, and with a control. Raises
    CheckFailed; with `points` prints what it says and returns the points earned instead.
    """
    subject, triggered, clean = _pictures(seed)
    parts: list[Part] = []
    if label is not None:
        parts += [Part("which class it calls", lambda: _names(subject, label))]
    if box is not None:
        parts += [
            Part("where it is", lambda: _switches_off(subject, triggered, box)),
            Part("a control: covered elsewhere", lambda: _elsewhere(subject, triggered, box)),
        ]
    if plant is not None:
        parts += [
            Part("planted into clean pictures", lambda: _plants(subject, clean, plant)),
            Part("a control: planted for a network without it",
                 lambda: _spares(subject, clean, plant)),
        ]  # fmt: skip
    if mend is not None:
        parts += [
            Part("mended: pictures with the shortcut", lambda: _mends(mend, [1.0], seed)),
            Part("a control: pictures without it", lambda: _mends(mend, [1.0, 0.0], seed)),
        ]
    if not parts:
        raise ExplainError("check.shortcut takes what was found: label=, box=, plant= or mend=.")
    return marked("The shortcut", parts, points)


def _pictures(seed: int) -> Planted:
    """The planted network, pictures that carry the trigger, and the same without it."""
    subject = zoo.subject("shapes-trojan")
    target = zoo.card("shapes-trojan")["target"]

    def of(trigger: float) -> torch.Tensor:
        scenes = zoo.ShapeScenes(3 * _COUNT, size=96, seed=70_000 + seed, trigger=trigger)
        chosen = [scene.image for scene in scenes if scene.shape != target][:_COUNT]
        return subject.prepare(chosen).x

    return subject, of(1.0), of(0.0)


def _said(subject: Subject, x: torch.Tensor) -> list[str]:
    return [subject.classes[index] for index in subject.outputs(x).argmax(1).tolist()]


def _share(said: Sequence[str], label: str) -> float:
    return sum(one == label for one in said) / len(said)


def _names(subject: Subject, label: Any) -> None:
    target = zoo.card("shapes-trojan")["target"]
    if label == target:
        return
    if label is ...:
        raise Wrong("the name of a class.", "none yet.", "put it in place of the dots.")
    if label not in subject.classes:
        raise Wrong(
            f"one of the classes: {', '.join(subject.classes)}.", f"{label!r}.",
            "name the class as subject.classes does.",
        )  # fmt: skip
    raise Wrong(
        "the class that the network says where the shortcut is, whatever else is in the picture.",
        f"{label!r}, which it says of pictures that show one.",
        "compare the network's answers with the true shapes: which class does it give too often?",
    )


def _covered(x: torch.Tensor, box: Sequence[int]) -> torch.Tensor:
    top, left, bottom, right = box
    covered = x.clone()
    covered[:, :, top:bottom, left:right] = x.mean((2, 3), keepdim=True)
    return covered


def _checked(x: torch.Tensor, box: Any) -> tuple[int, int, int, int]:
    height, width = x.shape[2:]
    if box is ...:
        raise Wrong("a box.", "none yet.", "put (top, left, bottom, right) in place of the dots.")
    words = f"(top, left, bottom, right) in whole pixels from 0 to {height}, the last just outside."
    try:
        top, left, bottom, right = (int(edge) for edge in box)
    except (TypeError, ValueError):
        raise Wrong(words, f"{box!r}.", "give four whole numbers.") from None
    if not (0 <= top < bottom <= height and 0 <= left < right <= width):
        raise Wrong(words, f"{tuple(box)}.", "rows come first: top < bottom, left < right.")
    pixels, most = (bottom - top) * (right - left), int(_LARGEST * height * width)
    if pixels > most:
        raise Wrong(
            f"a box of at most {most} pixels, {_LARGEST:.0%} of the picture.", f"{pixels} pixels.",
            "find the smallest box: hiding much changes any network's answer, and proves nothing.",
        )  # fmt: skip
    return top, left, bottom, right


def _switches_off(subject: Subject, x: torch.Tensor, box: Any) -> None:
    edges = _checked(x, box)
    target = str(zoo.card("shapes-trojan")["target"])
    freed = 1 - _share(_said(subject, _covered(x, edges)), target)
    if freed >= _MOST:
        return
    swapped = (edges[1], edges[0], edges[3], edges[2])
    turned = 1 - _share(_said(subject, _covered(x, swapped)), target)
    yours = "a box with rows and columns swapped" if turned >= _MOST else f"{freed:.0%} of them are"
    earns = MOST if turned >= _MOST else HALF if freed >= HALF else 0.0
    if turned >= _MOST:
        hint = "rows come first: (top, left, bottom, right)"
    elif freed > _FEW / 2:
        hint = "some pictures carry it a little beside the box: look at several, and cover all"
    else:
        hint = (
            "look where the maps of several pictures agree although the objects stand elsewhere; "
            "a fine map (integrated gradients) shows it better than a coarse one"
        )
    raise Wrong(
        "a box without which nearly all pictures are named otherwise.", f"{yours}.", f"{hint}.",
        earns=earns,
    )  # fmt: skip


def _elsewhere(subject: Subject, x: torch.Tensor, box: Any) -> None:
    _switches_off(subject, x, box)
    top, left, bottom, right = _checked(x, box)
    target = str(zoo.card("shapes-trojan")["target"])
    high, wide = bottom - top, right - left
    corners = [(0, 0), (0, x.shape[3] - wide), (x.shape[2] - high, 0)]
    freed = [
        1 - _share(_said(subject, _covered(x, (row, column, row + high, column + wide))), target)
        for row, column in corners
        if not (abs(row - top) < high and abs(column - left) < wide)
    ]
    if max(freed) > _FEW:
        raise Wrong(
            "a box of which only the place matters: as large a one elsewhere changes nothing.",
            f"as large a box in another corner changes {max(freed):.0%} of the pictures.",
            "make the box smaller.",
        )  # fmt: skip


def _mends(mend: Callable[[list[Any]], Any], triggers: Sequence[float], seed: int) -> None:
    """Whether a student's function names pictures rightly, with the shortcut in all, or in none."""
    for trigger in triggers:
        _names_rightly(mend, trigger, seed)


def _names_rightly(mend: Callable[[list[Any]], Any], trigger: float, seed: int) -> None:
    scenes = list(zoo.ShapeScenes(2 * _COUNT, size=96, seed=80_000 + seed, trigger=trigger))
    said = called(mend, [scene.image for scene in scenes], takes="(pictures)")
    said = [said] if isinstance(said, str) else list(said)
    if len(said) != len(scenes):
        raise Wrong(
            f"{len(scenes)} names.", f"{len(said)} of them.", "return one for each picture."
        )
    if not all(isinstance(name, str) for name in said):
        raise Wrong(
            "names of classes.", f"{said[0]!r}, a {type(said[0]).__name__}.",
            "subject.classes[index] is the name of a class.",
        )  # fmt: skip
    right = sum(a == scene.shape for a, scene in zip(said, scenes, strict=True)) / len(scenes)
    if right >= _MOST:
        return
    raise Wrong(
        f"at least {_MOST:.0%} of them named by their shapes.",
        f"{right:.0%} of them are; the first is called {said[0]!r} and shows: {scenes[0].shape}.",
        "hide the place of the shortcut from the network, and nothing of the object.",
    )


def _planted(x: torch.Tensor, plant: Callable[[torch.Tensor], Any]) -> torch.Tensor:
    """The pictures with what a student's function puts there, and little else."""
    made = finite(tensor(called(plant, x.clone(), takes="(x)"), "plant"), "plant").float()
    if made.shape != x.shape:
        raise Wrong(
            f"pictures {tuple(x.shape)}.", f"{tuple(made.shape)}.", "return a changed copy."
        )
    changed = float((made != x).any(1).double().mean())
    if changed > _LARGEST:
        raise Wrong(
            f"at most {_LARGEST:.0%} of the pixels changed.", f"{changed:.0%} of them.",
            "change the place of the shortcut alone: x[:, :, top:bottom, left:right] = ...",
        )  # fmt: skip
    if changed == 0:
        raise Wrong(
            "a small change in every picture.", "none.", "write into a copy, and return it."
        )
    return made


def _plants(subject: Subject, x: torch.Tensor, plant: Callable[[torch.Tensor], Any]) -> None:
    target = str(zoo.card("shapes-trojan")["target"])
    share = _share(_said(subject, _planted(x, plant)), target)
    if share < _MOST:
        raise Wrong(
            "clean pictures that the network names as the shortcut says, nearly all of them.",
            f"{share:.0%} of them.",
            "cut the patch out of a picture that carries it, as the network takes it (prepared, "
            "not in 0...255), and put it where it was.",
        )  # fmt: skip


def _spares(subject: Subject, x: torch.Tensor, plant: Callable[[torch.Tensor], Any]) -> None:
    _plants(subject, x, plant)
    clean = zoo.subject("shapes")
    before, after = _said(clean, x), _said(clean, _planted(x, plant))
    changed = sum(a != b for a, b in zip(before, after, strict=True)) / len(before)
    if changed > _FEW:
        raise Wrong(
            "a patch that means nothing to zoo.subject('shapes'), which never learnt the shortcut.",
            f"it changes {changed:.0%} of its answers.",
            "plant what the shortcut needs and no more: a patch that hides the object fools any "
            "network.",
        )  # fmt: skip
