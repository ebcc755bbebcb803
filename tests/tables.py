"""Real tables from scikit-learn, models of them, and a table whose rules are known."""

import functools

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from texts import one_thread
from torch import nn

import xaiwidgets as xw


@functools.cache
def forest():
    """A small forest on breast cancer (30 columns)."""
    cancer = load_breast_cancer()
    model = RandomForestClassifier(20, random_state=0, max_depth=6).fit(cancer.data, cancer.target)
    return model, cancer


def cancer(**settings):
    """The forest as a black box."""
    model, data = forest()
    names = list(data.feature_names)
    return xw.TableSubject(
        model.predict_proba, data.data, columns=names, classes=list(data.target_names), **settings
    )


@functools.cache
def wine_network():
    """A small network that is given standardised wine (13 columns), trained in a second."""
    wine = load_wine()
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(13, 24), nn.ReLU(), nn.Linear(24, 3))
    x = torch.from_numpy((wine.data - wine.data.mean(0)) / wine.data.std(0)).float()
    y = torch.from_numpy(wine.target).long()
    steps = torch.optim.Adam(network.parameters(), lr=0.02)
    with one_thread():
        for _ in range(120):
            steps.zero_grad()
            nn.functional.cross_entropy(network(x), y).backward()
            steps.step()
    assert (network(x).argmax(1) == y).float().mean() > 0.98
    return network.eval(), wine


def wine():
    """The network as a subject: it takes (value − mean) ÷ std."""
    network, data = wine_network()
    return xw.TableSubject(
        network, data.data, columns=list(data.feature_names), classes=list(data.target_names),
        mean=data.data.mean(0), std=data.data.std(0),
    )  # fmt: skip


@functools.cache
def diabetes_model():
    """A linear regression (10 columns): its Shapley values are known."""
    data = load_diabetes(scaled=False)
    return LinearRegression().fit(data.data, data.target), data


def iris_frame():
    """Iris with a column of words, as a DataFrame."""
    frame = load_iris(as_frame=True).frame
    frame["colour"] = np.where(frame["petal width (cm)"] > 1.6, "violet", "blue")
    return frame.drop(columns="target")


def ruled(rows=2000, seed=0):
    """Six columns of 0, 1, 2."""
    return np.random.default_rng(seed).integers(0, 3, size=(rows, 6)).astype(float)


def two_rules(rows):
    """Class 1 where the first two columns are 1 and 2, or the last is 0 and the fourth 1."""
    first = (rows[:, 0] == 1) & (rows[:, 1] == 2)
    second = (rows[:, 5] == 0) & (rows[:, 3] == 1)
    return np.eye(2)[(first | second).astype(int)]


def rules(data=None):
    """The two rules as a black box, all columns categories."""
    return xw.TableSubject(two_rules, ruled() if data is None else data, categories=range(6))
