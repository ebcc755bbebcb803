"""Fingerprints: short hashes that change when a network or an input changes."""

from __future__ import annotations

import functools
import hashlib
import math
import struct
import threading

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
        self._key: tuple[object, ...] = ()
        self._value = ""
        self._lock = threading.Lock()

    def of(self, network: nn.Module) -> str:
        """Twelve hex digits that stand for the network's present state."""
        with self._lock, torch.no_grad():
            key = _state(_tensors(network))
            if key != self._key or not self._value:
                digest = hashlib.sha256(repr(network).encode())
                for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
                    digest.update(name.encode())
                    _feed(digest, tensor)
                self._key, self._value = key, digest.hexdigest()[:12]
            return self._value


_Kind = tuple[torch.dtype, torch.device]
_ROW = 1024
_LARGE = 64 * _ROW


def _tensors(network: nn.Module) -> list[torch.Tensor]:
    """Every parameter and buffer, without the names that `named_parameters` puts together."""
    found: list[torch.Tensor | None] = []
    seen: set[int] = set()
    waiting: list[nn.Module | None] = [network]
    while waiting:
        module = waiting.pop()
        if module is None or id(module) in seen:
            continue
        seen.add(id(module))
        found += module._parameters.values()
        found += module._buffers.values()
        waiting += module._modules.values()
    return [tensor for tensor in found if tensor is not None]


def _state(tensors: list[torch.Tensor]) -> tuple[object, ...]:
    versions = tuple(
        (0 if tensor.is_inference() else tensor._version, tensor.data_ptr()) for tensor in tensors
    )
    return versions, tuple(struct.pack("d", total) for total in _sums(tensors))


def _sums(tensors: list[torch.Tensor]) -> list[float]:
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
    return [_weighted(torch.cat(kind)) for kind in parts.values()]


def _rows(flat: torch.Tensor) -> list[torch.Tensor]:
    """A weighted sum of every whole row, and what is left over."""
    whole = flat.numel() // _ROW * _ROW
    rows = flat.narrow(0, 0, whole).view(-1, _ROW)
    return [
        rows @ _table(_ROW, flat.dtype, flat.device),
        flat.narrow(0, whole, flat.numel() - whole),
    ]


def _weighted(flat: torch.Tensor) -> float:
    wide = flat if flat.device.type == "mps" else flat.double()
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
        digest.update(plain.flatten().view(torch.uint8).numpy().data)
