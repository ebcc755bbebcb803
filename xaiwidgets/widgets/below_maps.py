"""What a page shows below its maps, for the picture that is left behind: strips of steps, and what
masking leaves of the input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xaiwidgets.core.answers import Frame, Heatmap, fold_channels
from xaiwidgets.core.display import Look, paint
from xaiwidgets.core.figure import contact_sheet, picture_of
from xaiwidgets.core.numbers import number

_SIDE, _COLUMNS = 96, 8


def strips(shown: Sequence[tuple[Heatmap, str]], look: Look) -> list[bytes]:
    """A PNG for every answer that has steps: its map, then the map at each step."""
    return [_strip(heat, title, look) for heat, title in shown if _has_strip(heat)]


def _has_strip(heat: Heatmap) -> bool:
    """Whether there are steps, and not of a text, a table or a volume; one alone, such as the cut
    into segments, is none."""
    return len(heat.frames) > 1 and heat.parts is None and heat.values.ndim == 4


def _strip(heat: Heatmap, title: str, look: Look) -> bytes:
    steps = [fold_channels(frame.values[:1], heat.reduction)[0] for frame in heat.frames]
    painted = [paint(map_, picture_of(heat, 0), look)[0] for map_ in (heat.map()[0], *steps)]
    labels = [title, *(_step(frame) for frame in heat.frames)]
    return contact_sheet(painted, labels, side=_SIDE, columns=_COLUMNS)


def _step(frame: Frame) -> str:
    """A step, with its number where it has one."""
    if frame.number is None or not np.isfinite(frame.number):
        return frame.label
    return f"{frame.label}: {number(frame.number)}"


def steps_in_words(shown: Sequence[tuple[Heatmap, str]]) -> str:
    """The strips in a sentence for those who do not see them; nothing where there are none."""
    each = [
        f"{title} at {', '.join(frame.label for frame in heat.frames)}"
        for heat, title in shown
        if _has_strip(heat)
    ]
    return f" Below, {'; '.join(each)}." if each else ""
