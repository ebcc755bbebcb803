import numpy as np
import torch

from xaiwidgets.core.baselines import normal
from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.hearing import hearing
from xaiwidgets.core.kinds import EVERY_KIND
from xaiwidgets.core.method import Passes
from xaiwidgets.core.scores import Curve
from xaiwidgets.core.subject import Subject

from ..knobs import seed_knob, similarity_knob
from ..similarity import likeness_to, pearson, similarity
from .blocks import blocks_of
from .cascade import MODE_HELP, MODES, stages
from .forgetting import START_HELP, STARTS, Forgetting, seed_of
from .kept import MEASURE, kept, reading

_MOST = 20


class ParameterRandomisation(Evaluation, title="Parameter randomisation", source="adebayo2018"):
    """Let the network forget block after block, and see whether the map notices.

    A map about the network changes when the network does; one that stays alike is about the
    picture. The number is the mean similarity between the trained and the randomised map over all
    stages (the untouched network left out): lower is better. Read it beside an edge detector (1)
    and two random maps (in `numbers`), and beside the curve of the outputs.

    The paper compares ranks with signs and by size. The default counts signs, since a map is read
    with them: by size alone ("spearman") a gradient keeps half of its ranks and more, for it is
    large along the picture's edges whatever the network has learnt.

    The target stays the class of the trained network; choosing it anew on every randomised network,
    as the authors' notebook does, lifts Grad-CAM's similarity. Parameters are drawn by generators
    of their own, and BatchNorm's running statistics stay, as in the paper. Raises ExplainError for
    an explanation that was given as values.

    Use it before anything else: a map that does not notice that the network has forgotten is not
    about the network.

    It misleads when a low number is taken for praise, for pure noise reaches it too. And below a
    randomised top the activations still keep their scale, so that large channels go on showing
    (Binder et al. 2023).
    """

    better = "lower"
    family = "sanity"
    explains_anew = True

    mode: str = knob(default="top down", choices=MODES, help=MODE_HELP)
    similarity: str = similarity_knob(MEASURE)
    start: str = knob(default="own", choices=STARTS, help=START_HELP)
    statistics: bool = knob(default=False, help="also reset BatchNorm's running statistics")
    rechoose: bool = knob(default=False, help="explain each network's own prediction instead")
    draws: int = knob(default=1, low=1, high=50, help="how many times the network forgets anew")
    seed: int = seed_knob("what takes the place of what was learnt")

    def cost(self, case: Case) -> Passes:
        """The explanation once, and once more a stage and draw; its passes give the scores too."""
        own, times = explaining(case), 1 + self.draws * self._count(case)
        return Passes(max(own.forward, 1) * times, own.backward * times, networks=times)

    def _count(self, case: Case) -> int:
        return len(blocks_of(case.subject, case.x, _MOST))

    def grade(self, case: Case) -> Graded:
        """Mean similarity of every input, with the curve over stages and that of the outputs."""
        blocks = blocks_of(case.subject, case.x, _MOST)
        own, known = self._explained(case, case.subject)
        likeness = likeness_to(self.similarity, own)
        alike = np.empty((self.draws, len(blocks), len(case)))
        outputs = np.empty_like(alike)
        names: list[str] = []
        for draw in range(self.draws):
            seed = seed_of(self.seed, draw)
            forgetting = Forgetting(case.subject, self.start, seed, self.statistics)
            names = []
            for i, stage in enumerate(stages(forgetting, blocks, self.mode)):
                names.append(stage.name)
                found, said = self._explained(case, stage.subject)
                alike[draw, i], outputs[draw, i] = likeness(found), _alike(known, said)
        graded = self._graded(alike, outputs, names)
        noise = [normal(case.x[:1, :1], self.seed, i).cpu().numpy() for i in range(2)]
        graded.numbers["two_random_maps"] = float(similarity(self.similarity, *noise)[0])
        return graded

    def _graded(self, alike: np.ndarray, outputs: np.ndarray, names: list[str]) -> Graded:
        across = np.arange(1, len(names) + 1)
        each = alike.mean(0).T
        label = "blocks forgotten" if self.mode != "one at a time" else "block forgotten"
        found = Graded(each.mean(1))
        found.curves = {
            self.similarity: Curve(across, each, label, "similarity"),
            "outputs": Curve(across, outputs.mean(0).T, label, "correlation"),
        }
        if self.draws > 1:
            spread = alike.mean((1, 2)).std(ddof=1) / self.draws**0.5
            found.numbers["standard_error_of_draws"] = float(spread)
        mean = _mean(each)
        found.numbers["kept"] = float(mean[told(mean, self.mode)])
        of_draws = np.stack([_mean(one.T) for one in alike])
        ends = of_draws.min(0), of_draws.max(0)
        found.facts.append(verdict(names, mean, self.mode, self.similarity, *ends))
        if np.isnan(each).any():
            found.warnings.append(
                "Some maps are constant on a randomised network; there the similarity is unknown."
            )
        return found

    def _explained(self, case: Case, subject: Subject) -> tuple[np.ndarray, torch.Tensor]:
        """The network's map, and its scores: heard while it was made, or asked for."""
        with hearing(case.x) as heard:
            found = self._map(case, subject)
        return found, subject.outputs(case.x) if heard.outputs is None else heard.outputs

    def _map(self, case: Case, subject: Subject) -> np.ndarray:
        aim = subject.bind(None, case.x) if self.rechoose else None
        return case.explain(case.x, aim, subject=subject).numpy()


def told(mean: np.ndarray, mode: str) -> int:
    """The stage by which a curve over stages is told in one sentence: two fifths of a cascade, or
    the one block whose loss the map notices least."""
    if mode != "one at a time":
        return max(0, round(0.4 * len(mean)) - 1)
    return 0 if np.isnan(mean).all() else int(np.nanargmax(mean))


def verdict(
    names: list[str],
    mean: np.ndarray,
    mode: str,
    measure: str,
    low: np.ndarray,
    high: np.ndarray,
) -> str:
    """One sentence: how much of the map is left when part of the network has forgotten, in the mean
    over draws, and from the lowest to the highest of them (stages,)."""
    i = told(mean, mode)
    if mode == "one at a time":
        when = f"{names[i]!r} alone forgets what it learnt"
    else:
        side = "last" if mode == "top down" else "first"
        when = f"the {side} {i + 1} of {len(names)} blocks forget what they learnt"
    said = kept(float(mean[i]), when, measure)
    if np.isnan(mean[i]):
        return said
    if measure == MEASURE:
        return f"{said[:-1]}: {reading(float(mean[i]), float(low[i]), float(high[i]))}."
    return f"{said} {_BY_SIZE}" if measure == "spearman" else said


_BY_SIZE = "Without their signs maps look more alike: they are large along the picture's edges."


def _mean(each: np.ndarray) -> np.ndarray:
    """The mean over inputs that have a value, NaN where none has."""
    known = ~np.isnan(each)
    total = np.where(known, each, 0).sum(0)
    return np.where(known.any(0), total / np.maximum(known.sum(0), 1), np.nan)


def _alike(a: torch.Tensor, b: torch.Tensor) -> np.ndarray:
    """Correlation of two networks' outputs, input by input."""
    if a.shape[1] < 2:
        return np.full(len(a), np.nan)
    return pearson(a.cpu().numpy()[:, None], b.cpu().numpy()[:, None])


class SmoothRandomisation(
    ParameterRandomisation, title="Smooth parameter randomisation", source="hedstrom2024"
):
    """Parameter randomisation of maps averaged over noisy copies of the picture (sMPRT).

    R̄ = 1/N Σ R(x + ε), ε ~ N(0, σ²), σ = `noise` × the picture's range, before maps are compared:
    it takes away the noise of single maps, in which a noisy method looks as if it noticed more than
    it does. The rest is as in ParameterRandomisation: lower is better.

    Use it for methods that draw or flicker, whose own noise would look as if they had noticed.

    It misleads when a low number is taken for praise: it is a condition, as in
    ParameterRandomisation.
    """

    copies: int = knob(default=50, low=2, high=500, log=True, help="how many noisy copies")
    noise: float = knob(
        default=0.1, low=0.0, high=0.5, step=0.01, unit="of the range", help="size of the noise"
    )

    def cost(self, case: Case) -> Passes:
        """The explanation of every copy, once and once more a stage and draw."""
        own, times = explaining(case), 1 + self.draws * self._count(case)
        many = times * self.copies
        return Passes(own.forward * many + times, own.backward * many, networks=times)

    def _map(self, case: Case, subject: Subject) -> np.ndarray:
        x = case.x
        aim = subject.bind(None, x) if self.rechoose else case.target
        sigma = self.noise * (x.amax((1, 2, 3), True) - x.amin((1, 2, 3), True))
        total: torch.Tensor | None = None
        for i in range(self.copies):
            noisy = x + sigma * normal(x[0], self.seed, i)
            found = case.explain(noisy, aim, subject=subject).double()
            total = found if total is None else total + found
        assert total is not None
        return (total / self.copies).numpy()


class EfficientRandomisation(
    Evaluation, title="Efficient parameter randomisation", source="hedstrom2024"
):
    """How much more complex the map becomes when the whole network has forgotten (eMPRT).

    (H(e') − H(e)) ÷ H(e), H the entropy of a map's histogram of `bins` bins: higher is better. No
    choice of a similarity is needed.

    Use it for a quick look, at the price of two explanations.

    It misleads because complexity is not meaning: on the zoo's networks it ranks guided backprop
    among the best, which the cascade does not.
    """

    better = "higher"
    family = "sanity"
    explains_anew = True
    takes = EVERY_KIND

    bins: int = knob(default=100, low=2, high=1000, help="bins of a map's histogram")
    start: str = knob(default="own", choices=STARTS, help=START_HELP)
    seed: int = seed_knob("what takes the place of what was learnt")

    def cost(self, case: Case) -> Passes:
        """The explanation twice."""
        own = explaining(case)
        return Passes(2 * own.forward, 2 * own.backward, networks=2)

    def grade(self, case: Case) -> Graded:
        """Rise in entropy of every input, relative to the trained network's."""
        blocks = blocks_of(case.subject, case.x, _MOST)
        forgotten = Forgetting(case.subject, self.start, self.seed).without(blocks)
        maps = case.folded(case.explain(case.x, subject=forgotten))
        before, after = entropy(case.maps, self.bins), entropy(maps, self.bins)
        found = Graded(
            np.where(before > 0, (after - before) / np.where(before > 0, before, 1), np.nan)
        )
        found.numbers.update(entropy=float(before.mean()), entropy_forgotten=float(after.mean()))
        if (before == 0).any():
            found.warnings.append("A constant map has no entropy, so that its rise is unknown.")
        return found


def entropy(maps: np.ndarray, bins: int) -> np.ndarray:
    """Entropy in nats of the histogram of every map (inputs, height, width), between its own
    smallest and largest value."""
    found = np.zeros(len(maps))
    for i, one in enumerate(maps):
        counts = np.histogram(one, bins)[0]
        shares = counts[counts > 0] / counts.sum()
        found[i] = -(shares * np.log(shares)).sum()
    return found
