"""Photographs that come with scikit-image and scikit-learn, to be explained with any network.

Nothing is downloaded: only files that lie inside the two packages are read.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Photograph:
    """Where a photograph lies, what ImageNet would plausibly call it, and whose it is."""

    package: str
    file: str
    shows: str
    credit: str


PHOTOGRAPHS: dict[str, Photograph] = {
    "astronaut": Photograph(
        "skimage",
        "data/astronaut.png",
        "space shuttle",
        "Eileen Collins, by NASA; public domain",
    ),
    "chelsea": Photograph(
        "skimage",
        "data/chelsea.png",
        "Egyptian cat",
        "Chelsea the cat, by Stéfan van der Walt; CC0",
    ),
    "coffee": Photograph(
        "skimage",
        "data/coffee.png",
        "espresso",
        "Coffee cup, by Rachel Michetti, courtesy of Pikolo Espresso Bar; CC0",
    ),
    "rocket": Photograph(
        "skimage",
        "data/rocket.jpg",
        "missile",
        "Falcon 9 carrying DSCOVR, by SpaceX; public domain",
    ),
    "china": Photograph(
        "sklearn",
        "datasets/images/china.jpg",
        "palace",
        "Chinese temple, by danielbuechele; CC BY 2.0",
    ),
    "flower": Photograph(
        "sklearn",
        "datasets/images/flower.jpg",
        "daisy",
        "Dahlia, by vultilion; CC BY 2.0",
    ),
}
"""The table of photographs by name. ``shows`` is spelt as torchvision spells its categories."""

_INSTALL = {"skimage": "scikit-image", "sklearn": "scikit-learn"}


def photographs() -> dict[str, NDArray[np.uint8]]:
    """All photographs by name, each uint8 RGB of shape (height, width, 3).

    >>> sorted(photographs())
    ['astronaut', 'chelsea', 'china', 'coffee', 'flower', 'rocket']

    Raises ``ImportError`` in one sentence where scikit-image or scikit-learn is missing, and
    ``FileNotFoundError`` where a later version of them no longer brings a file along.
    """
    from PIL import Image

    found = {}
    for name, photograph in PHOTOGRAPHS.items():
        with Image.open(_path(name, photograph)) as picture:
            found[name] = np.array(picture.convert("RGB"), dtype=np.uint8)
    return found


def _path(name: str, photograph: Photograph) -> Path:
    distribution = _INSTALL[photograph.package]
    package = importlib.util.find_spec(photograph.package)
    if package is None or package.origin is None:
        raise ImportError(
            f"The photograph {name!r} comes with {distribution}, which is not installed; "
            f"pip install {distribution}."
        )
    path = Path(package.origin).parent / photograph.file
    if not path.is_file():
        raise FileNotFoundError(
            f"This version of {distribution} does not bring the photograph {name!r} along; "
            "use another one, or a picture of your own."
        )
    return path
