from .area import AreaUnderCurve


class Deletion(AreaUnderCurve, title="Deletion", source="petsiuk2018"):
    """How soon the probability is gone when the most important pixels are deleted first.

    The area under f over the share of pixels deleted, (Σ − first/2 − last/2) ÷ (points − 1), from
    the intact picture to one of zeros (Petsiuk et al. 2018): lower is better. The paper takes as
    many steps as the picture has rows.

    Use it to see in one number how soon the class is gone without what a map ranks first.

    It misleads where a network loses a class over a few pixels that no reader would call evidence:
    the true object's own mask does not win this.
    """

    better = "lower"
