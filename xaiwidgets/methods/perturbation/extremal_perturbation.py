import torch
import torch.nn.functional as F

from xaiwidgets.core.answers import Findings, Frame
from xaiwidgets.core.declare import knob
from xaiwidgets.core.filling import fill_knob
from xaiwidgets.core.job import current_job
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.numbers import whole_percent
from xaiwidgets.core.subject import Subject, differentiating
from xaiwidgets.core.target import BoundTarget

from .covered import Covered, elsewhere

FIRM, FIRMER = 5.0, 400.0  # weight of the area's constraint, and how often it grows by the end
RATE, MOMENTUM = 0.5, 0.9
LARGEST = 0.9


class ExtremalPerturbation(
    Attribution,
    title="Extremal perturbation",
    source="fong2019",
    taxonomy={"formulation": "dependence"},
):
    """The region of a given area that holds the most of the score, found by gradient ascent.

    "preservation" maximises the score of x∘m + fill∘(1 − m) over smooth masks m whose sorted values
    are as good as 0 and 1 with `area` ones (Fong, Patrick and Vedaldi 2019); "deletion" minimises
    it with the region gone; "dual" does both. With several `areas`, each twice the one before, the
    map is their mean and the strip shows each with the share of the score that it holds.

    Use it to ask which region of a given size holds most of the score.

    It misleads where the search ends beside the best region: the facts compare with the same mask
    moved elsewhere.
    """

    takes = ("picture",)

    steps: int = knob(default=300, low=1, high=2000, unit="steps", log=True, help="of the ascent")
    mode: str = knob(
        default="preservation", choices=("preservation", "deletion", "dual"),
        help="find what is enough for the score, what it cannot do without, or both at once",
    )  # fmt: skip
    area: float = knob(
        default=0.1, low=0.01, high=0.9, step=0.01, log=True, unit="of the picture",
        help="how large the region is, and the smallest of several",
    )  # fmt: skip
    areas: int = knob(
        default=1, low=1, high=5, unit="areas", help="how many, each twice the one before"
    )
    softness: float = knob(
        default=0.09, low=0.03, high=0.3, step=0.01, unit="of the longer side",
        help="how smooth the region's outline has to be",
    )  # fmt: skip
    fill: str = fill_knob("blur")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """A forward and a backward pass a step and area, two for dual; then two forward passes an
        area to compare with, and two for the whole picture and none of it."""
        searched = self.steps * len(self._areas()) * (2 if self.mode == "dual" else 1)
        return Passes(searched + 2 * len(self._areas()) + 2, searched)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """The mean over areas of the region found, (batch, 1, height, width)."""
        covered, areas = Covered(subject, x, target, self.fill), self._areas()
        rows = torch.arange(len(x)).repeat_interleave(len(areas))
        with differentiating():
            masks = self._searched(covered, rows, x, x.new_tensor(areas).repeat(len(x)))
        kept = [mask if self.mode != "deletion" else 1 - mask for mask in (masks, elsewhere(masks))]
        left, control = (
            covered.share(mask, rows).view(-1, len(areas)).mean(0).tolist() for mask in kept
        )
        by_area = masks.view(len(x), len(areas), *masks.shape[2:])
        found = Findings(by_area.mean(1, keepdim=True), warnings=covered.warnings())
        for i, (area, share, moved) in enumerate(zip(areas, left, control, strict=True)):
            found.numbers |= {f"area {area:g}": share, f"area {area:g} elsewhere": moved}
            if len(areas) > 1:
                found.frames.append(Frame(whole_percent(area), by_area[:, i : i + 1], share))
        found.facts.append(self._told(areas, left, control))
        measured = by_area.mean((0, 2, 3)).tolist()
        found.warnings += [
            f"The region covers {whole_percent(own)} of the picture, and {whole_percent(area)} "
            "were asked for: less softness or more steps bring it nearer."
            for own, area in zip(measured, areas, strict=True)
            if abs(own - area) > area / 2
        ]
        return found

    def _told(self, areas: list[float], left: list[float], control: list[float]) -> str:
        what = "gone" if self.mode == "deletion" else "kept"
        each = [
            f"{whole_percent(share)} with {whole_percent(area)} of the picture {what} "
            f"({whole_percent(moved)} with the same mask moved elsewhere)"
            for area, share, moved in zip(areas, left, control, strict=True)
        ]
        return f"Left of the score: {', '.join(each)}."

    def _areas(self) -> list[float]:
        grown = [min(self.area * 2**k, LARGEST) for k in range(self.areas)]
        return list(dict.fromkeys(grown))

    def _searched(
        self, covered: Covered, rows: torch.Tensor, x: torch.Tensor, areas: torch.Tensor
    ) -> torch.Tensor:
        """Masks (rows, 1, height, width), 1 in the region."""
        smooth = MaxConvolution(x, self.softness)
        nodes = torch.full((len(rows), 1, *smooth.grid), 0.5, dtype=x.dtype, device=x.device)
        nodes.requires_grad_()
        ascent = torch.optim.SGD([nodes], lr=RATE, momentum=MOMENTUM)
        for step in range(self.steps):
            ascent.zero_grad()
            coarse = smooth(nodes)
            mask = smooth.enlarged(coarse)
            if step > self.steps // 10:  # before, nodes are alike, and rounding would sort them
                firm = FIRM * FIRMER ** (step / self.steps)
                (firm * misfit(coarse, areas).sum()).backward(retain_graph=True)
            mask.backward(-self._gain(covered, mask.detach(), rows))
            ascent.step()
            nodes.data.clamp_(0, 1)
            current_job().show(lambda: Findings(self._so_far(smooth, nodes.detach(), len(x))))
        return smooth.enlarged(smooth(nodes.detach()))

    def _gain(self, covered: Covered, mask: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """How the aim rises with every pixel of the masks."""
        gain = torch.zeros_like(mask)
        if self.mode != "deletion":
            gain += covered.pull(mask, rows)
        if self.mode != "preservation":
            gain += covered.pull(1 - mask, rows)
        return gain

    def _so_far(self, smooth: "MaxConvolution", nodes: torch.Tensor, inputs: int) -> torch.Tensor:
        masks = smooth.enlarged(smooth(nodes))
        return masks.view(inputs, -1, *masks.shape[2:]).mean(1, keepdim=True)


def misfit(masks: torch.Tensor, areas: torch.Tensor) -> torch.Tensor:
    """How far the sorted values of each mask are from as many ones as its area has, and zeros:
    the mean squared difference (masks,)."""
    values = masks.flatten(1).sort(1).values
    places = (torch.arange(values.shape[1], device=masks.device) + 0.5) / values.shape[1]
    return (values - (places > 1 - areas[:, None]).to(values)).square().mean(1)


class MaxConvolution:
    """Smooth masks (masks, 1, height, width) from `grid` nodes: each point takes the largest of the
    nodes around it times k(d) = exp(−2 max(0, d/σ − 1/2)²), by a softmax of temperature 1/20."""

    def __init__(self, x: torch.Tensor, softness: float) -> None:
        self.size = x.shape[2:]
        sigma = softness * max(self.size)
        down, across = (_Axis(side, sigma, x) for side in self.size)
        self.grid, self.index, self.pad = (down.nodes, across.nodes), (down, across), down.reach
        away = (down.away.square()[:, :, None, None] + across.away.square()[None, None]).sqrt()
        self.kernel = (-2 * (away / sigma - 0.5).clamp_min(0).square()).exp()

    def __call__(self, nodes: torch.Tensor) -> torch.Tensor:
        """The mask at two points a node each way."""
        around = F.pad(nodes[:, 0], (self.pad,) * 4)
        near = around[:, self.index[0].near][..., self.index[1].near] * self.kernel
        near = near.transpose(2, 3).flatten(3)
        return ((near * 20).softmax(3) * near).sum(3)[:, None]

    def enlarged(self, coarse: torch.Tensor) -> torch.Tensor:
        """Brought to the picture's size."""
        return F.interpolate(coarse, size=self.size, mode="bilinear", align_corners=False)


class _Axis:
    """Along one side: which nodes lie around each point (points, 2 reach + 1), counted with a
    border of `reach`, and how far `away` in pixels. Two nodes a σ, two points a node."""

    def __init__(self, side: int, sigma: float, x: torch.Tensor, reach: int = 4) -> None:
        self.reach = reach
        self.nodes = max(1, min(side, round(2 * side / sigma)))
        points = min(side, 2 * self.nodes)
        places = (torch.arange(points, device=x.device) + 0.5) / points
        nearest = (places * self.nodes).long()
        self.near = nearest[:, None] + torch.arange(2 * reach + 1, device=x.device)
        centres = (self.near - reach + 0.5) / self.nodes
        self.away = ((places[:, None] - centres) * side).to(x)
