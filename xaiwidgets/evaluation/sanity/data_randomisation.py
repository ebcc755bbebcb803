from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Case, Graded, explaining
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.method import Passes
from xaiwidgets.core.scores import mean_known
from xaiwidgets.core.subject import Subject

from ..besides import Besides
from ..knobs import similarity_knob
from ..similarity import similarity
from ..training import accuracy, built, checked, fit, from_scratch


class DataRandomisation(Besides, title="Data randomisation", source="adebayo2018"):
    """Does the map change when the network has learnt labels that mean nothing?

    The similarity of the subject's map with that of `permuted`, a network of the same architecture
    that knows permuted labels by heart: there is nothing in a picture that its answer is about, so
    a map that stays alike is about the picture. Lower is better, but the number means little alone,
    since two networks of the same true labels do not agree either: `numbers` hold that control, the
    similarity with `second`, another network trained on true labels, and `margin`, how much higher
    the control is. A margin near 0 says that the map cannot tell learnt from made up.

    The target stays the class that is asked for, on all three networks. For the zoo's "shapes" both
    networks are known; for your own, `train_permuted` makes the first.

    Use it where a network that learnt permuted labels is at hand, or can be trained.

    It misleads where its number is read without that control; and that a map passes does not say
    that it is right.

    >>> DataRandomisation()(zoo.subject("shapes"), pictures, Saliency())  # doctest: +SKIP
    """

    better = "lower"
    family = "sanity"
    explains_anew = True
    besides: ClassVar[tuple[str, ...]] = ("permuted", "second")

    permuted: Any = None
    second: Any = None

    similarity: str = similarity_knob("spearman")

    def cost(self, case: Case) -> Passes:
        """The explanation once for every network."""
        own = explaining(case)
        count = 1 + sum(one is not None for one in self._networks(case.subject))
        return Passes(own.forward * count, own.backward * count, networks=count)

    def grade(self, case: Case) -> Graded:
        """Similarity with the permuted network's map, input by input, beside the control's."""
        permuted, second = self._networks(case.subject)
        own = case.explain(case.x).numpy()
        theirs = case.explain(case.x, subject=permuted).numpy()
        alike = similarity(self.similarity, own, theirs)
        found = Graded(alike)
        found.numbers["permuted"] = mean_known(alike)
        if second is None:
            found.warnings.append(
                "Without second=, another network trained on the true labels, nobody knows how "
                "alike two good networks are, and the number says little."
            )
        else:
            control = similarity(self.similarity, own, case.explain(case.x, subject=second).numpy())
            both = ~np.isnan(alike) & ~np.isnan(control)
            margin = float((control - alike)[both].mean()) if both.any() else float("nan")
            found.numbers |= {"control": mean_known(control), "margin": margin}
            found.facts.append(_verdict(found.numbers))
        if np.isnan(alike).any():
            found.warnings.append(
                f"For {int(np.isnan(alike).sum())} of {len(case)} inputs a map is constant, and "
                "has nothing to compare."
            )
        return found

    def _networks(self, subject: Subject) -> tuple[Subject, Subject | None]:
        """The permuted network and the control, each with the subject's preprocessing."""
        permuted, second = self.permuted, self.second
        if permuted is None and _is_shapes(subject):
            from xaiwidgets import zoo

            permuted = zoo.subject("shapes-permuted")
            second = zoo.subject("shapes-second") if second is None else second
        if permuted is None:
            raise ExplainError(
                "DataRandomisation compares with a network trained on permuted labels; make one "
                "with train_permuted(network, images, labels) and give "
                "DataRandomisation(permuted=..., second=...)."
            )
        return _beside(subject, permuted), None if second is None else _beside(subject, second)


@dataclass(repr=False)
class TrainedPermuted:
    """A network that learnt permuted labels: `network` in evaluation mode, the `labels` it was
    given, its `accuracy` on them, and its `truth`, the accuracy on the true ones (chance, or it has
    seen the truth)."""

    network: nn.Module
    labels: torch.Tensor
    accuracy: float
    truth: float
    epochs: int

    def __repr__(self) -> str:
        return (
            f"TrainedPermuted({100 * self.accuracy:.1f} % of {len(self.labels)} permuted labels "
            f"known by heart after {self.epochs} epochs, {100 * self.truth:.1f} % of the true ones)"
        )


def train_permuted(
    network: Any,
    images: Any,
    labels: Any,
    *,
    epochs: int = 100,
    enough: float = 0.99,
    permute: bool = True,
    build: Callable[[], nn.Module] | None = None,
    seed: int = 0,
    rate: float = 2e-3,
    batch: int = 32,
    progress: Callable[[float], None] | None = None,
    cancel: CancelToken | None = None,
) -> TrainedPermuted:
    """Train a copy of a network from scratch on labels that were permuted once.

    `images` (n, channels, height, width) are ready for the network, `labels` (n,) class indices.
    Training stops when `enough` of the permuted labels are known, or after `epochs`: below about
    0.95 the network has not learnt them, and comparing with it says less. The copy starts anew by
    every layer's `reset_parameters`, or is made by `build()`. With `permute=False` the same is done
    with the true labels, for the control. The network itself is not touched. Raises ExplainError
    for what cannot be used, Cancelled when stopped.

    >>> made = train_permuted(network, images, labels)
    >>> DataRandomisation(permuted=made.network)(network, images[:16], Saliency())
    """
    images, labels = checked(images, labels, "train_permuted")
    model = Subject.of(network).model
    fresh = from_scratch(model, seed) if build is None else built(build, seed)
    fresh.requires_grad_()
    given = labels
    if permute:
        order = np.random.Generator(np.random.PCG64(seed)).permutation(len(labels))
        given = labels[torch.from_numpy(order)]

    def known(loss: float) -> bool:
        # accuracy in passing would take a pass; a loss this small is worth one
        if loss > 1.0:
            return False
        fresh.eval()
        done = accuracy(fresh, images, given, cancel) >= enough
        fresh.train()
        return done

    losses = fit(
        fresh, images, given, epochs=epochs, seed=seed, rate=rate, batch=batch,
        progress=progress, cancel=cancel, enough=known,
    )  # fmt: skip
    if progress:
        progress(1.0)
    return TrainedPermuted(
        fresh,
        given,
        accuracy(fresh, images, given, cancel),
        accuracy(fresh, images, labels, cancel),
        len(losses),
    )


def _beside(subject: Subject, other: Any) -> Subject:
    """A network as the subject is: with its preprocessing and its way to read scores."""
    if isinstance(other, TrainedPermuted):
        other = other.network
    if isinstance(other, Subject):
        return other
    if not isinstance(other, nn.Module):
        raise ExplainError(
            f"permuted= and second= take a network or a Subject; this is a {type(other).__name__}."
        )
    device = subject.device
    if next((p.device for p in other.parameters()), device) != device:
        raise ExplainError(
            f"The other network is not on {device}, where the subject is; move it there."
        )
    if other.training:
        raise ExplainError("The other network is in training mode; call eval() on it first.")
    found = subject.with_network(other)
    found._layers = {}  # its layers may have other names
    return found


def _is_shapes(subject: Subject) -> bool:
    from xaiwidgets.zoo import SmallCNN, load

    if not isinstance(subject.model, SmallCNN):
        return False
    known = load("shapes").linear.weight
    own = subject.model.linear.weight
    return own.shape == known.shape and torch.equal(own.detach().cpu().to(known.dtype), known)


def _verdict(numbers: dict[str, float]) -> str:
    """One sentence: the similarity, what it is measured by, and what follows."""
    permuted, control, margin = (numbers[name] for name in ("permuted", "control", "margin"))
    if np.isnan(margin):
        return "No map is left to compare."
    reading = (
        "this map tells what was learnt from what was made up"
        if margin >= 0.15
        else "this map hardly tells what was learnt from what was made up"
    )
    return (
        f"A network of permuted labels has maps {permuted:.2f} alike, a second good network "
        f"{control:.2f}: {reading}."
    )
