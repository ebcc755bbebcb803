"""A layer's output as one vector an example, and its gradient as the direction in that space.

What moves a pooled activation by v moves every position by v (mean), or the position of each
channel's maximum (max); the gradient is folded so that its product with v is that derivative.
"""

from __future__ import annotations

import torch

from xaiwidgets.core.layers import Layer

POOLING = ("max", "mean", "none")


def pooled(output: torch.Tensor, layer: Layer, how: str) -> torch.Tensor:
    """A layer's output as vectors (batch, features): one number a channel, or all numbers."""
    maps = _maps(output, layer, how)
    if maps is None:
        return output.flatten(1)
    return maps.mean(2) if how == "mean" else maps.amax(2)


def pooled_gradient(
    output: torch.Tensor, gradient: torch.Tensor, layer: Layer, how: str
) -> torch.Tensor:
    """∂ score / ∂ pooled activation (batch, features): its product with v is the derivative of the
    score along v."""
    slopes = _maps(gradient, layer, how)
    if slopes is None:
        return gradient.flatten(1)
    if how == "mean":
        return slopes.sum(2)
    maps = _maps(output, layer, how)
    assert maps is not None
    return slopes.gather(2, maps.argmax(2, keepdim=True)).squeeze(2)


def along(
    output: torch.Tensor, layer: Layer, how: str, v: torch.Tensor, origin: torch.Tensor
) -> torch.Tensor:
    """Where in a layer's map the pooled output lies along v from `origin` (features,), as
    (batch, height, width): the mean over positions is (pooled − origin) · v.

    With "max" a channel speaks where its maximum is. What is no part of the map, such as a class
    token, is left out.
    """
    maps = layer.fold(output)
    size = maps[0, 0].numel()
    if how == "mean":
        return torch.einsum("nchw,c->nhw", maps, v) - origin @ v
    if how == "none":
        v, origin = (layer.fold(one.reshape(1, *output.shape[1:])) for one in (v, origin))
        return ((maps - origin) * v).sum(1) * size
    flat = maps.flatten(2)
    peaks, places = flat.max(2)
    found = torch.zeros_like(flat[:, 0])
    found.scatter_add_(1, places, (peaks - origin) * v * size)
    return found.view_as(maps[:, 0])


def _maps(output: torch.Tensor, layer: Layer, how: str) -> torch.Tensor | None:
    """(batch, channels, positions), or None where nothing is pooled."""
    if how == "none" or not layer.layout:
        return None
    return layer.fold(output).flatten(2)
