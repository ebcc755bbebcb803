import concurrent.futures
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from xaiwidgets.core.answers import fold_channels
from xaiwidgets.core.declare import Declared, knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.figure import figure_type
from xaiwidgets.core.filling import NOISE, own_noise
from xaiwidgets.core.fingerprint import tensor_fingerprint
from xaiwidgets.core.imputing import impute
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.method import Attribution, as_method
from xaiwidgets.core.scores import Curve
from xaiwidgets.core.subject import Subject, differentiating
from xaiwidgets.methods.controls import EdgeDetector

from ..finished import add_finished, check_executor, finished
from ..knobs import seed_knob
from ..ordering import places
from ..training import accuracy, built, checked, fit, fits

FRACTIONS = (0.1, 0.3, 0.5, 0.7, 0.9)
RANDOM, SOBEL = "random", "Sobel"
Data = tuple[torch.Tensor, torch.Tensor]
Cell = tuple[str, float, int]


class Roar(Declared, title="ROAR and KAR", source="hooker2019"):
    """Take away what a method calls most important, train anew, and see how much was lost.

    In every picture of the training and the test set the top share of the pixels is replaced by the
    training set's channel mean, a network is trained from scratch on what is left, and its accuracy
    on the test set is what counts (Hooker et al. 2019). Retraining removes the doubt of pixel
    flipping, that the network fails only because it never saw such holes. ROAR (remove and
    retrain): the lower the curve, the better the method found what matters. KAR (keep and retrain,
    `keep`): all but the top share is replaced, and higher is better. Two controls always run along:
    pixels by lot, another lot for every picture, and a Sobel edge map. A method no better than the
    lot has found nothing that another network needs; but what is redundant may go without loss, and
    the outline of the holes may name the class, so that a curve lies above the lot's. `fill` "holes
    alone" measures how much it names, "neighbours" hides it.

    The paper's order is as much about that outline as about the maps (benchmarks/findings.py). On
    ShapeScenes named by their scene no gradient beats the lot, as in the paper, and a network that
    sees nothing but a gradient's holes names a third of the scenes; on those named by an object's
    colour, which hardly any outline tells, every map beats the lot, integrated gradients by most.

    Maps explain the class predicted by one network trained on the untouched set, once; the seeds
    are those of the retraining. With `per` "channel" the channels' values are ranked one by one,
    and with `squared` by their squares, as the authors' code does.

    Use it to compare methods where a network can be trained dozens of times.

    It misleads where what is redundant goes without loss, where the outline of the holes names the
    class, and in favour of blurred maps, which tend to score better without knowing more (Song et
    al. 2023).

    It costs the explanation of every picture, and a training for every method, share and seed, the
    two controls among them.

    >>> Roar()([Saliency(), SmoothGrad(form="squared")], seeds=(0, 1, 2))
    """

    family = "faithfulness"

    keep: bool = knob(default=False, help="keep the top share instead of removing it (KAR)")
    per: str = knob(
        default="pixel", choices=("pixel", "channel"),
        help="rank pixels, all channels together, or every channel's value for itself",
    )  # fmt: skip
    fill: str = knob(
        default="mean", choices=("mean", "neighbours", "holes alone"),
        help="what takes a removed pixel's place: the training set's channel mean, or what its "
        "remaining neighbours say (ROAD's noisy linear imputation), which hides the hole's "
        "outline; holes alone shows nothing but the holes, so that the accuracy is what their "
        "outline tells of the class",
    )  # fmt: skip
    squared: bool = knob(default=True, help="rank by squares, so that a sign makes no difference")
    seed: int = seed_knob("the lot, ties, and the explained network")

    def __call__(
        self,
        methods: Sequence[Any] | Mapping[str, Any],
        train: tuple[Any, Any] | None = None,
        test: tuple[Any, Any] | None = None,
        build: Callable[[], nn.Module] | None = None,
        train_network: Callable[..., Any] | None = None,
        *,
        fractions: Sequence[float] = FRACTIONS,
        seeds: Sequence[int] = (0, 1, 2),
        executor: concurrent.futures.Executor | None = None,
        resume: str | Path | None = None,
        progress: Callable[[float], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> "Retrained":
        """Retrain for every method, fraction and seed; returns Retrained.

        `methods` are methods or functions of (subject, x, target), in a list or by name. `train`
        and `test` are pairs of images (n, channels, height, width), ready for the network, and
        class indices; `build()` makes an untrained network; `train_network(network, images, labels,
        seed=...)` trains it in place. Left out, they are the zoo's digits, its SmallCNN and `fit`.
        `executor` is any of concurrent.futures' kind; with processes or a cluster, `build` and
        `train_network` have to be importable there. `resume` is a file to which every finished
        retraining is appended, a line of JSON each: what it already holds is not done again.
        """
        named = _named(methods)
        given, make, teach = _defaults(train, test, build, train_network)
        fractions = sorted({_share(fraction) for fraction in _several(fractions, "fractions")})
        seeds = [_whole(seed) for seed in _several(seeds, "seeds")]
        check_executor(executor, "Roar")
        plan = [(name, share, s) for name in named for share in fractions for s in seeds]
        plan = [("untouched", 0.0, s) for s in seeds] + plan
        job = Job(None, cancel or CancelToken())
        job.check()
        log = _Log(resume, self._key(given, make, teach), named)
        missing = [cell for cell in plan if cell not in log.done]
        report = _Steps(progress, len(plan), len(plan) - len(missing))
        with working(job), differentiating():
            needed = list(dict.fromkeys(cell[0] for cell in missing if cell[1] > 0))
            ranks = self._ranks({n: named[n] for n in needed}, given, make, teach, job)
        mean = _mean(given[0]) if self.fill == "mean" else None
        work = _Work(given, mean, make, teach, self.keep, self.fill == "holes alone")
        for cell, value in _run(missing, ranks, work, executor, job):
            log.add(cell, value)
            report.step()
        return Retrained(self.keep, {cell: log.done[cell] for cell in plan}, len(missing))

    def _key(self, data: tuple[Data, Data], make: Any, teach: Any) -> str:
        """What has to agree for a finished cell to be used again."""
        about = {
            **self.settings,
            "data": [tensor_fingerprint(part) for pair in data for part in pair],
            "build": _where(make),
            "train": _where(teach),
        }
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]

    def _ranks(
        self,
        methods: Mapping[str, Any],
        data: tuple[Data, Data],
        make: Callable[[], nn.Module],
        teach: Callable[..., Any],
        job: Job,
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Every pixel's place in the order of removal, for training and test set, by method."""
        if not methods:
            return {}
        subject = None
        found = {}
        for name, method in methods.items():
            if method is None:
                draws = [self._lot(images, part) for part, (images, _) in enumerate(data)]
                found[name] = (draws[0], draws[1])
                continue
            if subject is None:
                network = built(make, self.seed)
                teach(network, *data[0], seed=self.seed)
                subject = Subject(network.eval())
            job.check()
            found[name] = (
                self._order(method, subject, data[0][0]),
                self._order(method, subject, data[1][0]),
            )
        return found

    def _order(self, method: Attribution, subject: Subject, images: torch.Tensor) -> np.ndarray:
        parts = []
        for part in images.split(128):
            x = part.to(subject.device, subject.dtype)
            values = method.values(subject, x, subject.bind(None, x))
            parts.append(places(self._ranked(values, x, method), "most first", self.seed))
        return self._shaped(np.concatenate(parts), images)

    def _ranked(self, values: torch.Tensor, x: torch.Tensor, method: Attribution) -> np.ndarray:
        """What is ranked, (inputs, rows, width): channels folded, or one below the other."""
        if self.per == "channel":
            maps = values.expand(x.shape).double().cpu().numpy()
            maps = maps.reshape(len(maps), -1, maps.shape[-1])
            return maps**2 if self.squared else maps
        if self.squared:
            return values.double().square().sum(1).cpu().numpy()
        return fold_channels(values, method.reduction)

    def _lot(self, images: torch.Tensor, part: int) -> np.ndarray:
        """An order by lot for every picture, the same for the same picture number."""
        count = int(np.prod(images.shape[1:] if self.per == "channel" else images.shape[2:]))
        orders = [
            np.random.Generator(np.random.PCG64([self.seed, part, i])).permutation(count)
            for i in range(len(images))
        ]
        return self._shaped(np.stack(orders), images)

    def _shaped(self, order: np.ndarray, images: torch.Tensor) -> np.ndarray:
        count, channels, height, width = images.shape
        channels = channels if self.per == "channel" else 1
        return order.reshape(count, channels, height, width).astype(np.int32)


@dataclass(repr=False)
class Retrained:
    """Test accuracies after retraining, for every method, fraction and seed.

    `cells` maps (method, fraction, seed) to the accuracy; the method "untouched" has fraction 0.
    `trained` says how many networks were trained for this answer; the others were in the file.
    """

    keep: bool
    cells: dict[Cell, float]
    trained: int = 0

    @property
    def table(self) -> Any:
        """A pandas table: method, fraction, seed, accuracy."""
        import pandas

        rows = [(*cell, value) for cell, value in self.cells.items()]
        return pandas.DataFrame(rows, columns=["method", "fraction", "seed", "accuracy"])

    @property
    def methods(self) -> list[str]:
        """The methods' names, controls last."""
        return [name for name in dict.fromkeys(c[0] for c in self.cells) if name != "untouched"]

    @property
    def curves(self) -> dict[str, Curve]:
        """Accuracy (seeds, fractions) by method; for ROAR they begin at the untouched pictures."""
        seeds = sorted({cell[2] for cell in self.cells})
        fractions = sorted({cell[1] for cell in self.cells if cell[1] > 0})
        word = "kept" if self.keep else "removed"
        found = {}
        for name in self.methods:
            y = np.array([[self.cells[name, f, s] for f in fractions] for s in seeds])
            x = np.array(fractions)
            if not self.keep:
                first = [[self.cells["untouched", 0.0, s]] for s in seeds]
                x, y = np.concatenate([[0.0], x]), np.concatenate([first, y], 1)
            found[name] = Curve(x, y, f"share of pixels {word}", "test accuracy after retraining")
        return found

    @property
    def summary(self) -> Any:
        """A pandas table by method: mean accuracy over the fractions, how much better than the lot
        (accuracy lost, or kept, beyond it), and the standard error of that over the seeds."""
        import pandas

        seeds = sorted({cell[2] for cell in self.cells})
        means = {
            name: np.array(
                [np.mean([v for c, v in self.cells.items() if c[0] == name and c[2] == s])
                 for s in seeds]
            )
            for name in self.methods
        }  # fmt: skip
        rows = []
        for name, mean in means.items():
            ahead = (mean - means[RANDOM]) * (1 if self.keep else -1)
            spread = ahead.std(ddof=1) / len(seeds) ** 0.5 if len(seeds) > 1 else np.nan
            rows.append((name, mean.mean(), ahead.mean(), spread))
        columns = ["method", "accuracy", "better than random", "standard error"]
        table = pandas.DataFrame(rows, columns=columns).set_index("method")
        return table.sort_values("better than random", ascending=False)

    def __repr__(self) -> str:
        lines = [
            f"{name}: {row['better than random']:+.3f}" for name, row in self.summary.iterrows()
        ]
        name = "KAR" if self.keep else "ROAR"
        count = len({cell[2] for cell in self.cells})
        return f"Retrained({name}, {count} seeds, better than random by {', '.join(lines)})"

    def plot(self) -> Any:
        """A matplotlib figure: every method's mean over seeds, with its lowest and highest."""
        figure = figure_type()(figsize=(6, 4), layout="constrained")
        axis = figure.subplots()
        for name, curve in self.curves.items():
            style = "--" if name in (RANDOM, SOBEL) else "-"
            (line,) = axis.plot(curve.x, curve.y.mean(0), style, marker=".", label=name)
            axis.fill_between(
                curve.x, curve.y.min(0), curve.y.max(0), color=line.get_color(), alpha=0.15
            )
        axis.set(xlabel=curve.x_label, ylabel=curve.y_label, title="KAR" if self.keep else "ROAR")
        axis.legend(frameon=False, fontsize=8)
        return figure


# --- one retraining -----------------------------------------------------------------------------


@dataclass
class _Work:
    """What every retraining needs; travels to the workers."""

    data: tuple[Data, Data]
    mean: torch.Tensor | None
    make: Callable[[], nn.Module]
    teach: Callable[..., Any]
    keep: bool
    alone: bool = False

    def __call__(
        self,
        order: tuple[np.ndarray, np.ndarray] | None,
        fraction: float,
        seed: int,
        cancel: CancelToken | None = None,
    ) -> float:
        """Test accuracy of a network trained on pictures with holes."""
        (train, labels), (test, truth) = self.data
        if order is not None:
            train, test = (
                holed(images, places, fraction, self.mean, self.keep, self.alone)
                for images, places in zip((train, test), order, strict=True)
            )
        network = built(self.make, seed)
        more = {"cancel": cancel} if cancel and self.teach is fit else {}
        self.teach(network, train, labels, seed=seed, **more)
        return accuracy(network.eval(), test, truth)


def holed(
    images: torch.Tensor,
    order: np.ndarray,
    fraction: float,
    mean: torch.Tensor | None,
    keep: bool,
    alone: bool = False,
) -> torch.Tensor:
    """Images whose first ⌊fraction · size⌋ places of the order hold the mean, or without a mean
    what the other places say; with `keep` all others do. `alone` shows the holes, 1, and nothing
    else, 0. `order` is (n, 1 or channels, height, width)."""
    top = torch.from_numpy(order) < int(fraction * order[0].size + 1e-9)
    kept = top if keep else ~top
    if alone:
        return (~kept).to(images).expand_as(images)
    return torch.where(kept, images, imputed(images, kept) if mean is None else mean)


def imputed(images: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """ROAD's noisy linear imputation where `kept` (n, 1 or channels, height, width) is False."""
    planes = images if kept.shape[1] == 1 else images.flatten(0, 1)[:, None]
    filled = impute(planes, kept.flatten(0, 1)).view_as(images)
    return filled.add_(own_noise(images, seed=0), alpha=NOISE)


def _run(
    cells: Sequence[Cell],
    ranks: Mapping[str, tuple[np.ndarray, np.ndarray]],
    work: _Work,
    executor: concurrent.futures.Executor | None,
    job: Job,
) -> Iterator[tuple[Cell, float]]:
    if executor is None:
        for cell in cells:
            job.check()
            yield cell, work(ranks.get(cell[0]), cell[1], cell[2], job.token)
        return
    waiting = {executor.submit(work, ranks.get(cell[0]), *cell[1:]): cell for cell in cells}
    try:
        while waiting:
            done, _ = concurrent.futures.wait(
                waiting, timeout=0.2, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in done:
                yield waiting.pop(future), float(future.result())
            job.check()
    finally:
        for future in waiting:
            future.cancel()


_FIELDS = ("key", "method", "settings", "fraction", "seed", "accuracy")


@dataclass
class _Log:
    """The finished cells, in memory and in the file where one is given."""

    path: str | Path | None
    key: str
    methods: Mapping[str, Any]
    done: dict[Cell, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in finished(self.path, _FIELDS, "Roar"):
            cell = (entry["method"], float(entry["fraction"]), int(entry["seed"]))
            if entry["key"] == self.key and entry["settings"] == self._settings(cell[0]):
                self.done[cell] = float(entry["accuracy"])

    def _settings(self, name: str) -> str:
        return repr(self.methods.get(name))

    def add(self, cell: Cell, value: float) -> None:
        """Keep one finished retraining, on disk before anything else is begun."""
        self.done[cell] = value
        if self.path is None:
            return
        entry = {
            "key": self.key, "method": cell[0], "settings": self._settings(cell[0]),
            "fraction": cell[1], "seed": cell[2], "accuracy": value,
        }  # fmt: skip
        add_finished(self.path, entry)


@dataclass
class _Steps:
    """Tells a listener which share of the cells is done."""

    listener: Callable[[float], None] | None
    total: int
    done: int

    def step(self) -> None:
        self.done += 1
        if self.listener:
            self.listener(self.done / self.total)


# --- what is asked for --------------------------------------------------------------------------


def _named(methods: Sequence[Any] | Mapping[str, Any]) -> dict[str, Any]:
    """Methods by name, with the two controls at the end; None stands for the lot."""
    if not isinstance(methods, (Mapping, list, tuple)):
        methods = [methods]
    if isinstance(methods, Mapping):
        named = {str(name): as_method(method) for name, method in methods.items()}
    else:
        made = [as_method(method) for method in methods]
        named = {repr(method): method for method in made}
        if len(named) < len(made):
            raise ExplainError("Two methods have the same name; give them by name in a dictionary.")
    if not named:
        raise ExplainError("No methods came; Roar takes at least one beside its two controls.")
    taken = {RANDOM, SOBEL, "untouched"} & set(named)
    if taken:
        raise ExplainError(f"{sorted(taken)[0]!r} is the name of a control; choose another.")
    return {**named, RANDOM: None, SOBEL: EdgeDetector()}


def _defaults(
    train: Any, test: Any, build: Any, train_network: Any
) -> tuple[tuple[Data, Data], Callable[[], nn.Module], Callable[..., Any]]:
    if (train is None) != (test is None):
        raise ExplainError("train and test belong together; give both or neither.")
    if train is None:
        train, test = digit_sets()
        build = build or digit_network
    elif build is None:
        raise ExplainError("Give build=, a function that makes an untrained network for this data.")
    if train_network is not None and not fits(train_network, None, None, None, seed=0):
        raise ExplainError(
            "train_network= cannot be called as train_network(network, images, labels, seed=0); it "
            "takes a function that trains a network in place."
        )
    for name, pair in (("train", train), ("test", test)):
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise ExplainError(f"{name}= is a {type(pair).__name__}; it takes (images, labels).")
    data = (
        checked(train[0], train[1], "Roar, train="),
        checked(test[0], test[1], "Roar, test="),
    )
    if data[0][0].ndim != 4 or data[0][0].shape[1:] != data[1][0].shape[1:]:
        raise ExplainError(
            f"The images have shapes {tuple(data[0][0].shape)} and {tuple(data[1][0].shape)}; both "
            "are (n, channels, height, width), of one size."
        )
    return data, build, train_network or fit


def digit_sets() -> tuple[Data, Data]:
    """The zoo's digits for training and for testing, as its network takes them."""
    from xaiwidgets.zoo import digits

    data = digits()
    parts = [data.tensors(which) for which in (data.train, data.test)]
    (train, labels), (test, truth) = parts
    return ((train - 0.5) / 0.25, labels), ((test - 0.5) / 0.25, truth)


def digit_network() -> nn.Module:
    """An untrained network of the kind that names the zoo's digits."""
    from xaiwidgets.zoo import SmallCNN, card

    return SmallCNN(**card("digits")["architecture"])


def _mean(train: Data) -> torch.Tensor:
    return train[0].mean((0, 2, 3))[:, None, None]


def _several(things: Any, name: str) -> list[Any]:
    found = list(things) if isinstance(things, Iterable) and not isinstance(things, str) else None
    if not found:
        raise ExplainError(f"{name} is {things!r}; Roar takes a list of at least one number.")
    return found


def _whole(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise ExplainError(f"A seed is {seed!r}; it takes whole numbers.")
    return int(seed)


def _share(fraction: Any) -> float:
    share = float(fraction) if isinstance(fraction, (int, float, np.number)) else 0.0
    if not 0 < share < 1:
        raise ExplainError(f"A fraction is {fraction!r}; it takes numbers between 0 and 1.")
    return share


def _where(function: Any) -> str:
    """A name for a function that stays the same in another process."""
    inner = getattr(function, "func", function)
    name = f"{getattr(inner, '__module__', '')}.{getattr(inner, '__qualname__', repr(inner))}"
    return f"{name}{getattr(function, 'args', '')}{getattr(function, 'keywords', '')}"
