"""The stages of a randomisation test: which blocks have forgotten at each, and the network then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xaiwidgets.core.subject import Subject

from .blocks import Block
from .forgetting import Forgetting

MODES = ("top down", "bottom up", "one at a time")
MODE_HELP = (
    "forget from the output down and keep what was forgotten (a cascade), from the input up, or "
    "one block at a time"
)


@dataclass(frozen=True)
class Stage:
    """One step: the block that forgot last, all that have forgotten, and the subject as it is."""

    name: str
    forgotten: tuple[Block, ...]
    subject: Subject


def stages(forgetting: Forgetting, blocks: list[Block], mode: str) -> Iterator[Stage]:
    """The stages in order, each with a network of its own that shares what it can."""
    order = blocks if mode == "bottom up" else blocks[::-1]
    for i, block in enumerate(order):
        gone = (block,) if mode == "one at a time" else tuple(order[: i + 1])
        yield Stage(block.name, gone, forgetting.without(gone))
