"""What an absent pixel looks like."""

import pytest
import torch
from networks import ModuleNetwork, noise, seeded
from scipy.ndimage import gaussian_filter1d

from xaiwidgets.core.baselines import (
    baseline,
    baseline_draws,
    blur,
)
from xaiwidgets.core.subject import Subject


@pytest.fixture
def subject():
    absent = noise(4, 3, 32, 32, seed=9)
    return Subject(seeded(ModuleNetwork), mean=[0.5, 0.4, 0.3], std=[0.1, 0.2, 0.3], absent=absent)


@pytest.mark.parametrize("name", Subject.baselines)
def test_every_baseline_has_the_inputs_shape_and_does_not_share_its_memory(subject, name):
    x = noise(2, 3, 32, 32)
    made = baseline(name, subject, x)
    assert made.shape == x.shape
    assert made.dtype == x.dtype
    kept = x.clone()
    made.zero_()
    assert torch.equal(x, kept)


def test_black_and_white_are_colours_of_the_picture_not_of_the_network(subject):
    x = noise(1, 3, 32, 32)
    assert baseline("zero", subject, x).abs().max() == 0
    assert baseline("black", subject, x)[0, :, 0, 0].tolist() == pytest.approx([-5.0, -2.0, -1.0])
    assert baseline("white", subject, x)[0, :, 0, 0].tolist() == pytest.approx([5.0, 3.0, 7 / 3])
    bare = Subject(seeded(ModuleNetwork))
    assert baseline("white", bare, x).unique().tolist() == [1.0]


def test_mean_is_each_pictures_own_colour(subject):
    x = noise(2, 3, 32, 32)
    made = baseline("mean", subject, x)
    assert torch.allclose(made[1, :, 5, 7], x[1].mean((1, 2)))


def test_given_is_the_subjects_absent_input_and_draws_go_through_all_of_them(subject):
    x = noise(2, 3, 32, 32)
    assert torch.equal(baseline("given", subject, x)[1], subject.absent[0])
    drawn = [baseline_draws("given", subject, x, 0)(k) for k in range(60)]
    which = [next(i for i in range(4) if torch.equal(one[0], subject.absent[i])) for one in drawn]
    assert set(which) == {0, 1, 2, 3}
    assert all(torch.equal(one[0], one[1]) for one in drawn)


@pytest.mark.parametrize("sigma", [0.7, 1.6, 3.0])
def test_blur_is_a_gaussian_with_reflected_edges(sigma):
    x = noise(1, 2, 20, 28).double()
    radius = -(-3 * sigma // 1)
    expected = x.numpy()
    for axis in (2, 3):
        expected = gaussian_filter1d(
            expected, sigma, axis=axis, mode="mirror", truncate=radius / sigma
        )
    assert torch.allclose(blur(x, sigma), torch.from_numpy(expected), atol=1e-12)


def test_blur_keeps_a_flat_picture_and_the_smallest_picture():
    flat = torch.full((1, 3, 9, 9), 0.7, dtype=torch.float64)
    assert torch.allclose(blur(flat, 2.0), flat)
    assert blur(torch.ones(1, 1, 1, 1), 5.0).item() == 1.0
    assert blur(noise(1, 1, 3, 50), 5.0).shape == (1, 1, 3, 50)


def test_noise_keeps_to_each_channels_range(subject):
    x = noise(2, 3, 32, 32) * torch.tensor([1.0, 5.0]).view(2, 1, 1, 1)
    made = baseline("noise", subject, x)
    assert (made >= x.amin((2, 3), keepdim=True)).all()
    assert (made <= x.amax((2, 3), keepdim=True)).all()
    assert made[1].std() > 3 * made[0].std()
