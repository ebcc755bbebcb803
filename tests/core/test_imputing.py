"""ROAD's imputation: the sparse system solved exactly, by hand, and what Quantus makes of it."""

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
import torch
from networks import noise

from xaiwidgets.core.filling import Filling, own_noise
from xaiwidgets.core.imputing import impute
from xaiwidgets.core.subject import Subject

STEPS = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]


def exactly(picture: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The linear system written out, pixel by pixel, and a direct solve."""
    height, width = kept.shape
    holes = [(i, j) for i in range(height) for j in range(width) if not kept[i, j]]
    number = {place: n for n, place in enumerate(holes)}
    system: list[tuple[float, int, int]] = []  # entries of one place are added up
    right = np.zeros((len(holes), len(picture)))
    for n, (i, j) in enumerate(holes):
        for down, across in STEPS:
            k, m = i + down, j + across
            if not (0 <= k < height and 0 <= m < width):
                continue
            weight = 1 / 6 if 0 in (down, across) else 1 / 12
            system.append((weight, n, n))
            if kept[k, m]:
                right[n] += weight * picture[:, k, m]
            else:
                system.append((-weight, n, number[k, m]))
    filled = picture.copy()
    if holes:
        weights, rows, columns = zip(*system, strict=True)
        matrix = scipy.sparse.coo_matrix((weights, (rows, columns))).tocsc()
        solved = scipy.sparse.linalg.spsolve(matrix, right).reshape(len(holes), -1)
        filled[:, [i for i, _ in holes], [j for _, j in holes]] = solved.T
    return filled


def smooth(*shape: int, seed: int = 0) -> torch.Tensor:
    """Noise with the spectrum of photographs, roughly."""
    height, width = shape[-2:]
    square = torch.fft.fftfreq(height)[:, None] ** 2 + torch.fft.fftfreq(width)[None] ** 2
    square[0, 0] = 1
    spectrum = torch.fft.fft2(noise(*shape, seed=seed, dtype=torch.float64)) / square**0.6
    found = torch.fft.ifft2(spectrum).real
    return (found - found.mean()) / found.std()


def patterns(height: int, width: int) -> list[np.ndarray]:
    """Masks of every kind: scattered, in blobs, a single hole, a single pixel kept."""
    scattered = noise(height, width, seed=1).numpy()
    blobs = smooth(1, height, width, seed=2)[0].numpy()
    found = [
        kind > np.quantile(kind, share)
        for kind in (scattered, blobs)
        for share in (0.03, 0.5, 0.9, 0.98)
    ]
    one = np.zeros((height, width), bool)
    one[1, 2] = True
    corner = np.ones((height, width), bool)
    corner[0, 0] = False
    return [*found, one, ~one, corner, np.ones((height, width), bool)]


@pytest.mark.parametrize(("height", "width"), [(33, 20), (16, 16), (5, 9), (40, 57)])
def test_it_solves_the_sparse_system_to_a_thousandth_of_the_range(height, width):
    x = smooth(1, 3, height, width)
    kept = np.stack(patterns(height, width))
    found = impute(x.expand(len(kept), -1, -1, -1), torch.as_tensor(kept)).numpy()
    span = float(x.max() - x.min())
    for mask, filled in zip(kept, found, strict=True):
        wrong = (filled - exactly(x[0].numpy(), mask)) / span
        assert np.abs(wrong).max() < 3e-3
        assert np.sqrt((wrong[:, ~mask] ** 2).mean()) < 1e-3 if not mask.all() else True
        assert np.array_equal(filled[:, mask], x[0].numpy()[:, mask])


@pytest.mark.slow
def test_it_holds_that_accuracy_at_224_pixels():
    x = smooth(1, 3, 224, 224)
    kept = np.stack(patterns(224, 224))
    found = impute(x.expand(len(kept), -1, -1, -1).float(), torch.as_tensor(kept)).double().numpy()
    span = float(x.max() - x.min())
    for mask, filled in zip(kept, found, strict=True):
        wrong = (filled - exactly(x[0].numpy(), mask)) / span
        assert np.abs(wrong).max() < 1e-2
        assert mask.all() or np.sqrt((wrong[:, ~mask] ** 2).mean()) < 1.5e-3


def test_one_hole_is_the_mean_that_the_paper_weighs():
    x = noise(1, 1, 5, 5, seed=3)
    kept = torch.ones(1, 5, 5, dtype=torch.bool)
    kept[0, 2, 2] = False
    v = x[0, 0]
    beside = v[1, 2] + v[3, 2] + v[2, 1] + v[2, 3]
    corners = v[1, 1] + v[1, 3] + v[3, 1] + v[3, 3]
    assert float(impute(x, kept)[0, 0, 2, 2]) == pytest.approx(float(beside / 6 + corners / 12))


def test_a_hole_in_the_corner_weighs_only_neighbours_inside():
    x = noise(1, 1, 5, 5, seed=3)
    kept = torch.ones(1, 5, 5, dtype=torch.bool)
    kept[0, 0, 0] = False
    v = x[0, 0]
    expected = ((v[0, 1] + v[1, 0]) / 6 + v[1, 1] / 12) / (5 / 12)
    assert float(impute(x, kept)[0, 0, 0, 0]) == pytest.approx(float(expected), rel=1e-5)


def test_a_constant_picture_is_filled_with_its_constant():
    x = torch.full((1, 2, 19, 23), 0.7)
    kept = torch.as_tensor(patterns(19, 23)[3])[None]
    assert torch.allclose(impute(x, kept), x, atol=1e-4)


def test_where_nothing_is_kept_the_mean_colour_is_all_there_is():
    x = noise(2, 3, 12, 12)
    found = impute(x, torch.zeros(2, 12, 12, dtype=torch.bool))
    assert torch.allclose(found, x.mean((2, 3), keepdim=True).expand_as(x), atol=1e-5)


def test_a_picture_is_imputed_alike_in_any_company():
    x, kept = smooth(5, 3, 24, 24), torch.as_tensor(np.stack(patterns(24, 24)[1:6]))
    together = impute(x, kept)
    for i in range(5):
        assert torch.allclose(impute(x[i : i + 1], kept[i : i + 1])[0], together[i], atol=1e-12)


def test_every_input_has_noise_of_its_own_that_company_does_not_change():
    x = noise(3, 3, 8, 8)
    drawn = own_noise(x, 0)
    assert not torch.allclose(drawn[0], drawn[1])
    assert torch.equal(own_noise(x[1:2], 0)[0], drawn[1])
    assert not torch.equal(own_noise(x, 1), drawn)
    assert not torch.equal(own_noise(x, 0, draw=1), drawn)
    assert abs(float(drawn.std()) - 1) < 0.1


def test_filled_pixels_get_noise_of_a_hundredth_and_kept_ones_none():
    x = noise(2, 3, 16, 16)
    kept = torch.as_tensor(np.stack(patterns(16, 16)[1:3]))
    rows = torch.arange(2)
    subject = Subject(torch.nn.Flatten().eval())
    change = Filling("neighbours", subject, x)(kept, rows) - impute(x, kept)
    assert float(change[kept[:, None].expand_as(x)].abs().max()) == 0
    assert 0.005 < float(change[~kept[:, None].expand_as(x)].std()) < 0.02


def test_quantus_imputes_the_same():
    perturb = pytest.importorskip("quantus.functions.perturb_func")
    x = smooth(1, 3, 20, 20)[0].numpy()
    for mask in patterns(20, 20)[:7]:
        theirs = perturb.noisy_linear_imputation(x, np.flatnonzero(~mask), noise=0.0)
        ours = impute(torch.as_tensor(x)[None], torch.as_tensor(mask)[None])[0].numpy()
        assert np.abs(ours - theirs).max() < 3e-3 * (x.max() - x.min())
