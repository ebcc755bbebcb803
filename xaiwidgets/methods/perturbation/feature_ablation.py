import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.job import current_job
from xaiwidgets.core.method import Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .game import asked_each, games_of
from .over_segments import OverSegments


class FeatureAblation(
    OverSegments,
    title="Feature ablation",
    source="zeiler2014",
    taxonomy={"models": "any", "access": "black box"},
):
    """Take away one segment at a time and record how far the class score drops.

    v(all) − v(all but i) for every segment i: what it adds when all the others are there.

    Use it for a quick account of segments, columns or words, on anything that gives scores.

    It misleads where two segments say the same: both come out as worth nothing, since either of
    them is enough. Shapley values share between them.
    """

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass a segment, and one for the whole picture; SLIC may make fewer."""
        coalitions = self.players(subject, x) + 1
        return Passes(coalitions * asked_each(subject, self.fill), 0)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """The drop on every segment, (batch, 1, height, width)."""
        labels = self.cut(subject, x)
        drops, frames = torch.zeros_like(x[:, :1]), self.shown(subject, labels, x)
        for i, game in enumerate(games_of(subject, x, target, labels, self.fill)):
            all_but_one = ~torch.eye(game.players, dtype=torch.bool)
            everybody = torch.ones(1, game.players, dtype=torch.bool)
            fallen = torch.zeros(1 + game.players, dtype=torch.float64)
            whole, done = 0.0, 0
            for scores in game.scores(torch.cat([everybody, all_but_one])):
                whole = whole if done else float(scores[0])
                fallen[done : done + len(scores)] = whole - scores
                done += len(scores)
                drops[i] = game.paint(fallen[1:])
                current_job().show(lambda: Findings(drops.clone(), frames=frames))
        return Findings(drops, frames=frames)
