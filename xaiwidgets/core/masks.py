"""Masks: where the truth lies, as an array of true and false."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .errors import ExplainError

_TAKEN = "an array of true and false, or of 0 and 1, or of 0 and 255"


def boolean(mask: Any, what: str = "The mask") -> np.ndarray:
    """A mask, or a list of masks, as true and false. What is neither, such as a soft mask or the
    numbers of several objects, is refused: it would count as object wherever it is not 0."""
    if hasattr(mask, "keys"):
        names = [str(name) for name in mask]
        advice = f"give one of them, such as masks[{names[0]!r}]" if names else "it is empty"
        raise ExplainError(f"{what} came as a {type(mask).__name__} of several; {advice}.")
    if isinstance(mask, (list, tuple)) and any(hasattr(one, "shape") for one in mask):
        parts = [boolean(one, what) for one in mask]
        shapes = sorted({part.shape for part in parts})
        if len(shapes) > 1:
            raise ExplainError(
                f"{what} has parts of different shapes: {shapes}; bring them to one."
            )
        return np.stack(parts)
    if isinstance(mask, (list, tuple)) and any(hasattr(one, "keys") for one in mask):
        return boolean(next(one for one in mask if hasattr(one, "keys")), what)
    if isinstance(mask, torch.Tensor):
        mask = mask.detach().cpu()
        mask = mask.float() if mask.is_floating_point() else mask
    try:
        found = np.asarray(mask)
    except (TypeError, ValueError):
        found = np.asarray("")
    if found.dtype == bool:
        return found
    if found.dtype.kind not in "iuf":
        came = f"an array of {mask.dtype}" if hasattr(mask, "dtype") else f"a {type(mask).__name__}"
        raise ExplainError(f"{what} is {came}; it takes {_TAKEN}.")
    if not (np.isin(found, (0, 1)).all() or np.isin(found, (0, 255)).all()):
        other = found[~np.isin(found, (0, 1, 255))]
        odd = f"{other[0]:g}" if len(other) else "1 beside 255"
        raise ExplainError(
            f"{what} holds {odd}; it takes {_TAKEN}: say what counts as the object, for instance "
            "mask > 0.5 or mask == 3."
        )
    return found > 0


def fitted(array: Any, x: torch.Tensor) -> Any:
    """Numbers a pixel (inputs, height, width) as they came for x: of one input without the first
    axis, of texts and of rows of tables without the height, which is 1 there."""
    sides = tuple(x.shape[2:])
    if array.shape == sides and len(x) == 1:
        return array[None]
    flat = sides[0] == 1 and len(sides) == 2
    if flat and tuple(array.shape) in ((len(x), sides[1]), *[(sides[1],)] * (len(x) == 1)):
        return array.reshape(len(x), *sides)
    return array
