"""Linear classifiers among the examples: the same as among the features."""

import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.methods.concepts.classifiers import CLASSIFIERS, separate

PENALTY = 0.1


def two_sets(features: int, count: int = 24):
    """Activations (count, features) of two sets that overlap, and their signs."""
    rng = np.random.default_rng(3)
    y = np.repeat([1.0, -1.0], [count // 2 - 3, count // 2 + 3])
    shift = rng.standard_normal(features) / np.sqrt(features)
    return rng.standard_normal((count, features)) + 0.7 + y[:, None] * shift, y


def of_features(classifier: str, A: np.ndarray, y: np.ndarray):
    """The vector and the bias as scikit-learn finds them."""
    if classifier == "mean difference":
        first, second = A[y > 0].mean(0), A[y < 0].mean(0)
        return first - second, -(first + second) @ (first - second) / 2
    model = {
        "ridge": Ridge(alpha=PENALTY * A.var(0).sum()),
        "logistic regression": LogisticRegression(max_iter=1000),
        "linear SVM": SGDClassifier(alpha=0.01, max_iter=1000, tol=1e-3, random_state=5),
    }[classifier].fit(A, y)
    return np.ravel(model.coef_), np.ravel(model.intercept_)[0]


@pytest.mark.parametrize("features", [7, 200], ids=["few features", "more features than examples"])
@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_a_classifier_is_that_of_scikit_learn_on_the_features(classifier, features):
    A, y = two_sets(features)
    found = separate(classifier, A @ A.T, y, PENALTY, seed=5)
    vector, bias = of_features(classifier, A, y)
    exact = classifier != "logistic regression"  # it stops by a tolerance
    assert found.alpha @ A == pytest.approx(
        vector, rel=1e-6 if exact else 2e-2, abs=1e-8 if exact else 2e-3
    )
    assert found.bias == pytest.approx(
        bias, rel=1e-6 if exact else 2e-2, abs=1e-8 if exact else 2e-3
    )


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_examples_that_are_all_alike_give_no_direction(classifier):
    y = np.repeat([1.0, -1.0], 4)
    K = np.zeros((8, 8))
    found = separate(classifier, K, y, PENALTY, seed=0)
    assert found.alpha @ K @ found.alpha == 0


def test_a_missing_scikit_learn_is_named_with_what_to_choose_instead(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    A, y = two_sets(7)
    with pytest.raises(ExplainError, match="pip install scikit-learn, or choose 'ridge'"):
        separate("linear SVM", A @ A.T, y, PENALTY, seed=0)
    separate("ridge", A @ A.T, y, PENALTY, seed=0)
