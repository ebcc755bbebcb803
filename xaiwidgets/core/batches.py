"""Data of any kind as a stream of prepared batches, so that memory does not grow with the data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .errors import ExplainError
from .subject import Inputs, Subject

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def batches(subject: Subject, data: Any, size: int = 64) -> Iterator[Inputs]:
    """Prepared inputs, at most `size` at a time and as many wherever the data holds that many.

    `data` is whatever Subject.prepare takes, a folder of pictures, a data set, or an iterable of
    inputs or batches such as a DataLoader; of a pair (input, label) the label is left out, and of
    an item with an `image`, such as a scene of ShapeScenes, that is taken.
    """
    waiting: list[Inputs] = []
    for given in _pieces(data, size):
        ready = subject.prepare(given)
        waiting.append(ready)
        while sum(map(len, waiting)) >= size:
            whole = _joined(waiting)
            yield Inputs(whole.x[:size], whole.names[:size])
            rest = Inputs(whole.x[size:], whole.names[size:])
            waiting = [rest] if len(rest) else []
    if waiting:
        yield _joined(waiting)


def _pieces(data: Any, size: int) -> Iterator[Any]:
    """What is prepared together: never much more than a batch, where the data comes in parts."""
    if isinstance(data, (str, Path)) and Path(data).is_dir():
        data = pictures_in(Path(data))
    if isinstance(data, (list, tuple)) and data:
        for start in range(0, len(data), size):
            yield [_input_of(one) for one in data[start : start + size]]
    elif isinstance(data, (torch.Tensor, np.ndarray, str, Path, Inputs, list, tuple)):
        yield data
    elif isinstance(data, Iterable) or hasattr(data, "__getitem__"):
        for piece in data:  # type: ignore[union-attr]
            yield _input_of(tuple(piece) if isinstance(piece, list) else piece)
    else:
        yield data  # one picture


def _input_of(piece: Any) -> Any:
    """What a data set's pair (input, label), or its item with an `image`, is about."""
    if isinstance(piece, tuple) and piece:
        return piece[0]
    return getattr(piece, "image", piece)


def pictures_in(folder: Path) -> list[Path]:
    """The files of a folder that hold pictures, by name; ExplainError where there are none."""
    inside = folder.iterdir() if folder.is_dir() else ()
    found = sorted(path for path in inside if path.suffix.lower() in _SUFFIXES)
    if not found:
        raise ExplainError(
            f"The folder {str(folder)!r} holds no picture; it takes files that end in "
            f"{', '.join(_SUFFIXES)}."
        )
    return found


def _joined(parts: list[Inputs]) -> Inputs:
    shapes = {tuple(part.x.shape[1:]) for part in parts}
    if len(shapes) > 1:
        raise ExplainError(
            f"The inputs have different shapes: {sorted(shapes)}; give Subject(..., "
            "size=(height, width)) so that pictures are brought to one size."
        )
    return Inputs(torch.cat([part.x for part in parts]), [n for part in parts for n in part.names])
