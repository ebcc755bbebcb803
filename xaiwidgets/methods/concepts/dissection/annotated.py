"""Pictures with the concepts that are known in them, from any data set that has both."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.preprocessing import is_picture
from xaiwidgets.core.subject import Subject

_MANY = 4096


class Example(NamedTuple):
    """A picture and the concepts that are seen in it. `masks` holds for each a boolean array
    (height, width), or True for one that holds for the whole picture; `annotated` names the
    categories that somebody looked for here, None for all."""

    picture: Any
    masks: Mapping[str, Any]
    annotated: frozenset[str] | None = None


def example(data: Any, index: int) -> Example:
    """One item of a data set: an object with `image` and `masks`, or a pair (picture, masks)."""
    item = data[int(index)]
    masks = getattr(item, "masks", None)
    if isinstance(masks, Mapping) and hasattr(item, "image"):
        annotated = getattr(item, "annotated", None)
        return Example(item.image, masks, None if annotated is None else frozenset(annotated))
    if isinstance(item, (tuple, list)) and len(item) == 2 and isinstance(item[1], Mapping):
        return Example(item[0], item[1])
    raise ExplainError(
        f"Item {index} of the data is a {type(item).__name__}; dissection takes pictures with "
        "masks: items with .image and .masks, or pairs (picture, {'category:concept': mask})."
    )


def examples(data: Any, rows: Sequence[int] | np.ndarray) -> list[Example]:
    """Some items of a data set; together where it has a method `examples` for that."""
    if hasattr(data, "examples"):
        found: list[Example] = data.examples(rows)
        return found
    return [example(data, row) for row in rows]


def together(pictures: list[Any]) -> Any:
    """Pictures that are prepared already as one batch, which is quicker to check; others alone."""
    ready = all(isinstance(one, torch.Tensor) and one.is_floating_point() for one in pictures)
    if ready and len({one.shape for one in pictures}) == 1 and pictures[0].ndim == 3:
        return torch.stack(pictures)
    return pictures


def checked(data: Any) -> Any:
    """`data` itself, when it has a length and items by number."""
    if not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        raise ExplainError(
            f"The data is a {type(data).__name__}; dissection takes a data set with a length and "
            "items by number, such as a list of pairs (picture, masks), ShapeScenes, Broden, "
            "CocoMasks or MaskFolder."
        )
    if len(data) == 0:
        raise ExplainError("The data set is empty; dissection takes pictures with masks.")
    return data


def pictures_of(data: Any) -> Any:
    """The pictures alone, where the items of `data` have masks as well; otherwise `data`."""
    sized = hasattr(data, "__len__") and hasattr(data, "__getitem__") and len(data)
    if sized and hasattr(data[0], "masks"):
        return (data[i].image for i in range(len(data)))
    return data


def category_of(concept: str) -> str:
    """What kind of concept it is: 'colour' of 'colour:red'; 'concept' where nothing is said."""
    return concept.split(":", 1)[0] if ":" in concept else "concept"


@dataclass(frozen=True, eq=False)
class Labels:
    """Which concepts every pixel of some pictures has.

    Pixels with the same concepts share a code: `codes` (pictures, height, width) are the numbers of
    the rows of `sets` (codes, concepts). `owner` (codes,) is the picture that a code belongs to,
    and `annotated` (pictures, categories) says which categories somebody looked for, `throughout`
    (pictures,) where it was all.
    """

    concepts: list[str]
    categories: list[str]
    codes: np.ndarray
    sets: np.ndarray
    owner: np.ndarray
    annotated: np.ndarray
    throughout: np.ndarray

    @classmethod
    def of(
        cls,
        subject: Subject,
        examples: Sequence[Example],
        wanted: Collection[str],
        size: tuple[int, int],
    ) -> Labels:
        """The labels of pictures at that size. `wanted` names concepts or categories, none for
        all."""
        seen = [_fitted(subject, each, size, wanted) for each in examples]
        return cls.from_masks(seen, size, [each.annotated for each in examples])

    @classmethod
    def from_masks(
        cls,
        seen: Sequence[Mapping[str, Any]],
        size: tuple[int, int],
        annotated: Sequence[frozenset[str] | None],
    ) -> Labels:
        """The labels of pictures whose masks have the size (height, width), or are True."""
        concepts = list(dict.fromkeys(name for masks in seen for name in masks))
        column = {name: i for i, name in enumerate(concepts)}
        named = {category for each in annotated if each is not None for category in each}
        categories = list(dict.fromkeys([*map(category_of, concepts), *sorted(named)]))
        codes = np.empty((len(seen), *size), np.int32)
        sets: list[np.ndarray] = []
        for row, masks in enumerate(seen):
            known = [np.broadcast_to(mask, size).ravel() for mask in masks.values()]
            numbers, place = _numbered(known, size[0] * size[1])
            codes[row] = numbers.reshape(size) + sum(map(len, sets))
            own = np.zeros((len(place), len(concepts)), bool)
            for name, mask in zip(masks, known, strict=True):
                own[:, column[name]] = mask[place]
            sets.append(own)
        return cls(
            concepts, categories, codes, np.concatenate(sets),
            np.repeat(np.arange(len(seen)), [len(own) for own in sets]),
            np.array([[a is None or c in a for c in categories] for a in annotated], bool)
            .reshape(len(seen), len(categories)),
            np.array([each is None for each in annotated], bool),
        )  # fmt: skip

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the masks."""
        return self.codes.shape[1], self.codes.shape[2]

    def columns(self, concepts: list[str], categories: list[str]) -> np.ndarray:
        """A row a code: ones for its concepts, then for the categories annotated in its picture."""
        found = np.zeros((len(self.sets), len(concepts) + len(categories)), bool)
        place = {name: i for i, name in enumerate(concepts)}
        for i, name in enumerate(self.concepts):
            found[:, place[name]] = self.sets[:, i]
        for i, name in enumerate(categories, len(concepts)):
            here = (
                self.annotated[:, self.categories.index(name)]
                if name in self.categories
                else self.throughout
            )
            found[:, i] = here[self.owner]
        return found


def _numbered(masks: Sequence[np.ndarray], pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """A number for every pixel (pixels,), the same where the same masks hold, and for each number
    a pixel that has it."""
    codes, count = np.zeros(pixels, np.int32), 1
    for mask in masks:
        codes, count = 2 * codes + mask, 2 * count
        if count > _MANY:
            codes, count = _closed_up(codes, count)
    codes, count = _closed_up(codes, count)
    place = np.empty(count, np.int64)
    place[codes] = np.arange(pixels)
    return codes, place


def _closed_up(codes: np.ndarray, count: int) -> tuple[np.ndarray, int]:
    """The same codes without numbers that nobody has."""
    present = np.bincount(codes, minlength=count) > 0
    return (np.cumsum(present, dtype=np.int32) - 1)[codes], int(present.sum())


def size_of(subject: Subject, x: torch.Tensor, examples: Sequence[Example]) -> tuple[int, int]:
    """At which size (height, width) masks are compared: their own, where all have one and the
    picture fills the network's input, so that coarse masks stay as they are; else the input's."""
    height, width = x.shape[2:]
    shapes = {np.shape(mask) for each in examples for mask in each.masks.values() if np.ndim(mask)}
    own = next(iter(shapes)) if len(shapes) == 1 else (height, width)
    untouched = subject.preprocessing.call is None or not is_picture(examples[0].picture)
    if untouched and len(own) == 2 and own[0] * width == own[1] * height:
        return int(own[0]), int(own[1])
    return int(height), int(width)


def _fitted(
    subject: Subject, example: Example, size: tuple[int, int], wanted: Collection[str]
) -> dict[str, Any]:
    """The masks that are wanted and not empty, at that size: they go the way of the picture."""
    found: dict[str, Any] = {}
    for name, mask in example.masks.items():
        if wanted and name not in wanted and category_of(name) not in wanted:
            continue
        if mask is True or mask is np.True_:
            found[name] = True
            continue
        inside = np.asarray(mask, bool)
        if inside.ndim != 2:
            raise ExplainError(
                f"The mask of {name!r} has shape {inside.shape}; it takes (height, width), or True "
                "for the whole picture."
            )
        if is_picture(example.picture):
            inside = subject.preprocessing.mask(inside, size)
        if inside.shape != size:
            raise ExplainError(
                f"The mask of {name!r} is {inside.shape[0]} × {inside.shape[1]} pixels where "
                f"{size[0]} × {size[1]} are taken; give Subject(..., size=(height, width)), so "
                "that pictures and masks are brought to one size."
            )
        if inside.any():
            found[name] = inside
    return found
