"""Answers on disk: arrays and one text of JSON in an .npz file; nothing in it can run code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ExplainError

_VERSION = 1


def write_arrays(
    path: str | Path, kind: str, about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> Path:
    """Write a `kind` of answer, such as "scores": what JSON can say of it, and its arrays."""
    place = Path(path)
    text = np.array(json.dumps({"format": _format(kind), **about}))
    with place.open("wb") as file:
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
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ExplainError(f"{str(path)!r} holds no saved {kind}: {error}.") from None
    if about.get("format") != _format(kind):
        raise ExplainError(f"{str(path)!r} holds no saved {kind}.")
    return about, arrays


def _format(kind: str) -> str:
    return f"xaiwidgets {kind} {_VERSION}"
