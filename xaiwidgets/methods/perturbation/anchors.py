from collections.abc import Sequence

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.job import current_job
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .bandit import Parts, Rule, Search
from .game import Game, segment_fill_knob
from .segments import (
    BY_TOKEN,
    NOT_BY_TOKEN,
    as_frame,
    compactness_knob,
    cut,
    segmentation_knob,
    segments_knob,
)

EACH = 8
_TRYING = "Still searching: shown is the most precise rule of those just tried."


class Anchors(
    Attribution,
    title="Anchors",
    source="ribeiro2018",
    taxonomy={"models": "any", "access": "black box", "representation": "feature (rule)"},
):
    """The few segments that hold the answer in place, whatever happens to the others.

    While the anchor's segments are kept and each of the others is covered with probability 1/2, the
    class stays ahead of its rivals (a contrast keeps its sign, a function of the scores half of its
    value) in at least `threshold` of all copies. The facts give that precision with its bounds
    (KL-LUCB), and the coverage: the share of all copies in which these segments happen to be kept.
    An empty anchor means that the answer hardly depends on the picture's parts, or on the filling.
    """

    usual = BY_TOKEN
    lacks = NOT_BY_TOKEN

    samples: int = knob(
        default=2000, low=4, high=50000, unit="copies", log=True, help="how many copies are asked"
    )
    threshold: float = knob(
        default=0.95, low=0.5, high=0.99, step=0.01, unit="of the copies",
        help="in how many copies the answer has to stay",
    )  # fmt: skip
    segmentation: str = segmentation_knob("slic")
    segments: int = segments_knob(25)
    compactness: float = compactness_knob()
    fill: str = segment_fill_knob("zero")
    seed: int = knob(default=0, low=0, high=9999, help="which copies are drawn")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass a copy, and one for the whole picture. Copies that the search leaves
        over make the bounds of what it found narrower."""
        return Passes(self.samples + 1, 0)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """1 on the anchor's segments, (batch, 1, height, width)."""
        labels = cut(subject, x, self.segmentation, self.segments, self.compactness)
        values, rules = torch.zeros_like(x[:, :1]), []
        for i, own in enumerate(labels):
            game = Game(subject, x[i : i + 1], _lead(subject, target[i]), own, self.fill)

            def look(rule: Rule, i: int = i, game: Game = game) -> None:
                values[i] = _painted(game, rule)
                current_job().show(lambda: Findings(values.clone(), facts=[_TRYING]))

            search = Search(
                game.players, _Copies(game, self.seed).held, lambda parts: 0.5 ** len(parts),
                self.threshold, self.samples, EACH, look,
            )  # fmt: skip
            rule, verified = search.best()
            search.pull([rule], search.left)
            values[i] = _painted(game, rule)
            rules.append((rule, verified))
        found = Findings(values, frames=[as_frame(labels, x)])
        return self._told(found, rules)

    def _told(self, found: Findings, rules: list[tuple[Rule, bool]]) -> Findings:
        """Add precision and coverage: of one picture in words, of several their means."""
        found.numbers["precision"] = sum(rule.precision for rule, _ in rules) / len(rules)
        found.numbers["coverage"] = sum(rule.coverage for rule, _ in rules) / len(rules)
        if len(rules) == 1:
            rule, _ = rules[0]
            low, high = rule.interval()
            found.numbers |= {"precision_low": low, "precision_high": high}
            named = ", ".join(map(str, rule.parts)) or "none"
            found.facts.append(
                f"Anchor: segments {named}. Precision {rule.precision:.2f} ({low:.2f} to "
                f"{high:.2f}), coverage {rule.coverage:.2g}."
            )
        if not all(verified for _, verified in rules):
            found.warnings.append(
                f"No anchor is known to hold in {self.threshold:.0%} of copies after "
                f"{self.samples}: shown is the most precise one so far."
            )
        return found


def _painted(game: Game, rule: Rule) -> torch.Tensor:
    """1 on the rule's segments, (1, height, width)."""
    chosen = torch.zeros(game.players)
    chosen[list(rule.parts)] = 1
    return game.paint(chosen)


def _lead(subject: Subject, target: BoundTarget) -> BoundTarget:
    """What is above 0 while the answer stays: the class's lead, or a single score itself."""
    return target if subject._total == 1 else target.margin()


class _Copies:
    """Copies of one input, drawn one after the other; whether the answer stays as it is."""

    def __init__(self, game: Game, seed: int) -> None:
        self.game = game
        self.draw = torch.Generator().manual_seed(seed)
        self.whole = float(game(torch.ones(1, game.players, dtype=torch.bool)))
        self.function = game.target.scorer is not None

    def held(self, plan: Sequence[tuple[Parts, int]]) -> list[int]:
        """In how many copies under each rule it does."""
        if not plan:
            return []
        drawn = [self._under(parts, times) for parts, times in plan]
        scores = self.game(torch.cat(drawn)).split([times for _, times in plan])
        return [int(self._stays(part).sum()) for part in scores]

    def _under(self, parts: Parts, times: int) -> torch.Tensor:
        present = torch.rand(times, self.game.players, generator=self.draw) < 0.5
        present[:, list(parts)] = True
        return present

    def _stays(self, scores: torch.Tensor) -> torch.Tensor:
        sign = 1 if self.whole >= 0 else -1
        least = abs(self.whole) / 2 if self.function else 0.0
        return sign * scores >= least
