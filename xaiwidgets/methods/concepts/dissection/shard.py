"""What is kept of some pictures: where units are so active that they may count, and the labels.

A unit's mask is where its activation, brought to the size of the mask, exceeds a threshold that
0.5 % of its activations exceed. Pixels above it lie beside an activation above it. So only the
cells with an activation above a lower bound of that threshold are kept, with those around them, on
disk: about a tenth of all. When the last picture is read, the exact threshold is among the
activations that were kept, and every pixel above it lies between cells that were kept.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import torch

from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.core.fingerprint import tensor_fingerprint
from xaiwidgets.core.job import Job, working
from xaiwidgets.core.subject import Subject

from ..store import write_whole
from .active import Active, bound_of
from .annotated import Labels, examples, size_of, together
from .rotation import turned, turned_name

Bounds = dict[str, np.ndarray]
Watch = Callable[[np.ndarray, torch.Tensor, dict[str, torch.Tensor]], None]
"""Hears the numbers of some pictures in the data, the pictures as the network sees them, and what
its layers say."""


@dataclass(frozen=True, eq=False)
class Shard:
    """Some pictures: their numbers in the data (`rows`), their labels, and what was active in each
    layer; `shape` (height, width) is that of the network's input."""

    rows: np.ndarray
    shape: tuple[int, int]
    labels: Labels
    layers: dict[str, Active]

    def save(self, file: Path) -> None:
        """Write it as one safetensors file, whole or not at all."""
        about = {
            "shape": self.shape, "concepts": self.labels.concepts,
            "categories": self.labels.categories,
            "layers": {name: active.grid for name, active in self.layers.items()},
        }  # fmt: skip
        arrays = {"rows": self.rows, **_arrays(self.labels, "labels")}
        for number, active in enumerate(self.layers.values()):
            arrays |= _arrays(active, str(number))
        write_whole(file, functools.partial(_write, json.dumps(about), arrays))

    @classmethod
    def load(cls, file: Path) -> Shard:
        """What `save` wrote, mapped from disk: only what is looked at comes into memory."""
        about, arrays = _mapped(file)
        labels = Labels(about["concepts"], about["categories"], **_named(arrays, "labels"))
        layers = {
            name: Active((grid[0], grid[1]), **_named(arrays, str(number)))
            for number, (name, grid) in enumerate(about["layers"].items())
        }
        return cls(arrays["rows"], tuple(about["shape"]), labels, layers)


def _write(about: str, arrays: dict[str, np.ndarray], half: IO[bytes]) -> None:
    """Write arrays as safetensors has them, the widest numbers first, each where it lies: its own
    writer would put them together in memory before."""
    header: dict[str, Any] = {"__metadata__": {"about": about}}
    falling = sorted(arrays.items(), key=lambda item: -item[1].dtype.itemsize)
    end = 0
    for name, array in falling:
        start, end = end, end + array.nbytes
        kind = _NAMES[array.dtype.newbyteorder("<")]
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [start, end]}
    told = json.dumps(header).encode()
    told += b" " * (-len(told) % 8)
    half.write(len(told).to_bytes(8, "little") + told)
    for _, array in falling:
        half.write(np.ascontiguousarray(array).data)


_TYPES = {
    "F32": "<f4", "I64": "<i8", "I32": "<i4", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
_NAMES = {np.dtype(kind): name for name, kind in _TYPES.items()}


def _mapped(file: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The notes and the arrays of a safetensors file, which its own reader would copy."""
    raw = np.asarray(np.memmap(file, mode="r"))
    first = 8 + int(raw[:8].view("<u8")[0])
    header = json.loads(raw[8:first].tobytes())
    about = json.loads(header.pop("__metadata__")["about"])
    arrays = {}
    for name, entry in header.items():
        start, stop = entry["data_offsets"]
        flat = raw[first + start : first + stop].view(_TYPES[entry["dtype"]])
        arrays[name] = flat.reshape(entry["shape"])
    return about, arrays


def _arrays(thing: Any, name: str) -> dict[str, np.ndarray]:
    values = {entry.name: getattr(thing, entry.name) for entry in fields(thing)}
    return {f"{name} {key}": v for key, v in values.items() if isinstance(v, np.ndarray)}


def _named(arrays: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    return {key.split(" ")[1]: v for key, v in arrays.items() if key.split(" ")[0] == name}


class Gathered(NamedTuple):
    """What comes back from a part: its key, the fingerprint of its pictures and labels, the shard
    unless that was known, and the passes spent."""

    key: str
    seen: str
    shard: Shard | None
    forwards: int


@dataclass(frozen=True, eq=False)
class Part:
    """Some pictures of a data set: what a worker is asked to read.

    `network` stands for the network's state. `bounds` are those of each layer; without them they
    are found here, as what about `share` of these pictures' activations exceed. `size` is that of
    the masks, or None to choose it here. `known` are the keys of shards that are there already.
    `watch` hears what the layers say.
    """

    subject: Subject
    network: str
    data: Any
    rows: np.ndarray
    layers: tuple[str, ...]
    wanted: frozenset[str]
    rotations: int
    seed: int
    share: float
    bounds: Bounds | None = None
    size: tuple[int, int] | None = None
    known: Collection[str] = ()
    watch: Watch | None = None

    def after(self, first: Shard, rows: np.ndarray) -> Part:
        """Other pictures, with the bounds and the size of masks that the first ones gave."""
        bounds = {name: np.array(active.bound) for name, active in first.layers.items()}
        return replace(self, rows=rows, bounds=bounds, size=first.labels.size)

    def gather(self, job: Job | None = None) -> Gathered:
        """Read the pictures and send them through the network once, unless that is known."""
        job = job or Job()
        before = job.forwards
        with working(job), torch.inference_mode(False), torch.no_grad():
            read = examples(self.data, self.rows)
            x = self.subject.prepare(together([each.picture for each in read])).x
            size = self.size or size_of(self.subject, x, read)
            labels = Labels.of(self.subject, read, self.wanted, size)
            seen = _fingerprint(x, labels)
            key = self._key(seen)
            if key in self.known:
                return Gathered(key, seen, None, 0)
            layers = self._active(x)
        shape = int(x.shape[2]), int(x.shape[3])
        shard = Shard(self.rows, shape, labels, layers)
        return Gathered(key, seen, shard, job.forwards - before)

    def _active(self, x: torch.Tensor) -> dict[str, Active]:
        size = self.subject.batch_size(x, backward=False)
        numbers = np.split(self.rows, range(size, len(x), size))
        read = (self._maps(*some) for some in zip(numbers, x.split(size), strict=True))
        if self.bounds is None:
            maps = list(read)
            bounds = {
                name: bound_of([each[name] for each in maps], self.share, self.seed)
                for name in maps[0]
            }
            parts = [_above(each, bounds) for each in maps]
        else:
            bounds = {name: torch.from_numpy(bound) for name, bound in self.bounds.items()}
            parts = [_above(each, bounds) for each in read]
        return {name: Active.together([part[name] for part in parts]) for name in bounds}

    def _maps(self, numbers: np.ndarray, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Every layer's maps (pictures, h, w, units), and those of its rotations."""
        known = self.subject.layers(x)
        outputs, _ = layer_outputs(self.subject, x, list(self.layers))
        if self.watch is not None:
            self.watch(numbers, x, outputs)
        found = {}
        for name in self.layers:
            maps = known[name].fold(outputs[name]).float()
            for number in range(self.rotations + 1):
                other = turned(maps, self.seed, number) if number else maps
                found[turned_name(name, number)] = other.movedim(1, 3).contiguous()
        return found

    def _key(self, seen: str) -> str:
        """A hash of all that the numbers depend on."""
        told = (
            self.network, self.layers, self.rotations, self.seed, self.share, self.rows.tolist(),
            seen,
        )  # fmt: skip
        digest = hashlib.sha256(repr(told).encode())
        for name, bound in (self.bounds or {}).items():
            digest.update(name.encode() + bound.tobytes())
        return digest.hexdigest()[:32]


def _fingerprint(x: torch.Tensor, labels: Labels) -> str:
    told = [
        (array.shape, tensor_fingerprint(torch.from_numpy(array.reshape(-1).view(np.uint8))))
        for array in _arrays(labels, "").values()
    ]
    about = tensor_fingerprint(x), told, labels.concepts, labels.categories
    return hashlib.sha256(repr(about).encode()).hexdigest()[:12]


def _above(maps: dict[str, torch.Tensor], bounds: dict[str, torch.Tensor]) -> dict[str, Active]:
    return {
        name: Active.of(maps[name], bound.to(maps[name].device)) for name, bound in bounds.items()
    }


def gather(part: Part) -> Gathered:
    """`Part.gather` as a function that travels to a worker."""
    return part.gather()
