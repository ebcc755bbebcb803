import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.method import Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .deep_taylor import PIXELS, PIXELS_HELP, pixel_row
from .derived import POSITIVE, Negated, Topmost
from .layerwise import Layerwise
from .lrp import relevance
from .presets import Table
from .start import Start, whole

OTHERS = ("negated", "uniform")


class CLRP(Layerwise, title="Contrastive LRP", source="gu2018"):
    """Which pixels speak for this class more than for what is not this class.

    R = max(0, R_t − N · R_o): deep Taylor's relevance of the class, less that of a virtual other
    class, with N so that both have the same sum. The other one is the class with its last weights
    negated, or all other classes at once, each with an equal share.

    Use it where two classes are in one picture, and LRP or deep Taylor shows both.

    It misleads where it is empty: what serves both classes is gone, so that an empty place means
    "shared" as often as "unused".
    """

    takes = ("picture",)

    others: str = knob(
        default="negated",
        choices=OTHERS,
        help="the other class: this one with its last weights negated, or all others uniformly",
    )
    pixels: str = knob(default="zᴮ", choices=PIXELS, help=PIXELS_HELP)

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """Two of each: the class and the virtual other one."""
        return Passes(2, 2)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Relevance of the class and of the other one, brought to the same sum."""
        first, negated = pixel_row(self.pixels), Topmost(Negated(POSITIVE), POSITIVE)
        plain = Table([first, ("any", POSITIVE)])
        found = relevance(subject, x, Start(target, whole), plain, way="this class")
        if self.others == "negated":
            table = Table([first, ("any", negated)])
            other = relevance(subject, x, Start(target, whole), table, way="its opposite")
        else:
            other = relevance(subject, x, Start(target, rivals), plain, way="all others")
        sums, against = (each.values.sum((1, 2, 3), keepdim=True) for each in (found, other))
        scale = torch.where(against == 0, 0, sums / torch.where(against == 0, 1, against))
        found.values = (found.values - scale * other.values).clamp_min(0)
        return found


def rivals(target: BoundTarget, outputs: torch.Tensor, rows: torch.Tensor | None) -> torch.Tensor:
    """An equal share for every class but the target's; for a contrast, all for its other class."""
    if target.classes is None or outputs.shape[1] == 1:
        raise ExplainError(
            "CLRP with others='uniform' takes a class of a network with several; "
            "others='negated' takes every target."
        )
    which = torch.arange(len(outputs)) if rows is None else rows
    column = _of_rows(target.classes, which).to(outputs.device)
    if target.against is not None:
        against = _of_rows(target.against, which).to(outputs.device)
        return torch.zeros_like(outputs).scatter(1, against, 1)
    return torch.ones_like(outputs).scatter(1, column, 0) / (outputs.shape[1] - 1)


def _of_rows(classes: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return (classes.expand(len(rows)) if len(classes) == 1 else classes[rows]).view(-1, 1)
