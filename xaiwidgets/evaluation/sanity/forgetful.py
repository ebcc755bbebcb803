"""What a method says while the network forgets: an experiment, and all of it in one answer."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch

from xaiwidgets.core.declare import knob
from xaiwidgets.core.errors import ExplainError, nearest
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject

from ..experiment import Circumstances, Course, Experiment, Followed, Outcome, Step
from ..knobs import seed_knob, similarity_knob
from .blocks import Block, blocks_of
from .cascade import MODE_HELP, MODES
from .forgetting import START_HELP, STARTS, Forgetting, seed_of
from .kept import MEASURE, kept
from .parameter_randomisation import verdict

ANY = "any blocks"
_NETWORK = "network: "


class ForgettingBlocks(Experiment, title="Sanity", source="adebayo2018"):
    """Let the network forget block after block; `others` are further networks of the same kind by
    name, such as one trained on permuted labels.

    A step is the set of blocks that have forgotten, so that two modes share the steps that they
    have in common. With "any blocks" the course holds every block alone, and any other set may be
    asked for.

    Use it to watch every map while the network forgets, block by block.

    It misleads when a low similarity is taken for praise: noise has it too, and sizes alone stay
    alike where signs do not.

    It costs the explanation once for every step and draw.
    """

    slider = "Forget"
    origin = "trained"
    hint = "let the network forget: drag, or switch blocks off"
    call = "sanity"

    mode: str = knob(default="top down", choices=(*MODES, ANY), help=MODE_HELP + "; or any set")
    measure: str = similarity_knob(MEASURE)
    draws: int = knob(default=3, low=1, high=50, help="how many times the network forgets anew")
    start: str = knob(default="own", choices=STARTS, help=START_HELP)
    seed: int = seed_knob("what takes the place of what was learnt")

    others: dict[str, Subject]

    def __init__(self, others: Mapping[str, Subject] | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        object.__setattr__(self, "others", dict(others or {}))

    def having(self, **changes: Any) -> "ForgettingBlocks":
        """A copy with some settings changed."""
        return ForgettingBlocks(self.others, **{**self.settings, **changes})

    def on(self, subject: Subject, x: torch.Tensor) -> "Oblivion":
        """The blocks of this network, to be forgotten in order."""
        return Oblivion(self, subject, x)

    @property
    def key(self) -> Hashable:
        """Without the mode: a set of blocks is the same in all of them."""
        others = tuple((name, other.fingerprint) for name, other in self.others.items())
        return type(self), self.start, self.seed, others

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ForgettingBlocks):
            return False
        return self.settings == other.settings and self.key == other.key

    def __hash__(self) -> int:
        return hash((self.key, tuple(self.settings.items())))


class Oblivion(Course):
    """The course of a network that forgets. Networks that forgot are shared by all methods, one
    draw at a time, so that the course takes the memory of one more network."""

    def __init__(self, experiment: ForgettingBlocks, subject: Subject, x: torch.Tensor) -> None:
        self.experiment, self.subject, self.x = experiment, subject, x
        self.blocks = blocks_of(subject, x)
        mode = experiment.mode
        alone = mode in ("one at a time", ANY)
        order = self.blocks if mode in ("bottom up", ANY) else self.blocks[::-1]
        steps = [
            Step(self._key([block] if alone else order[: i + 1]), block.name)
            for i, block in enumerate(order)
        ]
        beside = [Step(_NETWORK + name, name) for name in experiment.others]
        super().__init__(steps, beside, [block.name for block in order])
        self.switches = "any" if mode == ANY else "single" if alone else "cascade"
        self._drawn: tuple[int, Forgetting] | None = None
        self._last: tuple[tuple[str, int], Subject] | None = None

    def rest(self) -> None:
        """Let go of the networks that forgot."""
        self._drawn = self._last = None

    def at(self, key: str, draw: int, method: Attribution) -> Circumstances:
        """The method, on a network that forgot these blocks, or on another network."""
        self.check(key)
        other = self.experiment.others.get(key.removeprefix(_NETWORK))
        if key.startswith(_NETWORK) and other is not None:
            return Circumstances(method, other, self.x)
        return Circumstances(method, self._without(key, draw), self.x)

    def random(self, key: str) -> bool:
        """Another network is what it is."""
        return not key.startswith(_NETWORK)

    def check(self, key: str) -> None:
        """Any set of blocks is a step, in whichever mode."""
        if key.startswith(_NETWORK):
            super().check(key)
            return
        names = [block.name for block in self.blocks]
        for name in key.split(self.JOINED):
            if name not in names:
                raise ExplainError(f"No block is called {name!r}. {nearest(name, names)}")

    def said(self, key: str, outcome: Outcome) -> str:
        """How much of the map is left there."""
        return kept(outcome.likeness, self._when(key), self.experiment.measure)

    def verdict(self, outcomes: Mapping[str, Outcome]) -> str:
        """As ParameterRandomisation says it, from the steps that have a value; "" where none
        has."""
        if any(step.key not in outcomes for step in self.steps):
            return ""
        mode = "one at a time" if self.experiment.mode == ANY else self.experiment.mode
        curve, low, high = (
            np.array([getattr(outcomes[step.key], name) for step in self.steps])
            for name in ("likeness", "low", "high")
        )
        return verdict(self.names, curve, mode, self.experiment.measure, low, high)

    def _when(self, key: str) -> str:
        if key.startswith(_NETWORK):
            return f"the network is {key.removeprefix(_NETWORK)!r}"
        gone = set(key.split(self.JOINED))
        names, count = [block.name for block in self.blocks], len(gone)
        if count == len(names) > 1:
            return f"all {count} blocks forget"
        if count > 1:
            for side, end in (("last", names[-count:]), ("first", names[:count])):
                if gone == set(end):
                    return f"the {side} {count} of {len(names)} blocks forget"
        listed = [repr(name) for name in names if name in gone]
        if count == 1:
            return f"{listed[0]} alone forgets"
        return f"{', '.join(listed[:-1])} and {listed[-1]} forget"

    def _key(self, gone: list[Block]) -> str:
        return self.JOINED.join(block.name for block in self.blocks if block in gone)

    def _without(self, key: str, draw: int) -> Subject:
        last, drawn = self._last, self._drawn  # rest() may come from another thread
        if last is not None and last[0] == (key, draw):
            return last[1]
        if drawn is None or drawn[0] != draw:
            seed = seed_of(self.experiment.seed, draw)
            drawn = draw, Forgetting(self.subject, self.experiment.start, seed)
        gone = key.split(self.JOINED)
        forgot = drawn[1].without([block for block in self.blocks if block.name in gone])
        self._last, self._drawn = ((key, draw), forgot), drawn
        return forgot


class Forgetful(Followed):
    """`method`, followed through a network that forgets block after block: all of it in one answer.

    See ForgettingBlocks for the settings; `others` are further networks of the same kind by name,
    each of which adds a map to the strip. With more than one of its `draws`, curve and verdict
    speak of the mean.
    """

    def __init__(
        self,
        method: Any,
        others: Mapping[str, Subject] | None = None,
        *,
        draws: int = 1,
        **settings: Any,
    ) -> None:
        super().__init__(method, ForgettingBlocks(others, draws=draws, **settings))
