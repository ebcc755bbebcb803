"""xaiwidgets: open up a trained PyTorch network, in a notebook or in a script."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core.answers import Findings, Frame, Heatmap, Provenance
    from .core.baselines import BASELINES, baseline
    from .core.cache import AnswerCache
    from .core.declare import knob
    from .core.errors import Cancelled, ExplainError
    from .core.job import CancelToken
    from .core.method import Attribution, Passes
    from .core.subject import Subject
    from .core.target import Contrast, Target
    from .methods import (
        Deconvnet,
        DeepLift,
        EdgeDetector,
        GradCam,
        GradientShap,
        GradientTimesInput,
        GuidedBackprop,
        GuidedGradCam,
        IntegratedGradients,
        InteriorGradients,
        Occlusion,
        RandomMap,
        Saliency,
        SimpleTaylor,
        SmoothGrad,
        declared,
        relu_backward_table,
    )
    from .widgets.compare import Compare, compare

__version__ = "0.1.0"

_PLACES = {
    "core.answers": ("Findings", "Frame", "Heatmap", "Provenance"),
    "core.baselines": ("BASELINES", "baseline"),
    "core.cache": ("AnswerCache",),
    "core.declare": ("knob",),
    "core.errors": ("Cancelled", "ExplainError"),
    "core.job": ("CancelToken",),
    "core.method": ("Attribution", "Passes"),
    "core.subject": ("Subject",),
    "core.target": ("Contrast", "Target"),
    "methods": (
        "DeepLift", "Deconvnet", "EdgeDetector", "GradCam", "GradientShap", "GradientTimesInput",
        "GuidedBackprop", "GuidedGradCam", "IntegratedGradients", "InteriorGradients", "Occlusion",
        "RandomMap", "Saliency", "SimpleTaylor", "SmoothGrad", "declared", "relu_backward_table",
    ),
    "widgets.compare": ("Compare", "compare"),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [*_MODULE_OF, "methods", "zoo"]


def __getattr__(name: str) -> Any:
    """Load a name's module when the name is first used, so that the import itself is quick."""
    if name in ("zoo", "methods", "core", "evaluation", "widgets"):
        return import_module(f".{name}", __name__)
    if name not in _MODULE_OF:
        raise AttributeError(f"xaiwidgets has no {name!r}; dir(xaiwidgets) lists what it has.")
    value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Every public name, loaded or not."""
    return sorted({*globals(), *__all__})
