"""Units: everything that a survey says, against all activations held at once."""

import itertools

import numpy as np
import pytest
import torch
from state import State
from torch import nn

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.methods.concepts.units.histogram import BINS, Histogram, edges, quantile
from xaiwidgets.methods.concepts.units.likeness import correlation, order, places

LAYERS = ["conv2", "relu4"]


@pytest.fixture(scope="module")
def subject():
    return zoo.subject("shapes")


@pytest.fixture(scope="module")
def x(subject):
    scenes = zoo.ShapeScenes(40, size=96, seed=5)
    return torch.cat([subject.preprocess(scene.image) for scene in scenes])


@pytest.fixture(scope="module")
def views(subject, x):
    return xw.Units(top=5, side=32)(subject, x, LAYERS)


@pytest.fixture(scope="module")
def maps(subject, x):
    outputs, _ = layer_outputs(subject, x, LAYERS)
    return {name: output.detach().numpy() for name, output in outputs.items()}


@pytest.mark.parametrize("layer", LAYERS)
def test_the_strongest_pictures_are_those_of_all_activations_sorted(views, maps, layer):
    peaks = maps[layer].max((2, 3)).T
    numbers = np.argsort(-peaks, axis=1, kind="stable")[:, :5]
    units = views[layer]
    assert np.array_equal(units.numbers, numbers)
    assert np.allclose(units.values, np.take_along_axis(peaks, numbers, 1), atol=1e-6)
    for unit, rank in itertools.product((0, 7, 23), (0, 4)):
        own = maps[layer][units.numbers[unit, rank], unit]
        assert np.allclose(units.maps[unit, rank], own, atol=1e-6)
        assert units.peak(unit, rank) == np.unravel_index(own.argmax(), own.shape)


@pytest.mark.parametrize("layer", LAYERS)
def test_histogram_mean_and_correlation_are_those_of_all_activations(views, maps, layer):
    units, values = views[layer], maps[layer].transpose(1, 0, 2, 3).reshape(len(views[layer]), -1)
    for unit in (0, 5, 11):
        counts, borders = units.histogram(unit)
        whole, _ = np.histogram(values[unit], borders)
        assert counts.sum() == values.shape[1]
        assert np.abs(counts - whole).sum() <= 4, "a rounding at a border moves two"
        level = units.level(unit, 0.01)
        assert (values[unit] > level).mean() <= 0.01
        step = borders[1] - borders[0]
        assert (values[unit] > level - step).mean() > 0.01
    assert np.allclose(units.active, (values > 0).mean(1))
    assert np.allclose(units.mean, values.mean(1), atol=1e-5)
    alive = ~units.silent
    told = np.corrcoef(values[alive].astype(float))
    assert np.allclose(units.correlation[np.ix_(alive, alive)], told, atol=1e-4)
    assert np.array_equal(units.silent, values.std(1) < 1e-6 * values.std(1).max())


def test_batches_of_any_size_give_the_same(subject, x, views):
    parts = xw.Units(top=5, side=32)(subject, (part for part in x.split(7)), LAYERS)
    for layer in LAYERS:
        for name in ("numbers", "counts", "exponents"):
            assert np.array_equal(getattr(parts[layer], name), getattr(views[layer], name)), name
        assert np.allclose(parts[layer].covariance, views[layer].covariance, rtol=1e-5, atol=1e-7)
    assert np.array_equal(parts.numbers, views.numbers)
    assert np.array_equal(parts.pictures, views.pictures)
    assert parts.provenance.forwards == views.provenance.forwards == 40 + 96 + 96


def test_only_pictures_that_some_unit_ranks_are_kept(subject, x):
    views = xw.Units(top=1, side=32)(subject, x, "conv2")
    ranked = set(views["conv2"].numbers.ravel().tolist())
    assert set(views.numbers.tolist()) == ranked
    assert len(ranked) < len(x)
    with pytest.raises(xw.ExplainError, match="not among any unit's top inputs"):
        views.picture(next(i for i in range(len(x)) if i not in ranked))


class Dot(nn.Module):
    """One unit for a bright pixel, one that is always silent."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 5, padding=2)
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.bias.zero_()
            self.conv.weight[0, :, 2, 2] = 1
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.conv(x)).amax((2, 3))


def dots():
    """Ten black pictures, the fourth with the brightest dot, at row 20 and column 5."""
    pictures = np.zeros((10, 24, 24, 3), np.uint8)
    for i in range(10):
        pictures[i, 12, 3 + i] = 100 + i
    pictures[3] = 0
    pictures[3, 20, 5] = 255
    return list(pictures)


def test_the_patch_is_what_the_unit_saw_and_a_silent_unit_is_named():
    subject = xw.Subject(Dot().eval(), mean=0.0, std=1.0, size=24)
    views = xw.Units(top=2, side=64)(subject, dots(), "relu")
    units = views["relu"]
    assert units.numbers[0].tolist() == [3, 9]
    assert units.peak(0) == (20, 5)
    assert units.field(0) == (18, 3, 23, 8)
    (patch, _) = views.patches(0)
    assert patch.shape == (5, 5, 3)
    assert patch[2, 2].tolist() == [255] * 3
    assert patch.sum() == 3 * 255
    assert units.silent.tolist() == [False, True]
    assert views.warnings == []
    assert views.facts == ["1 of 2 units of relu are the same on all inputs."]


def test_items_with_an_image_and_pairs_with_labels_are_data(subject):
    scenes = zoo.ShapeScenes(6, size=64, seed=1)
    one = xw.Units(top=2)(subject, scenes, "conv4")
    two = xw.Units(top=2)(subject, [(scene.image, scene.label) for scene in scenes], "conv4")
    assert np.array_equal(one["conv4"].numbers, two["conv4"].numbers)
    assert one.count == two.count == 6


def test_a_layer_of_plain_numbers_has_units_too(subject, x):
    units = xw.Units(top=3)(subject, x, "linear")["linear"]
    assert units.maps.shape == (8, 3, 1, 1)
    assert units.field(2) == (0, 0, 96, 96)


def test_the_network_is_left_as_it_was_found_and_the_survey_can_be_cancelled(subject, x):
    before = State(subject.model)
    xw.Units(top=1)(subject, x[:8], "relu1")
    token = xw.CancelToken()
    token.cancel()
    with pytest.raises(xw.Cancelled):
        xw.Units()(subject, x, "relu1", cancel=token)
    before.assert_unchanged()


def test_units_are_saved_and_loaded_whole(views, tmp_path):
    again = xw.UnitViews.load(views.save(tmp_path / "units.npz"))
    assert repr(again) == repr(views)
    assert again.provenance == views.provenance
    assert np.array_equal(again.pictures, views.pictures)
    assert np.array_equal(again["relu4"].correlation, views["relu4"].correlation, equal_nan=True)
    assert again["conv2"].neighbours(3) == views["conv2"].neighbours(3)
    (tmp_path / "other").write_text("no")
    with pytest.raises(xw.ExplainError, match="holds no saved units"):
        xw.UnitViews.load(tmp_path / "other")
    with pytest.raises(xw.ExplainError, match="There is no file of units"):
        xw.UnitViews.load(tmp_path / "missing")


@pytest.mark.parametrize("show", ["pictures", "patches", "histograms", "similarity"])
def test_every_figure_is_drawn(views, show, tmp_path):
    figure = views.plot("relu4", [3, 5], show)
    figure.savefig(tmp_path / "figure.png")
    assert "relu4" in figure.get_suptitle()


def test_what_does_not_exist_is_said_in_words(views, subject, x):
    with pytest.raises(xw.ExplainError, match="'conv9' was not asked about"):
        views["conv9"]
    with pytest.raises(xw.ExplainError, match="'conv2' has 48 units, counted from 0; there is no"):
        views.patches(48, "conv2")
    for call, words in (
        (lambda: views[3], "3 was not asked about"),
        (lambda: views.patches("two", "conv2"), "there is no 'two'"),
        (lambda: views.plot("conv2", [1.5]), "there is no 1.5"),
        (lambda: views.plot("conv2", 3), "units= is 3; it takes a list of numbers"),
        (lambda: xw.Units()(subject, x, 3), "A layer was given as a int"),
    ):
        with pytest.raises(xw.ExplainError, match=words):
            call()
    with pytest.raises(xw.ExplainError, match="show is 'maps'; it takes 'pictures'"):
        views.plot(show="maps")
    with pytest.raises(xw.ExplainError, match="No layer is called 'conv9'"):
        xw.Units()(subject, x, "conv9")
    with pytest.raises(xw.ExplainError, match="names no layer"):
        xw.Units()(subject, x, [])
    with pytest.raises(xw.ExplainError, match="The data holds no input"):
        xw.Units()(subject, iter(()), "conv2")
    with pytest.raises(xw.ExplainError, match=r"Units.top is 0; it takes a whole number from 1"):
        xw.Units(top=0)


def test_a_histogram_doubles_its_range_and_forgets_nothing():
    values = np.random.default_rng(0).normal(size=(3, 4000)) * [[1e-3], [1], [300]]
    values[0, -1], values[1, :2000] = 5.0, 0.0
    together = Histogram()
    for part in np.split(values, 8, axis=1):
        together.add(torch.tensor(part, dtype=torch.float32))
    assert together.counts.sum() == values.size
    for unit in range(3):
        borders = edges(int(together.exponents[unit]))
        whole, _ = np.histogram(values[unit].astype(np.float32), borders)
        assert together.counts[unit].tolist() == whole.tolist()
        assert borders[-1] / 2 <= np.abs(values[unit]).max() < borders[-1], "no wider than needed"
    counts = together.counts[1].numpy()
    assert quantile(counts, int(together.exponents[1]), 1.0) == edges(int(together.exponents[1]))[0]
    assert len(counts) == 2 * BINS


def test_units_that_speak_together_lie_together():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 500))
    values = np.stack([a, b, a + 0.01 * b, -a, np.zeros(500)])
    alike = correlation(np.cov(values))
    assert alike[0, 2] > 0.99
    assert alike[0, 3] < -0.99
    assert np.isnan(alike[4]).all()
    points = places(alike)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    assert apart[0, 2] < 0.1 < apart[0, 1] < apart[0, 3]
    assert apart[0, 3] == pytest.approx(2, abs=0.01)
    assert np.isnan(points[4]).all()
    row = order(alike).tolist()
    assert abs(row.index(0) - row.index(2)) == 1
    assert row[-1] == 4
