"""Answers: what a method returns, with where it came from, how to look at it and how to keep it."""

from __future__ import annotations

import functools
import hashlib
import json
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from .arrays_file import place_of
from .cells import Cells
from .errors import ExplainError, shown
from .fingerprint import tensor_fingerprint
from .job import Job
from .preprocessing import Preprocessing
from .tokens import Tokens

Reduction = Literal["sum", "mean", "max", "absolute", "norm"]
_FORMAT = "xaiwidgets heatmap 1"


class Seen:
    """The inputs of an answer, kept as they were: its pictures and its fingerprint are made from
    them when they are asked for. Texts bring their tokens, rows of tables their cells."""

    def __init__(
        self,
        preprocessing: Preprocessing,
        x: torch.Tensor,
        parts: Sequence[Tokens | Cells] | None = None,
    ) -> None:
        self.preprocessing = preprocessing
        self.x = x
        self.parts = parts

    def pictures(self) -> np.ndarray:
        """The inputs as uint8 pictures (batch, height, width, 3)."""
        return self.preprocessing.pictures(self.x)[0]

    @functools.cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits from every byte of the inputs, and from how they are written."""
        digits = tensor_fingerprint(self.x)
        if self.parts is None:
            return digits
        written = json.dumps([digits, *(own.plain() for own in self.parts)])
        return hashlib.sha256(written.encode()).hexdigest()[:12]

    def __deepcopy__(self, memo: dict[int, Any]) -> Seen:
        """Itself: copies of an answer share what nothing changes."""
        return self

    @property
    def nbytes(self) -> int:
        """The memory that keeping it takes."""
        return self.x.numel() * self.x.element_size()


@dataclass(frozen=True, eq=False, repr=False)
class Provenance:
    """Where an answer came from: enough to make it again, and to tell whether it is stale.

    `origin` is the input's fingerprint, or the kept inputs that it is made from when asked for.
    """

    method: str
    settings: dict[str, Any]
    target: list[str]
    subject: str
    network: str
    origin: str | Seen
    versions: dict[str, str]
    seconds: float = 0.0
    forwards: int = 0
    backwards: int = 0
    seed: int | None = None
    cached: bool = False

    @classmethod
    def of_work(
        cls,
        who: str,
        settings: Mapping[str, Any],
        target: list[str],
        subject: str,
        network: str,
        seen: Seen,
        job: Job,
        seconds: float,
    ) -> Provenance:
        """Where the work of one job came from, with the passes that the job counted."""
        return cls(
            who, dict(settings), target, subject, network, seen, versions(), seconds,
            job.forwards, job.backwards, settings.get("seed"),
        )  # fmt: skip

    @property
    def input(self) -> str:
        """The fingerprint of the inputs."""
        return self.origin if isinstance(self.origin, str) else self.origin.fingerprint

    def plain(self) -> dict[str, Any]:
        """Everything by name as plain values, for files."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        del values["origin"]
        return {**values, "input": self.input}

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Provenance:
        """The same again, from what `plain` gave."""
        rest = dict(values)
        return cls(origin=rest.pop("input"), **rest)

    def __repr__(self) -> str:
        return f"Provenance({', '.join(f'{name}={v!r}' for name, v in self.plain().items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Provenance) and self.plain() == other.plain()

    __hash__ = None  # type: ignore[assignment]


@dataclass
class Frame:
    """One map of a strip: a label such as "α = 0.1", values shaped like the answer's, and a number
    that belongs to it where there is one, such as its similarity."""

    label: str
    values: torch.Tensor
    number: float | None = None


SEGMENTS = "segments"


def segments_of(frames: Sequence[Frame]) -> torch.Tensor | None:
    """The number of the segment that each pixel lies in (batch, height, width), of an answer that
    shows its cut in a frame: each of a segment's pixels then holds what is said of all of it. None
    where every pixel has a value of its own."""
    found = next((frame.values for frame in frames if frame.label == SEGMENTS), None)
    return None if found is None else found[:, 0].long()


@dataclass
class Findings:
    """What a method's `attribute` hands back when it has more to say than its values.

    `values` and `error` (the standard error of values) are shaped like the input, or have one
    channel. `facts` are sentences a reader should know; `warnings` say where not to trust it.
    """

    values: torch.Tensor
    error: torch.Tensor | None = None
    frames: list[Frame] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass
class Heatmap:
    """A signed value for every pixel or token: how much it spoke for (+) or against (−) the target.

    `values` is (batch, channels, height, width), on the CPU; `error` its standard error where the
    method draws samples; `numbers` what the method measured of itself, such as the completeness
    gap. `parts` is what texts and rows of tables consist of. For texts values are (batch,
    embedding, 1, tokens), and `parts` their tokens; behind the end of a shorter text they are 0.
    For tables they are (batch, 1, 1, columns), and `parts` the rows' cells. For volumes a depth
    comes before the height, in values, maps, pictures and boxes.
    """

    values: torch.Tensor
    provenance: Provenance
    error: torch.Tensor | None = None
    frames: list[Frame] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)
    reduction: Reduction = "sum"
    make_pictures: Callable[[], np.ndarray] | None = field(default=None, repr=False, compare=False)
    parts: Sequence[Tokens | Cells] | None = None

    @functools.cached_property
    def pictures(self) -> np.ndarray | None:
        """The inputs as uint8 pictures (batch, height, width, 3), made when first asked for."""
        return None if self.make_pictures is None else self.make_pictures()

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        made = self.provenance
        shape = "×".join(str(side) for side in self.values.shape)
        return (
            f"Heatmap({made.method} of {', '.join(dict.fromkeys(made.target))}, {shape}, "
            f"{made.seconds:.2f} s, {made.forwards} forward and {made.backwards} backward passes)"
        )

    def numpy(self) -> np.ndarray:
        """The values as a NumPy array (batch, channels, height, width)."""
        return (
            self.values.float().numpy() if self.values.dtype.itemsize < 4 else self.values.numpy()
        )

    def map(self, reduce: Reduction | None = None) -> np.ndarray:
        """One signed number a pixel, (batch, height, width).

        `reduce` folds the channels: "sum" (signed), "mean", "max" (of the largest magnitude, with
        its sign), "absolute" (sum of magnitudes) or "norm" (l2). Default: what the method uses.
        """
        return fold_channels(self.values, reduce or self.reduction)

    def words(self, index: int = 0) -> list[tuple[str, float]]:
        """The tokens of one text as the vocabulary calls them, each with its value.

        Raises ExplainError for an answer about something else.
        """
        if self.parts is None or not isinstance(self.parts[self._number(index)], Tokens):
            raise ExplainError(
                f"This answer is about {self._about}, which have no words; see map()."
            )
        return self._named(index)

    def columns(self, index: int = 0) -> list[tuple[str, float]]:
        """The columns of one row of a table by name, each with its value, in the table's order.

        Raises ExplainError for an answer about something else.
        """
        if self.parts is None or not isinstance(self.parts[self._number(index)], Cells):
            raise ExplainError(
                f"This answer is about {self._about}, which have no columns; see map()."
            )
        return self._named(index)

    def _number(self, index: int) -> int:
        """The number of an input, which an answer about others lacks."""
        if not isinstance(index, (int, np.integer)) or not -len(self) <= index < len(self):
            last = f" to {len(self) - 1}" if len(self) > 1 else ""
            raise ExplainError(
                f"index is {shown(index)}; it takes the number of an input of this answer, 0{last}."
            )
        return int(index)

    @property
    def _about(self) -> str:
        kinds = {Tokens: "texts", Cells: "tables"}
        return "pictures" if self.parts is None else kinds[type(self.parts[0])]

    def _named(self, index: int) -> list[tuple[str, float]]:
        assert self.parts is not None
        names = self.parts[index].names
        return list(zip(names, self.map()[index, 0, : len(names)].tolist(), strict=True))

    def error_map(self) -> np.ndarray | None:
        """The standard error a pixel (batch, height, width), channels taken as independent."""
        return None if self.error is None else fold_channels(self.error, "norm")

    def boxes(self, fraction: float = 0.2) -> list[tuple[int, ...] | None]:
        """A box for each input, (top, left, bottom, right) in pixels, the last half just outside.

        It is the tight box around the largest connected patch of what reaches `fraction` of the
        map's maximum (Zhou et al. 2016); None where nothing speaks for the target. Meant for class
        activation maps, which are smooth. `BoxIoU` compares such boxes with the truth.
        """
        from .boxes import edges, main_box

        if not isinstance(fraction, numbers.Real) or not 0 < fraction <= 1:
            raise ExplainError(f"fraction is {shown(fraction)}; it takes a share above 0, up to 1.")
        return [
            edges(main_box(values, fraction)) if values.max() > 0 else None for values in self.map()
        ]

    def plot(self, index: int = 0, **display: Any) -> Any:
        """A matplotlib figure of one input's map over its picture or text, with a numeric legend;
        of a volume one of `slices` (default 6) along its depth.

        `display` takes the widget's settings: colour_map, sign, clip, opacity, smoothing, keep,
        contour, box.
        """
        from .figure import heatmap_figure

        index = self._number(index)
        if self.values.ndim == 5:
            from .volume_figure import volume_figure

            return volume_figure(self, index, **display)
        return heatmap_figure([(self, index)], **display)

    def save(self, path: str | Path) -> Path:
        """Write values and provenance to one safetensors file; nothing in it can run code."""
        from safetensors.torch import save_file

        tensors = {"values": self.values.contiguous()}
        if self.error is not None:
            tensors["error"] = self.error.contiguous()
        if self.pictures is not None:
            tensors["pictures"] = torch.from_numpy(np.ascontiguousarray(self.pictures))
        for i, frame in enumerate(self.frames):
            tensors[f"frame {i}"] = frame.values.clone(memory_format=torch.contiguous_format)
        about = {
            "provenance": self.provenance.plain(),
            "frames": [[frame.label, frame.number] for frame in self.frames],
            "facts": self.facts,
            "warnings": self.warnings,
            "numbers": self.numbers,
            "reduction": self.reduction,
            "parts": None if self.parts is None else [own.plain() for own in self.parts],
        }
        with place_of(path) as place:
            save_file(tensors, place, {"format": _FORMAT, "about": json.dumps(about)})
        return place

    @classmethod
    def load(cls, path: str | Path) -> Heatmap:
        """Read what `save` wrote; refuses any other file."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except FileNotFoundError:
            raise ExplainError(f"No answer is found at {str(path)!r}; check the path.") from None
        except (SafetensorError, OSError) as error:
            raise ExplainError(f"{str(path)!r} is not a saved answer: {error}.") from None
        if metadata.get("format") != _FORMAT:
            raise ExplainError(f"{str(path)!r} is a safetensors file, but not a saved answer.")
        about = json.loads(metadata["about"])
        pictures, parts = tensors.get("pictures"), about.get("parts")
        return cls(
            tensors["values"],
            Provenance.from_plain(about["provenance"]),
            tensors.get("error"),
            [
                Frame(label, tensors[f"frame {i}"], number)
                for i, (label, number) in enumerate(about["frames"])
            ],
            about["facts"],
            about["warnings"],
            about["numbers"],
            about["reduction"],
            None if pictures is None else pictures.numpy,
            None if parts is None else [_read_parts(own) for own in parts],
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """A thumbnail beside the text, for notebooks."""
        import base64

        from .figure import thumbnail

        picture = base64.b64encode(thumbnail(self)).decode()
        return {"text/plain": repr(self), "image/png": picture}


def _read_parts(plain: Any) -> Tokens | Cells:
    """What an input consists of, from a file."""
    return Cells.from_plain(plain) if isinstance(plain, dict) else Tokens.from_plain(plain)


def fold_channels(values: torch.Tensor, reduce: Reduction) -> np.ndarray:
    """Fold the channels of (batch, channels, height, width) into one number a pixel or token."""
    v = values.detach().double().cpu()
    if reduce == "sum":
        folded = v.sum(1)
    elif reduce == "mean":
        folded = v.mean(1)
    elif reduce == "absolute":
        folded = v.abs().sum(1)
    elif reduce == "norm":
        folded = v.square().sum(1).sqrt()
    elif reduce == "max":
        folded = v.gather(1, v.abs().argmax(1, keepdim=True)).squeeze(1)
    else:
        raise ExplainError(
            f"reduce is {reduce!r}; it takes 'sum', 'mean', 'max', 'absolute' or 'norm'."
        )
    return folded.numpy()


@functools.cache
def versions(
    packages: Sequence[str] = ("xaiwidgets", "torch", "numpy", "captum"),
) -> dict[str, str]:
    """Installed versions of the libraries that an answer depends on."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
