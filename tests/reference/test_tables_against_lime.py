"""LIME of tables against the paper's own package, on the same rows."""

import numpy as np
import pytest
import torch
from tables import cancer, forest

import xaiwidgets as xw
from xaiwidgets.methods import LIME

lime_tabular = pytest.importorskip("lime.lime_tabular")
COPIES, LABEL = 400, 1


def theirs(data, names, row, quarters, seed, categorical=(), ask=None):
    """Their weights by column and R², with the rows that they asked about."""
    explainer = lime_tabular.LimeTabularExplainer(
        data, feature_names=names, discretize_continuous=quarters, feature_selection="none",
        random_state=seed, categorical_features=list(categorical),
    )  # fmt: skip
    asked = []

    def heard(rows):
        asked.append(rows)
        return ask(rows)

    found = explainer.explain_instance(
        row, heard, labels=(LABEL,), num_features=data.shape[1], num_samples=COPIES
    )
    weights = dict(found.local_exp[LABEL])
    return np.array([weights[i] for i in range(data.shape[1])]), found.score, asked[-1]


def compared(monkeypatch, subject, row, expected, r2, rows, quarters):
    monkeypatch.setattr(LIME, "rows", lambda self, nearby: torch.from_numpy(rows))
    found = LIME(samples=COPIES, quarters=quarters)(subject, row, LABEL)
    np.testing.assert_allclose(found.map()[0, 0], expected, atol=1e-9)
    assert found.numbers["r2"] == pytest.approx(r2, abs=1e-9)


@pytest.mark.parametrize("quarters", [True, False])
@pytest.mark.parametrize("seed", [0, 1])
def test_it_gives_the_weights_and_the_fit_of_the_papers_package(monkeypatch, quarters, seed):
    model, data = forest()
    row = data.data[seed]
    expected, r2, rows = theirs(
        data.data, data.feature_names, row, quarters, seed, ask=model.predict_proba
    )
    compared(monkeypatch, cancer(), row, expected, r2, rows, quarters)


@pytest.mark.parametrize("quarters", [True, False])
def test_it_does_so_with_categories(monkeypatch, quarters):
    lot = np.random.default_rng(0)
    data = np.stack([lot.normal(size=300), lot.integers(0, 3, 300), lot.normal(5, 2, 300)], 1)

    def ask(rows):
        share = 1 / (1 + np.exp(-(rows[:, 0] + 2 * (rows[:, 1] == 2) - 0.3 * rows[:, 2])))
        return np.stack([1 - share, share], 1)

    row = np.array([0.4, 2.0, 4.0])
    expected, r2, rows = theirs(data, list("abc"), row, quarters, 3, categorical=[1], ask=ask)
    subject = xw.TableSubject(ask, data, columns=list("abc"), categories=["b"])
    compared(monkeypatch, subject, row, expected, r2, rows, quarters)
