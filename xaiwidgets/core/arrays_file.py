"""Answers on disk: arrays and one text of JSON in an .npz file; nothing in it can run code."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from .errors import ExplainError, one_line

_VERSION = 1


@contextmanager
def place_of(path: str | Path) -> Iterator[Path]:
    """Where to write a file; an ExplainError says why it cannot be written."""
    from safetensors import SafetensorError

    place = Path(path)
    if not os.path.isdir(place.parent):
        raise ExplainError(f"There is no folder {str(place.parent)!r} to save in; make it first.")
    if os.path.isdir(place):
        raise ExplainError(f"{str(place)!r} is a folder; give the name of a file in it.")
    try:
        yield place
    except (OSError, SafetensorError) as error:
        raise ExplainError(f"{str(place)!r} cannot be written: {one_line(error)}.") from None


def write_arrays(
    path: str | Path, kind: str, about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> Path:
    """Write a `kind` of answer, such as "scores": what JSON can say of it, and its arrays."""
    text = np.array(json.dumps({"format": _format(kind), **about}))
    with place_of(path) as place, place.open("wb") as file:
        np.savez_compressed(file, about=text, **arrays)  # type: ignore[arg-type]
    return place


def read_arrays(path: str | Path, kind: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What `write_arrays` wrote of that kind; refuses any other file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about: dict[str, Any] = json.loads(str(arrays.pop("about")))
    except FileNotFoundError:
        raise ExplainError(
            f"There is no file of {kind} at {str(path)!r}; check the path."
        ) from None
    except (OSError, ValueError, KeyError, AttributeError, EOFError, BadZipFile):
        raise ExplainError(f"{str(path)!r} holds no saved {kind}.") from None
    if about.get("format") != _format(kind):
        raise ExplainError(f"{str(path)!r} holds no saved {kind}.")
    return about, arrays


def _format(kind: str) -> str:
    return f"xaiwidgets {kind} {_VERSION}"
