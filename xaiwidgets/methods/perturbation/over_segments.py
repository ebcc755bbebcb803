from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import torch

from xaiwidgets.core.answers import Frame
from xaiwidgets.core.declare import knob
from xaiwidgets.core.filling import FILL_HELP, FILLS
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Kind, Subject

from .segments import SEGMENTATIONS, as_frame, cut, grid

SEGMENT_FILLS = ("segments", *FILLS)


def segment_fill_knob(default: str) -> Any:
    """What takes an absent segment's place: also its own mean colour."""
    return knob(
        default=default, choices=SEGMENT_FILLS, help=f"{FILL_HELP}; segments: its own mean colour"
    )


class OverSegments(Attribution):
    """What the input is cut into, which is covered as a whole: a picture's segments, a text's
    tokens, a table's columns. Each pixel of a segment holds the number of all of it."""

    usual: ClassVar[Mapping[Kind, Mapping[str, Any]]] = {
        "text": {"segmentation": "squares", "segments": 500, "fill": "given"},
        "table": {"segmentation": "squares", "fill": "rows"},
    }
    """A text is cut into its tokens, and an absent one is masked; an absent column has the values
    of other rows."""

    lacks: ClassVar[Mapping[Kind, Collection[str]]] = {
        "text": ("slic", "segments"),
        "table": ("slic", "segments"),
    }
    """Words have no edges to follow, and one token's mean is the token itself."""

    idle: ClassVar[Mapping[Kind, Collection[str]]] = {
        "table": ("segmentation", "segments", "compactness"),
    }

    segmentation: str = knob(
        default="squares", choices=SEGMENTATIONS,
        help="superpixels that follow the picture's edges (SLIC), or a grid of equal rectangles, "
        "the same for every picture",
    )  # fmt: skip
    segments: int = knob(
        default=50, low=2, high=500, log=True, unit="segments",
        help="about how many segments: SLIC may make fewer",
    )  # fmt: skip
    compactness: float = knob(
        default=10.0, low=0.1, high=100.0, log=True,
        help="of SLIC: high makes squares, low follows every colour",
    )  # fmt: skip
    fill: str = segment_fill_knob("zero")

    def cut(self, subject: Subject, x: torch.Tensor) -> torch.Tensor:
        """The number of the segment that each pixel lies in (inputs, height, width)."""
        if subject.kind == "table":
            return torch.arange(x.shape[3]).expand(len(x), 1, -1)
        return cut(subject, x, self.segmentation, self.segments, self.compactness)

    def players(self, subject: Subject, x: torch.Tensor) -> int:
        """How many segments there are; SLIC may make fewer."""
        if subject.kind == "table":
            return int(x.shape[3])
        rows, columns = grid(x.shape[2], x.shape[3], self.segments)
        return rows * columns

    def parts(self, subject: Subject) -> str:
        """What the input is cut into, in words."""
        return "segments" if subject.kind == "picture" else subject.words.parts

    def shown(self, subject: Subject, labels: torch.Tensor, x: torch.Tensor) -> list[Frame]:
        """The cut as it stands in the answer's strip; that of a table is its columns."""
        return [] if subject.kind == "table" else [as_frame(labels, x)]
