"""Seconds of methods on tables ÷ their floor, and beside the `lime` package.

The floor is the model alone, asked about as many rows of the data as a method declares, in batches
of the same size: handing rows over and reading them back is what a method adds. `lime` explains the
same row from as many drawn rows. Ours, the floor and the other are measured call by call in turn,
as in `benchmarks.methods`; each figure is the median over rounds of a ratio within the round.

    python -m benchmarks.tables            a forest and a network on breast cancer (30 columns)
    python -m benchmarks.tables --busy     CPU time of one thread, where others are at work
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from torch import nn

import xaiwidgets as xw
from benchmarks import methods as measuring
from benchmarks.methods import head, interleaved, row
from xaiwidgets.core.method import Attribution

TARGET = 1
METHODS: tuple[Attribution, ...] = (
    xw.LIME(), xw.LIME(quarters=False), xw.KernelShap(), xw.ShapleySampling(samples=20),
    xw.FeatureAblation(), xw.Occlusion(), xw.RISE(), xw.Anchors(),
)  # fmt: skip

Ask = Callable[[np.ndarray], np.ndarray]


def forest(data: Any) -> tuple[Any, Ask]:
    """What a subject is made of, and the same to be asked bare."""
    model = RandomForestClassifier(100, random_state=0).fit(data.data, data.target)
    return model.predict_proba, model.predict_proba


def network(data: Any) -> tuple[Any, Ask]:
    """A network on rows, whose numbers do not matter here."""
    torch.manual_seed(0)
    columns = data.data.shape[1]
    model = nn.Sequential(nn.Linear(columns, 64), nn.ReLU(), nn.Linear(64, 2), nn.Softmax(1)).eval()

    def ask(rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model(torch.from_numpy(rows).float()).double().numpy()

    return model, ask


def bare(ask: Ask, rows: np.ndarray, count: int, chunk: int) -> None:
    """So many rows, in batches, with nothing around them."""
    every = np.resize(rows, (count, rows.shape[1]))
    for start in range(0, count, chunk):
        ask(every[start : start + chunk])


def elsewhere(method: Attribution, ask: Ask, data: Any, samples: int) -> Callable[[], Any] | None:
    """LIME in the paper's own package, without its choice of ten columns."""
    if not isinstance(method, xw.LIME):
        return None
    from lime.lime_tabular import LimeTabularExplainer

    explainer = LimeTabularExplainer(
        data.data, feature_names=data.feature_names, discretize_continuous=method.quarters,
        feature_selection="none", random_state=0,
    )  # fmt: skip
    return lambda: explainer.explain_instance(
        data.data[0], ask, labels=(TARGET,), num_features=data.data.shape[1], num_samples=samples
    )


def table(title: str, made: tuple[Any, Ask], data: Any, rounds: int, only: list[str]) -> None:
    """Print one model's table, for one row."""
    model, ask = made
    subject = xw.TableSubject(model, data.data, columns=list(data.feature_names))
    x = subject.prepare(data.data[0]).x
    print(f"\n{title}, one row of {x.shape[3]} columns, {rounds} rounds")
    print(head("rows"))
    for method in METHODS:
        name = type(method).__name__
        if only and name not in only:
            continue
        suited = method.suited("table")
        asks = suited.cost(subject, x).forward
        chunk = subject.batch_size(x, backward=False)
        runs: dict[str, Callable[[], Any]] = {
            "ours": lambda m=method: m(subject, data.data[0], TARGET),
            "floor": lambda n=asks, c=chunk: bare(ask, data.data, n, c),
        }
        other = elsewhere(method, ask, data, asks)
        if other is not None:
            runs["other"] = other
        told = ", values" if method.settings.get("quarters") is False else ""
        print(row(name + told, str(asks), interleaved(runs, rounds)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], help="methods by name, instead of all")
    parser.add_argument("--busy", action="store_true", help="CPU time of one thread")
    options = parser.parse_args()
    if options.busy:
        measuring.clock = time.thread_time
        torch.set_num_threads(1)
    data = load_breast_cancer()
    for title, make in (("A forest of 100 trees", forest), ("A network of two layers", network)):
        table(title, make(data), data, options.rounds, options.only)


if __name__ == "__main__":
    main()
