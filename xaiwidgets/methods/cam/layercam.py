import torch

from .activation_map import SPECIFIC, GradientMap


class LayerCam(GradientMap, title="Layer-CAM", source="jiang2021", taxonomy=SPECIFIC):
    """Fine maps from early layers: each place is weighed by its own gradient, if positive.

    L = Σ_k max(g, 0) ⊙ A_k with g = ∂f/∂A_k. Because no weight is averaged over the picture, early
    layers stay usable, and several layers together give outlines as well as a place: write their
    names with commas between them (the paper joins them by the maximum, here it is the mean).

    Use it for fine maps from early layers, or from several layers together.

    It misleads by leaving out what speaks against the class before it is summed: a class that
    merely had less evidence against it may look well supported.
    """

    @staticmethod
    def formula(maps: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
        """Σ_k max(g, 0) ⊙ A_k of (batch, channels, *space): (batch, *space)."""
        return (gradients.clamp_min(0) * maps).sum(1)
