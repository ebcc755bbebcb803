import torch

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Case, Evaluation, Graded
from xaiwidgets.core.method import Passes
from xaiwidgets.core.target import BoundTarget, class_name

from ..knobs import similarity_knob
from ..similarity import similarity as alike


class ClassSensitivity(Evaluation, title="Class sensitivity", source="li2020"):
    """Is the map about the class, or only about the picture?

    The similarity of the maps for the class with the highest and the class with the lowest score:
    what speaks for the one cannot be what speaks for the other, so lower is better. An explanation
    that draws the picture's edges whatever it is asked comes out near 1. The target that was asked
    for plays no part.

    Use it to catch maps that draw the picture whatever they are asked.

    It misleads about noise, which is unlike noise: a random map drawn for each class would win. And
    where sizes count, not signs ("spearman", "ssim"), a faithful map may be high: the same pixels
    may speak for one class and against the other.
    """

    better = "lower"
    family = "robustness"
    explains_anew = True

    similarity: str = similarity_knob("signed spearman")

    def cost(self, case: Case) -> Passes:
        """The explanations for two classes, and one forward pass that finds them."""
        if case.method is None:
            return Passes(0, 0)
        own = case.method.cost(case.subject, case.x)
        return Passes(2 * own.forward + 1, 2 * own.backward)

    def grade(self, case: Case) -> Graded:
        """How alike the two maps are."""
        outputs = case.subject.outputs(case.x)
        if outputs.shape[1] < 2:
            raise ExplainError(
                "ClassSensitivity compares two classes, but this network has one score."
            )
        classes = torch.cat([outputs.argmax(1), outputs.argmin(1)]).cpu()
        labels = [class_name(case.subject.classes, int(index)) for index in classes]
        values = case.explain(torch.cat([case.x] * 2), BoundTarget(labels, classes))
        best, worst = (case.folded(part) for part in values.split(len(case)))
        found = Graded(alike(self.similarity, best, worst))
        silent = int((found.values != found.values).sum())
        if silent:
            found.warnings.append(
                f"For {silent} of {len(case)} inputs a map is constant: no score."
            )
        return found
