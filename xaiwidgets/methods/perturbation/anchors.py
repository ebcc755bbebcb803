from collections.abc import Sequence
from typing import Protocol

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.job import current_job
from xaiwidgets.core.method import Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.table_subject import TableSubject
from xaiwidgets.core.target import BoundTarget

from .bandit import Parts, Rule, Search
from .game import Game
from .over_segments import OverSegments, segment_fill_knob
from .redrawn_rows import RedrawnRows
from .segments import SEGMENTATIONS
from .standing import Standing

_TRYING = "Still searching: shown is the most precise rule of those just tried."
_SIGN = (
    "There is a single score, of which an anchor holds the sign, and it never changed. Of a "
    "probability p give both, such as np.stack([1 - p, p], 1)."
)


class Trials(Protocol):
    """What rules about one input are tried on: `count` parts may be held fast, `each` trials of
    a rule are made at a time, `at_once` are asked together."""

    count: int
    each: int
    at_once: int
    standing: Standing

    def held(self, plan: Sequence[tuple[Parts, int]]) -> list[int]:
        """In how many trials under each rule the answer stays."""

    def coverage(self, parts: Parts) -> float:
        """The share of inputs to which a rule applies."""

    def paint(self, rule: Rule) -> torch.Tensor:
        """1 on what a rule holds fast, (1, height, width)."""

    def words(self, rule: Rule) -> str:
        """The rule in words."""


class Anchors(
    OverSegments,
    title="Anchors",
    source="ribeiro2018",
    taxonomy={
        "models": "any", "access": "black box", "representation": "feature (rule)",
        "formulation": "proxy",
    },
):  # fmt: skip
    """The few segments that hold the answer in place, whatever happens to the others.

    While the anchor's segments are kept and each of the others is covered with probability 1/2, the
    class stays ahead of its rivals (a contrast keeps its sign, a function of the scores half of its
    value) in at least `threshold` of all copies; a class that is not the answer stays behind. The
    facts give that precision with its bounds (KL-LUCB), and the coverage: the share of all copies
    in which these segments happen to be kept.

    Of a table the anchor is a rule: some columns lie in their quarter of the data, or hold their
    category. Free columns are taken together from random rows of the data, each of the rule's from
    one that fulfils it, so that columns that depend on each other may be combined as they never
    are. The coverage is the share of the data to which the rule applies.

    Use it where a rule is wanted that holds on its own, with its precision and coverage, not a map
    of degrees.

    It misleads where the filling decides: an empty anchor means that the answer hardly depends on
    the picture's parts, or on what covers them.
    """

    usual = {
        "text": OverSegments.usual["text"],
        "table": {**OverSegments.usual["table"], "samples": 20000},
    }
    idle = {"table": (*OverSegments.idle["table"], "fill")}

    samples: int = knob(
        default=2000, low=4, high=50000, unit="copies", log=True, help="how many copies are asked"
    )
    threshold: float = knob(
        default=0.95, low=0.5, high=0.99, step=0.01, unit="of the copies",
        help="in how many copies the answer has to stay",
    )  # fmt: skip
    segmentation: str = knob(
        default="slic", choices=SEGMENTATIONS, help=OverSegments.knobs["segmentation"].help
    )
    segments: int = knob(
        default=25, low=2, high=500, log=True, unit="segments",
        help=OverSegments.knobs["segments"].help,
    )  # fmt: skip
    fill: str = segment_fill_knob("zero")
    seed: int = knob(default=0, low=0, high=9999, help="which copies are drawn")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass a copy, and one for the whole picture. Copies that the search leaves
        over make the bounds of what it found narrower."""
        return Passes(self.samples + 1, 0)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """1 on the anchor's segments, (batch, 1, height, width)."""
        labels, one = self.cut(subject, x), _one_score(subject, target)
        values, told, behind = torch.zeros_like(x[:, :1]), [], []
        for i, own in enumerate(labels):
            trials = self._trials(subject, x[i : i + 1], _lead(subject, target[i]), own)

            def look(rule: Rule, i: int = i, trials: Trials = trials) -> None:
                values[i] = trials.paint(rule)
                current_job().show(lambda: Findings(values.clone(), facts=[_TRYING]))

            search = Search(
                trials.count, trials.held, trials.coverage, self.threshold, self.samples,
                trials.each, trials.at_once, look,
            )  # fmt: skip
            rule, verified = search.best()
            search.pull([rule], search.left)
            values[i] = trials.paint(rule)
            told.append((rule, verified, trials.words(rule)))
            if not one and _is_behind(target, trials.standing):
                behind.append(target[i].label)
        found = self._told(Findings(values, frames=self.shown(subject, labels, x)), told)
        if one and not any(rule.parts for rule, _, _ in told):
            found.warnings.append(_SIGN)
        if behind:
            found.warnings.append(
                f"The network prefers another class to {', '.join(dict.fromkeys(behind))} here: "
                "the anchor holds that answer in place, and not the target."
            )
        return found

    def _trials(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, own: torch.Tensor
    ) -> Trials:
        if isinstance(subject, TableSubject):
            return RedrawnRows(subject, x, target, self.seed)
        game = Game(subject, x, target, own, self.fill)
        return _Copies(game, self.seed, self.parts(subject))

    def _told(self, found: Findings, told: list[tuple[Rule, bool, str]]) -> Findings:
        """Add precision and coverage: of one input in words, of several their means."""
        rules = [rule for rule, _, _ in told]
        found.numbers["precision"] = sum(rule.precision for rule in rules) / len(rules)
        found.numbers["coverage"] = sum(rule.coverage for rule in rules) / len(rules)
        if len(told) == 1:
            rule, _, words = told[0]
            low, high = rule.interval()
            found.numbers |= {"precision_low": low, "precision_high": high}
            found.facts.append(
                f"Anchor: {words}. Precision {rule.precision:.2f} ({low:.2f} to {high:.2f}), "
                f"coverage {rule.coverage:.2g}."
            )
        if not all(verified for _, verified, _ in told):
            found.warnings.append(
                f"No anchor is known to hold in {self.threshold:.0%} of copies after "
                f"{self.samples}: shown is the most precise one so far."
            )
        return found


def _lead(subject: Subject, target: BoundTarget) -> BoundTarget:
    """What is above 0 while the answer stays: the class's lead, or a single score itself."""
    return target if _one_score(subject, target) else target.margin()


def _is_behind(target: BoundTarget, standing: Standing) -> bool:
    """Whether a class is explained that is not the answer: what stays is that it is behind."""
    return target.classes is not None and target.against is None and standing.whole < 0


def _one_score(subject: Subject, target: BoundTarget) -> bool:
    """Whether there is no rival that could take the lead."""
    return subject._total == 1 and target.scorer is None


class _Copies:
    """Copies of one input, drawn one after the other; whether the answer stays as it is."""

    each = 8

    def __init__(self, game: Game, seed: int, called: str) -> None:
        self.game, self.count, self.at_once = game, game.players, game.at_once
        self.called = called
        self.draw = torch.Generator().manual_seed(seed)
        whole = float(game(torch.ones(1, game.players, dtype=torch.bool)))
        self.standing = Standing.of(game.target, whole)

    def coverage(self, parts: Parts) -> float:
        """The share of all copies in which these segments happen to be kept."""
        return 0.5 ** len(parts)

    def held(self, plan: Sequence[tuple[Parts, int]]) -> list[int]:
        """In how many copies under each rule the answer stays."""
        if not plan:
            return []
        drawn = [self._under(parts, times) for parts, times in plan]
        scores = self.game(torch.cat(drawn)).split([times for _, times in plan])
        return [int(self.standing.holds(part).sum()) for part in scores]

    def paint(self, rule: Rule) -> torch.Tensor:
        """1 on the rule's segments, (1, height, width)."""
        chosen = torch.zeros(self.count)
        chosen[list(rule.parts)] = 1
        return self.game.paint(chosen)

    def words(self, rule: Rule) -> str:
        """The segments, or a text's tokens, by number."""
        return f"{self.called} {', '.join(map(str, rule.parts)) or 'none'}"

    def _under(self, parts: Parts, times: int) -> torch.Tensor:
        present = torch.rand(times, self.count, generator=self.draw) < 0.5
        present[:, list(parts)] = True
        return present
