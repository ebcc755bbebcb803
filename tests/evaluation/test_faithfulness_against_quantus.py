"""The same numbers as Quantus 0.6, given the same order, masks and fill, where both follow the
paper. Known differences: its curves leave out k = 0; it orders channels apart, hence one channel
here; a fill by name ("mean", "black") is taken anew from the picture already filled."""

import numpy as np
import pytest
from networks import noise, seeded
from torch import nn

from xaiwidgets import evaluation as ev
from xaiwidgets.core.evaluation import Case
from xaiwidgets.core.subject import Subject

quantus = pytest.importorskip("quantus")
PLAIN = {"normalise": False, "disable_warnings": True, "perturb_baseline": 0.0}


class OneChannel(nn.Sequential):
    """A small network for grey pictures, of two classes."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(6 * 64, 2),
        )  # fmt: skip


@pytest.fixture
def grey():
    """The network, three grey pictures, a map for each without ties, and their classes."""
    x = noise(3, 1, 16, 16, seed=1)
    return seeded(OneChannel), x, noise(3, 1, 16, 16, seed=2).numpy(), np.array([0, 1, 1])


def ask(metric, network, x, maps, classes, softmax=False):
    """What Quantus says."""
    return np.array(
        metric(
            model=network,
            x_batch=x.numpy(),
            y_batch=classes,
            a_batch=maps,
            softmax=softmax,
            device="cpu",
            batch_size=8,
        )
    )


@pytest.mark.parametrize("scale", ["score", "probability"])
def test_pixel_flipping(grey, scale):
    network, x, maps, classes = grey
    theirs = ask(quantus.PixelFlipping(features_in_step=32, **PLAIN), *grey, scale == "probability")
    test = ev.PixelFlipping(steps=8, fill="zero", scale=scale, controls=0)
    ours = test(network, x, maps, classes.tolist()).curves["most first"].y
    np.testing.assert_allclose(ours[:, 1:], theirs, atol=1e-5)


def test_region_perturbation(grey):
    network, x, maps, classes = grey
    theirs = ask(quantus.RegionPerturbation(patch_size=4, regions_evaluation=10, **PLAIN), *grey)
    test = ev.RegionPerturbation(side=56, regions=10, fill="zero", scale="score")
    found = test(network, x, maps, classes.tolist())
    curve = found.curves["most first"].y
    np.testing.assert_allclose(curve[:, :1] - curve[:, 1:], theirs, atol=1e-5)
    np.testing.assert_allclose(found.values, theirs.sum(1) / 11, atol=1e-5)


def test_selectivity(grey):
    network, x, maps, classes = grey
    theirs = ask(quantus.Selectivity(patch_size=4, **PLAIN), *grey)
    test = ev.Selectivity(side=56, fill="zero", scale="score")
    ours = test(network, x, maps, classes.tolist()).curves["most first"].y
    np.testing.assert_allclose(ours[:, 1:], theirs, atol=1e-5)


def test_faithfulness_correlation(grey, monkeypatch):
    network, x, maps, classes = grey
    test = ev.FaithfulnessCorrelation(samples=30, share=0.2, side=14, fill="zero")
    subject = Subject(network)
    case = Case(subject, x, subject.bind(classes.tolist(), x), maps)
    subsets = [np.flatnonzero(test.subset(case, sample)) for sample in range(30)]
    given = iter([subset for subset in subsets for _ in range(3)])
    monkeypatch.setattr(np.random, "choice", lambda *_, **__: next(given))
    metric = quantus.FaithfulnessCorrelation(
        nr_runs=30, subset_size=len(subsets[0]), return_aggregate=False, **PLAIN
    )
    theirs = ask(metric, *grey)
    np.testing.assert_allclose(
        test(network, x, maps, classes.tolist()).values, theirs, rtol=1e-4, atol=1e-5
    )


def test_road(grey):
    """Quantus reports whether the class is still predicted: of two classes, a probability > ½."""
    network, x, maps, classes = grey
    metric = quantus.ROAD(
        percentages=list(range(10, 100, 10)), noise=0.0, normalise=False, disable_warnings=True
    )
    found = ev.ROAD()(network, x, maps, classes.tolist())
    for name, given in (("most first", maps), ("least first", -maps)):
        ours = found.curves[name].y
        for i in range(3):
            one = slice(i, i + 1)
            theirs = metric(
                model=network, x_batch=x[one].numpy(), y_batch=classes[one], a_batch=given[one],
                device="cpu", batch_size=1,
            )  # fmt: skip
            clear = np.abs(ours[i] - 0.5) > 0.01
            named = np.array(list(theirs.values())) > 0.5
            assert clear.sum() > 5
            assert (named == (ours[i] > 0.5))[clear].all()
