"""Class activation maps."""

from .ablationcam import AblationCam
from .cam import CAM
from .cbam import CBAM, CbamAttention
from .eigencam import EigenCam
from .embedding_gradcam import EmbeddingGradCam, Neighbours, likeness
from .fgvis import FGVis
from .fullgrad import FullGrad
from .gradcam import GradCam
from .gradcam_plus_plus import GradCamPlusPlus
from .guided_gradcam import GuidedGradCam
from .hirescam import HiResCam
from .layercam import LayerCam
from .respondcam import RespondCam
from .scorecam import ScoreCam
from .smooth_gradcam_plus_plus import SmoothGradCamPlusPlus
from .xgradcam import XGradCam

__all__ = [
    "CAM",
    "CBAM",
    "AblationCam",
    "CbamAttention",
    "EigenCam",
    "EmbeddingGradCam",
    "FGVis",
    "FullGrad",
    "GradCam",
    "GradCamPlusPlus",
    "GuidedGradCam",
    "HiResCam",
    "LayerCam",
    "Neighbours",
    "RespondCam",
    "ScoreCam",
    "SmoothGradCamPlusPlus",
    "XGradCam",
    "likeness",
]
