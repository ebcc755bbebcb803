from typing import Any

from xaiwidgets.core.baselines import BASELINES
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Case, Evaluation, Graded
from xaiwidgets.core.method import Attribution, Passes

from ..knobs import similarity_knob
from .settings import compared, method_of, passes


class BaselineSensitivity(Evaluation, title="Baseline sensitivity", source="sturmfels2020"):
    """Does the map survive another idea of what an absent pixel looks like?

    The mean similarity of every two maps made with each of the baselines that the method takes:
    zero, black, white, mean, blur, noise, and the subject's own absent input where it has one.
    `numbers` has the likeness of each to the others.

    Use it before a map that needs a baseline is believed.

    It misleads as a verdict: two baselines ask two questions, so that a low score does not make a
    map wrong. It makes it an answer that needs its baseline beside it.
    """

    better = "higher"
    family = "robustness"
    explains_anew = True

    similarity: str = similarity_knob("ssim")

    def cost(self, case: Case) -> Passes:
        """The explanation with every baseline."""
        method = method_of(case, type(self).__name__)
        return passes(case, method, _setting(method), self._choices(case, method))

    def grade(self, case: Case) -> Graded:
        """The mean similarity of every two maps."""
        method = method_of(case, type(self).__name__)
        return compared(case, _setting(method), self._choices(case, method), self.similarity)

    def _choices(self, case: Case, method: Attribution) -> list[Any]:
        known = [name for name in method.knobs[_setting(method)].choices if name in BASELINES]
        known = [name for name in known if name not in case.subject.lacks]
        return [name for name in known if name != "given" or case.subject.absent is not None]


def _setting(method: Attribution) -> str:
    """What the method calls its choice of absent pixels."""
    for name in ("baseline", "fill"):
        if name in method.knobs:
            return name
    raise ExplainError(
        f"{type(method).__name__} has no baseline to vary; IntegratedGradients and Occlusion are "
        "methods that have one."
    )
