"""Methods that only ask, on tables: shares known by hand, rules that are known, and costs."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest
import torch
from tables import cancer, diabetes_model, forest, ruled, rules, two_rules

import xaiwidgets as xw
from xaiwidgets.methods.perturbation.quarters import Quarters

DATA = np.random.default_rng(0).normal(size=(300, 5))


def products(rows):
    """Scores in which columns need one another."""
    score = rows[:, 0] * rows[:, 1] + 2 * rows[:, 2] - rows[:, 3] ** 2 * rows[:, 4]
    return np.stack([score, -score], 1)


def small(**settings):
    return xw.TableSubject(products, DATA, **settings)


def exact(row, background):
    """Shapley values by their definition, absent columns as in every row of the background."""

    def value(who):
        rows = background.copy()
        rows[:, list(who)] = row[list(who)]
        return products(rows)[:, 0].mean()

    count = len(row)
    found = np.zeros(count)
    for i in range(count):
        others = [j for j in range(count) if j != i]
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            for some in combinations(others, size):
                found[i] += weight * (value({*some, i}) - value(some))
    return found


def background_of(subject, seed=0):
    x = torch.zeros(1, 1, 1, len(subject.table.columns), dtype=torch.float64)
    draw = subject.noise(x, seed)
    return np.concatenate([subject.read_back(draw(i)) for i in range(subject.background)])


# --- shares ---------------------------------------------------------------------------------------


def test_kernel_shap_is_exactly_shapley_over_the_background_rows():
    subject, row = small(background=20), DATA[7]
    found = xw.KernelShap()(subject, row, 0)
    expected = exact(row, background_of(subject))
    np.testing.assert_allclose(found.map()[0, 0], expected, atol=1e-10)
    assert found.numbers["standard_error"] == 0
    assert found.provenance.forwards == 2**5 * 20


def test_ten_columns_are_still_exact():
    model, data = diabetes_model()
    subject = xw.TableSubject(
        model.predict, data.data, columns=list(data.feature_names), background=40
    )
    heat = xw.KernelShap()(subject, data.data[3])
    by_hand = model.coef_ * (data.data[3] - background_of(subject).mean(0))
    np.testing.assert_allclose(heat.map()[0, 0], by_hand, rtol=1e-6, atol=1e-6)


def test_shapley_sampling_comes_within_its_standard_error():
    subject, row = small(background=10), DATA[7]
    found = xw.ShapleySampling(samples=200)(subject, row, 0)
    away = np.abs(found.map()[0, 0] - exact(row, background_of(subject)))
    assert (away <= 4.5 * found.error_map()[0, 0] + 1e-9).all()
    assert found.map()[0, 0].sum() == pytest.approx(exact(row, background_of(subject)).sum())


def banzhaf(row, background):
    """What each column adds to the score, over all sets of the others alike."""

    def value(who):
        rows = background.copy()
        rows[:, who] = row[who]
        return products(rows)[:, 0].mean()

    found = np.zeros(len(row))
    for i in range(len(row)):
        others = [j for j in range(len(row)) if j != i]
        sets = [list(some) for size in range(len(row)) for some in combinations(others, size)]
        found[i] = np.mean([value([*some, i]) - value(some) for some in sets])
    return found


@pytest.mark.slow
def test_rise_is_half_of_each_columns_banzhaf_value():
    subject, row = small(), DATA[7]
    found = xw.RISE(samples=20000)(subject, row, 0)
    off = found.map()[0, 0] - banzhaf(row, DATA) / 2
    assert (np.abs(off) <= 4 * found.error_map()[0, 0]).all()
    assert found.numbers["standard_error"] < 0.1
    shapley = exact(row, DATA[:60])
    assert np.corrcoef(found.map()[0, 0], shapley)[0, 1] > 0.9


def test_every_column_is_veiled_by_itself_and_behind_another_row():
    asked = []

    def heard(rows):
        asked.append(rows)
        return products(rows)

    subject = xw.TableSubject(heard, DATA)
    x = subject.prepare(DATA[7])
    subject.layers(x.x)
    asked.clear()
    xw.RISE(samples=500, share=0.3)(subject, DATA[7], 0)
    rows = np.concatenate(asked)[-500:]
    seen = np.isclose(rows, DATA[7], atol=1e-9)
    assert seen.mean() == pytest.approx(0.3, abs=0.03)
    together = np.corrcoef(seen.T)[np.triu_indices(5, 1)]
    assert np.abs(together).max() < 0.15
    assert len(np.unique(rows[~seen[:, 0], 0])) > 100
    others = np.abs(rows[~seen[:, 0], :1] - DATA[:, 0]).min(1)
    assert others.max() < 1e-9  # each is another row's


@pytest.mark.parametrize("fill", ["mean", "median"])
def test_ablation_and_occlusion_take_one_column_away_at_a_time(fill):
    subject, row = small(), DATA[7]
    absent = {"mean": DATA.mean(0), "median": np.median(DATA, 0)}[fill]
    expected = []
    for column in range(5):
        changed = row.copy()
        changed[column] = absent[column]
        expected.append(products(row[None])[0, 0] - products(changed[None])[0, 0])
    for method in (xw.FeatureAblation(fill=fill), xw.Occlusion(fill=fill)):
        found = method(subject, row, 0)
        np.testing.assert_allclose(found.map()[0, 0], expected, atol=1e-9)
        assert found.frames == []


def test_ablation_by_rows_is_the_mean_over_the_background():
    subject, row = small(background=15), DATA[7]
    found = xw.FeatureAblation()(subject, row, 0)
    rows = background_of(subject)
    changed = np.repeat(row[None], 15, 0)
    changed[:, 3] = rows[:, 3]
    expected = products(row[None])[0, 0] - products(changed)[:, 0].mean()
    assert found.map()[0, 0, 3] == pytest.approx(expected)


@pytest.mark.parametrize(
    "method",
    [xw.KernelShap(samples=12), xw.ShapleySampling(samples=4), xw.FeatureAblation(),
     xw.FeatureAblation(fill="mean"), xw.Occlusion(), xw.LIME(samples=40), xw.RISE(samples=40),
     xw.Anchors(samples=300)],
    ids=repr,
)  # fmt: skip
def test_passes_are_those_that_are_declared_and_runs_repeat(method):
    subject, rows = small(background=7), DATA[:2]
    found = method(subject, rows, 0)
    cost = method.suited("table").cost(subject, subject.prepare(rows).x)
    assert found.provenance.forwards == 2 * cost.forward
    assert torch.equal(method(subject, rows, 0).values, found.values)
    alone = method(subject, rows[1], 0)
    torch.testing.assert_close(alone.values[0], found.values[1])


# --- LIME -----------------------------------------------------------------------------------------


def test_lime_by_values_finds_a_linear_models_slopes():
    weights = np.array([1.0, -2, 0.5, 0, 3])
    subject = xw.TableSubject(lambda rows: rows @ weights, DATA)
    found = xw.LIME(quarters=False, samples=4000, width=5.0)(subject, DATA[0])
    np.testing.assert_allclose(found.map()[0, 0], weights * DATA.std(0), atol=0.02)
    assert found.numbers["r2"] > 0.99


def test_lime_by_quarters_says_which_quarter_speaks():
    subject = xw.TableSubject(
        lambda rows: (rows[:, 2] > np.quantile(DATA[:, 2], 0.75)).astype(float), DATA,
        columns=list("abcde"),
    )  # fmt: skip
    row = DATA[DATA[:, 2].argmax()]
    found = xw.LIME()(subject, row)
    assert np.abs(found.map()[0, 0]).argmax() == 2
    assert found.map()[0, 0, 2] > 0.9
    assert any(fact.startswith("Strongest columns: ") and "< c (+" in fact for fact in found.facts)


def test_quarters_are_cut_at_the_datas_quartiles():
    subject = cancer()
    row = forest()[1].data[0]
    quarters = Quarters(subject.table, row)
    assert quarters.hold(row[None]).all()
    np.testing.assert_allclose(quarters.hold(subject.table.rows).mean(0), 0.25, atol=0.02)
    assert quarters.said(0) == "15.78 < mean radius"


# --- Anchors --------------------------------------------------------------------------------------


def test_a_planted_rule_is_found_exactly_with_its_precision_and_coverage():
    data, found = ruled(), 0
    subject = rules(data)
    for seed in range(10):
        row = ruled(1, seed + 100)[0]
        row[:2], row[5] = (1, 2), 2
        heat = xw.Anchors(seed=seed)(subject, row)
        found += heat.map()[0, 0].tolist() == [1, 1, 0, 0, 0, 0]
        covered = ((data[:, 0] == 1) & (data[:, 1] == 2)).mean()
        assert heat.numbers["precision"] == 1.0
        assert heat.numbers["coverage"] == pytest.approx(covered)
        assert heat.facts[0].startswith("Anchor: column 0 = 1 and column 1 = 2. Precision 1.00")
        assert heat.warnings == []
    assert found == 10


def test_the_bounds_hold_the_true_precision():
    data, inside, runs = ruled(), 0, 30
    subject = rules(data)
    row = np.array([0.0, 0, 0, 0, 0, 2])
    for seed in range(runs):
        heat = xw.Anchors(seed=seed, threshold=0.75, samples=3000)(subject, row)
        rows = data[(data[:, heat.map()[0, 0] == 1] == row[heat.map()[0, 0] == 1]).all(1)]
        truth = two_rules(rows)[:, 0].mean()
        low, high = heat.numbers["precision_low"], heat.numbers["precision_high"]
        inside += low - 0.01 <= truth <= high + 0.01
    assert inside >= 0.85 * runs


def test_an_anchor_of_numbers_speaks_of_quarters():
    data = np.random.default_rng(0).uniform(0, 1, size=(4000, 3))
    subject = xw.TableSubject(
        lambda rows: np.eye(2)[(rows[:, 1] > 0.75).astype(int)], data, columns=["a", "b", "c"]
    )
    heat = xw.Anchors()(subject, [0.1, 0.9, 0.5])
    assert heat.map()[0, 0].tolist() == [0, 1, 0]
    assert " < b. Precision" in heat.facts[0]
    assert heat.numbers["precision"] > 0.95
    assert heat.numbers["coverage"] == pytest.approx(0.25, abs=0.01)


def test_an_answer_that_never_changes_needs_no_rule():
    subject = xw.TableSubject(lambda rows: np.eye(2)[np.zeros(len(rows), int)], ruled(100))
    heat = xw.Anchors(samples=300)(subject, ruled(1)[0])
    assert heat.numbers["coverage"] == 1.0
    assert heat.facts[0].startswith("Anchor: always. ")


def test_a_probability_of_its_own_has_no_rival_and_is_told_to_bring_one():
    def chance(rows):
        return 0.1 + 0.8 * (rows[:, 0] > 0)

    row = np.array([1.0, 0, 0, 0, 0])
    alone = xw.Anchors(samples=300)(xw.TableSubject(chance, DATA), row)
    assert alone.facts[0].startswith("Anchor: always. ")
    assert "Of a probability p give both, such as np.stack([1 - p, p], 1)." in alone.warnings[-1]
    both = xw.TableSubject(lambda rows: np.stack([1 - chance(rows), chance(rows)], 1), DATA)
    found = xw.Anchors()(both, row)
    assert found.map()[0, 0].tolist() == [1, 0, 0, 0, 0]
    assert found.warnings == []


# --- from many rows to the model ------------------------------------------------------------------


def test_weights_of_rows_can_be_put_together_and_drawn():
    subject, data = cancer(), forest()[1].data[::120]
    answers = xw.LIME(samples=100)(subject, data)
    weights = xw.weights_of([answers])
    np.testing.assert_array_equal(weights, answers.map()[:, 0])
    predicted = subject.outputs(subject.prepare(data).x).argmax(1).numpy()
    pick = xw.sp_lime(weights, budget=3)
    assert len(pick.chosen) == 3
    for found in (xw.gale(weights, predicted), xw.normlime(weights, predicted)):
        assert found.shape == (2, 30)
        figure = xw.bars(found, subject.table.columns, titles=subject.classes)
        assert [axis.get_title(loc="left") for axis in figure.axes] == ["malignant", "benign"]
    with pytest.raises(xw.ExplainError, match="give a name for each feature"):
        xw.bars(weights, ["a"])
