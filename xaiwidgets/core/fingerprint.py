"""Fingerprints: short hashes that change when a network or an input changes."""

from __future__ import annotations

import functools
import hashlib
import struct
import threading

import torch
from torch import nn


def tensor_fingerprint(tensor: torch.Tensor) -> str:
    """Twelve hex digits from the shape, dtype and every byte of a tensor."""
    digest = hashlib.blake2b(digest_size=6)
    _feed(digest, tensor)
    return digest.hexdigest()


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
        tensors = [*network.named_parameters(), *network.named_buffers()]
        with self._lock, torch.no_grad():
            key = _state(tensors)
            if key != self._key or not self._value:
                digest = hashlib.blake2b(repr(network).encode(), digest_size=6)
                for name, tensor in tensors:
                    digest.update(name.encode())
                    _feed(digest, tensor)
                self._key, self._value = key, digest.hexdigest()
            return self._value


_ROW = 1024


def _state(tensors: list[tuple[str, torch.Tensor]]) -> tuple[object, ...]:
    versions = tuple(
        (name, 0 if tensor.is_inference() else tensor._version, tensor.data_ptr())
        for name, tensor in tensors
    )
    return versions, tuple(struct.pack("d", total) for total in _sums(tensors))


def _sums(tensors: list[tuple[str, torch.Tensor]]) -> list[float]:
    """A weighted sum of every large tensor, and one over all the small ones of a kind."""
    small: dict[object, list[torch.Tensor]] = {}
    sums = []
    for _, tensor in tensors:
        flat = tensor.detach().reshape(-1)
        if len(flat) <= _ROW:
            small.setdefault((flat.dtype, flat.device), []).append(flat)
        else:
            sums.append(_weighted_sum(flat))
    return sums + [_weighted_sum(torch.cat(flats)) for flats in small.values()]


def _weighted_sum(flat: torch.Tensor) -> float:
    if not flat.is_floating_point():
        flat = flat.to(torch.float32)
    whole = len(flat) // _ROW * _ROW
    rest = flat[whole:]
    total = float(rest.dot(_weights(rest)))
    if not whole:
        return total
    rows = (flat[:whole].view(-1, _ROW) @ _weights(flat[:_ROW])).double()
    return total + float(rows.dot(_weights(rows)))


def _weights(like: torch.Tensor) -> torch.Tensor:
    """As many numbers as in `like`, between 0.5 and 1.5, that repeat nowhere."""
    return _table(1 << max(10, len(like).bit_length()), like.dtype, like.device)[: len(like)]


@functools.cache
def _table(count: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    places = torch.arange(count, device="cpu", dtype=torch.float64)
    return (places * 0.6180339887498949 % 1 + 0.5).to(device=device, dtype=dtype)


def _feed(digest: hashlib.blake2b, tensor: torch.Tensor) -> None:
    digest.update(f"{tuple(tensor.shape)}{tensor.dtype}".encode())
    plain = tensor.detach().cpu().contiguous()
    if plain.numel():
        digest.update(plain.flatten().view(torch.uint8).numpy().data)
