"""GAN dissection (Bau et al. 2019): which units of a generator draw what, and what is missing from
its pictures without them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from xaiwidgets.core.activations import layer_outputs, outputs_after
from xaiwidgets.core.declare import Declared, knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.figure import figure_type
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.subject import Subject

from .ablation import silenced
from .annotated import Example
from .answer import Dissection
from .network_dissection import NetworkDissection

if TYPE_CHECKING:
    import pandas as pd

Segment = Callable[[np.ndarray], Mapping[str, np.ndarray]]
Range = tuple[float, float]


class GANDissection(
    Declared,
    title="GAN dissection",
    source="bau2019",
    taxonomy={
        "models": "specific: generator", "representation": "feature (concept)", "scope": "global",
    },
):  # fmt: skip
    """Which units of a generator draw what?

    The units of a layer are held against masks of what the generator draws from random codes: those
    that `segment` finds in its pictures. Thresholds, IoU, chance and bounds are network
    dissection's; a map is laid on the picture in equal parts.

    Use it to find the units of a generator that go with a thing that it draws, before you switch
    them off.

    It misleads as a cause: that a unit is active where a thing is drawn does not say that it draws
    it. `redraw` switches units off, and shows what is missing.

    It costs one pass of the generator a code, and whatever `segment` takes.

    >>> GANDissection()(generator, codes, "relu3", segment).table()
    """

    quantile: float = knob(
        default=0.01, low=1e-4, high=0.2, log=True, unit="of its activations",
        help="how much of a unit's activations counts as active",
    )  # fmt: skip
    iou: float = knob(
        default=0.05, low=0.0, high=1.0, help="from which IoU on a unit is a detector"
    )
    shuffles: int = knob(
        default=20, low=0, high=1000,
        help="how often masks are dealt to other pictures, to see what chance gives",
    )  # fmt: skip
    seed: int = knob(default=0, low=0, high=9999, help="which order and shuffles")

    def __call__(
        self,
        generator: nn.Module,
        codes: Any,
        layers: str | Sequence[str],
        segment: Segment,
        *,
        values: Range = (0.0, 1.0),
        concepts: Collection[str] | None = None,
        progress: Callable[[float], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> Dissection:
        """Dissect `layers` over the pictures drawn from `codes` (n, width) or (n, channels, height,
        width).

        `segment` takes a picture, uint8 (height, width, 3), and gives its masks by name. `values`
        are the generator's black and white. Every picture is drawn twice: to be segmented, and to
        look at the layers. Raises ExplainError for what cannot be used.
        """
        drawn = Drawn(generator, codes, segment, values)
        method = NetworkDissection(**self.settings, anchors="equal parts")
        return method(
            drawn.subject, drawn, layers, concepts=concepts, progress=progress, cancel=cancel
        )


class Drawn:
    """A generator's pictures as a data set: items are codes, with the masks of what is drawn."""

    def __init__(
        self, generator: nn.Module, codes: Any, segment: Segment, values: Range = (0.0, 1.0)
    ) -> None:
        given = torch.as_tensor(codes)
        if given.ndim not in (2, 4) or not given.is_floating_point():
            raise ExplainError(
                f"The codes have shape {tuple(given.shape)}; a generator takes numbers (n, width) "
                "or (n, channels, height, width)."
            )
        self.subject = _Generator(generator, flat=given.ndim == 2)
        self.codes = given[:, :, None, None] if given.ndim == 2 else given
        self.segment, self.values = segment, values
        self.mask_size = self.drawn([0]).shape[1:3]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, index: int) -> Example:
        """One code with its masks."""
        return self.examples([index])[0]

    def examples(self, rows: Sequence[int] | np.ndarray) -> list[Example]:
        """Some codes with their masks, drawn together."""
        pictures = self.drawn(rows)
        return [
            Example(self.codes[int(row)], self.segment(picture))
            for row, picture in zip(rows, pictures, strict=True)
        ]

    def drawn(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        """The pictures of some codes, uint8 (n, height, width, 3)."""
        x = self.subject.prepare(self.codes[torch.as_tensor(np.asarray(rows)).long()]).x
        return self.pictures(self.subject.outputs(x))

    def pictures(self, flat: torch.Tensor) -> np.ndarray:
        """What the generator gave, as uint8 pictures (n, height, width, 3)."""
        black, white = self.values
        shade = (flat.view(len(flat), *self.subject.shape).float().cpu() - black) / (white - black)
        pixels = (shade.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
        return pixels.expand(-1, -1, -1, 3).numpy()


class _Generator(Subject):
    """A generator as a subject: codes are its inputs, and the numbers of a picture its scores."""

    def __init__(self, generator: nn.Module, *, flat: bool) -> None:
        super().__init__(generator, output=torch.nn.Flatten())
        self.flat = flat
        self.shape: tuple[int, ...] = (3, 1, 1)

    def _run(self, x: torch.Tensor) -> Any:
        picture = self.model(x.flatten(1) if self.flat else x)
        if isinstance(picture, torch.Tensor):
            if picture.ndim != 4 or picture.shape[1] not in (1, 3):
                raise ExplainError(
                    f"The generator gives shape {tuple(picture.shape)}; dissection takes pictures "
                    "(n, 3, height, width) or (n, 1, height, width)."
                )
            self.shape = tuple(picture.shape[1:])
        return picture


@dataclass(eq=False)
class Redrawn:
    """What a generator draws with some units and without: pictures `before` and `after` (n, height,
    width, 3), uint8, and which share of all pixels each concept has, by name."""

    before: np.ndarray
    after: np.ndarray
    shares_before: dict[str, float]
    shares_after: dict[str, float]
    units: list[int] = field(default_factory=list)

    def __repr__(self) -> str:
        left = ", ".join(
            f"{row.concept} {row.left:.0%}" for row in self.table().itertuples() if row.before
        )
        return f"Redrawn(without {len(self.units)} units there is left: {left})"

    def table(self) -> "pd.DataFrame":
        """One row a concept: its share of the pixels before and after, and what is left of it."""
        import pandas as pd

        names = sorted({*self.shares_before, *self.shares_after})
        rows = [
            {"concept": n, "before": self.shares_before.get(n, 0.0),
             "after": self.shares_after.get(n, 0.0)}
            for n in names
        ]  # fmt: skip
        table = pd.DataFrame(rows)
        table["left"] = table["after"] / table["before"].where(table["before"] > 0)
        return table

    def plot(self, count: int = 6) -> Any:
        """A matplotlib figure: some pictures with the units, and below without."""
        count = min(count, len(self.before))
        figure = figure_type()(figsize=(1.3 * count, 2.9), layout="constrained")
        axes = figure.subplots(2, count, squeeze=False)
        for row, pictures in zip(axes, (self.before, self.after), strict=True):
            for ax, picture in zip(row, pictures, strict=False):
                ax.imshow(picture)
                ax.axis("off")
        figure.suptitle(f"with and without {len(self.units)} units", fontsize=9)
        return figure


def redraw(dissection: Dissection, layer: str, units: Sequence[int], codes: Any = None) -> Redrawn:
    """Draw again without some units of a generator, from the codes of a GAN dissection or others.

    Raises ExplainError for a dissection of another kind of network, or one read from a file.
    """
    data = dissection.needed().data
    if not isinstance(data, Drawn):
        raise ExplainError("redraw takes the dissection of a generator; ablate serves classifiers.")
    subject = data.subject
    chosen = data if codes is None else Drawn(subject.model, codes, data.segment, data.values)
    x = subject.prepare(chosen.codes).x
    before, after = [], []
    for part in x.split(subject.batch_size(x, backward=False)):
        known = subject.layers(part)[layer]
        with torch.no_grad():
            outputs, drawn = layer_outputs(subject, part, [layer])
            other = outputs_after(subject, part, known, silenced(outputs[layer], known, units))
        before.append(data.pictures(drawn))
        after.append(data.pictures(other))
    pictures = (np.concatenate(before), np.concatenate(after))
    shares = [_shares(data.segment, each) for each in pictures]
    return Redrawn(*pictures, shares[0], shares[1], [int(unit) for unit in units])


def _shares(segment: Segment, pictures: np.ndarray) -> dict[str, float]:
    """Which share of all pixels each concept has."""
    found: dict[str, float] = {}
    for picture in pictures:
        for name, mask in segment(picture).items():
            found[name] = found.get(name, 0.0) + float(np.mean(mask)) / len(pictures)
    return found
