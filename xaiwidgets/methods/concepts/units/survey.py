"""Units: what every unit of a layer answers to, over a whole set of data in one pass."""

import hashlib
import time
from collections.abc import Callable, Sequence, Sized
from typing import Any

import numpy as np
import torch

from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.core.answers import Provenance, versions
from xaiwidgets.core.batches import batches
from xaiwidgets.core.declare import Declared, knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.fingerprint import tensor_fingerprint
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.subject import Inputs, Subject

from .answer import LayerUnits, UnitViews
from .exemplars import Exemplars
from .histogram import Histogram
from .likeness import Moments
from .reach import Reach, receptive_fields


class Units(
    Declared,
    title="Units",
    source="zhou2015",
    taxonomy={"models": "any (with layers)", "representation": "response", "scope": "global"},
):
    """What each unit of a layer answers to: its strongest pictures, how often it speaks, and which
    units speak together.

    The data goes through the network once; what is kept does not grow with it. A unit is one
    channel of a layer that holds a map, or one number of a layer that does not. Receptive fields
    are measured with pictures of which one line is missing.

    Silent units, the same on all inputs, have no pictures to trust.

    Use it to look through a layer: what its units answer to, which are silent, which speak
    together.

    It misleads because the strongest pictures show what a unit answers to *at its extreme*, in this
    data: the bulk of its activations lies elsewhere (look at the histogram), and what the pictures
    share need not be what it looks for.

    It costs one forward pass a picture, and one for every row and column of a picture where
    receptive fields are measured.

    >>> Units(top=4)(subject, pictures, layers=["conv1", "conv4"]).plot("conv4", [3, 17])
    """

    top: int = knob(default=9, low=1, high=64, unit="pictures", help="how many a unit keeps")
    side: int = knob(
        default=96, low=16, high=512, unit="pixels", help="how large kept pictures are at most"
    )

    def __call__(
        self,
        subject: Any,
        data: Any,
        layers: str | Sequence[str] | None = None,
        *,
        pictures: Callable[[Sequence[int]], np.ndarray] | None = None,
        progress: Callable[[float], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> UnitViews:
        """Survey the units of some layers (default: the last that holds a map).

        `data` is anything Subject.prepare takes, a folder of pictures, a data set, or an iterable
        of inputs or batches. Where inputs are no pictures, such as a generator's codes, `pictures`
        gives those that stand for some inputs by number, uint8 (n, height, width, 3). Raises
        ExplainError for what cannot be used, Cancelled when stopped.
        """
        subject = Subject.of(subject)
        subject.need_pictures("A survey of units")
        job = Job(progress, cancel or CancelToken())
        job.expected = len(data) if isinstance(data, Sized) else 0
        start = time.perf_counter()
        with working(job), torch.no_grad():
            found = self._stream(subject, data, layers, pictures)
            answer = found.views(job, start, found.digest.hexdigest()[:12])
        job.finish()
        return answer

    def beside(self, subject: Subject, x: torch.Tensor, layers: list[str]) -> "Survey":
        """A survey that is told what the layers say, where other work sends the data through the
        network; `x` is an input like all."""
        return Survey(subject, x, _named(subject, x, layers), self, None)

    def _stream(
        self, subject: Subject, data: Any, layers: str | Sequence[str] | None, pictures: Any
    ) -> "Survey":
        survey: Survey | None = None
        for inputs in batches(subject, data):
            if survey is None:
                wanted = _named(subject, inputs.x, layers)
                survey = Survey(subject, inputs.x, wanted, self, pictures)
            survey.add(inputs)
        if survey is None:
            raise ExplainError("The data holds no input; give at least one picture.")
        return survey


class Survey:
    """What is known of the units so far."""

    def __init__(
        self, subject: Subject, x: torch.Tensor, layers: list[Layer], method: Units, show: Any
    ) -> None:
        self.subject, self.layers, self.method, self.show = subject, layers, method, show
        self.first = x[:1].clone()
        self.size = subject.batch_size(x, backward=False)
        names = [layer.name for layer in layers]
        self.exemplars = {name: Exemplars(method.top) for name in names}
        self.histograms = {name: Histogram() for name in names}
        self.moments = {name: Moments() for name in names}
        self.kept: dict[int, np.ndarray] = {}
        self.count, self.digest = 0, hashlib.sha256()

    def add(self, inputs: Inputs) -> None:
        """Send more of the data through the network."""
        if inputs.x.shape[1:] != self.first.shape[1:]:
            raise ExplainError(
                f"Inputs have shapes {tuple(self.first.shape[1:])} and {tuple(inputs.x.shape[1:])};"
                " give Subject(..., size=(height, width)) so that they are brought to one size."
            )
        self.digest.update(tensor_fingerprint(inputs.x).encode())
        for x in inputs.x.split(self.size):
            outputs, _ = layer_outputs(self.subject, x, [layer.name for layer in self.layers])
            self.note(np.arange(self.count, self.count + len(x)), x, outputs)

    def note(self, numbers: np.ndarray, x: torch.Tensor, outputs: dict[str, torch.Tensor]) -> None:
        """What the layers say of prepared inputs, which have these numbers in the data."""
        for layer in self.layers:
            maps = _maps(layer, outputs[layer.name])
            self.exemplars[layer.name].add(maps, numbers)
            values = maps.transpose(0, 1).flatten(1)
            self.histograms[layer.name].add(values)
            self.moments[layer.name].add(values)
        self._keep(numbers, x)
        self.count += len(x)

    def views(self, job: Job, start: float, seen: str) -> UnitViews:
        """The answer, from work for this job that began then with inputs of this fingerprint."""
        fields = receptive_fields(self.subject, self.first, self.layers)
        settings = {**self.method.settings, "layers": [layer.name for layer in self.layers]}
        made = Provenance(
            type(self.method).__name__, settings, [], self.subject.title, self.subject.fingerprint,
            seen, versions(), time.perf_counter() - start, job.forwards, job.backwards,
        )  # fmt: skip
        answers = {layer.name: self._units(layer, fields[layer.name]) for layer in self.layers}
        height, width = self.first.shape[2:]
        return UnitViews(
            answers, *self._pictures(), (height, width), self.count, made,
            [_silence(each) for each in answers.values() if each.silent.any()],
        )  # fmt: skip

    def _keep(self, numbers: np.ndarray, x: torch.Tensor) -> None:
        """Keep small pictures of what is among some unit's top, and let go of what is not."""
        held = set().union(*(each.held for each in self.exemplars.values()))
        fresh = [i for i, number in enumerate(numbers.tolist()) if number in held]
        self.kept = {number: self.kept[number] for number in self.kept if number in held}
        if fresh:
            for i, picture in zip(fresh, self._shown(numbers, x, fresh), strict=True):
                self.kept[int(numbers[i])] = _small(picture, self.method.side)

    def _shown(self, numbers: np.ndarray, x: torch.Tensor, rows: list[int]) -> np.ndarray:
        """The pictures of some rows of a batch."""
        if self.show is None:
            return self.subject.preprocessing.pictures(x[rows].cpu())[0]
        return np.asarray(self.show(numbers[rows].tolist()))

    def _pictures(self) -> tuple[np.ndarray, np.ndarray]:
        numbers = sorted(self.kept)
        return np.stack([self.kept[number] for number in numbers]), np.array(numbers)

    def _units(self, layer: Layer, reach: Reach) -> LayerUnits:
        tops, bars = self.exemplars[layer.name], self.histograms[layer.name]
        sums = self.moments[layer.name]
        assert tops.values is not None
        return LayerUnits(
            layer.name, layer.kind, _array(tops.values), _array(tops.numbers), _array(tops.maps),
            reach.rows, reach.columns, _array(bars.counts), _array(bars.exponents),
            _array(bars.active) / sums.count, sums.mean, sums.covariance,
        )  # fmt: skip


def _array(values: torch.Tensor) -> np.ndarray:
    found: np.ndarray = values.cpu().numpy()
    return found


def _maps(layer: Layer, output: torch.Tensor) -> torch.Tensor:
    """A layer's output as maps (batch, units, height, width) of floats."""
    maps = layer.fold(output) if layer.layout else output.flatten(1)[:, :, None, None]
    return maps.float()


def _named(subject: Subject, x: torch.Tensor, names: str | Sequence[str] | None) -> list[Layer]:
    known = subject.layers(x)
    if names is None:
        if not known.maps:
            raise ExplainError("This network has no layer with a map; name a layer of its own.")
        return [known.maps[-1]]
    return known.named(names)


def _small(picture: np.ndarray, side: int) -> np.ndarray:
    from PIL import Image

    image = Image.fromarray(picture)
    image.thumbnail((side, side))
    return np.asarray(image.convert("RGB"))


def _silence(units: LayerUnits) -> str:
    silent = np.flatnonzero(units.silent)
    return f"{len(silent)} of {len(units)} units of {units.layer} are the same on all inputs."
