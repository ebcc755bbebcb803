"""Pictures with the concepts that are known in them, from any data set that has both."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.preprocessing import is_picture
from xaiwidgets.core.subject import Subject

_BITS = 6  # masks that share a number before it is asked which of their combinations occur
_APART = 4  # pixels from one that is looked at to the next, to see what a picture usually shows


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

    Pixels of a picture with the same concepts share a code (`codes`: pictures, height, width). Its
    concepts are the row `first[picture] + code` of `sets` (rows, concepts). `areas` (pictures,
    concepts) are the pixels of each concept. `annotated` (pictures, categories) says which
    categories somebody looked for, `throughout` (pictures,) where it was all.
    """

    concepts: list[str]
    categories: list[str]
    codes: np.ndarray
    first: np.ndarray
    sets: np.ndarray
    areas: np.ndarray
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
        concepts = list(dict.fromkeys(name for masks in seen for name in masks))
        noted = [each.annotated for each in examples]
        named = {category for each in noted if each is not None for category in each}
        categories = list(dict.fromkeys([*map(category_of, concepts), *sorted(named)]))
        column = {name: i for i, name in enumerate(concepts)}
        areas = np.zeros((len(seen), len(concepts)), np.int64)
        coded, owned = [], []
        for area, masks in zip(areas, seen, strict=True):
            drawn = [(column[n], each.mask) for n, each in masks.items() if each.mask is not None]
            codes, held = _coded([mask for _, mask in drawn], size)
            own = np.zeros((len(held), len(concepts)), bool)
            own[:, [place for place, _ in drawn]] = held
            for name, each in masks.items():
                area[column[name]] = each.pixels
                if each.mask is None:
                    own[:, column[name]] = True
            coded.append(codes)
            owned.append(own)
        first = np.cumsum([0, *map(len, owned)])[:-1]
        return cls(
            concepts, categories, np.stack(coded), first, np.concatenate(owned), areas,
            np.array([[a is None or c in a for c in categories] for a in noted], bool)
            .reshape(len(seen), len(categories)),
            np.array([each is None for each in noted], bool),
        )  # fmt: skip

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the masks."""
        return self.codes.shape[1], self.codes.shape[2]

    def mask(self, picture: int, concept: int) -> np.ndarray:
        """Where a concept, by its number, is in a picture (height, width)."""
        found: np.ndarray = self.sets[self.first[picture] :, concept][self.codes[picture]]
        return found

    @property
    def usual(self) -> np.ndarray:
        """A code that many pixels of each picture have (pictures,)."""
        some = self.codes[:, ::_APART, ::_APART].reshape(len(self.codes), -1).astype(np.int64)
        count = int(some.max()) + 1
        place = some + count * np.arange(len(some))[:, None]
        counts = np.bincount(place.ravel(), minlength=count * len(some))
        found: np.ndarray = counts.reshape(len(some), count).argmax(1)
        return found

    def columns(
        self, concepts: list[str], categories: list[str], picture: np.ndarray, held: np.ndarray
    ) -> np.ndarray:
        """What is said of this object's concepts (`held`: n, own concepts), in columns for others;
        then ones for the categories that are annotated in the `picture` (n,) of each."""
        found = np.zeros((len(held), len(concepts) + len(categories)))
        place = {name: i for i, name in enumerate(concepts)}
        found[:, [place[name] for name in self.concepts]] = held
        for i, name in enumerate(categories, len(concepts)):
            known = name in self.categories
            here = self.annotated[:, self.categories.index(name)] if known else self.throughout
            found[:, i] = here[picture]
        return found


def _coded(masks: Sequence[np.ndarray], size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A code for every pixel, the same where the same masks hold, and for each code which masks
    these are (codes, masks)."""
    codes, sets = np.zeros(size, np.uint8), np.zeros((1, 0), bool)
    for start in range(0, len(masks), _BITS):
        some = [mask.view(np.uint8) for mask in masks[start : start + _BITS]]
        bits = some[0].copy()
        for mask in some[1:]:
            np.add(bits, bits, out=bits)
            np.bitwise_or(bits, mask, out=bits)
        held = _combinations(len(some))
        codes, sets = _told_apart(codes, sets, bits, held) if start else (bits, held)
    return codes, sets


@functools.cache
def _combinations(count: int) -> np.ndarray:
    """All sets of so many masks (sets, masks), the first mask in the highest bit."""
    numbers = np.arange(1 << count, dtype=np.uint8)[:, None]
    return np.unpackbits(numbers, axis=1)[:, 8 - count :].astype(bool)


def _told_apart(
    codes: np.ndarray, sets: np.ndarray, bits: np.ndarray, held: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Codes for pixels that have a code and the bits of more masks; only those that occur."""
    both = codes.astype(np.int64) * len(held) + bits
    present = np.flatnonzero(np.bincount(both.ravel()))
    number = np.zeros(present[-1] + 1, np.min_scalar_type(len(present)))
    number[present] = np.arange(len(present))
    before, after = np.divmod(present, len(held))
    return number[both], np.concatenate([sets[before], held[after]], 1)


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


class _Fitted(NamedTuple):
    """A mask (height, width), None where it is the whole picture, and how many pixels it has."""

    mask: np.ndarray | None
    pixels: int


def _fitted(
    subject: Subject, example: Example, size: tuple[int, int], wanted: Collection[str]
) -> dict[str, _Fitted]:
    """The masks that are wanted and not empty, at that size: they go the way of the picture."""
    found: dict[str, _Fitted] = {}
    drawn = is_picture(example.picture)
    for name, mask in example.masks.items():
        if wanted and name not in wanted and category_of(name) not in wanted:
            continue
        if mask is True or mask is np.True_:
            found[name] = _Fitted(None, size[0] * size[1])
            continue
        inside = np.asarray(mask, bool)
        if inside.ndim != 2:
            raise ExplainError(
                f"The mask of {name!r} has shape {inside.shape}; it takes (height, width), or True "
                "for the whole picture."
            )
        if drawn:
            inside = subject.preprocessing.mask(inside, size)
        if inside.shape != size:
            raise ExplainError(
                f"The mask of {name!r} is {inside.shape[0]} × {inside.shape[1]} pixels where "
                f"{size[0]} × {size[1]} are taken; give Subject(..., size=(height, width)), so "
                "that pictures and masks are brought to one size."
            )
        if pixels := int(np.count_nonzero(inside)):
            found[name] = _Fitted(inside, pixels)
    return found
