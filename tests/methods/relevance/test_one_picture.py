"""A single picture goes a shorter way, to the same relevance."""

import copy

import pytest
import torch
import torch.nn.functional as F
from networks import noise, seeded
from torch import nn

import xaiwidgets as xw
from xaiwidgets.methods.relevance import affine


class Wide(nn.Module):
    """Many filters for few pixels, and a dense layer of which half of the rows count."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 48, 3, padding=1), nn.Conv2d(48, 96, 3, padding=1)
        self.wide, self.head = nn.Linear(96 * 16, 1024), nn.Linear(1024, 5)

    def forward(self, x):
        x = F.max_pool2d(self.first(x).relu(), 4)
        x = self.second(x).relu()
        return self.head(self.wide(x.flatten(1)).relu())


@pytest.mark.parametrize("preset", ["ε", "ε-plus-flat", "ε-γ-box", "ε-αβ-flat"])
def test_one_picture_has_the_relevance_that_double_precision_gives(preset, monkeypatch):
    network, x = seeded(Wide), noise(1, 3, 16, 16)
    read = []

    def watch(s, weight):
        read.append(len(s.nonzero()) < affine._FEW * len(weight))
        return rows(s, weight)

    rows = affine._product_of_rows
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(affine, "_product_of_rows", watch)
        ours = xw.LRP(preset=preset)(xw.Subject(network, mean=0.5, std=0.5), x, 2).values
    assert any(read)  # the wide layer: about half of its units are off
    monkeypatch.setattr(affine, "_WORTH_CHOOSING", float("inf"))
    network, x = copy.deepcopy(network).double(), x.double()
    exact = xw.LRP(preset=preset)(xw.Subject(network, mean=0.5, std=0.5), x, 2).values
    assert float((ours - exact).abs().max() / exact.abs().max()) < 2e-5


def test_rows_that_are_off_are_left_out_and_all_others_count(monkeypatch):
    monkeypatch.setattr(affine, "_WORTH_CHOOSING", 0)
    weight = noise(200, 30, dtype=torch.float64)
    for on in (0, 1, 63, 64, 65, 119, 200):
        s = noise(1, 200, seed=on, dtype=torch.float64)
        s[0, torch.randperm(200)[on:]] = 0
        torch.testing.assert_close(affine._product_of_rows(s, weight), s @ weight)
    torch.testing.assert_close(
        affine._product_of_rows(s.repeat(2, 1), weight), s.repeat(2, 1) @ weight
    )
