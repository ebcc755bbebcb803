"""GAN dissection: a generator whose units are what it draws, and the zoo's."""

import numpy as np
import pytest
import torch
from networks import seeded
from torch import nn

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.methods.concepts.dissection.gan_dissection import Drawn

SIDE = 16


class Painter(nn.Module):
    """Draws a red, a green and a blue square, each with a unit of its own, where the code says."""

    def __init__(self, low: float = 0.0) -> None:
        super().__init__()
        self.layer = nn.Identity()
        self.low = low

    def forward(self, code):
        places = torch.sigmoid(code[:, :6]).view(-1, 3, 2) * (SIDE - 4)
        axis = torch.arange(SIDE) + 0.5
        inside = [(axis > places[..., i, None]) & (axis < places[..., i, None] + 4) for i in (0, 1)]
        drawn = (inside[0][..., :, None] & inside[1][..., None, :]).float()
        return self.low + (1 - self.low) * self.layer(drawn)


def segment(picture):
    return {name: picture[..., i] > 128 for i, name in enumerate(("red", "green", "blue"))}


def codes(count=60, seed=0):
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("low", [0.0, -1.0])
def test_units_that_draw_a_thing_are_labelled_with_it_and_take_it_along(low):
    method = xw.GANDissection(quantile=0.07, shuffles=3)
    answer = method(Painter(low).eval(), codes(), "layer", segment, values=(low, 1.0))
    assert [unit.concept for unit in answer.units()] == ["red", "green", "blue"]
    assert all(unit.iou > 0.95 for unit in answer.units())
    assert answer.provenance.forwards == 121
    without = xw.redraw(answer, "layer", [1])
    table = without.table().set_index("concept")
    assert table.left["green"] == 0
    assert table.left[["red", "blue"]].eq(1).all()
    assert np.array_equal(without.before[..., 0], without.after[..., 0])
    assert without.before.shape == (60, SIDE, SIDE, 3)


def test_the_pictures_of_a_unit_are_those_that_were_drawn():
    answer = xw.GANDissection(quantile=0.07, shuffles=0)(
        Painter().eval(), codes(), "layer", segment
    )
    for shown in answer.show("layer", 2, 3):
        assert shown.picture.shape == (SIDE, SIDE, 3)
        assert np.array_equal(shown.picture[..., 2] > 128, shown.concept)
        assert np.array_equal(shown.mask, shown.concept)


def test_codes_may_be_maps_and_others_may_be_drawn_again():
    class Wide(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.grow = nn.ConvTranspose2d(5, 3, 4, 4)

        def forward(self, z):
            return self.grow(z).sigmoid()

    z = torch.randn(20, 5, 3, 4)
    answer = xw.GANDissection(shuffles=0)(
        seeded(Wide).eval(), z, "grow", lambda p: {"bright": p.mean(2) > 128}
    )
    assert answer.layers[0].grid == (12, 16)
    assert len(xw.redraw(answer, "grow", [0], codes=z[:5]).after) == 5


@pytest.mark.slow
def test_the_zoos_generator_loses_a_thing_with_the_units_that_detect_it():
    z = torch.randn(200, 9, generator=torch.Generator().manual_seed(4))
    answer = xw.GANDissection(shuffles=3)(
        zoo.generator(), z, ["relu1", "relu2"], zoo.landscape_masks
    )
    units = answer.layer("relu2")
    column = answer.concepts.index("sun")
    order = np.argsort(-units.iou[:, column])
    left = {
        name: xw.redraw(answer, "relu2", chosen).table().set_index("concept").left["sun"]
        for name, chosen in (("best", order[:6]), ("worst", order[-6:]))
    }
    assert left["best"] <= 0.3
    assert left["worst"] >= 0.5


def test_what_cannot_be_used_is_said_in_words():
    make = xw.GANDissection(shuffles=0)
    with pytest.raises(ExplainError, match=r"codes have shape \(6,\)"):
        make(Painter().eval(), torch.zeros(6), "layer", segment)
    with pytest.raises(ExplainError, match=r"generator gives shape \(1, 7\)"):
        make(nn.Linear(6, 7).eval(), codes(), "layer", segment)
    classifier = xw.NetworkDissection(shuffles=0)(
        nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten()).eval(),
        [(torch.rand(3, 4, 4), {"a:b": np.eye(4, dtype=bool)})] * 3, "0",
    )  # fmt: skip
    with pytest.raises(ExplainError, match="dissection of a generator"):
        xw.redraw(classifier, "0", [0])


def test_what_a_generator_calls_black_and_white_is_black_and_white():
    drawn = Drawn(Painter(-1.0).eval(), codes(2), segment, (-1.0, 1.0))
    shades = torch.tensor([-1.0, 0.0, 1.0]).repeat_interleave(SIDE * SIDE)[None]
    assert drawn.pictures(shades)[0, 0, 0].tolist() == [0, 128, 255]
