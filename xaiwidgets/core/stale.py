"""Whether a heatmap that was made before is about what is judged now."""

from __future__ import annotations

from .answers import Heatmap, Seen
from .errors import ExplainError
from .subject import Subject
from .target import BoundTarget, class_name

_AS_THEY_ARE = "or .values, which are judged as they are"


def refuse_another(heat: Heatmap, subject: Subject, seen: Seen, target: BoundTarget) -> None:
    """Refuse a heatmap of another network, of other inputs or of another target, as far as its
    provenance knows.

    A copy of the network has the same numbers and is the same. A black box has none to compare, and
    neither have class names where only one of the two subjects has them.
    """
    made, whole = heat.provenance, subject.words.whole
    who = f"The heatmap of {made.method} explains"
    if not subject.black_box and made.network != subject.glance():
        raise ExplainError(
            f"{who} another network than {subject.title} as it is now; explain this one, "
            f"{_AS_THEY_ARE}."
        )
    if made.input != seen.fingerprint:
        raise ExplainError(
            f"{who} other {whole}s than came here, or in another order; give those that it was "
            f"made for, {_AS_THEY_ARE}."
        )
    for i, told in enumerate(made.target[: len(target)]):
        if not _same(told, target, i, subject):
            raise ExplainError(
                f"{who} {told!r}, and {target.labels[i]!r} is judged ({whole} {i + 1}); give the "
                f"target that it was made for, {_AS_THEY_ARE}."
            )


def _same(told: str, target: BoundTarget, i: int, subject: Subject) -> bool:
    """Whether a label may stand for the target of one input: by name, or by number where the names
    were not known."""
    known = target.labels[i], " − ".join(class_name((), each) for each in target.indices(i))
    nameless = target.classes is not None and not subject.classes
    return told in known or (nameless and not told.startswith("class ") and not told.endswith("()"))
