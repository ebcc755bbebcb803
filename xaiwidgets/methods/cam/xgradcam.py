import torch

from .activation_map import SPECIFIC, GradientMap, over_space, shared, weighed


class XGradCam(GradientMap, title="XGrad-CAM", source="fu2020", taxonomy=SPECIFIC):
    """Grad-CAM with each place's gradient counted by how active the channel is there.

    w_k = Σ_ij (A_ij ÷ ΣA) · g_ij with g = ∂f/∂A_k, so that what the channels carry adds up to the
    score of a network without biases behind the layer.

    Use it in Grad-CAM's place where the map should add up, at a layer behind a ReLU.

    It misleads where a channel nearly cancels, as tokens and normalised maps do: the divisor ΣA is
    small and the weight wild.
    """

    @staticmethod
    def formula(maps: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
        """Σ_k w_k A_k of (batch, channels, *space): (batch, *space)."""
        return weighed(shared(over_space(gradients * maps), over_space(maps)), maps)
