import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.filling import Filling, fill_knob
from xaiwidgets.core.job import current_job
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.numbers import percent
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget


class Occlusion(
    Attribution,
    title="Occlusion",
    source="zeiler2014",
    taxonomy={"models": "any", "access": "black box"},
):
    """Cover one patch at a time and record how far the class score drops.

    A pixel's value is the mean drop over the patches that cover it; one that lies between patches,
    where `stride` is larger than `patch`, has that of the nearest. Of a text single tokens are
    covered, by the mask token, where nothing else is chosen; of a table single columns, by their
    mean.

    Use it early, on anything that gives scores: its question is plain, and needs no gradient.

    It misleads where evidence is spread over several patches: cover one and the others still speak.

    >>> Occlusion(patch=8, stride=4)(subject, x, target="star").values.shape
    torch.Size([1, 1, 64, 64])
    """

    usual = {
        "text": {"patch": 1, "stride": 1, "fill": "given"},
        "table": {"patch": 1, "stride": 1, "fill": "mean"},
    }
    lacks = {"table": ("rows",)}
    idle = {"table": ("patch", "stride")}

    patch: int = knob(default=16, low=1, high=64, unit="pixels", help="side of the covered square")
    stride: int = knob(
        default=8, low=1, high=64, unit="pixels", help="how far the square moves each time"
    )
    fill: str = fill_knob("zero")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass a patch, and one for the whole picture."""
        rows, columns = self._strips(x)
        return Passes(len(rows) * len(columns) + 1, 0)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Drops streamed over batches of covered copies, (batch, 1, height, width)."""
        filling = Filling(self.fill, subject, x)
        asked = subject.quick(x)
        whole = asked.scores(x, target)
        rows, columns = self._strips(x)
        below, beside = _reaching(rows), _reaching(columns)
        cover = below.sum(0)[:, None] * beside.sum(0)
        drop = torch.zeros_like(x[:, :1])
        patches = len(rows) * len(columns)
        for part in torch.arange(len(x) * patches).split(subject.batch_size(x, backward=False)):
            which, patch = part // patches, part % patches
            line, along = patch // len(columns), patch % len(columns)
            back = line % 2 == 1  # to and fro: each copy differs from the one before in a small box
            along = torch.where(back, len(columns) - 1 - along, along)
            down, across = rows[line], columns[along]
            covered = filling(down[:, :, None] * across[:, None, :] == 0, which)
            fallen = whole[which] - asked.scores(covered, target, which)
            for i in which.unique():
                mine = which == i
                drop[i, 0] += (below[line[mine]] * fallen[mine, None]).T @ beside[along[mine]]
            current_job().show(lambda: Findings(drop / cover))
        return Findings(drop / cover, warnings=self._warnings(subject, rows, columns))

    def _warnings(self, subject: Subject, rows: torch.Tensor, columns: torch.Tensor) -> list[str]:
        """Where patches leave gaps, or there is one alone."""
        height, width = rows.shape[1], columns.shape[1]
        asked = float(rows.any(0).sum() * columns.any(0).sum()) / (height * width)
        if asked < 1:
            return [
                f"Patches of {self.patch} that move by {self.stride} cover {percent(asked)} of the "
                f"{subject.words.whole}: what lies between them was not asked about, and is drawn "
                "like the nearest patch. A stride up to the patch leaves no gaps."
            ]
        if len(rows) * len(columns) == 1 < height * width:
            return [
                f"One patch of {self.patch} covers the whole {subject.words.whole}, so that the "
                "map is a single number; choose a smaller patch."
            ]
        return []

    def _strips(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Which rows each patch covers, and which columns: 1 where it does, (patches, pixels)."""
        tops, lefts = (_strips(side, self.patch, self.stride) for side in x.shape[2:])
        return tops.to(x), lefts.to(x)


def _reaching(strips: torch.Tensor) -> torch.Tensor:
    """Strips (patches, pixels) with every pixel that none covers given to the nearest."""
    places = torch.arange(strips.shape[1], device=strips.device).to(strips)
    centres = (strips @ places / strips.sum(1))[:, None]
    nearest = (centres - places).abs().argmin(0)
    own = torch.arange(len(strips), device=strips.device)[:, None] == nearest
    return torch.where(strips.any(0), strips, own.to(strips))


def _strips(side: int, patch: int, stride: int) -> torch.Tensor:
    """The last patch is moved in, so that every pixel is covered."""
    last = max(0, side - patch)
    starts = torch.tensor([*range(0, last, stride), last])[:, None]
    places = torch.arange(side)
    return (starts <= places) & (places < starts + patch)
