from collections.abc import Iterator

import torch

from .activation_map import SPECIFIC, enlarge, places, shared
from .channels import ByChannel, Trial


class ScoreCam(ByChannel, title="Score-CAM", source="wang2020", taxonomy=SPECIFIC):
    """Each channel is weighed by the score of the picture seen through its map, without gradients.

    w = softmax over channels of f(x ⊙ M_k), M_k the channel's map enlarged to the picture and
    brought to 0...1; L = Σ_k w_k A_k. One pass a channel: `channels` keeps only those whose maps
    vary most.

    Maps are enlarged as in the authors' code, cell by cell; pytorch-grad-cam enlarges with its
    corners aligned.

    Use it where gradients are not to be trusted, and a pass for every channel is affordable.

    It misleads through its softmax, which often leaves one channel, whose map it then is; and
    through what is dark: there the network sees 0, its mean colour, and hard edges that it may take
    for an object.
    """

    untried = float("-inf")

    def tried(self, trial: Trial) -> Iterator[torch.Tensor]:
        """f(x ⊙ M_k) of every input's chosen channels."""
        x, chosen = trial.x, trial.chosen
        asked = trial.subject.quick(x)
        inputs = torch.arange(len(x), device=x.device).repeat_interleave(chosen.shape[1])
        size = asked.batch_size(x, backward=False)
        for rows, channels in zip(inputs.split(size), chosen.flatten().split(size), strict=True):
            masks = unit_range(enlarge(trial.maps[rows, channels][:, None], x))
            seen = x if len(x) == 1 else x[rows]
            yield asked.scores(seen * masks, trial.target, rows)

    def weights(self, numbers: torch.Tensor) -> torch.Tensor:
        """Their softmax."""
        return numbers.softmax(1)


def unit_range(masks: torch.Tensor) -> torch.Tensor:
    """Each mask (rows, 1, *space) brought to 0...1, in place; a constant one to 0."""
    over = places(masks)
    low, high = masks.amin(over, keepdim=True), masks.amax(over, keepdim=True)
    return masks.sub_(low).mul_(shared(torch.ones_like(high), high - low))
