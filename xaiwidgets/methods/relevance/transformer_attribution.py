import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.attention import Attention
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .attention_maps import attention_maps, on_input, rolled_out
from .derived import POSITIVE
from .operations import Treatment
from .presets import Table
from .propagation import propagate
from .start import Start, whole

RULES = Table(
    [("any", POSITIVE)],
    Treatment(products="uniform", attention="passed", norms="passed", sums="balanced"),
)


class TransformerAttribution(
    Attribution,
    title="Transformer attribution",
    source="chefer2021",
    taxonomy={"models": "specific: transformer"},
):
    """Which tokens spoke for the class, by what attention read and by what the score made of it.

    LRP brings the class's relevance R down to every map of attention A, by z⁺ at layers, halves at
    products, and sums balanced so that both sides share what there is. Then C = Π (1 + mean over
    heads of (R · ∂f/∂A)⁺), from the last block to the first, and the row of the token that the
    score reads is the map.

    Use it on vision transformers and readers like BERT, where the map has to know the class.

    It misleads about what speaks against the class, which goes unseen, for nothing is negative; and
    nothing is finer than a patch.
    """

    takes = ("picture", "text")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """Two of each: for the gradient, and for the relevance."""
        return Passes(2, 2)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Gradient and relevance of every map, multiplied and rolled out."""
        size = 1 if len(x) == 1 else subject.batch_size(x)
        parts = [
            self._tokens(subject, x[rows], target, rows)
            for rows in torch.arange(len(x)).split(size)
        ]
        return Findings(on_input(subject, x, torch.cat(parts), type(self).__name__))

    def _tokens(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, rows: torch.Tensor
    ) -> torch.Tensor:
        """Relevance of every token (rows, tokens)."""
        found = attention_maps(subject, x, target, rows, type(self).__name__)
        carried = relevance_of_maps(subject, x, target, rows)
        maps = [
            (slope * carried.get(number, torch.zeros_like(slope))).clamp_min(0).mean(1)
            for number, slope in enumerate(found.gradients)
        ]
        kept = [torch.eye(each.shape[-1]).to(each) + each for each in maps]
        return rolled_out(kept, found.taken) - found.taken


def relevance_of_maps(
    subject: Subject, x: torch.Tensor, target: BoundTarget, rows: torch.Tensor
) -> dict[int, torch.Tensor]:
    """Relevance of every attention's weights (rows, heads, tokens, tokens) by number, of a score
    that counts as 1; none where no relevance arrives."""
    found: dict[int, torch.Tensor] = {}

    def watch(attention: Attention) -> None:
        weights = attention.weights.detach()

        def arrived(c: torch.Tensor) -> None:
            found[attention.number] = attention.by_head(c * weights)[:, :, 0]

        if attention.weights.requires_grad:
            attention.weights.register_hook(arrived)

    start = Start(target, whole)
    propagate(subject, x, start, rows, RULES.rule, RULES.treatment, visit=watch)
    return found
