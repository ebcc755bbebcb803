from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.attention import Visit
from xaiwidgets.core.declare import knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.method import FromFunction
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .accounts import Watch, folding
from .layerwise import Layerwise, recording_now
from .own_table import NotedTable
from .presets import PIXEL_PRESETS, PIXEL_RULES, PRESETS, RULES, Amounts, Table, preset_table
from .propagation import Propagation, propagate
from .report import RuleReport

_BY_PRESET = "by preset"
_DEEP = tuple(rule for rule in RULES if rule not in PIXEL_RULES)


class LRP(Layerwise, title="LRP", source="bach2015"):
    """What each pixel contributed to the score, passed back layer by layer so that nothing is lost.

    The score is the relevance of the output; every layer shares the relevance of its outputs among
    its inputs by a rule, until the pixels are reached. A preset gives each layer its rule by kind
    and place; see `explain_rules` for what your network's layers receive.

    Use it where contributions have to add up, layer by layer, and can be looked at on their way.

    It misleads where a preset is taken unread, for its rules decide what counts: those that follow
    positive contributions alone hardly tell classes apart.
    """

    usual = {"text": {"preset": "AttnLRP"}, "table": {"preset": "ε"}}
    lacks = {"text": PIXEL_PRESETS | PIXEL_RULES, "table": PIXEL_PRESETS | PIXEL_RULES}

    preset: str = knob(
        default="ε-plus-flat",
        choices=tuple(PRESETS),
        help="which rule each kind of layer gets",
    )
    first: str = knob(
        default=_BY_PRESET,
        choices=(_BY_PRESET, *RULES),
        help="the rule of layers that see the input itself, if not the preset's",
    )
    convolutions: str = knob(
        default=_BY_PRESET,
        choices=(_BY_PRESET, *_DEEP),
        help="the rule of convolutions, if not the preset's",
    )
    dense: str = knob(
        default=_BY_PRESET,
        choices=(_BY_PRESET, *_DEEP),
        help="the rule of dense layers, if not the preset's",
    )
    epsilon: float = knob(
        default=1e-6, low=1e-9, high=1.0, log=True, help="what ε rules take from weak outputs"
    )
    gamma: float = knob(
        default=0.25, low=0.0, high=2.0, help="how much more γ rules give to what speaks for"
    )
    alpha: float = knob(
        default=2.0, low=1.0, high=10.0,
        help="αβ rules: α times what speaks for, α − 1 times what speaks against",
    )  # fmt: skip
    pooling: str = knob(
        default="winner",
        choices=("winner", "proportion"),
        help="max pooling: all to the winner of a window, or shared in proportion to its values",
    )

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """One forward pass, one backward pass, and what the rules need on the way back."""
        return relevance(subject, x, target, self.table)

    @property
    def table(self) -> Table:
        """The rules, row by row."""
        kinds = {"first": self.first, "convolution": self.convolutions, "dense": self.dense}
        instead = {kind: rule for kind, rule in kinds.items() if rule != _BY_PRESET}
        table = preset_table(self.preset, Amounts(self.epsilon, self.gamma, self.alpha), instead)
        pooling: Any = self.pooling
        return replace(table, treatment=replace(table.treatment, pooling=pooling))

    @staticmethod
    def by(table: Table, title: str = "LRP by own rules") -> "ByTable":
        """A method that goes by a table of your own, for `compare` and everything else.

        >>> LRP.by(Table([("first", Flat()), ("layer4.*", Epsilon(0.1)), ("any", Gamma(0.1))]))

        The answer's facts tell how many layers each row gave its rule, and its warnings which row
        gave none. Raises ExplainError for what is no Table and, when asked, for the name of a layer
        that is not there.
        """
        if not isinstance(table, Table):
            raise ExplainError(
                f"The table is {table!r}; it takes Table([(pattern, rule), ...]), such as "
                'Table([("first", Flat()), ("any", Epsilon(0.1))]).'
            )
        return ByTable(table, title)

    def explain_rules(
        self, subject: Any, inputs: Any, target: Any = None, *, table: Table | None = None
    ) -> RuleReport:
        """Which rule each operation of the network receives, and where the relevance of one input
        goes: print it, look at it in a notebook, or `plot()` the maps on the way. `table` is one of
        your own if not the preset's.

        Raises ExplainError for several inputs, and for what cannot be explained.
        """
        if table is not None:
            return LRP.by(table).explain_rules(subject, inputs, target)
        return super().explain_rules(subject, inputs, target)


class ByTable(FromFunction, Layerwise):
    """LRP by a table of one's own, which can tell where relevance went as well."""

    def __init__(self, table: Table, title: str) -> None:
        super().__init__(lambda *asked: _by_rows(*asked, table=table), title)


def _by_rows(subject: Subject, x: torch.Tensor, target: BoundTarget, *, table: Table) -> Findings:
    """Relevance by somebody's own table, and which of its rows were used."""
    if type(table) is not Table:  # one that gives rules in a way of its own
        return relevance(subject, x, target, table)
    noted = NotedTable(table.rows, table.treatment)
    noted.refuse_names_not_among(dict(subject.model.named_modules()))
    found = relevance(subject, x, target, noted)
    return replace(
        found, facts=[*found.facts, noted.fact()], warnings=[*found.warnings, *noted.warnings()]
    )


def relevance(
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    table: Table,
    watches: Mapping[str, Watch] | None = None,
    visit: Visit | None = None,
    way: str = "",
) -> Findings:
    """Relevance of every input value by a table of rules, shaped like x; `watches` and `visit` as
    in `propagate`. `way` says of what it is the relevance, where a method goes down the network
    more than once."""
    size = 1 if len(x) == 1 else subject.batch_size(x)
    rows = torch.arange(len(x))
    recording = recording_now()
    fold = folding(subject, x) if recording.accounts else None
    parts, units, warnings, beyond = [], [], [], 0.0
    for part, which in zip(x.split(size), rows.split(size), strict=True):
        seen: list[torch.Tensor] = []
        found, score, engine = propagate(
            subject, part, target, which, table.rule, table.treatment, fold,
            recording.watching(watches, seen), visit,
        )  # fmt: skip
        if fold is not None and engine.ledger is not None:
            recording.reports.append(_report(subject, part, target, way, found, score, engine))
        parts.append(found)
        units += seen[-1:]
        beyond = max(beyond, engine.beyond)
        warnings = _warnings(engine, beyond)
    if recording.layer:
        recording.units.append(torch.cat(units) if units else None)
    return Findings(torch.cat(parts), warnings=warnings)


def _report(
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    way: str,
    found: torch.Tensor,
    score: torch.Tensor,
    engine: Propagation,
) -> RuleReport:
    assert engine.ledger is not None
    return RuleReport(
        engine.steps,
        engine.unknown,
        float(score),
        float(found.sum(dtype=torch.float64)),
        engine.ledger.begun,
        way,
        f"{subject.title}: {target.label}",
        map=found[0].sum(0, dtype=torch.float64).cpu().numpy(),
        picture=subject.preprocessing.pictures(x)[0][0],
    )


def _warnings(engine: Propagation, beyond: float) -> list[str]:
    """What of the network no rule could follow, and how far inputs are beyond what it was for."""
    warnings = []
    if engine.unknown:
        names = ", ".join(engine.unknown)
        warnings.append(f"No rule is known for {names}: relevance went by the gradient there.")
    if engine.held:
        warnings.append(
            "A part of the network computes without gradients (torch.no_grad, detach): it counts "
            "as a constant, and relevance that belongs there is not in the map."
        )
    if beyond:
        warnings.append(
            f"The input goes {beyond:.2g} beyond the bounds of the rule zᴮ, which holds between "
            "them: what lies outside can get relevance of the wrong sign. ZBox(low, high) takes "
            "bounds that hold the input; w² and flat need none."
        )
    return warnings
