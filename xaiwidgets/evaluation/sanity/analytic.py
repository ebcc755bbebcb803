"""Two networks whose explanations are known in closed form (Adebayo et al. 2018, section 5 and
appendix): what a method does there it does by construction."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from xaiwidgets.core.errors import ExplainError


class LinearCase(nn.Module):
    """f(x) = w · x + b, one score a row of `weights` (classes, channels, height, width).

    The gradient is w whatever the picture, so SmoothGrad and every average of gradients is w too;
    gradient × input is w · x, and integrated gradients are w · (x − x₀). What the three maps show
    of the picture, they show by the product.
    """

    def __init__(self, weights: torch.Tensor, bias: torch.Tensor | None = None) -> None:
        super().__init__()
        if weights.ndim != 4:
            raise ExplainError(
                f"The weights have shape {tuple(weights.shape)}; they take (classes, channels, "
                "height, width)."
            )
        self.weights = nn.Parameter(weights.clone())
        self.bias = nn.Parameter(torch.zeros(len(weights)) if bias is None else bias.clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores (batch, classes)."""
        return x.flatten(1) @ self.weights.flatten(1).T + self.bias

    def closed_forms(
        self, x: torch.Tensor, target: int, baseline: torch.Tensor | float = 0.0
    ) -> dict[str, torch.Tensor]:
        """What each method gives for inputs x (batch, channels, height, width), by its name."""
        w = self.weights.detach()[target].expand_as(x)
        return {
            "Saliency": w,
            "SmoothGrad": w,
            "GradientTimesInput": w * x,
            "IntegratedGradients": w * (x - baseline),
        }


class SumPoolCase(nn.Module):
    """f(x) = Σ ReLU(w ∗ x), a convolution with one output channel, summed over all places.

    ∂f/∂x(i, j) = Σₖₗ w(k, l) · [unit (i − k, j − l) is on]. Where all units around a pixel are on
    or all are off, it is the same constant; it changes where their pattern does, at edges. The
    gradient of this network is an edge detector for any w, random or learnt.
    """

    def __init__(self, kernel: torch.Tensor) -> None:
        super().__init__()
        if kernel.ndim != 3:
            raise ExplainError(
                f"The kernel has shape {tuple(kernel.shape)}; it takes (channels, height, width)."
            )
        self.kernel = nn.Parameter(kernel.clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores (batch, 1)."""
        return F.conv2d(x, self.kernel[None]).relu().sum((1, 2, 3))[:, None]

    def closed_forms(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """The gradient for inputs x (batch, channels, height, width), pixel by pixel."""
        kernel = self.kernel.detach().numpy()
        on = (F.conv2d(x, self.kernel.detach()[None])[:, 0] > 0).numpy()
        gradient = np.zeros(x.shape, kernel.dtype)
        for k in range(kernel.shape[1]):
            for j in range(kernel.shape[2]):
                rows, columns = on.shape[1], on.shape[2]
                part = gradient[:, :, k : k + rows, j : j + columns]
                part += kernel[None, :, k, j, None, None] * on[:, None]
        return {"Saliency": torch.from_numpy(gradient)}
