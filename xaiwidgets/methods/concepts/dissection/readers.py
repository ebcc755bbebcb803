"""Data sets of pictures with masks, read from disk as they are asked for.

Each is a sequence of `Annotated` pictures whose concepts are called "category:name".
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from xaiwidgets.core.batches import pictures_in
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.preprocessing import as_image

from .run_lengths import coco_mask


@dataclass(frozen=True, eq=False)
class Annotated:
    """A picture's path, its masks by "category:name" (boolean arrays, or True for the whole
    picture), and the categories that were annotated in it, None for all."""

    image: Path
    masks: dict[str, Any] = field(repr=False)
    annotated: frozenset[str] | None = None


class MaskFolder:
    """A folder of pictures, and one of masks: a folder for each concept, with a PNG of each
    picture's name where it occurs. What is not black belongs to the concept.

    The path below `masks` names the concept: `masks/colour/red/7.png` is "colour:red" in the
    picture 7, `masks/dog/7.png` is "dog". Raises ExplainError for folders without pictures.
    """

    def __init__(self, pictures: str | Path, masks: str | Path) -> None:
        self.pictures = pictures_in(Path(pictures))
        root = Path(masks)
        self._masks: dict[str, dict[str, Path]] = defaultdict(dict)
        for file in sorted(root.rglob("*.png")):
            name = ":".join(file.parent.relative_to(root).parts)
            self._masks[file.stem][name] = file
        if not self._masks or "" in set().union(*self._masks.values()):
            raise ExplainError(
                f"The masks in {str(root)!r} have to lie in a folder for each concept, such as "
                f"{str(root / 'dog' / (self.pictures[0].stem + '.png'))!r}."
            )
        self.concepts = tuple(sorted(set().union(*self._masks.values())))

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Annotated:
        """One picture with its masks."""
        path = self.pictures[index]
        files = self._masks.get(path.stem, {})
        return Annotated(path, {name: _plain(file).any(2) for name, file in files.items()})


class CocoMasks:
    """Pictures with instances in COCO's format: a JSON file with polygons or run lengths, and the
    folder of pictures. A concept is "supercategory:name", seen wherever one of its instances is;
    regions marked as crowds count as well.

    Raises ExplainError for a file that is none, IndexError outside of the pictures.
    """

    def __init__(self, annotations: str | Path, pictures: str | Path) -> None:
        self.folder = Path(pictures)
        try:
            held = json.loads(Path(annotations).read_text(encoding="utf-8"))
            self._images = sorted(held["images"], key=lambda image: image["id"])
            kinds, found = held["categories"], held["annotations"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ExplainError(
                f"{str(annotations)!r} cannot be read as COCO annotations: {error!r}; it takes a "
                "JSON file with 'images', 'annotations' and 'categories'."
            ) from None
        self._names = {
            kind["id"]: f"{kind.get('supercategory') or 'object'}:{kind['name']}" for kind in kinds
        }
        self._of: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for each in found:
            self._of[each["image_id"]].append(each)
        self.concepts = tuple(self._names.values())

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Annotated:
        """One picture with its masks."""
        image = self._images[index]
        size = int(image["height"]), int(image["width"])
        masks: dict[str, np.ndarray] = {}
        for each in self._of[image["id"]]:
            name = self._names[each["category_id"]]
            mask = coco_mask(each["segmentation"], size)
            masks[name] = masks[name] | mask if name in masks else mask
        return Annotated(self.folder / image["file_name"], masks)


class Broden:
    """The folder of Broden, the data set of network dissection, or one in its format: `index.csv`
    names for each picture the files or label numbers of every category, `label.csv` the labels, and
    `images` holds pictures and label maps (red + 256 · green). `split` takes one part of it.

    A category without an entry was not annotated in that picture. Raises ExplainError for a folder
    that is none.
    """

    _KEPT = ("image", "split", "ih", "iw", "sh", "sw")

    def __init__(self, folder: str | Path, split: str | None = None) -> None:
        self.folder = Path(folder)
        rows = list(self._table("index.csv"))
        self._rows = [row for row in rows if split is None or row["split"] == split]
        if not self._rows:
            splits = ", ".join(sorted({row.get("split", "") for row in rows}))
            raise ExplainError(f"No picture of {str(folder)!r} is in {split!r}; it has {splits}.")
        self.categories = [name for name in self._rows[0] if name not in self._KEPT]
        self._names = {int(row["number"]): row["name"] for row in self._table("label.csv")}

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Annotated:
        """One picture with its masks."""
        row, masks = self._rows[index], dict[str, Any]()
        known = frozenset(name for name in self.categories if row[name])
        for category in sorted(known):
            for entry in row[category].split(";"):
                masks.update(self._masks(category, entry))
        return Annotated(self.folder / "images" / row["image"], masks, known)

    def _masks(self, category: str, entry: str) -> Iterator[tuple[str, Any]]:
        """The concepts of one entry: a label that holds for the picture, or a map of labels."""
        if entry.isdigit():
            yield self._name(category, int(entry)), True
            return
        colours = _plain(self.folder / "images" / entry).astype(np.int32)
        labels = colours[..., 0] + 256 * colours[..., 1]
        for number in np.unique(labels):
            if number:
                yield self._name(category, int(number)), labels == number

    def _name(self, category: str, number: int) -> str:
        return f"{category}:{self._names.get(number, number)}"

    def _table(self, name: str) -> Iterator[dict[str, str]]:
        file = self.folder / name
        if not file.exists():
            raise ExplainError(
                f"{str(self.folder)!r} holds no {name}; Broden takes the folder with index.csv, "
                "label.csv and images."
            )
        with file.open(newline="", encoding="utf-8") as lines:
            yield from csv.DictReader(lines)


def _plain(file: Path) -> np.ndarray:
    """The colours of a PNG (height, width, 3), as they are stored."""
    return np.asarray(as_image(file))
