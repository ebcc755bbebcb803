import torch

from .activation_map import SPECIFIC, GradientMap, over_space, shared, weighed


class GradCamPlusPlus(
    GradientMap, title="Grad-CAM++", source="chattopadhay2018", taxonomy=SPECIFIC
):
    """Grad-CAM that counts each place by itself, so that several objects of a class all show.

    w_k = Σ_ij α_ij · max(g_ij, 0) with g = ∂f/∂A_k and α = g² ÷ (2g² + Σ_ab A_ab · g³), 0 where g
    is 0. The paper explains exp f, whose derivatives all hold the factor exp f: it scales a whole
    map and is left out. α was derived for maps that are not negative; elsewhere its divisor may
    pass through 0.

    pytorch-grad-cam adds 1e-6 to the divisor, which rules small gradients; here it is as printed.

    Use it where several objects of one class should all show.

    It misleads about what speaks against a class: weights are never negative, so that it shows only
    where channels that speak for the class are active.
    """

    @staticmethod
    def formula(maps: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
        """Σ_k w_k A_k of (batch, channels, *space): (batch, *space)."""
        return weighed(positive_weights(maps, gradients, gradients**2, gradients**3), maps)


def positive_weights(
    maps: torch.Tensor, first: torch.Tensor, second: torch.Tensor, third: torch.Tensor
) -> torch.Tensor:
    """w_k (batch, channels) from the maps and the score's three derivatives by them."""
    total = over_space(maps).view(*maps.shape[:2], *[1] * (maps.ndim - 2))
    return over_space(shared(second, 2 * second + total * third) * first.clamp_min(0))
