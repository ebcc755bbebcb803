"""Seconds of every evaluation ÷ its floor, and beside the same evaluation in Quantus.

The floor is the passes that an evaluation needs (its declared cost), made bare: the network called
on plain batches of the same size. Ours, the floor and Quantus are measured call by call in turn;
each figure is the median over rounds of a ratio within the round. An evaluation that stops early
(c-Eval, once the class has changed) may stay below its floor. Goals: ÷ floor at most 1.15 (ROAD
1.5); ÷ Quantus at most 0.5 for one picture and 0.6 for a batch. *floor ÷ Quantus* is
what the bare passes alone take of its time: where that is 1, only cheaper passes help. The floor's
passes are whole ones: pictures that differ by one patch take ours far less (see `core.windows`).

    python -m benchmarks.evaluations            ResNet-18 at 224² and the zoo's CNN at 96²
    python -m benchmarks.evaluations --quick    the zoo's CNN alone
    python -m benchmarks.evaluations --busy     CPU time of one thread, where others are at work

What explains anew judges Saliency, or integrated gradients where it turns a knob, and in Quantus
the gradient, as its own `explain` makes it, both from the first map on; the others judge a map that
is given. What needs more than a network, pictures and masks is skipped with a line.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

import xaiwidgets as xw
import xaiwidgets.evaluation
from benchmarks.methods import bare, interleaved, ratio
from benchmarks.networks import import_torchvision, resnet18
from xaiwidgets import zoo
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Case, Evaluation
from xaiwidgets.core.method import Passes

TARGET = 3
METHODS = (xw.Saliency(), xw.IntegratedGradients(steps=4))
SHORT = {"samples": 16, "steps": 16, "regions": 16, "copies": 4, "draws": 2, "repeats": 1,
         "controls": 1}  # fmt: skip


clock = time.perf_counter


def seconds(run: Callable[[], Any]) -> float:
    """Seconds of one run, by the clock."""
    start = clock()
    run()
    return clock() - start


def short(cls: type[Evaluation]) -> Evaluation:
    """The evaluation at its defaults, except that it draws and steps less."""
    return cls().having(**{name: n for name, n in SHORT.items() if name in cls.knobs})


def by_pixel(impute: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Quantus' imputation takes pixels, but its ROAD hands it places among all channels."""

    def imputed(arr: np.ndarray, indices: np.ndarray, **_: Any) -> np.ndarray:
        return impute(arr=arr, indices=np.unique(indices % arr[0].size))

    return imputed


class Work:
    """One network, pictures, and what every evaluation may ask for."""

    def __init__(self, network: nn.Module, x: torch.Tensor) -> None:
        self.network, self.x, self.subject = network, x, xw.Subject(network)
        height, width = x.shape[2:]
        self.masks = np.zeros((len(x), height, width), bool)
        self.masks[:, height // 4 : -height // 4, width // 4 : -width // 4] = True
        self.map = torch.randn(len(x), height, width, generator=torch.Generator().manual_seed(0))

    def explanations(self, test: Evaluation) -> list[Any]:
        """What the evaluation may be given, in the order in which it is tried."""
        return list(METHODS) if test.explains_anew else [self.map]

    def case(self, explanation: Any) -> Case:
        """The case, for the evaluation's cost."""
        target = self.subject.bind(TARGET, self.x)
        return Case(self.subject, self.x, target, explanation, self.masks)

    def run(self, test: Evaluation, explanation: Any) -> Callable[[], Any]:
        """One call of ours."""
        return lambda: test(self.subject, self.x, explanation, TARGET, masks=self.masks)

    def quantus(self, test: Evaluation, explanation: Any, chunk: int) -> Callable[[], Any] | None:
        """The same in Quantus at the same settings, or None where it has none."""
        import quantus as q

        pixels = self.x[0, 0].numel()
        plain: dict[str, Any] = {"disable_warnings": True}
        drop: dict[str, Any] = {**plain, "perturb_baseline": 0.0}
        k = test.settings
        side = xaiwidgets.evaluation.ordering.block_side(k.get("side", 1), self.x)
        name = type(test).__name__
        made: dict[str, Callable[[], list[Any]]] = {
            "PixelFlipping": lambda: [
                q.PixelFlipping(features_in_step=pixels // k["steps"], **drop)
            ] * (1 + k["controls"]),
            "Deletion": lambda: [
                q.PixelFlipping(features_in_step=pixels // k["steps"], **drop)
            ],
            "Selectivity": lambda: [q.Selectivity(patch_size=side, **drop)],
            "RegionPerturbation": lambda: [
                q.RegionPerturbation(patch_size=side, regions_evaluation=k["regions"], **drop)
            ] * k["repeats"],
            "FaithfulnessCorrelation": lambda: [
                q.FaithfulnessCorrelation(
                    nr_runs=k["samples"], subset_size=int(k["share"] * 3 * pixels), **drop
                )
            ],
            "ROAD": lambda: [
                q.ROAD(
                    percentages=list(range(10, 100, k["spacing"])),
                    perturb_func=by_pixel(q.noisy_linear_imputation), **plain,
                )
            ] * 2,
            "MaxSensitivity": lambda: [q.MaxSensitivity(nr_samples=k["samples"], **plain)],
            "AverageSensitivity": lambda: [q.AvgSensitivity(nr_samples=k["samples"], **plain)],
            "ParameterRandomisation": lambda: [q.MPRT(disable_warnings=True)],
            "PointingGame": lambda: [q.PointingGame(**plain)],
            "RelevanceMass": lambda: [q.RelevanceMassAccuracy(**plain)],
            "RelevanceRank": lambda: [q.RelevanceRankAccuracy(**plain)],
            "TopKIntersection": lambda: [q.TopKIntersection(**plain)],
        }  # fmt: skip
        if name not in made:
            return None
        metrics = made[name]()
        given: dict[str, Any] = {
            "softmax": True, "device": "cpu", "batch_size": chunk, "x_batch": self.x.numpy(),
            "y_batch": np.full(len(self.x), TARGET), "s_batch": self.masks[:, None],
        }  # fmt: skip
        if test.explains_anew:
            given |= {"explain_func": q.explain, "explain_func_kwargs": {"method": "Gradient"}}
        else:
            given["a_batch"] = self.map[:, None].numpy()

        def run() -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for metric in metrics:
                    metric(model=self.network, **given)

        return run


def ready(work: Work, cls: type[Evaluation]) -> tuple[Evaluation, Any]:
    """An evaluation that runs, with the explanation that it takes, or an ExplainError."""
    test = short(cls)
    for last, explanation in enumerate(work.explanations(test), 1):
        try:
            work.run(test, explanation)()
        except ExplainError:
            if last == len(work.explanations(test)):
                raise
        else:
            break
    return test, explanation


def table(
    title: str, network: nn.Module, x: torch.Tensor, rounds: int, only: list[str], beside: bool
) -> None:
    """Print one network's table, of all evaluations or only some."""
    work = Work(network, x)
    size = "one picture" if len(x) == 1 else f"{len(x)} pictures"
    print(f"\n{title}, {size}, {rounds} rounds, {torch.get_num_threads()} threads")
    print(f"{'evaluation':26}{'passes':>12}{'seconds':>10}{'÷ floor':>9}", end="")
    print(f"{'ours ÷ Quantus':>16}{'floor ÷ Quantus':>17}")
    notes: list[str] = []
    for cls in xw.declared(Evaluation):
        if only and cls.__name__ not in only:
            continue
        try:
            test, explanation = ready(work, cls)
        except ExplainError as error:
            notes.append(f"{cls.__name__} is skipped: {error}")
            continue
        need = test.cost(work.case(explanation))
        rows = max(need.forward, 1) * len(x)
        chunk = min(work.subject.batch_size(x, backward=need.backward > 0), rows)
        runs = {"ours": work.run(test, explanation)}
        if need.total:
            runs["floor"] = lambda n=need, c=chunk: bare(network, x, n, c)
        other = work.quantus(test, explanation, chunk) if beside else None
        if other is not None:
            runs["Quantus"] = other
        for name in [name for name in runs if name != "ours"]:
            try:
                runs[name]()
            except Exception as error:
                if name != "Quantus":
                    raise
                notes.append(f"{cls.__name__} in Quantus: {str(error).splitlines()[0]}")
                del runs[name]
        print(_row(cls.__name__, need, interleaved(runs, rounds, seconds)), flush=True)
    for line in notes:
        print(line)


def _row(name: str, need: Passes, times: dict[str, list[float]]) -> str:
    passes = f"{need.forward} + {need.backward}"
    ours = statistics.median(times["ours"])
    floor, other = ratio(times, "ours", "floor"), ratio(times, "ours", "Quantus")
    bound = ratio(times, "floor", "Quantus")
    return f"{name:26}{passes:>12}{ours:>10.4f}{floor:>9}{other:>16}{bound:>17}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--large", action="store_true", help="ResNet-18 alone")
    parser.add_argument("--alone", action="store_true", help="without Quantus")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=16, help="in a batch for ResNet-18")
    parser.add_argument("--only", nargs="*", default=[], help="evaluations by name")
    parser.add_argument("--busy", action="store_true", help="CPU time of one thread")
    options = parser.parse_args()
    if options.busy:
        global clock
        clock = time.thread_time
        torch.set_num_threads(1)
    import_torchvision()
    torch.manual_seed(0)
    rest = options.rounds, options.only, not options.alone
    if not options.large:
        cnn, pictures = zoo.load("shapes"), torch.randn(8, 3, 96, 96)
        table("The zoo's CNN at 96²", cnn, pictures, *rest)
        table("The zoo's CNN at 96²", cnn, pictures[:1], *rest)
    if not options.quick:
        network, pictures = resnet18(), torch.randn(options.pictures, 3, 224, 224)
        table("ResNet-18 at 224²", network, pictures, *rest)
        table("ResNet-18 at 224²", network, pictures[:1], *rest)


if __name__ == "__main__":
    main()
