from xaiwidgets.core.declare import knob
from xaiwidgets.core.filling import FILL_HELP, FILLS

from .area import AreaUnderCurve


class Insertion(AreaUnderCurve, title="Insertion", source="petsiuk2018"):
    """How soon the probability is there when the most important pixels are drawn in first.

    The area under f over the share of pixels inserted, (Σ − first/2 − last/2) ÷ (points − 1), from
    a blurred picture to the intact one (Petsiuk et al. 2018): higher is better. The paper begins
    with its `light blur`, 11 × 11 pixels of a Gaussian of σ 5, in which networks often still see
    the class, so that every map does well; the default blur here grows with the picture. The score
    of the beginning stands in the facts, with a warning where it is far from chance.

    Use it beside deletion: it asks what suffices to bring the class back.

    It misleads where the picture that it begins with still shows the class: every map then does
    well, and the facts say so.
    """

    better = "higher"
    inserts = True

    fill: str = knob(
        default="blur", choices=("light blur", *FILLS),
        help=f"{FILL_HELP}; light blur is the paper's own beginning",
    )  # fmt: skip
