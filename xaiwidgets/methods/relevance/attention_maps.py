"""What a transformer's attention says of its tokens, from the first attention to the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from xaiwidgets.core.attention import Attention, attending
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject, differentiating
from xaiwidgets.core.target import BoundTarget

from ..cam.activation_map import enlarge

MOST_IN_FRONT = 8


@dataclass(frozen=True)
class AttentionMaps:
    """The `weights` of every attention and the score's `gradients` with respect to them, each
    (rows, heads, tokens, tokens), and where the score is `taken` from behind the last one
    (rows, tokens): 1 at a class token, equal shares where tokens are averaged."""

    weights: list[torch.Tensor]
    gradients: list[torch.Tensor]
    taken: torch.Tensor


def attention_maps(
    subject: Subject, x: torch.Tensor, target: BoundTarget, rows: torch.Tensor, who: str
) -> AttentionMaps:
    """The maps of one batch, in one forward and one backward pass; `who` asks, for an error."""
    met: list[Attention] = []
    with differentiating():
        leaf = x.detach().requires_grad_()
        with attending(subject.model, len(x), met.append):
            outputs = subject(leaf)
        _check(met, who)
        score = target.score(outputs, rows).sum()
        wanted = [*(each.weights for each in met), met[-1].read]
        found = torch.autograd.grad(score, wanted, allow_unused=True)
    slopes = [
        torch.zeros_like(tensor) if slope is None else slope
        for tensor, slope in zip(wanted, found, strict=True)
    ]
    return AttentionMaps(
        [each.by_head(each.weights.detach())[:, :, 0] for each in met],
        [each.by_head(slope)[:, :, 0] for each, slope in zip(met, slopes, strict=False)],
        _taken(met[-1].by_head(slopes[-1])),
    )


def _taken(slopes: torch.Tensor) -> torch.Tensor:
    """Equal shares for the tokens whose reading changes the score, (rows, tokens)."""
    read = slopes.abs().sum((1, 2, 4)) > 0
    return read.to(slopes.dtype) / read.sum(1, keepdim=True).clamp_min(1)


def _check(met: Sequence[Attention], who: str) -> None:
    if not met:
        raise ExplainError(
            f"This network has no attention for {who} to follow; it takes vision transformers and "
            "classifiers like BERT. LRP and integrated gradients work on any network."
        )
    shapes = {tuple(each.weights.shape[-2:]) for each in met}
    windows = max(each.by_head(each.weights).shape[2] for each in met)
    if len(shapes) > 1 or windows > 1 or len(set(shapes.pop())) > 1:
        raise ExplainError(
            f"{who} multiplies maps from every token to every token, but this network's attention "
            "goes through windows, or to other tokens than its own. LRP(preset='AttnLRP') works."
        )


def rolled_out(maps: Sequence[torch.Tensor], taken: torch.Tensor) -> torch.Tensor:
    """What reaches the first tokens of what is `taken` behind the last map, (rows, tokens), through
    maps (rows, tokens, tokens) from the first to the last."""
    for each in reversed(maps):
        taken = (taken.unsqueeze(1) @ each).squeeze(1)
    return taken


def on_input(subject: Subject, x: torch.Tensor, tokens: torch.Tensor, who: str) -> torch.Tensor:
    """Values of tokens (rows, tokens) where they lie in the input: patches enlarged to a map
    (rows, 1, height, width), a token's part of (rows, 1, tokens, width) spread evenly over it.
    Tokens that the network puts in front, such as a class token, lie nowhere."""
    count = tokens.shape[1]
    patches = [each for each in subject.layers(x) if each.layout == "tokens"]
    folding = next((each for each in patches if each.shape[0] == count), None)
    if folding is not None:
        return enlarge(folding.fold(tokens.unsqueeze(2)), x)
    prefix = count - x.shape[2]
    if x.shape[1] == 1 and 0 <= prefix <= MOST_IN_FRONT:
        return (tokens[:, prefix:] / x.shape[3])[:, None, :, None].expand_as(x)
    raise ExplainError(
        f"{who} found {count} tokens, which lie on no grid of patches in an input of shape "
        f"{tuple(x.shape)}; it takes pictures cut into squares, and tokens (batch, 1, tokens, "
        "width)."
    )
