import torch

from xaiwidgets.core.declare import knob

from .activation_map import SPECIFIC, GradientMap


class HiResCam(
    GradientMap,
    title="HiResCAM",
    source="draelos2020",
    taxonomy={**SPECIFIC, "formulation": "closed form"},
):
    """Which places the score was computed from: every place's gradient times what is there.

    L = Σ_k g ⊙ A_k with g = ∂f/∂A_k, nothing averaged. With global average pooling and one linear
    layer behind, it is Grad-CAM, and adds up to the score without its bias; with one linear layer
    on the whole map it still does, and Grad-CAM does not.

    Use it in Grad-CAM's place where the map should show only what the score was computed from.

    It misleads behind deeper heads, of which it is a first-order view.
    """

    relu: bool = knob(default=False, help="keep only what speaks for the class")

    @staticmethod
    def formula(maps: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
        """Σ_k g ⊙ A_k of (batch, channels, *space): (batch, *space)."""
        return (gradients * maps).sum(1)
