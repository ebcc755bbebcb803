"""Occlusion on networks that read a known region."""

import pytest
import torch
from networks import Formula, noise

from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import Occlusion


class Region(torch.nn.Module):
    """Score 0 is the sum over rows 8 to 12 and columns 16 to 20; score 1 over everything else."""

    def __init__(self) -> None:
        super().__init__()
        self.eval()

    def forward(self, x):
        inside = x[:, :, 8:12, 16:20].sum((1, 2, 3))
        return torch.stack([inside, x.sum((1, 2, 3)) - inside], 1)


def test_only_the_patch_over_the_region_matters():
    values = Occlusion(patch=4, stride=4)(Region(), torch.ones(1, 1, 32, 32), 0).values[0, 0]
    expected = torch.zeros(32, 32)
    expected[8:12, 16:20] = 16.0
    assert torch.equal(values, expected)


def test_a_pixel_gets_the_mean_drop_of_the_patches_over_it():
    # patches of 8 that move by 4: each of the region's pixels lies under four, all cover it whole
    values = Occlusion(patch=8, stride=4)(Region(), torch.ones(1, 1, 32, 32), 0).values[0, 0]
    assert (values[8:12, 16:20] == 16.0).all()
    # the pixel left above, (4, 12), lies under four patches, of which one covers the region
    assert values[4, 12] == pytest.approx(4.0)
    assert values[4, 16] == pytest.approx(8.0)
    assert (values[20:] == 0).all()


def test_rows_are_rows_and_columns_are_columns_on_a_picture_that_is_not_square():
    network = Formula(lambda v: torch.stack([v.view(-1, 4, 8)[:, 3, 6], v[:, 0]], 1))
    values = Occlusion(patch=1, stride=1)(network, torch.ones(1, 1, 4, 8), 0).values
    assert values.nonzero().tolist() == [[0, 0, 3, 6]]


def test_what_covers_is_the_chosen_filling():
    x = 3 * torch.ones(1, 1, 32, 32)
    subject = Subject(Region(), mean=0.5, std=0.25)
    for fill, level in (("zero", 0.0), ("black", -2.0), ("white", 2.0), ("mean", 3.0)):
        values = Occlusion(patch=4, stride=4, fill=fill)(subject, x, 0).values
        assert values[0, 0, 8, 16] == pytest.approx(16 * (3 - level))


def test_the_last_row_and_column_are_covered_too():
    network = Formula(lambda v: torch.stack([v[:, -1], v[:, 0]], 1))
    values = Occlusion(patch=4, stride=3)(network, torch.ones(1, 1, 9, 9), 0).values[0, 0]
    assert values[8, 8] == 1.0


def test_a_patch_larger_than_the_picture_covers_it_all():
    found = Occlusion(patch=64, stride=8)(Region(), torch.ones(1, 1, 32, 32), 0)
    assert (found.values == 16.0).all()
    assert found.warnings == [
        "One patch of 64 covers the whole picture, so that the map is a single number; choose a "
        "smaller patch."
    ]


def test_what_lies_between_patches_is_drawn_like_the_nearest_and_told():
    # the patch on rows 8 and 9, columns 16 and 17 is the only one on the region
    found = Occlusion(patch=2, stride=8)(Region(), torch.ones(1, 1, 32, 32), 0)
    values = found.values[0, 0]
    expected = torch.zeros(32, 32)
    expected[5:13, 13:21] = 4.0  # rows 5 to 12 are nearest to it, and columns 13 to 20
    assert torch.equal(values, expected)
    assert "Patches of 2 that move by 8 cover 9.8 % of the picture" in found.warnings[0]
    assert Occlusion(patch=8, stride=8)(Region(), torch.ones(1, 1, 32, 32), 0).warnings == []


def test_it_asks_once_a_patch_and_once_for_the_whole():
    x = noise(2, 1, 32, 32)
    made = Occlusion(patch=8, stride=8)(Region(), x, 0).provenance
    assert (made.forwards, made.backwards) == (2 * 17, 0)


def test_a_network_without_gradients_can_be_explained():
    class Detached(Region):
        def forward(self, x):
            with torch.no_grad():
                return super().forward(x.round())

    values = Occlusion(patch=4, stride=4)(Detached(), torch.ones(1, 1, 32, 32), 0).values
    assert values[0, 0, 8, 16] == 16.0
