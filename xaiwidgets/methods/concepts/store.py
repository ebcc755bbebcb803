"""Activations on disk, each computed once.

A file's name is a hash of everything that its numbers depend on: the network's parameters, buffers
and code, the layer, the pooling, and every byte of the prepared inputs. So what is found is never
stale, and a concept that is added costs the forward passes of its own examples.
"""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.core.batches import batches
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.fingerprint import every_module, tensor_fingerprint
from xaiwidgets.core.subject import Subject

from .pooling import pooled


@dataclass(frozen=True, eq=False)
class Activations:
    """One set's activations: for each layer parts (examples, features), mapped from disk."""

    count: int
    parts: dict[str, list[np.ndarray]]
    fingerprint: str

    def columns(self, layer: str, start: int, stop: int) -> np.ndarray:
        """Some features of every example (examples, stop − start), as doubles."""
        return np.concatenate([part[:, start:stop] for part in self.parts[layer]]).astype(float)

    def width(self, layer: str) -> int:
        """How many features the layer has."""
        return self.parts[layer][0].shape[1]


class Store:
    """A folder of activations of one network at some layers, a temporary one unless one is given.

    `read(data)` gives a set's activations, from disk where they are known.
    """

    def __init__(
        self, subject: Subject, layers: list[str], pooling: str, folder: str | Path | None = None
    ) -> None:
        self.subject, self.layers, self.pooling = subject, layers, pooling
        self._temporary = None if folder else temporary_folder()
        self.folder = Path(self._temporary.name if self._temporary else str(folder))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.network = subject.fingerprint
        self._code = code_of(subject.model)

    def read(self, data: Any) -> Activations:
        """The activations of a set: whatever core.batches takes. Only what is not on disk goes
        through the network, and all layers in one pass."""
        parts: dict[str, list[np.ndarray]] = {layer: [] for layer in self.layers}
        seen, count = hashlib.sha256(), 0
        for inputs in batches(self.subject, data):
            known = tensor_fingerprint(inputs.x)
            seen.update(known.encode())
            count += len(inputs)
            files = {layer: self._file(layer, known) for layer in self.layers}
            missing = [layer for layer, file in files.items() if not file.exists()]
            if missing:
                self._compute(inputs.x, {layer: files[layer] for layer in missing})
            for layer, file in files.items():
                parts[layer].append(np.load(file, mmap_mode="r", allow_pickle=False))
        _refuse_uneven(parts)
        return Activations(count, parts, seen.hexdigest()[:12])

    def named(self, name: str, data: Any) -> Activations:
        """The activations of a set that errors shall call by its name."""
        try:
            return self.read(data)
        except ExplainError as error:
            raise ExplainError(f"{name}: {error}") from error

    def _compute(self, x: torch.Tensor, files: dict[str, Path]) -> None:
        found: dict[str, list[torch.Tensor]] = {layer: [] for layer in files}
        known = self.subject.layers(x)
        for part in x.split(self.subject.batch_size(x, backward=False)):
            for layer, output in layer_outputs(self.subject, part, list(files))[0].items():
                found[layer].append(pooled(output, known[layer], self.pooling).float().cpu())
        for layer, file in files.items():
            values = torch.cat(found[layer]).numpy()
            write_whole(file, functools.partial(_save, values))

    def _file(self, layer: str, inputs: str) -> Path:
        about = (self.network, self._code, layer, self.pooling, inputs)
        return self.folder / f"{hashlib.sha256(repr(about).encode()).hexdigest()[:32]}.npy"


def read_concepts(store: Store, concepts: Mapping[str, Any]) -> dict[str, Activations]:
    """The activations of every concept's examples."""
    return {name: store.named(f"Concept {name!r}", data) for name, data in concepts.items()}


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """One that goes with the answer that holds it."""
    return tempfile.TemporaryDirectory(prefix="xaiwidgets-", ignore_cleanup_errors=True)


def _save(values: np.ndarray, half: IO[bytes]) -> None:
    np.save(half, values, allow_pickle=False)


def write_whole(file: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """A whole file or none: an interrupt leaves nothing half written."""
    handle, name = tempfile.mkstemp(dir=file.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as half:
            write(half)
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def code_of(model: torch.nn.Module) -> str:
    """A hash of what every kind of module in the network does: a forward written anew gives other
    activations with the same parameters."""
    digest = hashlib.sha256()
    for kind in sorted({type(module) for module in every_module(model)}, key=repr):
        code = getattr(kind.forward, "__code__", None)
        digest.update(f"{kind}".encode())
        if code is not None:
            digest.update(code.co_code + repr((code.co_names, _constants(code))).encode())
    return digest.hexdigest()[:12]


def _constants(code: Any) -> list[str]:
    """A function's constants; those of the functions inside it, rather than where they lie."""
    return [
        repr((entry.co_code.hex(), _constants(entry))) if hasattr(entry, "co_code") else repr(entry)
        for entry in code.co_consts
    ]


def _refuse_uneven(parts: dict[str, list[np.ndarray]]) -> None:
    for layer, arrays in parts.items():
        widths = {array.shape[1] for array in arrays}
        if len(widths) > 1:
            raise ExplainError(
                f"At {layer!r} examples have {min(widths)} to {max(widths)} features; give "
                "Subject(..., size=(height, width)) so that pictures are brought to one size."
            )
