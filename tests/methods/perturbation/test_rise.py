"""RISE: the reference formula with the same veils, its standard error, its memory, its stops."""

import copy

import numpy as np
import pytest
import torch
from conftest import network_of
from networks import noise

from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import RISE
from xaiwidgets.methods.perturbation.rise import Veils


def region(x):
    """Score 0 is the mean over a region, score 1 over the whole."""
    return torch.stack([x[:, :, 8:16, 16:24].mean((1, 2, 3)), x.mean((1, 2, 3))], 1)


def cheap(array):
    """Scores that are neither linear nor costly."""
    cells = array.reshape(len(array), -1, 4, 4, 4, 4).mean((1, 3, 5)).reshape(len(array), 16)
    first = np.tanh(cells @ np.linspace(-3, 3, 16)) + cells[:, 3] * cells[:, 10] * 4
    return np.stack([first, cells[:, 0]], 1)


class Region(torch.nn.Module):
    def forward(self, x):
        return region(x)


def reference(network, x, target, veils, share):
    """Σ f(x ∘ M) M ÷ (N p), and Σ f(x ∘ M) M ÷ Σ M less the mean, veil by veil in float64."""
    total, seen, scores = np.zeros(veils.shape[1:]), np.zeros(veils.shape[1:]), []
    for veil in veils.double():
        with torch.no_grad():
            score = float(network(x[None].double() * veil)[0, target])
        total += score * veil.numpy()
        seen += veil.numpy()
        scores.append(score)
    return total / (len(veils) * share), total / seen - np.mean(scores)


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_it_is_the_reference_formula_with_the_same_veils(share):
    network, x = network_of("functional"), noise(2, 3, 32, 32)
    double = Subject(copy.deepcopy(network).double())
    veils = Veils(60, 5, share, x.double(), 3)(torch.arange(60))
    for form, which in (("paper", 0), ("difference", 1)):
        found = RISE(samples=60, cells=5, share=share, form=form, seed=3)(double, x.double(), 2)
        for i in range(2):
            expected = reference(double.model, x[i], 2, veils, share)[which]
            assert np.abs(found.values[i, 0].numpy() - expected).max() < 1e-12


def test_veils_are_enlarged_grids_cut_out_at_random_places():
    x = torch.zeros(1, 3, 20, 33)
    veils = Veils(50, 4, 0.5, x, 0)
    for number in (0, 7, 49):
        grid = veils.grids[number][None, None]
        enlarged = torch.nn.functional.interpolate(
            grid, size=(25, 45), mode="bilinear", align_corners=False
        )[0, 0]
        top, left = int(veils.tops[number]), int(veils.lefts[number])
        expected = enlarged[top : top + 20, left : left + 33]
        assert torch.allclose(veils(torch.tensor([number]))[0], expected, atol=1e-6)
    assert set(veils.tops.tolist()) == set(range(5))
    assert veils.grids.mean() == pytest.approx(0.5, abs=0.06)


def test_what_is_seen_through_is_the_same_whatever_batch_a_veil_comes_in():
    veils = Veils(30, 7, 0.5, torch.zeros(1, 1, 24, 24), 1)
    together = veils(torch.arange(30))
    assert torch.allclose(veils(torch.tensor([11, 29])), together[[11, 29]], atol=1e-7)


def test_the_map_lies_on_the_region_that_the_score_reads():
    found = RISE(samples=2000, cells=8)(Region().eval(), torch.ones(1, 1, 32, 32), 0)
    row, column = np.unravel_index(found.map()[0].argmax(), (32, 32))
    assert 8 <= row < 16
    assert 16 <= column < 24
    away = np.ones((32, 32), bool)
    away[2:22, 10:30] = False  # a cell and a half around it
    assert abs(found.map()[0][away]).max() < 4 * found.error_map()[0][away].max()


@pytest.mark.parametrize("form", ["difference", "paper"])
def test_the_standard_error_is_the_spread_over_seeds(form):
    x = noise(1, 1, 16, 16)
    runs = [RISE(samples=150, cells=4, form=form, seed=seed)(cheap, x, 0) for seed in range(40)]
    spread = torch.stack([run.values for run in runs]).std(0)
    told = torch.stack([run.error for run in runs]).mean(0)
    assert float((told / spread).mean()) == pytest.approx(1, abs=0.15)


def test_four_times_the_veils_halve_the_standard_error():
    x = noise(1, 1, 16, 16)
    few, many = (RISE(samples=n)(cheap, x, 0).error.mean() for n in (250, 1000))
    assert float(few / many) == pytest.approx(2, rel=0.1)


def test_it_stops_when_it_is_precise_enough_and_says_so():
    found = RISE(samples=4000, precision=0.4)(cheap, noise(1, 1, 16, 16), 0)
    assert 32 <= found.provenance.forwards < 4000
    assert found.numbers["standard_error"] <= 0.4
    assert any("Precise enough after" in fact for fact in found.facts)


def test_what_is_known_so_far_is_shown_from_the_first_batch_on():
    seen = []
    found = RISE(samples=2000)(cheap, noise(1, 1, 16, 16), 0, partial=seen.append)
    assert "32 of 2000 samples so far." in seen[0].facts
    assert seen[0].provenance.forwards == 32
    assert (seen[0].error.mean() > 3 * found.error.mean()).all()
    assert found.provenance.forwards == 2000
    assert not any("so far" in fact for fact in found.facts)


def test_a_network_of_one_score_is_taken():
    found = RISE(samples=20)(lambda a: a.mean((1, 2, 3)), noise(1, 3, 16, 16))
    assert torch.isfinite(found.values).all()


@pytest.mark.slow
def test_eight_thousand_veils_at_224_pixels_take_no_memory_that_grows_with_their_number():
    import resource

    x = torch.ones(1, 3, 224, 224)
    method = RISE(samples=64)
    method(Region().eval(), x, 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    method.having(samples=8000)(Region().eval(), x, 0)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 300_000  # kilobytes; the veils alone would be 1.6 GB


def test_classes_are_told_apart():
    x = noise(1, 1, 16, 16)
    one, other = (RISE(samples=100)(cheap, x, target).values for target in (0, 1))
    assert not torch.allclose(one, other)
