"""Many methods under many evaluations, over a data set: one table."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from xaiwidgets.core.errors import Cancelled, ExplainError, one_line
from xaiwidgets.core.evaluation import Evaluation, refuse_uneven
from xaiwidgets.core.fingerprint import tensor_fingerprint
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.masks import boolean, fitted
from xaiwidgets.core.method import Attribution, as_methods
from xaiwidgets.core.scores import bootstrap, mean_known
from xaiwidgets.core.subject import Subject, uncounted
from xaiwidgets.core.target import BoundTarget

from .finished import add_finished, check_executor, finished

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class _Part:
    """Some inputs under one method and one evaluation: what a worker is asked."""

    subject: Subject
    x: torch.Tensor
    target: Any
    masks: np.ndarray | None
    method: Attribution
    evaluation: Evaluation


@dataclass
class Benchmark:
    """What `benchmark` found: `values` holds one number an input for every (method, evaluation),
    `errors` a sentence for each pair that could not be judged."""

    methods: list[str]
    evaluations: list[str]
    better: dict[str, str]
    values: dict[tuple[str, str], np.ndarray]
    seconds: dict[tuple[str, str], float]
    floors: dict[tuple[str, str], float]
    errors: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def table(self) -> pandas.DataFrame:
        """One row a method and evaluation: mean, its 95 % interval over inputs, rank among the
        methods (1 is best), inputs judged, seconds, seconds ÷ floor, and what went wrong."""
        import pandas

        rows = []
        for evaluation in self.evaluations:
            for method in self.methods:
                pair = (method, evaluation)
                found = self.values.get(pair, np.full(1, np.nan))
                low, high = bootstrap(found[:, None], 0.95, 2000)
                seconds, floor = self.seconds.get(pair, np.nan), self.floors.get(pair, np.nan)
                rows.append(
                    {
                        "method": method,
                        "evaluation": evaluation,
                        "better": self.better[evaluation],
                        "mean": mean_known(found),
                        "low": float(low[0]),
                        "high": float(high[0]),
                        "inputs": int((~np.isnan(found)).sum()),
                        "seconds": seconds,
                        "seconds ÷ floor": seconds / floor if floor else np.nan,
                        "error": self.errors.get(pair, ""),
                    }
                )
        table = pandas.DataFrame(rows)
        sign = table["better"].map({"higher": -1.0, "lower": 1.0}).fillna(np.nan)
        ranked = (table["mean"] * sign).groupby(table["evaluation"]).rank(method="min")
        table.insert(6, "rank", ranked)
        return table

    @property
    def means(self) -> pandas.DataFrame:
        """Means, methods down and evaluations across."""
        wide = self.table.pivot(index="method", columns="evaluation", values="mean")
        return wide.loc[self.methods, self.evaluations]

    def __repr__(self) -> str:
        return self.means.to_string(float_format=lambda value: f"{value:.3g}")

    def _repr_html_(self) -> str:
        """Means by method and evaluation; the best of each evaluation in bold."""
        ranks = self.table.pivot(index="method", columns="evaluation", values="rank")
        shown = self.means.map(lambda value: "–" if np.isnan(value) else f"{value:.3g}")
        best = ranks.loc[self.methods, self.evaluations].eq(1)
        return shown.where(~best, "<b>" + shown + "</b>").to_html(escape=False, border=0)


def benchmark(
    methods: Any,
    evaluations: Any,
    subject: Any,
    data: Any,
    *,
    target: Any = None,
    masks: Any = None,
    batch: int = 16,
    executor: Executor | None = None,
    resume: str | Path | None = None,
    progress: Callable[[float], None] | None = None,
    cancel: CancelToken | None = None,
) -> Benchmark:
    """Judge every method by every evaluation on `data` (pictures or a tensor, as a Subject takes);
    of either one will do.

    `target` and `masks` are as for an evaluation. Inputs go in parts of `batch`; each part of each
    pair is a task for `executor`, any `concurrent.futures` executor (a process pool, or Dask's or
    MPI's cluster executor), and gives the same numbers there as here. With `resume`, a path, every
    finished task is appended to that JSON-lines file, and a run that was stopped goes on where it
    was. A pair that cannot be judged, whatever went wrong, is reported in `errors`; the others go
    on.

    `seconds ÷ floor` compares with the passes made bare, timed once before the first task.
    """
    judged = Subject.of(subject)
    ready = judged.prepare(data)
    refuse_uneven(ready)
    x = ready.x
    made = as_methods(methods)
    several = isinstance(evaluations, Iterable) and not isinstance(evaluations, str)
    tests = [
        each() if isinstance(each, type) else each
        for each in (evaluations if several else [evaluations])
    ]
    for each in tests:
        if not isinstance(each, Evaluation):
            raise ExplainError(
                f"An evaluation is a {type(each).__name__}; benchmark takes evaluations such as "
                "PixelFlipping()."
            )
    if not made or not tests or batch < 1:
        raise ExplainError(
            f"{len(made)} methods, {len(tests)} evaluations and batch={batch} came; benchmark "
            "takes at least one of each."
        )
    check_executor(executor, "benchmark")
    with uncounted():
        bound = judged.bind(target, x)
    truth = None if masks is None else fitted(boolean(masks, "masks="), x)
    names = _unlike([repr(method) for method in made])
    titles = _unlike([repr(test) for test in tests])
    found = _Findings(resume or None)
    token = cancel or CancelToken()
    waiting: list[tuple[str, _Part]] = []
    keys: dict[tuple[str, str], list[str]] = {}
    network = judged.fingerprint
    for test, title in zip(tests, titles, strict=True):
        for method, name in zip(made, names, strict=True):
            for start in range(0, len(x), batch):
                rows = torch.arange(start, min(start + batch, len(x)))
                part = _Part(
                    judged, x[rows], _aim(bound, rows),
                    None if truth is None else truth[start : start + len(rows)], method, test,
                )  # fmt: skip
                key = _key(network, part, bound.of_rows(rows))
                keys.setdefault((name, title), []).append(key)
                if key not in found.done:
                    waiting.append((key, part))
    total = len(waiting)
    bare = _bare_seconds(judged, x[:batch]) if waiting else (0.0, 0.0)
    for i, (key, result) in enumerate(_run(waiting, executor, token), 1):
        found.add(key, {**result, "bare": bare})
        if progress:
            progress(i / total)
    return found.together(
        keys, names, titles, {t: e.better for t, e in zip(titles, tests, strict=True)}
    )


class _Findings:
    """Finished tasks by key, kept in a JSON-lines file where there is one."""

    def __init__(self, path: str | Path | None) -> None:
        self.path = path
        entries = finished(path, ("key", "bare"), "benchmark")
        self.done: dict[str, dict[str, Any]] = {entry.pop("key"): entry for entry in entries}

    def add(self, key: str, result: dict[str, Any]) -> None:
        self.done[key] = result
        if self.path is not None and not result.get("odd"):
            add_finished(self.path, {"key": key, **result})

    def together(
        self,
        keys: dict[tuple[str, str], list[str]],
        names: list[str],
        titles: list[str],
        better: dict[str, str],
    ) -> Benchmark:
        result = Benchmark(names, titles, better, {}, {}, {})
        for pair, parts in keys.items():
            entries = [self.done[key] for key in parts]
            failed = [entry["error"] for entry in entries if entry.get("error")]
            if failed:
                result.errors[pair] = failed[0]
                continue
            values = [v if v is not None else np.nan for e in entries for v in e["values"]]
            result.values[pair] = np.array(values, dtype=np.float64)
            result.seconds[pair] = sum(entry["seconds"] for entry in entries)
            result.floors[pair] = sum(_floor(entry) for entry in entries)
        return result


def _floor(entry: dict[str, Any]) -> float:
    forward, both = entry["bare"]
    alone = max(0, entry["forwards"] - entry["backwards"])
    return alone * forward + entry["backwards"] * both


def _judge(part: _Part) -> dict[str, Any]:
    """One task, as JSON takes it."""
    start = time.perf_counter()
    try:
        scores = part.evaluation(part.subject, part.x, part.method, part.target, masks=part.masks)
    except Cancelled:
        raise
    except Exception as error:
        return _failed(error)
    made = scores.provenance
    values = [None if np.isnan(value) else float(value) for value in scores.values]
    return {
        "values": values,
        "seconds": time.perf_counter() - start,
        "forwards": made.forwards,
        "backwards": made.backwards,
    }


def _failed(error: Exception) -> dict[str, Any]:
    """What is told of a task that went wrong; what is not refused in words is tried again by the
    next run."""
    return {"error": one_line(error), "odd": not isinstance(error, ExplainError)}


def _run(waiting: list[tuple[str, _Part]], executor: Executor | None, token: CancelToken) -> Any:
    """Results by key, as they come; stops at a cancel, and takes back what has not begun."""
    if executor is None:
        for key, part in waiting:
            if token.cancelled:
                raise Cancelled
            yield key, _judge(part)
        return
    futures: dict[Future[dict[str, Any]], str] = {
        executor.submit(_judge, part): key for key, part in waiting
    }
    try:
        for future in as_completed(futures):
            if token.cancelled:
                raise Cancelled
            yield futures[future], _result(future)
    finally:
        for future in futures:
            future.cancel()


def _result(future: Future[dict[str, Any]]) -> dict[str, Any]:
    """A task's result; what could not travel to a worker, or broke it, went wrong too."""
    try:
        return future.result()
    except Cancelled:
        raise
    except Exception as error:
        return _failed(error)


def _aim(bound: BoundTarget, rows: torch.Tensor) -> Any:
    """The target of some rows, settled once for all of them, in a form that travels."""
    part = bound.of_rows(rows)
    if part.classes is None:
        return part.scorer
    if part.against is None:
        return part.classes.tolist()
    return part


def _key(network: str, part: _Part, target: BoundTarget) -> str:
    what = [
        network, repr(part.method), _code(part.method), repr(part.evaluation),
        tensor_fingerprint(part.x), str(target.labels),
        "" if part.masks is None else hashlib.sha256(part.masks.tobytes()).hexdigest(),
    ]  # fmt: skip
    return hashlib.sha256("\n".join(what).encode()).hexdigest()[:20]


def _code(method: Attribution) -> str:
    """What tells a function from another of its name: its code."""
    function = getattr(method, "function", None)
    code = getattr(function, "__code__", None)
    return type(method).__module__ if code is None else f"{code.co_code.hex()} {code.co_consts}"


def _bare_seconds(subject: Subject, x: torch.Tensor) -> tuple[float, float]:
    """Seconds an input of a bare forward pass, and of forward and backward, batched; the second of
    two runs."""
    size = max(1, min(len(x), subject.batch_size(x)))
    bare = subject.model if subject.kind in ("picture", "volume") else subject
    forward = both = 0.0
    for _ in range(2):
        start = time.perf_counter()
        with torch.no_grad(), uncounted():
            bare(x[:size].clone())
        middle = time.perf_counter()
        leaf = x[:size].clone().requires_grad_()
        with uncounted(), torch.enable_grad():
            scores = subject(leaf)
            if scores.requires_grad:
                torch.autograd.grad(scores[:, 0].sum(), leaf)
        forward, both = (middle - start) / size, (time.perf_counter() - middle) / size
    return forward, both


def _unlike(names: list[str]) -> list[str]:
    """Names with a number behind those that came before."""
    found: list[str] = []
    for name in names:
        again = sum(other == name or other.startswith(f"{name} (") for other in found)
        found.append(f"{name} ({again + 1})" if again else name)
    return found
