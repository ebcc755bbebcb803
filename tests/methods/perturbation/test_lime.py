"""LIME: its weighting and ridge written out, an oracle, and what it says of its own fit."""

import copy

import numpy as np
import pytest
import torch
from conftest import network_of
from networks import noise
from sklearn.linear_model import Ridge
from sklearn.metrics import pairwise_distances

from xaiwidgets.methods import LIME
from xaiwidgets.methods.perturbation.segments import squares


def plainly(on, scores, width):
    """The paper's own code in a few lines: cosine distances, their kernel, scikit-learn's ridge."""
    distances = pairwise_distances(on, on[:1], metric="cosine").ravel()
    weights = np.sqrt(np.exp(-(distances**2) / width**2))
    model = Ridge(alpha=1, fit_intercept=True).fit(on, scores, sample_weight=weights)
    return model.coef_, model.score(on, scores, sample_weight=weights)


@pytest.mark.parametrize("width", [0.25, 1.0])
def test_it_is_ridge_regression_with_the_papers_weights(width):
    network, x = network_of("functional"), noise(1, 3, 32, 32).double()
    double = copy.deepcopy(network).double()
    method = LIME(samples=300, segmentation="squares", segments=16, width=width, fill="zero")
    found = method(double, x, 2)
    on = method.copies(16)
    labels = squares(32, 32, 16)
    with torch.no_grad():
        scores = double(x * on[:, labels][:, None])[:, 2].numpy()
    expected, r2 = plainly(on.numpy().astype(float), scores, width)
    np.testing.assert_allclose(found.values[0, 0, 4::8, 4::8].flatten(), expected, atol=1e-10)
    assert found.numbers["r2"] == pytest.approx(r2, abs=1e-9)


def oracle(weights):
    def ask(array):
        cells = array[:, 0].reshape(len(array), 4, 4, 5, 4).mean((2, 4)).reshape(len(array), 20)
        score = cells @ weights
        return np.stack([score, -score], 1)

    return ask


def test_it_finds_the_weights_of_a_linear_network():
    weights = np.random.default_rng(0).normal(size=20)
    method = LIME(segmentation="squares", segments=20, fill="zero")
    found = method(oracle(weights), torch.ones(1, 1, 16, 20), 0)
    told = found.values[0, 0, ::4, ::4].flatten().numpy()
    assert np.corrcoef(told, weights)[0, 1] >= 0.999
    assert np.abs(told - weights).max() <= 0.05
    assert found.numbers["r2"] > 0.999


def test_the_strongest_segments_and_the_fit_are_told():
    weights = np.zeros(20)
    weights[[3, 11]] = 5.0, -2.0
    method = LIME(segmentation="squares", segments=20, fill="zero")
    found = method(oracle(weights), torch.ones(1, 1, 16, 20), 0)
    assert any(fact.startswith("Strongest segments: 3 (+5), 11 (-2)") for fact in found.facts)
    assert any("explains 100 % (R²)" in fact for fact in found.facts)


def test_a_poor_fit_is_warned_about():
    def parity(array):
        on = (array[:, 0, ::4, ::4].reshape(len(array), -1) > 0).sum(1) % 2
        return np.stack([on, 1 - on], 1).astype(float)

    found = LIME(segmentation="squares", segments=16, fill="zero")(parity, torch.ones(1, 1, 16, 16))
    assert any("less than half" in warning for warning in found.warnings)


def test_fewer_copies_than_a_linear_model_can_follow_are_warned_about():
    method = LIME(segmentation="squares", segments=16, fill="zero")
    for samples, warned in ((16, True), (17, True), (18, False)):
        found = method.having(samples=samples)(network_of("functional"), noise(1, 3, 32, 32), 1)
        told = f"{samples} copies were asked about 16 segments: with so few the linear model"
        assert any(words.startswith(told) for words in found.warnings) == warned


def test_the_standard_error_is_the_spread_over_seeds():
    def curved(array):
        cells = array[:, 0].reshape(len(array), 4, 4, 4, 4).mean((2, 4)).reshape(len(array), 16)
        first = np.tanh(cells @ np.linspace(-1, 1, 16)) + cells[:, 3] * cells[:, 10]
        return np.stack([first, cells[:, 0]], 1)

    method = LIME(samples=300, segmentation="squares", segments=16, fill="zero")
    runs = [method.having(seed=seed)(curved, noise(1, 1, 16, 16), 0) for seed in range(30)]
    spread = torch.stack([run.values for run in runs]).std(0)[0, 0, 2::4, 2::4]
    told = torch.stack([run.error for run in runs]).mean(0)[0, 0, 2::4, 2::4]
    assert float((told / spread).mean()) == pytest.approx(1, abs=0.25)


def test_the_segments_are_in_the_answer():
    found = LIME(samples=20, segments=12)(network_of("functional"), noise(2, 3, 32, 32), 1)
    (frame,) = found.frames
    assert frame.label == "segments"
    for labels, values in zip(frame.values, found.values, strict=True):
        for number in labels.unique():
            assert len(values[labels == number].unique()) == 1


def test_first_copies_show_a_map():
    seen = []
    LIME(segments=10)(oracle(np.ones(20)), noise(1, 1, 16, 20), 0, partial=seen.append)
    assert "32 of 1000 samples so far." in seen[0].facts
    assert seen[0].values.abs().max() > 0
