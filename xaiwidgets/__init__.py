"""xaiwidgets: open up a trained PyTorch network, in a notebook or in a script."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core.answers import (
        Findings as Findings,
    )
    from .core.answers import (
        Frame as Frame,
    )
    from .core.answers import (
        Heatmap as Heatmap,
    )
    from .core.answers import (
        Provenance as Provenance,
    )
    from .core.baselines import BASELINES as BASELINES
    from .core.baselines import baseline as baseline
    from .core.cache import AnswerCache as AnswerCache
    from .core.declare import knob as knob
    from .core.errors import Cancelled as Cancelled
    from .core.errors import ExplainError as ExplainError
    from .core.evaluation import Evaluation as Evaluation
    from .core.evaluation import Graded as Graded
    from .core.job import CancelToken as CancelToken
    from .core.method import Attribution as Attribution
    from .core.method import Passes as Passes
    from .core.scores import Curve as Curve
    from .core.scores import Scores as Scores
    from .core.subject import Subject as Subject
    from .core.table_figure import bars as bars
    from .core.table_subject import TableSubject as TableSubject
    from .core.target import Contrast as Contrast
    from .core.target import Target as Target
    from .core.text_subject import TextSubject as TextSubject
    from .core.volume_subject import VolumeSubject as VolumeSubject
    from .evaluation.benchmark import benchmark as benchmark
    from .methods import (
        CAM as CAM,
    )
    from .methods import (
        CBAM as CBAM,
    )
    from .methods import (
        CLRP as CLRP,
    )
    from .methods import (
        LIME as LIME,
    )
    from .methods import (
        LRP as LRP,
    )
    from .methods import (
        RAP as RAP,
    )
    from .methods import (
        RISE as RISE,
    )
    from .methods import (
        SGLRP as SGLRP,
    )
    from .methods import (
        TCAV as TCAV,
    )
    from .methods import (
        AblationCam as AblationCam,
    )
    from .methods import (
        Anchors as Anchors,
    )
    from .methods import (
        AttentionRollout as AttentionRollout,
    )
    from .methods import (
        BetaSmoothedGradient as BetaSmoothedGradient,
    )
    from .methods import (
        Broden as Broden,
    )
    from .methods import (
        CbamAttention as CbamAttention,
    )
    from .methods import (
        CocoMasks as CocoMasks,
    )
    from .methods import (
        ConceptRelevance as ConceptRelevance,
    )
    from .methods import (
        ConceptScores as ConceptScores,
    )
    from .methods import (
        ConceptVector as ConceptVector,
    )
    from .methods import (
        Deconvnet as Deconvnet,
    )
    from .methods import (
        DeepLift as DeepLift,
    )
    from .methods import (
        DeepTaylor as DeepTaylor,
    )
    from .methods import (
        Dissection as Dissection,
    )
    from .methods import (
        Dream as Dream,
    )
    from .methods import (
        EdgeDetector as EdgeDetector,
    )
    from .methods import (
        EigenCam as EigenCam,
    )
    from .methods import (
        EmbeddingGradCam as EmbeddingGradCam,
    )
    from .methods import (
        ExcitationBackprop as ExcitationBackprop,
    )
    from .methods import (
        ExtremalPerturbation as ExtremalPerturbation,
    )
    from .methods import (
        FeatureAblation as FeatureAblation,
    )
    from .methods import (
        FGVis as FGVis,
    )
    from .methods import (
        FullGrad as FullGrad,
    )
    from .methods import (
        GANDissection as GANDissection,
    )
    from .methods import (
        GradCam as GradCam,
    )
    from .methods import (
        GradCamPlusPlus as GradCamPlusPlus,
    )
    from .methods import (
        GradientShap as GradientShap,
    )
    from .methods import (
        GradientTimesInput as GradientTimesInput,
    )
    from .methods import (
        GuidedBackprop as GuidedBackprop,
    )
    from .methods import (
        GuidedGradCam as GuidedGradCam,
    )
    from .methods import (
        HeadRelevance as HeadRelevance,
    )
    from .methods import (
        HiResCam as HiResCam,
    )
    from .methods import (
        IntegratedGradients as IntegratedGradients,
    )
    from .methods import (
        InteriorGradients as InteriorGradients,
    )
    from .methods import (
        KernelShap as KernelShap,
    )
    from .methods import (
        LayerCam as LayerCam,
    )
    from .methods import (
        MaskFolder as MaskFolder,
    )
    from .methods import (
        MeaningfulPerturbation as MeaningfulPerturbation,
    )
    from .methods import (
        Neighbours as Neighbours,
    )
    from .methods import (
        NetworkDissection as NetworkDissection,
    )
    from .methods import (
        Occlusion as Occlusion,
    )
    from .methods import (
        PatternAttribution as PatternAttribution,
    )
    from .methods import (
        PatternNet as PatternNet,
    )
    from .methods import (
        Patterns as Patterns,
    )
    from .methods import (
        Pick as Pick,
    )
    from .methods import (
        RandomMap as RandomMap,
    )
    from .methods import (
        RespondCam as RespondCam,
    )
    from .methods import (
        Saliency as Saliency,
    )
    from .methods import (
        ScoreCam as ScoreCam,
    )
    from .methods import (
        ShapleySampling as ShapleySampling,
    )
    from .methods import (
        SimpleTaylor as SimpleTaylor,
    )
    from .methods import (
        SmoothGrad as SmoothGrad,
    )
    from .methods import (
        SmoothGradCamPlusPlus as SmoothGradCamPlusPlus,
    )
    from .methods import (
        Smoothing as Smoothing,
    )
    from .methods import (
        TokenRelevance as TokenRelevance,
    )
    from .methods import (
        TransformerAttribution as TransformerAttribution,
    )
    from .methods import (
        Units as Units,
    )
    from .methods import (
        UnitViews as UnitViews,
    )
    from .methods import (
        XGradCam as XGradCam,
    )
    from .methods import (
        ablate as ablate,
    )
    from .methods import (
        cut_out as cut_out,
    )
    from .methods import (
        declared as declared,
    )
    from .methods import (
        dream as dream,
    )
    from .methods import (
        filters as filters,
    )
    from .methods import (
        gale as gale,
    )
    from .methods import (
        head_relevance as head_relevance,
    )
    from .methods import (
        likeness as likeness,
    )
    from .methods import (
        name_units as name_units,
    )
    from .methods import (
        normlime as normlime,
    )
    from .methods import (
        redraw as redraw,
    )
    from .methods import (
        relu_backward_table as relu_backward_table,
    )
    from .methods import (
        sp_lime as sp_lime,
    )
    from .methods import (
        weights_of as weights_of,
    )
    from .widgets.blind import Blind as Blind
    from .widgets.blind import blind as blind
    from .widgets.compare import Compare as Compare
    from .widgets.compare import compare as compare
    from .widgets.concepts import Concepts as Concepts
    from .widgets.concepts import concepts as concepts
    from .widgets.dissect import Dissect as Dissect
    from .widgets.dissect import dissect as dissect
    from .widgets.masking import Masking as Masking
    from .widgets.masking import masking as masking
    from .widgets.predict import Predict as Predict
    from .widgets.predict import predict as predict
    from .widgets.sanity import sanity as sanity
    from .widgets.stability import stability as stability
    from .widgets.stability import sweep as sweep
    from .widgets.study import study as study

__version__ = "0.1.0"

_PLACES = {
    "core.answers": ("Findings", "Frame", "Heatmap", "Provenance"),
    "core.baselines": ("BASELINES", "baseline"),
    "core.cache": ("AnswerCache",),
    "core.declare": ("knob",),
    "core.evaluation": ("Evaluation", "Graded"),
    "core.errors": ("Cancelled", "ExplainError"),
    "core.job": ("CancelToken",),
    "core.method": ("Attribution", "Passes"),
    "core.scores": ("Curve", "Scores"),
    "core.subject": ("Subject",),
    "core.table_figure": ("bars",),
    "core.table_subject": ("TableSubject",),
    "core.target": ("Contrast", "Target"),
    "core.text_subject": ("TextSubject",),
    "core.volume_subject": ("VolumeSubject",),
    "evaluation.benchmark": ("benchmark",),
    "methods": (
        "AblationCam", "Anchors", "AttentionRollout", "BetaSmoothedGradient", "Broden", "CAM",
        "CBAM", "CLRP", "CbamAttention", "CocoMasks", "ConceptRelevance", "ConceptScores",
        "ConceptVector", "Deconvnet", "DeepLift", "DeepTaylor", "Dissection", "Dream",
        "EdgeDetector", "EigenCam", "EmbeddingGradCam", "ExcitationBackprop",
        "ExtremalPerturbation", "FGVis", "FeatureAblation", "FullGrad", "GANDissection", "GradCam",
        "GradCamPlusPlus", "GradientShap", "GradientTimesInput", "GuidedBackprop", "GuidedGradCam",
        "HeadRelevance", "HiResCam", "IntegratedGradients", "InteriorGradients", "KernelShap",
        "LIME", "LRP", "LayerCam", "MaskFolder", "MeaningfulPerturbation", "Neighbours",
        "NetworkDissection", "Occlusion", "PatternAttribution", "PatternNet", "Patterns", "Pick",
        "RAP", "RISE", "RandomMap", "RespondCam", "SGLRP", "Saliency", "ScoreCam",
        "ShapleySampling", "SimpleTaylor", "SmoothGrad", "SmoothGradCamPlusPlus", "Smoothing",
        "TCAV", "TokenRelevance", "TransformerAttribution", "UnitViews", "Units", "XGradCam",
        "ablate", "cut_out", "declared", "dream", "filters", "gale", "head_relevance", "likeness",
        "name_units", "normlime", "redraw", "relu_backward_table", "sp_lime", "weights_of",
    ),
    "widgets.blind": ("Blind", "blind"),
    "widgets.compare": ("Compare", "compare"),
    "widgets.concepts": ("Concepts", "concepts"),
    "widgets.dissect": ("Dissect", "dissect"),
    "widgets.masking": ("Masking", "masking"),
    "widgets.predict": ("Predict", "predict"),
    "widgets.sanity": ("sanity",),
    "widgets.stability": ("stability", "sweep"),
    "widgets.study": ("study",),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [*_MODULE_OF, "check", "evaluation", "methods", "zoo"]


def __getattr__(name: str) -> Any:
    """Load a name's module when the name is first used, so that the import itself is quick."""
    if name in ("zoo", "methods", "core", "evaluation", "widgets", "check"):
        return import_module(f".{name}", __name__)
    if name not in _MODULE_OF:
        raise _unknown(name)
    value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def _unknown(name: str) -> AttributeError:
    """What is raised for a name that is not here, with where it is or the nearest to it."""
    from .core.errors import no_such_name

    if not name.startswith("_") and name in import_module(".evaluation", __name__).__all__:
        return AttributeError(
            f"{__name__} has no {name!r}; it is {__name__}.evaluation.{name}.", name=name
        )
    return no_such_name(__name__, name, __all__)


def __dir__() -> list[str]:
    """Every public name, loaded or not."""
    return sorted({*globals(), *__all__})
