import torch

from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .activation_map import SPECIFIC, enlarge, in_passes, shared, weighed
from .channels import ByChannel, busiest, places


class ScoreCam(ByChannel, title="Score-CAM", source="wang2020", taxonomy=SPECIFIC):
    """Each channel is weighed by the score of the picture seen through its map, without gradients.

    w = softmax over channels of f(x ⊙ M_k), M_k the channel's map enlarged to the picture and
    brought to 0...1; L = Σ_k w_k A_k. The softmax of logits often leaves one channel: the map is
    then that channel's. Where the map is dark the network sees 0, its mean colour, and hard edges
    that it may take for an object. One pass a channel: `channels` keeps only those whose maps vary
    most.

    Maps are enlarged as in the authors' code, cell by cell; pytorch-grad-cam enlarges with its
    corners aligned.
    """

    def raw(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, layers: list[Layer]
    ) -> list[torch.Tensor]:
        """Scores of masked copies, streamed in batches, at every layer."""
        names = [layer.name for layer in layers]
        parts = [layer_outputs(subject, p, names)[0] for p, _ in in_passes(subject, x)]
        found = []
        for layer in layers:
            maps = layer.fold(torch.cat([part[layer.name] for part in parts]))
            chosen = busiest(maps, self.channels)
            weights = self._scores(subject, x, target, maps, chosen).softmax(1)
            kept = maps[torch.arange(len(x))[:, None], chosen]
            found.append(self.cut(weighed(weights.to(maps), kept)[:, None]))
        return found

    def _scores(
        self,
        subject: Subject,
        x: torch.Tensor,
        target: BoundTarget,
        maps: torch.Tensor,
        chosen: torch.Tensor,
    ) -> torch.Tensor:
        """f(x ⊙ M_k) of every input's chosen channels (batch, chosen)."""
        scores = []
        for rows, channels in places(chosen, subject.batch_size(x, backward=False)):
            masks = unit_range(enlarge(maps[rows, channels][:, None], x))
            scores.append(subject.scores(x[rows] * masks, target, rows))
        return torch.cat(scores).view(chosen.shape)


def unit_range(masks: torch.Tensor) -> torch.Tensor:
    """Each mask (rows, 1, height, width) brought to 0...1; a constant one to 0."""
    low, high = masks.amin((2, 3), keepdim=True), masks.amax((2, 3), keepdim=True)
    return shared(masks - low, high - low)
