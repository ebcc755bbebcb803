"""A small transformer whose classes are words: which methods point at the word of the class?

Texts of twelve words hold two words that each stand for a class, among words that say nothing; the
network tells which classes are there. Asked for one of them, a method should put most of its map on
that word, not on the other. Words lie in the input as vectors of a fixed table.

    python -m benchmarks.rationale [--texts 200]
"""

from __future__ import annotations

import argparse
import functools
from typing import NamedTuple

import torch
from torch import nn

import xaiwidgets as xw
from xaiwidgets.core.method import Attribution

CLASSES, WORDS, TOKENS, WIDTH = 4, 20, 12, 16
METHODS: tuple[tuple[str, Attribution], ...] = (
    ("AttnLRP", xw.LRP(preset="AttnLRP")),
    ("CP-LRP", xw.LRP(preset="CP-LRP")),
    ("Transformer attribution", xw.TransformerAttribution()),
    ("Attention rollout", xw.AttentionRollout()),
    ("Gradient × input", xw.GradientTimesInput()),
    ("Integrated gradients", xw.IntegratedGradients()),
)


class Reader(nn.Module):
    """Two layers of two heads behind a class token: (batch, 1, words, width) to a score a class."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.places = nn.Parameter(0.1 * torch.randn(1, TOKENS + 1, WIDTH))
        layer = nn.TransformerEncoderLayer(
            WIDTH, 2, 32, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        words = x[:, 0]
        tokens = torch.cat([self.first.expand(len(words), -1, -1), words], 1) + self.places
        return self.head(self.norm(self.body(tokens)[:, 0]))


class Texts(NamedTuple):
    """Inputs (texts, 1, words, width), classes (texts, 2), and the places of their words."""

    x: torch.Tensor
    classes: torch.Tensor
    places: torch.Tensor


def texts(count: int, seed: int) -> Texts:
    """Texts with two words that stand for two classes, at places drawn by lot."""
    draw = torch.Generator().manual_seed(seed)
    words = torch.randint(CLASSES, CLASSES + WORDS, (count, TOKENS), generator=draw)
    classes = torch.rand(count, CLASSES, generator=draw).argsort(1)[:, :2]
    places = torch.rand(count, TOKENS, generator=draw).argsort(1)[:, :2]
    words.scatter_(1, places, classes)
    table = torch.randn(CLASSES + WORDS, WIDTH, generator=torch.Generator().manual_seed(0))
    return Texts(table[words][:, None], classes, places)


@functools.cache
def reader(steps: int = 300) -> Reader:
    """The network, trained to tell which classes are there, in seconds."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Reader()
        optimiser = torch.optim.Adam(network.parameters(), 5e-3)
        for step in range(steps):
            batch = texts(64, seed=1000 + step)
            wanted = torch.zeros(64, CLASSES).scatter_(1, batch.classes, 1)
            loss = nn.functional.binary_cross_entropy_with_logits(network(batch.x), wanted)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return network.eval()


def accuracy(network: Reader, data: Texts) -> float:
    """How often the two best classes are the two that are there."""
    with torch.no_grad():
        best = network(data.x).topk(2).indices.sort(1).values
    return float((best == data.classes.sort(1).values).all(1).float().mean())


def hits(method: Attribution, network: Reader, data: Texts) -> float:
    """How often the word of the class that was asked for carries most of the map."""
    found = []
    for which in (0, 1):
        heat = method(network, data.x, data.classes[:, which].tolist())
        top = heat.values.sum((1, 3)).argmax(1)
        found.append((top == data.places[:, which]).float())
    return float(torch.cat(found).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=200)
    count = parser.parse_args().texts
    network, data = reader(), texts(count, seed=1)
    print(f"{count} texts, each asked for both of its classes; the network names both in "
          f"{accuracy(network, data):.3f}")  # fmt: skip
    print(f"{'':28}{'on the class’s word':>20}")
    for name, method in METHODS:
        print(f"{name:28}{hits(method, network, data):20.3f}", flush=True)


if __name__ == "__main__":
    main()
