"""The table of methods and evaluations: its numbers, its rest after a stop, its executors."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from conftest import inputs_for, network_of
from networks import ModuleNetwork, seeded

import xaiwidgets as xw
from xaiwidgets.core.declare import knob
from xaiwidgets.core.errors import Cancelled, ExplainError
from xaiwidgets.core.evaluation import Evaluation
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.method import Passes
from xaiwidgets.evaluation import ParameterRandomisation, PixelFlipping, PointingGame, benchmark

METHODS = [xw.Saliency(), xw.RandomMap()]
FLIPPING = PixelFlipping(steps=4)


class Size(Evaluation):
    """The mean size of a map; a cheap evaluation of one's own."""

    better = "higher"
    times: float = knob(default=1.0, low=0.0, high=10.0, help="a factor")

    def cost(self, case):
        return Passes(1, 1)

    def grade(self, case):
        return self.times * np.abs(case.maps).mean((1, 2))


def test_an_evaluation_of_ones_own_takes_the_explanations_passes_where_it_says_no_more():
    class Mean(Evaluation, title="Mean (test)"):
        better = "higher"

        def grade(self, case):
            return case.maps.mean((1, 2))

    network, x = network_of("modules"), inputs_for("modules", 2)
    made = Mean()(network, x, xw.Saliency(), 1).provenance
    assert (made.forwards, made.backwards) == (2, 2)


def test_every_pair_holds_what_the_evaluation_gives_alone():
    network, x = network_of("modules"), inputs_for("modules", 5)
    found = benchmark(METHODS, [FLIPPING, Size()], network, x, target=1, batch=2)
    assert found.errors == {}
    for method in METHODS:
        for evaluation in (FLIPPING, Size()):
            alone = evaluation(network, x, method, 1).values
            together = found.values[repr(method), repr(evaluation)]
            np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-7)


def test_the_table_has_means_intervals_and_ranks():
    network, x = network_of("modules"), inputs_for("modules", 4)
    loud = xw.Saliency(), lambda subject, x, target: 100 * torch.ones_like(x), xw.RandomMap()
    table = benchmark(loud, [Size(), Size(times=2.0)], network, x, target=0).table
    assert len(table) == 6
    size = table[table.evaluation == "Size()"].set_index("method")
    assert size.loc["<lambda>", "mean"] == pytest.approx(300)
    assert size.loc["<lambda>", "rank"] == 1
    assert sorted(size["rank"]) == [1, 2, 3]
    row = size.loc["Saliency()"]
    assert row["low"] <= row["mean"] <= row["high"]
    assert (row["inputs"], row["error"]) == (4, "")
    assert row["seconds ÷ floor"] > 0
    doubled = table[table.evaluation == "Size(times=2.0)"].set_index("method")
    assert doubled.loc["Saliency()", "mean"] == pytest.approx(2 * row["mean"])


def test_lower_is_better_where_the_evaluation_says_so():
    network, x = seeded(ModuleNetwork), inputs_for("modules", 2)
    test = ParameterRandomisation(similarity="signed spearman")
    table = benchmark([xw.EdgeDetector, xw.Saliency], [test], network, x, target=1).table
    ranks = table.set_index("method")["rank"]
    assert ranks["Saliency()"] == 1
    assert ranks["EdgeDetector()"] == 2


def test_a_pair_that_cannot_be_judged_is_reported_and_the_others_go_on():
    def broken(subject, x, target):
        return x[:, :, :3]

    found = benchmark(
        [xw.Saliency(), broken], [Size(), PointingGame()], network_of("modules"),
        inputs_for("modules"), target=1,
    )  # fmt: skip
    assert "broken returned shape" in found.errors["broken", "Size()"]
    assert "masks=" in found.errors["Saliency()", "PointingGame()"]
    assert ("Saliency()", "Size()") in found.values
    table = found.table.set_index(["method", "evaluation"])
    assert "broken returned" in table.loc[("broken", "Size()"), "error"]
    assert "Saliency" in repr(found)
    assert "<table" in found._repr_html_()


def test_masks_travel_with_their_inputs():
    network, x = network_of("modules"), inputs_for("modules", 3)
    masks = np.zeros((3, 32, 32), bool)
    masks[0, :, :16] = masks[1, :16] = masks[2, 16:] = True
    at_once = PointingGame()(network, x, xw.Saliency(), 1, masks=masks).values
    found = benchmark([xw.Saliency()], [PointingGame()], network, x, target=1, masks=masks, batch=1)
    assert found.values["Saliency()", "PointingGame()"].tolist() == at_once.tolist()


def test_a_stopped_run_goes_on_where_it_was(tmp_path):
    network, x, place = network_of("modules"), inputs_for("modules", 4), tmp_path / "run.jsonl"
    token, shares = CancelToken(), []

    def progress(share):
        shares.append(share)
        if len(shares) == 3:
            token.cancel()

    with pytest.raises(Cancelled):
        benchmark(
            METHODS, [FLIPPING, Size()], network, x, target=1, batch=2, resume=place,
            progress=progress, cancel=token,
        )  # fmt: skip
    assert len(place.read_text().splitlines()) == 3
    place.write_text(place.read_text() + '{"key": "half a li')
    again = []
    resumed = benchmark(
        METHODS, [FLIPPING, Size()], network, x, target=1, batch=2, resume=place,
        progress=again.append,
    )  # fmt: skip
    assert len(again) == 5
    whole = benchmark(METHODS, [FLIPPING, Size()], network, x, target=1, batch=2)
    for pair, values in whole.values.items():
        assert resumed.values[pair].tolist() == values.tolist()
    third = []
    benchmark(
        METHODS, [FLIPPING, Size()], network, x, target=1, batch=2, resume=place,
        progress=third.append,
    )  # fmt: skip
    assert third == []


def test_what_was_kept_for_another_network_or_function_is_not_taken(tmp_path):
    x, place = inputs_for("modules"), tmp_path / "run.jsonl"
    first = benchmark([xw.Saliency()], [Size()], network_of("modules"), x, target=1, resume=place)
    other = seeded(ModuleNetwork)
    with torch.no_grad():
        other[0].weight *= 2
    second = benchmark([xw.Saliency()], [Size()], other, x, target=1, resume=place)
    pair = ("Saliency()", "Size()")
    assert first.values[pair].tolist() != second.values[pair].tolist()
    assert len({json.loads(line)["key"] for line in place.read_text().splitlines()}) == 2
    one = benchmark([lambda s, x, t: x], [Size()], other, x, target=1, resume=place)
    two = benchmark([lambda s, x, t: 2 * x], [Size()], other, x, target=1, resume=place)
    pair = ("<lambda>", "Size()")
    assert two.values[pair] == pytest.approx(2 * one.values[pair])


def test_threads_give_the_same_numbers():
    network, x = network_of("functional"), inputs_for("functional", 4)
    plain = benchmark(METHODS, [FLIPPING, Size()], network, x, batch=2)
    with ThreadPoolExecutor(2) as executor:
        spread = benchmark(METHODS, [FLIPPING, Size()], network, x, batch=2, executor=executor)
    for pair, values in plain.values.items():
        np.testing.assert_allclose(spread.values[pair], values, rtol=1e-6)


@pytest.mark.slow
def test_two_dask_workers_give_the_same_numbers():
    from distributed import Client, LocalCluster

    network, x = seeded(ModuleNetwork), inputs_for("modules", 4)
    target = xw.Contrast(0, 2)
    plain = benchmark(METHODS, [FLIPPING], network, x, target=target, batch=2)
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address="")
    with cluster, Client(cluster) as client:
        spread = benchmark(
            METHODS, [FLIPPING], network, x, target=target, batch=2, executor=client.get_executor()
        )
    for pair, values in plain.values.items():
        np.testing.assert_allclose(spread.values[pair], values, rtol=1e-5, atol=1e-8)


def test_what_is_no_evaluation_is_refused_in_words():
    network, x = network_of("modules"), inputs_for("modules")
    with pytest.raises(ExplainError, match="An evaluation is a Saliency"):
        benchmark([xw.Saliency()], [xw.Saliency()], network, x)
    with pytest.raises(ExplainError, match="0 methods, 1 evaluations"):
        benchmark([], [Size()], network, x)
