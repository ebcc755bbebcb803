from typing import Any, ClassVar

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Case, Graded, explaining
from xaiwidgets.core.method import Passes
from xaiwidgets.core.scores import mean_known
from xaiwidgets.core.subject import Subject

from ..besides import Besides
from .attribution_of_objects import objects_share, unscored


class ModelContrast(Besides, title="Model contrast score (BAM)", source="yang2019"):
    """Does the object get more from a network that looks for it than from one that need not?

    g(object network) − g(scene network), with g the mean over the object's mask of the map's
    positive part, clipped at its 99th percentile and scaled to 0...1. The subject is the network
    that names objects; `other` sees the same pictures and names what stands behind them, so the
    object means nothing to it. It explains the class that it predicts itself.

    An explanation of the picture alone scores 0.

    Use it with two networks that see the same pictures and name different things in them.

    It misleads on pictures that one of the networks names wrongly: a mistake has other reasons.

    >>> from xaiwidgets import zoo
    >>> test = ModelContrast(other=zoo.subject("shapes-scene"))
    >>> test(zoo.subject("shapes"), x, Saliency(), masks=masks)  # doctest: +SKIP
    """

    better = "higher"
    family = "truth"
    needs_masks = True
    explains_anew = True
    besides: ClassVar[tuple[str, ...]] = ("other",)

    other: Any = None

    def cost(self, case: Case) -> Passes:
        """The explanation for both networks, and one forward pass for the other's prediction."""
        if case.method is None:
            return explaining(case)
        own, second = explaining(case), case.method.cost(self._second(), case.x)
        return Passes(own.forward + second.forward + 1, own.backward + second.backward)

    def grade(self, case: Case) -> Graded:
        """The difference of what the object gets."""
        masks, second = case.need_masks(type(self).__name__).cpu().numpy(), self._second()
        predicted = second.bind(None, case.x)
        theirs = objects_share(case.explain(case.x, predicted, subject=second), masks)
        ours = objects_share(case.values, masks)
        found = Graded(ours - theirs, warnings=unscored(ours - theirs))
        found.numbers = {"subject": mean_known(ours), "other": mean_known(theirs)}
        return found

    def _second(self) -> Subject:
        if self.other is None:
            raise ExplainError(
                "ModelContrast compares with a network to which the object means nothing; give "
                "ModelContrast(other=network), for instance zoo.subject('shapes-scene')."
            )
        return Subject.of(self.other)
