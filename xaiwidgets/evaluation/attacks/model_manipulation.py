import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from xaiwidgets.core.answers import Provenance, Seen
from xaiwidgets.core.copies import own_copy
from xaiwidgets.core.declare import Declared, knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.figure import figure_type
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject, differentiating
from xaiwidgets.core.target import BoundTarget

from ..knobs import seed_knob
from ..similarity import spearman
from ..training import accuracy, checked
from .differentiable import attackable, correlation, even, sizes, values_of

FOOLINGS = ("location", "top pixels", "centre of mass", "active")
WEIGHTS = {"location": 3.0, "top pixels": 3.0, "centre of mass": 1.0, "active": 30.0}
SUCCESS = {"location": 0.2, "top pixels": 0.3, "centre of mass": 0.1, "active": 0.5}
TOP = 0.1
CELLS = 14
JUDGED = 64


class ModelManipulation(Declared, title="Manipulated network", source="heo2019"):
    """Train a copy of the network on until its explanations lie while its accuracy stays.

    L = cross-entropy + λ · L_fool, by Adam at a rate that falls along a cosine, in evaluation mode:
    running statistics and dropout stay as they are. h is Σ_c|R| averaged over a grid of 14 × 14
    cells, the size of the late layer whose maps the authors fool in VGG19, then scaled to 0...1
    (for top pixels and centre of mass to a sum of 1):

    - location: mean (h − m)², m a frame one seventh of the picture wide: look at the border;
    - top pixels: Σ h over the top tenth of the original's cells: look anywhere else (the authors'
      code squares);
    - centre of mass: −|Δrow| − |Δcolumn| against the original map's centre;
    - active: ½ [mean (h_a − h⁰_b)² + mean (h_b − h⁰_a)²]: two classes exchange their maps, on
      pictures that show both (`fool`), while other pictures hold the accuracy.

    A map is fooled when, on pictures that were not trained on, the mean square to the frame is at
    most 0.2; the top pixels keep at most 0.3 of their share of the map; the centre moves by at
    least 0.1 of the sides (root mean square of both ways); or the map of one class has a rank
    correlation with the original one of the other class that is higher by 0.5 than with its own.
    Formulas and loss are those of the authors' code. Their limits of success are not in it, and
    those here are ours: they follow what we remember of the paper, which we could not check.
    `stricter` therefore also counts with limits twice as far off, and the rate is given for the
    untouched network too: a map that looked at the border before is not the attack's doing.

    Tried on the zoo (benchmarks/findings.py), whose network averages over all places: Grad-CAM is
    fooled on all pictures. The gradient at the input, which the paper does not train against, takes
    ten times the strength and twice the rate to look at the border. An exchange is bounded by the
    two maps that are exchanged: where they lie on the same places, as those of two objects of a
    picture do in part, not even an exact one meets the limit.

    Use it to learn what a network that was trained to deceive does to a method.

    It misleads through its limits of success, which are ours: read the rate beside the stricter
    one, and beside that of the untouched network.

    It costs a forward and backward pass, and a pass through the explanation, for every picture and
    epoch.

    >>> ModelManipulation()(subject, images, labels, Saliency())
    """

    family = "attacks"

    fooling: str = knob(
        default="location", choices=FOOLINGS,
        help="what the maps are made to do: look at the border, leave what they showed, move their "
        "centre, or exchange two classes",
    )  # fmt: skip
    steps: int = knob(default=300, low=1, high=10000, unit="batches", log=True, help="of training")
    rate: float = knob(default=2e-3, low=1e-7, high=1e-1, log=True, help="of Adam, at first")
    strength: float = knob(
        default=1.0, low=0.0, high=100.0, help="of the fooling against the accuracy: scales λ"
    )
    batch: int = knob(default=16, low=1, high=256, unit="inputs", help="in one step")
    seed: int = seed_knob("the order of the batches")

    def __call__(
        self,
        subject: Any,
        images: Any,
        labels: Any,
        explanation: Any,
        *,
        test: tuple[Any, Any] | None = None,
        fool: Any = None,
        classes: tuple[Any, Any] | None = None,
        progress: Callable[[float], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> "ManipulatedNetwork":
        """Manipulate a copy of the subject's network; the network itself is not touched.

        `images` (n, channels, height, width) are ready for the network and `labels` (n,) class
        indices. `test` is such a pair that is only judged on; without it a quarter of the
        pictures, drawn by lot, is set apart. `fool` (m, ...) are pictures whose maps are to lie,
        where these are others than `images` (a quarter of them is set apart to judge by): "active"
        wants some that show both classes, which have no one label. `explanation` is one of those
        that InputAttack takes. `classes` are the two that "active" exchanges, names or indices.
        Raises ExplainError for what cannot be used, Cancelled when stopped.
        """
        method = attackable(explanation, "ModelManipulation")
        subject = Subject.of(subject)
        subject.need_pictures("ModelManipulation")
        images, labels = checked(images, labels, "ModelManipulation")
        if test is None:
            apart = self._apart(len(images))
            test, images, labels = (images[apart], labels[apart]), images[~apart], labels[~apart]
        kept, truth = checked(*test, "ModelManipulation, test=")
        images, kept = (subject.prepare(part).x for part in (images, kept))
        lying, shown = images, kept[:JUDGED]
        if fool is not None:
            lying = subject.prepare(fool).x
            apart = self._apart(len(lying))
            lying, shown = lying[~apart], lying[apart][:JUDGED]
        job = Job(None, cancel or CancelToken())
        job.check()
        start = time.perf_counter()
        with working(job), differentiating():
            pair = self._pair(classes, subject, images)
            network = own_copy(subject.model)
            fooled = subject.with_network(network)
            before = self._maps(subject, method, shown, self._targets(subject, shown, pair))
            accurate = accuracy(subject, kept, truth, job.token)
            self._train(subject, fooled, method, images, labels, lying, pair, progress)
            after = self._maps(fooled, method, shown, self._targets(subject, shown, pair))
            found = ManipulatedNetwork(
                fooled, self.fooling, accurate, accuracy(fooled, kept, truth, job.token),
                before, after, self._grades(before, before), self._grades(before, after),
            )  # fmt: skip
            found.pictures = subject.preprocessing.pictures(shown)[0]
            labels_shown = subject.bind(None, shown).labels
        seen = Seen(subject.preprocessing, shown.to("cpu", copy=True))
        found.provenance = Provenance.of_work(
            type(self).__name__, {**self.settings, "explanation": repr(method)}, labels_shown,
            subject.title, subject.glance(), seen, job, time.perf_counter() - start,
        )  # fmt: skip
        _say(found)
        if pair:
            exact = found._met(self._grades(before, before.flip(0))).mean()
            found.facts.append(f"An exact exchange would count on {100 * exact:.0f} % of the maps.")
        if progress:
            progress(1.0)
        return found

    def _apart(self, count: int) -> torch.Tensor:
        """A quarter of so many pictures, drawn by lot (count,)."""
        lot = torch.randperm(count, generator=torch.Generator().manual_seed(self.seed))
        return torch.argsort(lot) % 4 == 3

    def _pair(self, classes: Any, subject: Subject, x: torch.Tensor) -> tuple[int, int] | None:
        if self.fooling != "active":
            return None
        if classes is None or len(classes) != 2:
            raise ExplainError(
                "Active fooling exchanges the maps of two classes; give classes=(one, other), and "
                "pictures that show both."
            )
        one, other = (subject.bind(each, x[:1]).indices(0)[0] for each in classes)
        if one == other:
            raise ExplainError("Active fooling exchanges two classes; classes= names one twice.")
        return one, other

    def _targets(
        self, subject: Subject, x: torch.Tensor, pair: tuple[int, int] | None
    ) -> list[BoundTarget]:
        """What is explained: the class that the untouched network predicts, or both of a pair."""
        return [subject.bind(each, x) for each in (pair or (None,))]

    def _maps(
        self, subject: Subject, method: Attribution, x: torch.Tensor, targets: list[BoundTarget]
    ) -> torch.Tensor:
        """(targets, inputs, height, width), Σ_c|R|, on the CPU."""
        return torch.stack([sizes(method.values(subject, x, target)) for target in targets])

    def _train(
        self,
        subject: Subject,
        fooled: Subject,
        method: Attribution,
        images: torch.Tensor,
        labels: torch.Tensor,
        lying: torch.Tensor,
        pair: tuple[int, int] | None,
        progress: Callable[[float], None] | None,
    ) -> None:
        parameters = [p for p in fooled.model.parameters() if p.is_floating_point()]
        flags = [p.requires_grad for p in parameters]
        for parameter in parameters:
            parameter.requires_grad_()
        adam = torch.optim.Adam(parameters, lr=self.rate)
        weight = self.strength * WEIGHTS[self.fooling]
        named = self._batches(len(images))
        shown = named if lying is images else self._batches(len(lying))
        for step in range(self.steps):
            chosen = next(named)
            x = images[chosen] if lying is images else lying[next(shown)]
            targets = self._targets(subject, x, pair)
            original = self._maps(subject, method, x, targets).to(x.device)
            rows = torch.arange(len(x))
            maps = [sizes(values_of(method, fooled, x, target, rows)) for target in targets]
            loss = F.cross_entropy(fooled(images[chosen]), labels[chosen].to(x.device))
            loss = loss + weight * self._loss(coarse(original), coarse(torch.stack(maps))).mean()
            adam.param_groups[0]["lr"] = self.rate * (1 + math.cos(math.pi * step / self.steps)) / 2
            adam.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            adam.step()
            if progress:
                progress((step + 1) / (self.steps + 1))
        for parameter, flag in zip(parameters, flags, strict=True):
            parameter.grad = None
            parameter.requires_grad_(flag)

    def _batches(self, count: int) -> Iterator[torch.Tensor]:
        """Which of so many pictures come next, without end, every one as often as the others."""
        order = torch.Generator().manual_seed(self.seed)
        while True:
            parts = torch.randperm(count, generator=order).split(self.batch)
            yield from parts if len(parts[-1]) == self.batch or len(parts) == 1 else parts[:-1]

    def _loss(self, original: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
        """L_fool of every input (inputs,)."""
        if self.fooling == "location":
            return (unit(maps[0]) - frame(maps[0])).square().mean((1, 2))
        if self.fooling == "top pixels":
            top = top_pixels(original[0])
            return (even(maps[0]) * top).mean((1, 2))
        if self.fooling == "centre of mass":
            return -(centre(maps[0]) - centre(original[0])).abs().sum(1)
        a, b, a0, b0 = (unit(each) for each in (*maps, *original))
        return ((a - b0).square() + (b - a0).square()).mean((1, 2)) / 2

    def _grades(self, original: torch.Tensor, maps: torch.Tensor) -> np.ndarray:
        """What success is measured by (inputs,)."""
        original, maps = coarse(original.double()), coarse(maps.double())
        if self.fooling == "location":
            return (unit(maps[0]) - frame(maps[0])).square().mean((1, 2)).numpy()
        if self.fooling == "top pixels":
            top = top_pixels(original[0])
            kept = (even(maps[0]) * top).sum((1, 2)) / (even(original[0]) * top).sum((1, 2))
            return kept.numpy()
        if self.fooling == "centre of mass":
            return (centre(maps[0]) - centre(original[0])).square().mean(1).sqrt().numpy()
        a, b, a0, b0 = (part.numpy() for part in (*maps, *original))
        return np.concatenate(
            [spearman(a, b0) - spearman(a, a0), spearman(b, a0) - spearman(b, b0)]
        )


@dataclass(repr=False)
class ManipulatedNetwork:
    """A copy of a network whose explanations were made to lie, with what that did.

    `subject` holds the copy (`network`). `before` and `after` are maps of pictures it was not
    trained on, (targets, inputs, height, width), Σ_c|R|; `grades_before` and `grades` (inputs,)
    what success is measured by: lower is more fooled for "location" and "top pixels", higher for
    "centre of mass" and "active", which grades all maps of one class, then all of the other.
    """

    subject: Subject
    fooling: str
    accuracy_before: float
    accuracy: float
    before: torch.Tensor
    after: torch.Tensor
    grades_before: np.ndarray
    grades: np.ndarray
    facts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    provenance: Provenance | None = None
    pictures: np.ndarray | None = None

    @property
    def network(self) -> nn.Module:
        """The manipulated copy, in evaluation mode."""
        return self.subject.model

    @property
    def fooled(self) -> np.ndarray:
        """Which pictures' maps are fooled (inputs,)."""
        return self._met(self.grades)

    @property
    def rate(self) -> float:
        """The fooling success rate: the share of pictures whose maps are fooled."""
        return float(self.fooled.mean())

    @property
    def rate_before(self) -> float:
        """The same share for the untouched network."""
        return float(self._met(self.grades_before).mean())

    @property
    def kept(self) -> np.ndarray:
        """Correlation of each map after with the map before (inputs,)."""
        return correlation(self.after[0], self.before[0])

    @property
    def stricter(self) -> float:
        """The share that is fooled by limits that are twice as hard to reach."""
        return float(self._met(self.grades, 2.0).mean())

    def _met(self, grades: np.ndarray, times: float = 1.0) -> np.ndarray:
        limit = SUCCESS[self.fooling]
        low = self.fooling in ("location", "top pixels")
        return grades <= limit / times if low else grades >= limit * times

    def __repr__(self) -> str:
        return (
            f"ManipulatedNetwork({self.fooling}: {100 * self.rate:.0f} % of maps fooled (before "
            f"{100 * self.rate_before:.0f} %), accuracy {self.accuracy_before:.3f} → "
            f"{self.accuracy:.3f}, maps keep a correlation of {np.nanmean(self.kept):.2f})"
        )

    def plot(self, count: int = 6) -> Any:
        """A matplotlib figure: pictures, their maps before, and after."""
        assert self.pictures is not None
        count = min(count, len(self.pictures))
        rows: list[tuple[str, Any]] = [("picture", self.pictures)]
        for number, (before, after) in enumerate(zip(self.before, self.after, strict=True)):
            which = f", class {number + 1}" if len(self.before) > 1 else ""
            rows += [(f"before{which}", before), (f"after{which}", after)]
        figure = figure_type()(figsize=(1.7 * count, 1.8 * len(rows)), layout="constrained")
        axes = figure.subplots(len(rows), count, squeeze=False)
        for line, (title, maps) in zip(axes, rows, strict=True):
            for axis, one in zip(line, maps[:count], strict=True):
                axis.imshow(one, **({} if title == "picture" else {"cmap": "magma"}))
                axis.set_xticks([])
                axis.set_yticks([])
            line[0].set_ylabel(title, fontsize=9)
        return figure


# --- what a map is made to do -------------------------------------------------------------------


def coarse(maps: torch.Tensor) -> torch.Tensor:
    """Maps (targets, inputs, height, width) averaged over a grid of at most 14 × 14 cells."""
    high, wide = (min(CELLS, side) for side in maps.shape[2:])
    return F.adaptive_avg_pool2d(maps, (high, wide))


def unit(maps: torch.Tensor) -> torch.Tensor:
    """Maps (inputs, height, width) scaled to 0...1; a constant one becomes 0."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low).clamp_min(1e-30)


def frame(maps: torch.Tensor) -> torch.Tensor:
    """1 on a border one seventh of the sides wide, 0 inside; (height, width)."""
    found = torch.ones_like(maps[0])
    high, wide = (max(1, side // 7) for side in found.shape)
    found[high:-high, wide:-wide] = 0
    return found


def top_pixels(maps: torch.Tensor) -> torch.Tensor:
    """1 on the top tenth of every map (inputs, height, width)."""
    flat = maps.flatten(1)
    count = max(1, round(TOP * flat.shape[1]))
    found = torch.zeros_like(flat).scatter_(1, flat.topk(count, dim=1).indices, 1.0)
    return found.view_as(maps)


def centre(maps: torch.Tensor) -> torch.Tensor:
    """The centre of mass of every map, (inputs, 2): row and column as shares of the sides."""
    weight = even(maps)
    rows, columns = (
        torch.linspace(0, 1, side, device=maps.device, dtype=maps.dtype) for side in maps.shape[1:]
    )
    row = (weight * rows[:, None]).mean((1, 2))
    return torch.stack([row, (weight * columns).mean((1, 2))], 1)


def _say(found: ManipulatedNetwork) -> None:
    lost = found.accuracy_before - found.accuracy
    found.facts.append(
        f"{100 * found.rate:.0f} % of the maps are fooled, {100 * found.rate_before:.0f} % were so "
        f"before; accuracy {found.accuracy_before:.3f} → {found.accuracy:.3f}."
    )
    if lost > 0.02:
        found.warnings.append(
            f"Accuracy fell by {100 * lost:.1f} points: a reader would notice. Fewer steps or a "
            "smaller strength keep more of it."
        )
