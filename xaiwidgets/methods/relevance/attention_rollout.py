import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .attention_maps import attention_maps, on_input, rolled_out


class AttentionRollout(
    Attribution,
    title="Attention rollout",
    source="abnar2020",
    taxonomy={"models": "specific: transformer", "formulation": "closed form"},
):
    """How much of each token reaches the last layer, by attention alone: for any class the same.

    Every map of attention, averaged over heads, is mixed half and half with what a token keeps of
    itself, and the maps are multiplied from the last to the first.

    Use it for a quick look at how a transformer mixes its tokens.

    It misleads as an account of a class, for it is the same for all: looking at a token is not yet
    using it. Read it beside TransformerAttribution, which asks what the class made of the look.
    """

    takes = ("picture", "text")

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """One forward pass, and one backward pass that finds the tokens which the score reads."""
        size = 1 if len(x) == 1 else subject.batch_size(x)
        parts = []
        for rows in torch.arange(len(x)).split(size):
            found = attention_maps(subject, x[rows], target, rows, type(self).__name__)
            maps = [(each.mean(1) + torch.eye(each.shape[-1]).to(each)) / 2
                    for each in found.weights]  # fmt: skip
            kept = found.taken / 2 ** len(maps)
            parts.append(rolled_out(maps, found.taken) - kept)
        return Findings(on_input(subject, x, torch.cat(parts), type(self).__name__))
