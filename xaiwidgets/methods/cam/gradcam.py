import torch

from .activation_map import SPECIFIC, GradientMap, weighed


class GradCam(
    GradientMap,
    title="Grad-CAM",
    source="selvaraju2017",
    taxonomy={**SPECIFIC, "formulation": "closed form"},
):
    """Where in the picture the last feature maps speak for the class, coarse but class-specific.

    Each channel A_k is weighed by its mean gradient, L = Σ_k mean(∂f/∂A_k) · A_k, then cut at 0 and
    enlarged to the picture. It needs a differentiable network with maps inside. The layer is the
    last that holds a map; the tokens of a vision transformer are folded to a map, at the last layer
    whose patches the score depends on. Early layers give finer and less telling maps.

    Use it as the first class-specific look at a convolutional network or a vision transformer: it
    is cheap, and changes with what the network has learnt.

    It misleads where a channel speaks for the class here and against it there: it is weighed by the
    mean of both, so that the map may light up where the network saw nothing for the class. HiResCAM
    does not average.
    """

    @staticmethod
    def formula(maps: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
        """Σ_k mean(∂f/∂A_k) · A_k of (batch, channels, *space): (batch, *space)."""
        return weighed(gradients.flatten(2).mean(2), maps)
