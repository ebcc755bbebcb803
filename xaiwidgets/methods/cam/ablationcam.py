import torch

from xaiwidgets.core.activations import layer_outputs, outputs_after, shares_what_comes_before
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .activation_map import SPECIFIC, in_passes, weighed
from .channels import ByChannel, busiest


class AblationCam(ByChannel, title="Ablation-CAM", source="desai2020", taxonomy=SPECIFIC):
    """Each channel is weighed by how far the score falls when the channel is switched off.

    w_k = (f − f without A_k) ÷ |f|, L = Σ_k w_k A_k; without gradients, so that saturated scores do
    not hide anything. Two channels that say the same cover for each other and both seem idle. One
    pass a channel, of which only what lies behind the layer is run anew where the network allows:
    `channels` keeps only those whose maps vary most.

    Dividing by |f| where the paper has f keeps the sign of negative scores; pytorch-grad-cam
    divides by f, and sets channels of maps that reach below 0 to −10⁷ instead of 0.
    """

    def raw(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, layers: list[Layer]
    ) -> list[torch.Tensor]:
        """Falls of the score, streamed in batches, at every layer."""
        names = [layer.name for layer in layers]
        parts: list[list[torch.Tensor]] = [[] for _ in layers]
        for part, rows in in_passes(subject, x, backward=False):
            outputs, scores = layer_outputs(subject, part, names)
            whole = target.score(scores, rows)
            for kept, layer in zip(parts, layers, strict=True):
                output = outputs[layer.name]
                maps = layer.fold(output)
                chosen = busiest(maps, self.channels)
                without = _without(subject, part, target, layer, output, chosen, rows)
                falls = whole[:, None] - without
                weights = falls / torch.where(whole == 0, 1, whole.abs())[:, None]
                kept.append(weighed(weights, maps[torch.arange(len(part))[:, None], chosen]))
        return [self.cut(torch.cat(kept)[:, None]) for kept in parts]


def _without(
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    layer: Layer,
    output: torch.Tensor,
    chosen: torch.Tensor,
    rows: torch.Tensor,
) -> torch.Tensor:
    """The score of every input without each of its chosen channels (batch, channels)."""
    once = shares_what_comes_before(subject, x[:1], layer, output[:1])
    size = subject.batch_size(x, backward=False)
    found = []
    for one, own, channels, row in zip(x.split(1), output.split(1), chosen, rows, strict=True):
        for some in channels.split(size):
            ablated = own.repeat(len(some), *[1] * (own.ndim - 1))
            layer.fold(ablated)[torch.arange(len(some)), some] = 0
            before = one if once else one.expand(len(some), *one.shape[1:])
            scores = outputs_after(subject, before, layer, ablated)
            found.append(target.score(scores, row.expand(len(some))))
    return torch.cat(found).view(chosen.shape)
