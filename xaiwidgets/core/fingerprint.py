"""Fingerprints: short hashes that change when a network or an input changes."""

from __future__ import annotations

import functools
import hashlib
import math
import operator
import struct
import threading
from typing import Any

import numpy as np
import torch
from torch import nn


def tensor_fingerprint(tensor: torch.Tensor) -> str:
    """Twelve hex digits from the shape, dtype and every byte of a tensor."""
    digest = hashlib.sha256()
    _feed(digest, tensor)
    return digest.hexdigest()[:12]


def finite(tensor: torch.Tensor) -> bool:
    """Whether a tensor has neither NaN nor infinite values. Its sum tells at once, unless the sum
    itself overflows."""
    return math.isfinite(float(tensor.sum())) or bool(torch.isfinite(tensor).all())


class NetworkFingerprint:
    """The hash of a network's parameters and buffers, recomputed only when they changed.

    Version counters miss writes through `.data`, so a weighted sum over every tensor is compared as
    well: it reads each number once, where hashing every byte costs a pass. The weights tell places
    apart, so that shuffled numbers are noticed too.
    """

    def __init__(self) -> None:
        self._versions: tuple[object, ...] | None = None
        self._sums: tuple[bytes, ...] = ()
        self._glance: tuple[bytes, ...] | None = None
        self._places: list[list[torch.Tensor]] | None = None
        self._value = ""
        self._lock = threading.Lock()

    def of(self, network: nn.Module, *, glance: bool = False) -> str:
        """Twelve hex digits that stand for the network's present state.

        A `glance` reads one number of every row of a large tensor, which costs a tenth. It sees
        what PyTorch's version counters see, and what is written through `.data` to whole tensors,
        filters and channels, but hardly a single number in a tensor of more than 4096.
        """
        with self._lock, torch.no_grad():
            tensors = _tensors(network)
            versions = _versions(tensors)
            same = versions == self._versions
            if glance and same and self._places and self._glance == _glanced(self._places):
                return self._value
            sums = _sums(tensors)
            if not same or sums != self._sums:
                digest = hashlib.sha256(repr(network).encode())
                for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
                    digest.update(name.encode())
                    _feed(digest, tensor)
                self._versions, self._sums = versions, sums
                self._value = digest.hexdigest()[:12]
                self._places = _places(tensors)
                self._glance = _glanced(self._places)
            return self._value


class Numbers:
    """A network's parameters and buffers, and whether their numbers have `changed` since, as the
    last `look` found."""

    def __init__(self, network: nn.Module) -> None:
        self.tensors = list(dict.fromkeys(_tensors(network)))
        self._quickly, self._wholly = self._present(), self._hashed()
        self.changed = False

    def look(self) -> None:
        """Compare; only where versions or sums differ every byte is read."""
        self.changed = self._present() != self._quickly and self._hashed() != self._wholly

    def _present(self) -> tuple[object, ...]:
        with torch.no_grad():
            return _versions(self.tensors), _sums(self.tensors)

    def _hashed(self) -> list[str]:
        return list(map(tensor_fingerprint, self.tensors))


_VERSION = operator.attrgetter("_version")
_Kind = tuple[torch.dtype, torch.device]
_ROW = 1024
_LARGE = 64 * _ROW
_GLANCED = 4096


def every_module(network: nn.Module) -> list[nn.Module]:
    """The network and every module inside, each once: `modules()` without the names, which cost
    more than a small network's pass."""
    found: list[nn.Module] = []
    seen: set[int] = set()
    waiting: list[nn.Module | None] = [network]
    while waiting:
        module = waiting.pop()
        if module is not None and id(module) not in seen:
            seen.add(id(module))
            found.append(module)
            waiting += module._modules.values()
    return found


def _tensors(network: nn.Module) -> list[torch.Tensor]:
    """Every parameter and buffer."""
    found: list[torch.Tensor | None] = []
    for module in every_module(network):
        if module._parameters:
            found += module._parameters.values()
        if module._buffers:
            found += module._buffers.values()
    return [tensor for tensor in found if tensor is not None]


def _versions(tensors: list[torch.Tensor]) -> tuple[object, ...]:
    try:
        versions = list(map(_VERSION, tensors))
    except RuntimeError:  # tensors made in inference mode count no versions
        versions = [0 if tensor.is_inference() else tensor._version for tensor in tensors]
    return *versions, *map(torch.Tensor.data_ptr, tensors)


def _places(tensors: list[torch.Tensor]) -> list[list[torch.Tensor]] | None:
    """Views of what a glance reads, by kind: small tensors, and of large ones one number of every
    row of the first dimension, one place further along the second each. None where a tensor does
    not fill its memory."""
    found: dict[tuple[Any, ...], list[torch.Tensor]] = {}
    for tensor in tensors:
        order = sorted(range(tensor.ndim), key=tensor.stride, reverse=True)
        dense = tensor.detach().permute(order)
        if not dense.is_contiguous():
            return None
        flat = dense.view(-1)
        if flat.numel() > _GLANCED:
            flat = flat[:: sum(tensor.stride()[:2]) if tensor.ndim > 1 else 2]
        # whole tensors apart from strided ones: putting them together is then plain copying
        kind = flat.dtype, flat.device, flat.is_contiguous()
        found.setdefault(kind, []).append(flat)
    return list(found.values())


def _glanced(places: list[list[torch.Tensor]] | None) -> tuple[bytes, ...] | None:
    if places is None:
        return None
    return tuple(struct.pack("d", _weighted(torch.cat(kind))) for kind in places)


def _sums(tensors: list[torch.Tensor]) -> tuple[bytes, ...]:
    """One weighted sum over all tensors of a kind: large ones by rows where they lie, small ones
    put together first."""
    small: dict[_Kind, list[torch.Tensor]] = {}
    parts: dict[_Kind, list[torch.Tensor]] = {}
    for tensor in tensors:
        flat = tensor.reshape(-1)
        if not flat.is_floating_point():
            flat = flat.to(torch.float32)
        kind = (flat.dtype, flat.device)
        if flat.numel() > _LARGE:
            parts.setdefault(kind, []).extend(_rows(flat))
        else:
            small.setdefault(kind, []).append(flat)
    for kind, flats in small.items():
        parts.setdefault(kind, []).extend(_rows(torch.cat(flats)))
    return tuple(struct.pack("d", _weighted(torch.cat(kind))) for kind in parts.values())


def _rows(flat: torch.Tensor) -> list[torch.Tensor]:
    """A weighted sum of every whole row, and what is left over."""
    whole = flat.numel() // _ROW * _ROW
    rows = flat.narrow(0, 0, whole).view(-1, _ROW)
    return [
        rows @ _table(_ROW, flat.dtype, flat.device),
        flat.narrow(0, whole, flat.numel() - whole),
    ]


def _weighted(flat: torch.Tensor) -> float:
    wide = flat.float() if flat.device.type == "mps" else flat.double()
    return float(wide.dot(_weights(wide)))


def _weights(like: torch.Tensor) -> torch.Tensor:
    """As many numbers as in `like`, between 0.5 and 1.5, that repeat nowhere."""
    return _table(1 << max(10, like.numel().bit_length()), like.dtype, like.device)[: like.numel()]


@functools.cache
def _table(count: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    places = torch.arange(count, device="cpu", dtype=torch.float64)
    return (places * 0.6180339887498949 % 1 + 0.5).to(device=device, dtype=dtype)


def _feed(digest: hashlib._Hash, tensor: torch.Tensor) -> None:
    digest.update(f"{tuple(tensor.shape)}{tensor.dtype}".encode())
    plain = tensor.detach().cpu().contiguous()
    if plain.numel():
        raw = plain.flatten().view(torch.uint8).numpy()
        mixed = len(raw) // (8 * _LANES) * 8 * _LANES if len(raw) >= _LARGE_BYTES else 0
        if mixed:
            digest.update(_mixed(raw[:mixed].view(np.uint64).reshape(-1, _LANES)))
        digest.update(raw[mixed:].data)


_LARGE_BYTES = 1 << 20
_LANES = 8192  # as many as stay near the processor
_ODD, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


def _mixed(rows: np.ndarray) -> bytes:
    """Rows of 64-bit numbers as one row, several times as fast as they could be hashed: one after
    the other is stirred in by steps that could be undone, so that one row that differs is always
    told, and several are but for one case in 2⁶⁴."""
    lanes = np.arange(rows.shape[1], dtype=np.uint64)
    high = np.empty_like(lanes)
    for row in rows:
        lanes ^= row
        lanes *= _ODD
        lanes ^= np.right_shift(lanes, _HALF, out=high)
    return lanes.tobytes()
