from collections.abc import Sequence
from typing import Any, ClassVar

from xaiwidgets.core.declare import knob
from xaiwidgets.core.errors import ExplainError, nearest
from xaiwidgets.core.evaluation import Case, Graded
from xaiwidgets.core.method import Attribution, Passes

from ..besides import Besides
from ..knobs import similarity_knob
from .settings import compared, method_of, passes, spread


class HyperparameterSensitivity(Besides, title="Hyper-parameter sensitivity", source="bansal2020"):
    """Does the map survive another choice of one of the method's own settings?

    The mean similarity of every two maps made over a range of one setting; Bansal et al. take SSIM.
    `setting` is its name (default: the method's first with a range or choices that is no seed), and
    `values` what it takes; without them a number goes in `steps` from its value ÷ `span` to its
    value × `span`, within what it accepts, and a choice takes every one. `numbers` has the likeness
    of each to the others; `seed` as the setting tells how much of the map is chance.

    Use it before a figure rests on one setting of a method.

    It misleads when agreement is taken for proof: a method whose settings do nothing scores 1, and
    is warned about.

    >>> HyperparameterSensitivity(setting="noise")(subject, x, SmoothGrad())  # doctest: +SKIP
    """

    better = "higher"
    family = "robustness"
    explains_anew = True
    besides: ClassVar[tuple[str, ...]] = ("setting", "values")

    setting: str | None = None
    values: Sequence[Any] | None = None
    steps: int = knob(default=5, low=2, high=50, unit="values", help="how many values are tried")
    span: float = knob(
        default=2.0, low=1.01, high=100.0, log=True, unit="times",
        help="how far the range reaches below and above the setting's own value",
    )  # fmt: skip
    similarity: str = similarity_knob("ssim")

    def cost(self, case: Case) -> Passes:
        """The explanation with every value."""
        method = method_of(case, type(self).__name__)
        return passes(case, method, *self._plan(method))

    def grade(self, case: Case) -> Graded:
        """The mean similarity of every two maps."""
        method = method_of(case, type(self).__name__)
        return compared(case, *self._plan(method), self.similarity)

    def _plan(self, method: Attribution) -> tuple[str, list[Any]]:
        name = type(method).__name__
        usual = [entry for entry in method.knobs.values() if entry.kind != "layer"]
        usual.sort(key=lambda entry: entry.name == "seed")
        if not usual:
            raise ExplainError(f"{name} has no setting to vary: its map is one of a kind.")
        setting = self.setting or usual[0].name
        if setting not in method.knobs:
            raise ExplainError(
                f"{name} has no setting {setting!r} to vary. {nearest(setting, method.knobs)}"
            )
        entry = method.knobs[setting]
        chosen = self.values
        if chosen is None:
            chosen = spread(method, setting, self.steps, self.span)
        found = list(dict.fromkeys(entry.check(name, value) for value in chosen))
        if len(found) < 2:
            raise ExplainError(
                f"{name}.{setting} would take only {found}; give values= with two or more."
            )
        return setting, found
