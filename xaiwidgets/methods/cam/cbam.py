"""An attention block to put into a network, and the method that shows where its attention lay."""

import torch
from torch import nn

from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .activation_map import enlarge, in_passes


class CBAM(nn.Module):
    """Convolutional block attention (Woo et al. 2018): weigh what matters, then where.

    Takes and gives maps (batch, channels, h, w): x' = x · c(x), then x'' = x' · s(x'). It goes
    behind any convolution, in a residual block before the sum. `reduction` is how much narrower the
    channel gate is inside, `kernel` the side of the spatial gate's convolution, odd.

    >>> nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), CBAM(32))
    """

    def __init__(self, channels: int, reduction: int = 16, kernel: int = 7) -> None:
        super().__init__()
        if channels < 1 or reduction < 1 or kernel < 1 or kernel % 2 == 0:
            raise ExplainError(
                f"CBAM({channels}, reduction={reduction}, kernel={kernel}): it takes channels and "
                "reduction from 1 on, and an odd kernel."
            )
        self.channel = ChannelGate(channels, reduction)
        self.spatial = SpatialGate(kernel)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x * self.channel(x)
        return x * self.spatial(x)


class ChannelGate(nn.Module):
    """What matters: σ(MLP(mean over places) + MLP(maximum over them)), (batch, channels, 1, 1)."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        inner = max(1, channels // reduction)
        self.mlp = nn.Sequential(nn.Linear(channels, inner), nn.ReLU(), nn.Linear(inner, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate = torch.sigmoid(self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3))))
        return gate[:, :, None, None]


class SpatialGate(nn.Module):
    """Where: σ(convolution of the mean and the maximum over channels), (batch, 1, h, w)."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, kernel, padding=kernel // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return torch.sigmoid(self.convolution(both))


class CbamAttention(
    Attribution,
    title="CBAM's attention",
    source="woo2018",
    taxonomy={
        "models": "specific: CNN with CBAM blocks", "formulation": "composition",
        "timing": "intrinsic",
    },
):  # fmt: skip
    """Where a network with CBAM blocks let its maps through: a block's own spatial gate, 0 to 1.

    It is a part of the computation and needs no gradient. Blocks differ; the slider goes through
    them.

    Use it to see what the blocks of your network let through, one after the other.

    It misleads as an explanation: the gate knows no class, what passes may speak for anything, and
    an early block may well close where the object is.
    """

    takes = ("picture",)

    layer: str = knob(default="", layers=True, help="which CBAM block; '' is the last")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass."""
        return Passes(1, 0)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """The gate, enlarged; (batch, 1, height, width)."""
        block = self._block(subject)
        gates = torch.cat(
            [
                layer_outputs(subject, part, [f"{block}spatial"])[0][f"{block}spatial"]
                for part, _ in in_passes(subject, x, backward=False)
            ]
        )
        fact = f"Block {block.rstrip('.') or 'CBAM'}: open from {gates.min():.2f} to "
        return Findings(enlarge(gates, x), facts=[f"{fact}{gates.max():.2f}."])

    def _block(self, subject: Subject) -> str:
        """The chosen block's name, with a dot where there is one."""
        modules = subject.model.named_modules()
        blocks = [name for name, module in modules if isinstance(module, CBAM)]
        if not blocks:
            raise ExplainError(
                "This network has no CBAM block; put xaiwidgets.CBAM(channels) behind its "
                "convolutions and train it, or choose Grad-CAM, which works on any with maps."
            )
        chosen = self.layer.removesuffix(".spatial") if self.layer else blocks[-1]
        if chosen not in blocks:
            raise ExplainError(
                f"Layer {self.layer!r} is no CBAM block; the blocks here are {', '.join(blocks)}."
            )
        return f"{chosen}." if chosen else ""
