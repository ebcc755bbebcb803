from collections.abc import Iterator

import torch

from xaiwidgets.core.activations import outputs_after, shares_what_comes_before
from xaiwidgets.core.layers import Layer

from .activation_map import SPECIFIC
from .channels import ByChannel, Trial


class AblationCam(ByChannel, title="Ablation-CAM", source="desai2020", taxonomy=SPECIFIC):
    """Each channel is weighed by how far the score falls when the channel is switched off.

    w_k = (f − f without A_k) ÷ |f|, L = Σ_k w_k A_k; without gradients, so that saturated scores do
    not hide anything. One pass a channel, of which only what lies behind the layer is run anew
    where the network allows: `channels` keeps only those whose maps vary most.

    Dividing by |f| where the paper has f keeps the sign of negative scores; pytorch-grad-cam
    divides by f, and sets channels of maps that reach below 0 to −10⁷ instead of 0.

    Use it where gradients vanish or are not to be trusted, and a pass for every channel is
    affordable.

    It misleads where two channels say the same: they cover for each other, and both seem idle.
    """

    def tried(self, trial: Trial) -> Iterator[torch.Tensor]:
        """(f − f without A_k) ÷ |f| of every input's chosen channels."""
        subject, x, layer, target = trial.subject, trial.x, trial.layer, trial.target
        whole = target.score(trial.outputs)
        size = torch.where(whole == 0, 1, whole.abs())
        once = shares_what_comes_before(subject, x[:1], layer, trial.output[:1])
        for i, channels in enumerate(trial.chosen):
            for some in channels.split(subject.batch_size(x, backward=False)):
                before = x[i : i + 1] if once else x[i : i + 1].expand(len(some), *x.shape[1:])
                ablated = _without(layer, trial.output[i : i + 1], some)
                scores = target.score(
                    outputs_after(subject, before, layer, ablated), torch.full_like(some, i)
                )
                yield (whole[i] - scores) / size[i]


def _without(layer: Layer, output: torch.Tensor, channels: torch.Tensor) -> torch.Tensor:
    """Copies of a layer's output (1, ...), each with one of the channels switched off."""
    ablated = output.repeat(len(channels), *[1] * (output.ndim - 1))
    layer.fold(ablated)[torch.arange(len(channels)), channels] = 0
    return ablated
