from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from typing_extensions import Self

from xaiwidgets.core.activations import layer_gradients, layer_outputs
from xaiwidgets.core.answers import Findings
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject, uncounted
from xaiwidgets.core.target import BoundTarget, Scorer

from .activation_map import SPECIFIC, enlarge, in_passes, in_words, weighed
from .gradcam import GradCam
from .layer_choice import chosen_layer


class EmbeddingGradCam(
    Attribution, title="Grad-CAM for embeddings", source="chen2020", taxonomy=SPECIFIC
):
    """What in a picture places it among its own kind, in a network that gives embeddings.

    Such a network has no class scores. Each training picture a gets weights for its channels, those
    of Grad-CAM for ‖z_a − z_n‖² − ‖z_a − z_p‖², how much nearer a lies to its own kind p than to
    others n, averaged over all triplets. A new picture borrows those of the training picture that
    lies nearest, and needs no backward pass. It is explained by its neighbour's reasons; `facts`
    say who that was.

    Without neighbours it is Grad-CAM of the target, for which `likeness(subject, other)` asks what
    makes a picture like one other. The paper averages sampled triplets that still cost the loss
    something; the mean over all of them has a closed form.

    Use it on networks that give embeddings and no classes, as for faces or retrieval.

    It misleads where the nearest training picture is far: the map shows that neighbour's reasons,
    which may not fit.

    >>> EmbeddingGradCam(Neighbours.of(subject, pictures, labels))(subject, picture)
    """

    takes = ("picture",)

    def __init__(self, neighbours: "Neighbours | None" = None, **settings: Any) -> None:
        if neighbours is not None and not isinstance(neighbours, Neighbours):
            raise ExplainError(
                f"EmbeddingGradCam was given a {type(neighbours).__name__}; it takes neighbours, "
                "which Neighbours.of(subject, pictures, labels) collects."
            )
        super().__init__(**settings)
        object.__setattr__(self, "neighbours", neighbours)

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass; without neighbours a backward pass as well."""
        return Passes(1, 1 if self._given is None else 0)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Each picture's map by its neighbour's weights; (batch, 1, height, width)."""
        if self._given is None:
            found = GradCam().attribute(subject, x, target)
            found.warnings.append(
                "No neighbours were given, so this is Grad-CAM of the target: "
                "EmbeddingGradCam(Neighbours.of(subject, pictures, labels)) takes them."
            )
            return found
        return self._given.explain(subject, x)

    def having(self, **changes: Any) -> Self:
        """A copy with some settings changed, and the same neighbours."""
        return type(self)(self._given, **{**self.settings, **changes})

    @property
    def _given(self) -> "Neighbours | None":
        return self.neighbours  # type: ignore[attr-defined, no-any-return]

    def __repr__(self) -> str:
        return f"EmbeddingGradCam({'' if self._given is None else repr(self._given)})"

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) and self._given is other._given  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), id(self._given)))


@dataclass(eq=False)
class Neighbours:
    """Training pictures' labels, embeddings (pictures, numbers), and the weights (pictures,
    channels) that their triplets give to the channels of one layer."""

    layer: str
    labels: list[Any]
    embeddings: torch.Tensor
    weights: torch.Tensor

    @classmethod
    def of(
        cls, subject: Any, pictures: Any, labels: Sequence[Any], layer: str = ""
    ) -> "Neighbours":
        """Collect them from pictures or tensors, as any method takes them, and a label for each.

        Two passes forward and one back a picture, done once. Raises ExplainError where a label has
        no second picture, or no other label is there.
        """
        subject = Subject.of(subject)
        if not isinstance(labels, Iterable):
            raise ExplainError(
                f"The labels are {labels!r}; give a list with the label of each picture."
            )
        x, names = subject.prepare(pictures).x, list(labels)
        if len(names) != len(x):
            raise ExplainError(
                f"{len(names)} labels came for {len(x)} pictures; give one for each."
            )
        kinds = [names.index(name) for name in names]
        alone = next(
            (n for n, kind in zip(names, kinds, strict=True) if kinds.count(kind) < 2), None
        )
        if alone is not None or len(set(kinds)) < 2:
            raise ExplainError(
                "Triplets take two pictures of every label, and two labels; "
                + (f"{alone!r} has one picture." if alone is not None else "there is one label.")
            )
        with uncounted():
            embeddings = subject.outputs(x)
            place = chosen_layer(subject, layer, x)
            towards = _towards_its_kind(embeddings, torch.tensor(kinds, device=x.device))
            parts = []
            for part, rows in in_passes(subject, x):
                wish = BoundTarget([""] * len(part), scorer=_along(towards[rows]))
                found = layer_gradients(subject, part, wish, [place.name])[place.name]
                parts.append(place.fold(found[1]).flatten(2).mean(2))
        return cls(place.name, names, embeddings, torch.cat(parts))

    def explain(self, subject: Subject, x: torch.Tensor) -> Findings:
        """Σ_k w_k A_k with the weights of each picture's nearest neighbour, cut at 0."""
        layer = chosen_layer(subject, self.layer, x)
        maps, facts = [], [f"{in_words(layer)}."]
        for part, rows in in_passes(subject, x, backward=False):
            outputs, embeddings = layer_outputs(subject, part, [layer.name])
            if embeddings.shape[1:] != self.embeddings.shape[1:]:
                raise ExplainError("These neighbours were collected from another network.")
            away, nearest = torch.cdist(embeddings, self.embeddings.to(embeddings)).min(1)
            for row, who, far in zip(rows.tolist(), nearest.tolist(), away.tolist(), strict=True):
                about = f"Input {row}: nearest is picture {who} ({self.labels[who]})"
                facts.append(f"{about}, {far:.3g} away.")
            weights = self.weights.to(embeddings)[nearest]
            maps.append(weighed(weights, layer.fold(outputs[layer.name]))[:, None].clamp_min(0))
        return Findings(enlarge(torch.cat(maps), x), facts=facts)

    def __repr__(self) -> str:
        return f"<neighbours: {len(self.labels)} pictures of {len(set(self.labels))} kinds>"


def likeness(subject: Any, picture: Any) -> Scorer:
    """A target for networks that give embeddings: the cosine similarity to `picture`'s embedding.

    >>> GradCam()(subject, one, target=likeness(subject, other))
    """
    subject = Subject.of(subject)
    with uncounted():
        other = subject.outputs(subject.prepare(picture).x[:1])

    def likeness_to_picture(outputs: torch.Tensor) -> torch.Tensor:
        return F.cosine_similarity(outputs, other.to(outputs))

    return likeness_to_picture


def _towards_its_kind(embeddings: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
    """∂ (‖z − n‖² − ‖z − p‖²) ÷ ∂ z = 2 (p − n), averaged over all p of z's kind, itself left out,
    and all n of others: (pictures, numbers)."""
    same = (kinds[:, None] == kinds).to(embeddings)
    others = 1 - same
    same.fill_diagonal_(0)
    means = [m @ embeddings / m.sum(1, keepdim=True) for m in (same, others)]
    return 2 * (means[0] - means[1])


def _along(directions: torch.Tensor) -> Scorer:
    """Scores whose slope by each row's embedding is that row's direction."""
    return lambda outputs: (outputs * directions).sum(1)
