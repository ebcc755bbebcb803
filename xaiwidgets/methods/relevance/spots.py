"""Spots inside a network at which relevance can be looked at, taken apart, and sent on in part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch

from xaiwidgets.core.attention import Attention, Visit, by_head
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .lrp import relevance
from .presets import Table

Flowed = tuple[torch.Tensor, torch.Tensor]


class Spot(Protocol):
    """One spot: `name` is what a sentence calls it."""

    @property
    def name(self) -> str: ...

    def flowing(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, table: Table
    ) -> Flowed:
        """c = R ÷ activation there, and the activation."""

    def instead(self, c: torch.Tensor, count: int) -> Mapping[str, Any]:
        """What has `relevance` of `count` examples go on with this c instead of what arrives."""

    def parts(self, values: torch.Tensor, count: int) -> torch.Tensor:
        """Values there as a view (rows, parts, ...)."""


@dataclass(frozen=True)
class AtLayer:
    """The output of a layer, by its channels or by its places: tokens, or the cells of a map."""

    layer: Layer
    by: Literal["channel", "place"]

    @property
    def name(self) -> str:
        """The layer's."""
        return self.layer.name

    def flowing(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, table: Table
    ) -> Flowed:
        """As the layer lays them."""
        seen: list[Flowed] = []
        look = {self.name: lambda c, value: seen.append((c, value))}
        relevance(subject, x, target, table, look, way="to the layer")
        if not seen:
            raise ExplainError(
                f"No relevance of this score arrives at layer {self.name!r}; choose another layer."
            )
        return seen[-1]

    def instead(self, c: torch.Tensor, count: int) -> Mapping[str, Any]:
        """Put there by a watch."""
        return {"watches": {self.name: lambda *_: c}}

    def parts(self, values: torch.Tensor, count: int) -> torch.Tensor:
        """Channels or places."""
        last = values.ndim > 2 and self.layer.layout != "channels first"
        channels = values.movedim(-1, 1) if last else values
        return channels if self.by == "channel" else channels.flatten(2).transpose(1, 2)


@dataclass(frozen=True)
class AtAttention:
    """What the heads of an attention read: of the `block`-th, −1 for the last, and by one `token`
    alone or all (−1)."""

    block: int = -1
    token: int = -1

    @property
    def name(self) -> str:
        """The block's."""
        return "the last block" if self.block < 0 else f"block {self.block}"

    def flowing(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, table: Table
    ) -> Flowed:
        """As the network lays them."""
        every = flowing_by_block(subject, x, target, table)
        if self.block >= len(every):
            raise ExplainError(
                f"HeadRelevance.block is {self.block}, but this network has {len(every)} blocks of "
                f"attention: 0 to {len(every) - 1}."
            )
        found = every[self.block]
        if found is None:
            raise ExplainError(
                f"No relevance of this score arrives at the heads of {self.name}; choose another."
            )
        tokens = by_head(found[0], len(x)).shape[3]
        if self.token >= tokens:
            raise ExplainError(
                f"HeadRelevance.token is {self.token}, but there are {tokens} tokens: 0 to "
                f"{tokens - 1}."
            )
        return found

    def instead(self, c: torch.Tensor, count: int) -> Mapping[str, Any]:
        """Put there by a hook; which block is the last is known on the way back."""
        met: list[Attention] = []

        def visit(attention: Attention) -> None:
            met[attention.number :] = [attention]
            if attention.read.requires_grad:
                attention.read.register_hook(lambda _: c if met[self.block] is attention else None)

        return {"visit": visit}

    def parts(self, values: torch.Tensor, count: int) -> torch.Tensor:
        """By head; of one token alone where one was chosen."""
        found = by_head(values, count)
        return found if self.token < 0 else found[:, :, :, self.token : self.token + 1]


def flowing_by_block(
    subject: Subject, x: torch.Tensor, target: BoundTarget, table: Table
) -> list[Flowed | None]:
    """c and activation of what the heads of every attention read, from the first on; None where no
    relevance arrives. Raises ExplainError for networks without attention."""
    found: list[Flowed | None] = []
    relevance(subject, x, target, table, visit=_noting(found), way="to the heads")
    if not found:
        raise ExplainError(
            "This network has no attention, and so no heads; LRP works on any network."
        )
    return found


def _noting(found: list[Flowed | None]) -> Visit:
    def visit(attention: Attention) -> None:
        del found[attention.number :]  # of a pass that was broken off
        found.append(None)
        value = attention.read.detach()
        if attention.read.requires_grad:
            attention.read.register_hook(lambda c: found.__setitem__(attention.number, (c, value)))

    return visit
