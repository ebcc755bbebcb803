import numpy as np
import pytest
import scipy.stats
from skimage.feature import hog
from skimage.metrics import structural_similarity

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.evaluation import similarity as s


def drawn(count=3, side=40, seed=0):
    return np.random.Generator(np.random.PCG64(seed)).normal(size=(count, side, side))


A, B = drawn(seed=1), drawn(seed=1) + drawn(seed=2)
EVERY = [lambda a, b, n=n: s.similarity(n, a, b) for n in s.SIMILARITIES]


def by_paper(one, absolute):
    if absolute:
        one = np.abs(one)
        low, high = one.min(), np.percentile(one, 99)
        return np.clip((one - low) / (high - low), 0, 1)
    span = abs(np.percentile(one, 99))
    return np.clip((one + span) / (2 * span), -1, 1)


def unit(one):
    return (one - one.min()) / (one.max() - one.min())


@pytest.mark.parametrize("absolute", [True, False])
def test_spearman_is_scipys_on_the_papers_maps(absolute):
    expected = [
        scipy.stats.spearmanr(by_paper(a, absolute).ravel(), by_paper(b, absolute).ravel())[0]
        for a, b in zip(A, B, strict=True)
    ]
    assert s.spearman(A, B, absolute) == pytest.approx(expected, abs=1e-12)


def test_ssim_is_scikit_images():
    expected = [
        structural_similarity(unit(a), unit(b), gaussian_weights=True, sigma=1.5, data_range=1.0)
        for a, b in zip(A, B, strict=True)
    ]
    assert s.ssim(A, B) == pytest.approx(expected, abs=1e-12)


def test_hog_has_cells_of_16_pixels_in_a_picture_of_224_and_fewer_in_a_smaller_one():
    a, b = drawn(1, 224, 1), drawn(1, 224, 1) + drawn(1, 224, 2)
    big = [hog(unit(m[0]), pixels_per_cell=(16, 16)) for m in (a, b)]
    assert s.hog_pearson(a, b) == pytest.approx([np.corrcoef(*big)[0, 1]], abs=1e-12)
    small = [hog(unit(m[0]), pixels_per_cell=(3, 3)) for m in (A, B)]
    assert s.hog_pearson(A, B)[0] == pytest.approx(np.corrcoef(*small)[0, 1], abs=1e-12)


def test_pearson_is_numpys():
    expected = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(A, B, strict=True)]
    assert s.pearson(A, B) == pytest.approx(expected, abs=1e-12)


def test_top_pixels_are_counted_by_hand():
    a, b = np.zeros((1, 2, 5)), np.zeros((1, 2, 5))
    a[0, 0] = [9, -8, 1, 2, 3]
    b[0, 0] = [1, -9, 8, 2, 3]
    assert s.top_k(a, b, share=0.2) == 0.5
    assert s.top_k(a, b, share=0.2, absolute=False) == 0.5  # 9 and 3 against 8 and 3
    assert s.top_k(a, b, share=0.1) == 0


@pytest.mark.parametrize("compare", EVERY, ids=s.SIMILARITIES)
def test_a_map_is_like_itself_and_a_constant_map_is_like_nothing(compare):
    assert compare(A, A) == pytest.approx(1)
    flat = A.copy()
    flat[1] = 0.3
    found = compare(flat, A)
    assert np.isnan(found).tolist() == [False, True, False]
    assert np.isnan(compare(A, flat)).tolist() == [False, True, False]


@pytest.mark.parametrize("compare", EVERY, ids=s.SIMILARITIES)
def test_an_input_compares_the_same_alone_and_in_any_batch(compare):
    together = compare(A, B)
    assert [compare(A[i : i + 1], B[i : i + 1])[0] for i in range(3)] == together.tolist()


@pytest.mark.parametrize("compare", EVERY, ids=s.SIMILARITIES)
def test_the_maps_are_left_as_they_were(compare):
    a, b = A.copy(), B.copy()
    compare(a, b)
    assert (a == A).all()
    assert (b == B).all()


def test_signs_count_only_where_they_are_asked_for():
    assert s.spearman(A, -A) == pytest.approx(1)
    assert (s.spearman(A, -A, absolute=False) < -0.9).all()


def test_channels_are_folded_as_in_the_paper():
    r = np.random.Generator(np.random.PCG64(3)).normal(size=(2, 3, 20, 20))
    other = r[::-1]
    assert s.spearman(r, other) == pytest.approx(s.spearman(np.abs(r).sum(1), np.abs(other).sum(1)))
    assert s.spearman(r, other, False) == pytest.approx(s.spearman(r.sum(1), other.sum(1), False))
    u = [[unit(one) for one in each] for each in (r, other)]
    expected = structural_similarity(
        u[0][0], u[1][0], gaussian_weights=True, data_range=1.0, channel_axis=0
    )
    assert s.ssim(r, other)[0] == pytest.approx(expected)


def test_a_map_with_one_pixel_has_ranks_though_its_99th_percentile_is_0():
    one, same, other = np.zeros((3, 1, 20, 20))
    one[0, 3, 4] = same[0, 3, 4] = 2
    other[0, 9, 9] = 5
    assert s.spearman(one, same) == pytest.approx(1)
    assert s.spearman(one, other) == pytest.approx(-1 / 399)


def test_small_maps_are_compared_and_tiny_ones_refused():
    a, b = drawn(2, 7, 1), drawn(2, 7, 2)
    assert not np.isnan(s.ssim(a, b)).any()
    assert not np.isnan(s.hog_pearson(a, b)).any()
    with pytest.raises(ExplainError, match="at least 3 × 3 pixels"):
        s.ssim(a[:, :2, :2], b[:, :2, :2])
    with pytest.raises(ExplainError, match="at least 3 × 3 pixels"):
        s.hog_pearson(a[:, :2, :2], b[:, :2, :2])


def test_maps_of_different_shapes_are_refused_in_words():
    with pytest.raises(ExplainError, match=r"shapes \(3, 40, 40\) and \(2, 40, 40\)"):
        s.spearman(A, B[:2])
