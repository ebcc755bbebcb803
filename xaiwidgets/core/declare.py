"""Declarations: a class statement from which everything else about a method is read.

`knob(...)` describes one setting that a reader may turn. The Python signature, the widget's
controls, the docs' table and the shared tests all read the knobs collected here.
"""

import inspect
import math
import numbers
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

from typing_extensions import Self, dataclass_transform

from .errors import ExplainError, alike, nearest, shown

_SPELT = str.maketrans(
    {"α": "alpha", "β": "beta", "γ": "gamma", "ε": "epsilon", "²": "2", "⁺": "+", "ᴮ": "B"}
)
_KINDS = {int: "integer", float: "number", str: "choice", bool: "switch"}
_ANNOTATIONS = {"int": int, "float": float, "str": str, "bool": bool}


@dataclass(frozen=True)
class Knob:
    """One setting: its kind, default, range or choices, unit and help."""

    default: Any
    help: str
    name: str = ""
    kind: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    choices: tuple[str, ...] = ()
    unit: str = ""
    layers: bool = False

    def takes(self) -> str:
        """The clause of an error that says what this knob accepts."""
        unit = f" {self.unit}" if self.unit else ""
        if self.kind == "switch":
            return "True or False"
        if self.kind == "choice":
            return "one of " + ", ".join(repr(choice) for choice in self.choices)
        if self.kind == "layer":
            return "the name of a layer, or '' for the usual one"
        noun = "a whole number" if self.kind == "integer" else "a number"
        return f"{noun} from {self.low:g} to {self.high:g}{unit}"

    def check(self, owner: str, value: Any) -> Any:
        """`value` in this knob's own type, or an ExplainError that says what it takes."""
        if self.kind == "switch" and isinstance(value, (bool, int)) and value in (0, 1):
            return bool(value)
        if self.kind == "choice" and isinstance(value, str):
            value = self._chosen(value)
            if value in self.choices:
                return value
        if self.kind == "layer" and isinstance(value, str):
            return value
        if self.kind in ("integer", "number") and self._in_range(value):
            return int(value) if self.kind == "integer" else float(value)
        advice = ""
        if self.kind == "choice" and isinstance(value, str):
            advice = alike(value, self.choices)
        words = f"{owner}.{self.name} is {shown(value)}; it takes {self.takes()}. {advice}"
        raise ExplainError(words.rstrip())

    def fits(self, value: Any) -> bool:
        """Whether `value` can be its setting."""
        try:
            self.check("", value)
        except ExplainError:
            return False
        return True

    def _chosen(self, value: str) -> str:
        """The choice that `value` spells without Greek letters: epsilon-plus is ε-plus."""
        spelt = {_plain(choice): choice for choice in self.choices}
        return value if value in self.choices else spelt.get(_plain(value), value)

    def _in_range(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return False
        number = float(value)
        if math.isnan(number) or (self.kind == "integer" and not number.is_integer()):
            return False
        assert self.low is not None
        assert self.high is not None
        return self.low <= number <= self.high


def _plain(choice: str) -> str:
    return choice.translate(_SPELT)


def knob(
    *,
    default: Any,
    help: str,
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    log: bool = False,
    choices: tuple[str, ...] = (),
    unit: str = "",
    layers: bool = False,
) -> Any:
    """Declare one setting in a class statement; its kind comes from the annotation.

    `int` and `float` need `low` and `high`; `str` needs `choices`, or `layers=True` for the name of
    a layer of the network; `bool` is a switch. Seen by type checkers as a field with a default.
    """
    return Knob(default, help, "", "", low, high, step, log, tuple(choices), unit, layers)


SURVEY: dict[str, tuple[str, ...]] = {
    "models": ("any", "differentiable", "specific"),
    "representation": ("feature", "response", "rationale", "data set"),
    "formulation": ("closed form", "composition", "dependence", "proxy"),
    "scope": ("local", "global"),
    "access": ("white box", "black box"),
    "timing": ("post-hoc", "intrinsic"),
}
"""The words for every dimension of a method's place."""


@dataclass(frozen=True)
class Taxonomy:
    """Where a method stands in the survey of Li et al. (2021), and how it is meant to be used.

    A word may be made narrower, "specific: CNN" or "feature (rule)", and two may be joined,
    "closed form + dependence".
    """

    models: str = "differentiable"
    representation: str = "feature"
    formulation: str = "dependence"
    scope: str = "local"
    access: str = "white box"
    timing: str = "post-hoc"

    def __post_init__(self) -> None:
        """Refuse what is none of the survey's words."""
        for dimension, known in SURVEY.items():
            for word in self.words(dimension):
                if word not in known:
                    raise ExplainError(
                        f"taxonomy {dimension!r} is {word!r}; it takes {', '.join(known)}."
                    )

    def words(self, dimension: str) -> list[str]:
        """The survey's words for a dimension, without what makes them narrower."""
        parts = getattr(self, dimension).split(" + ")
        return [re.split("[:(]", part)[0].strip() for part in parts]


_declared: dict[str, type["Declared"]] = {}


@dataclass_transform(kw_only_default=True, field_specifiers=(knob,))
class Declared:
    """A thing with knobs. Instances are values: immutable, comparable, hashable."""

    knobs: ClassVar[dict[str, Knob]] = {}
    title: ClassVar[str] = ""
    source: ClassVar[str] = ""
    taxonomy: ClassVar[Taxonomy] = Taxonomy()

    def __init_subclass__(
        cls, *, title: str = "", source: str = "", taxonomy: dict[str, str] | None = None
    ) -> None:
        """Collect the knobs of a class statement; a class with a title joins the catalogue."""
        super().__init_subclass__()
        cls.knobs = {**cls.knobs, **dict(_own_knobs(cls))}
        if taxonomy:
            cls.taxonomy = replace(cls.taxonomy, **taxonomy)
        if title:
            cls.title, cls.source = title, source
            _declared[f"{cls.__module__}.{cls.__qualname__}"] = cls
        parameters = [
            inspect.Parameter(entry.name, inspect.Parameter.KEYWORD_ONLY, default=entry.default)
            for entry in cls.knobs.values()
        ]
        cls.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]

    def __init__(self, *given: Any, **settings: Any) -> None:
        """Set the knobs by name; unknown names and values out of range are refused in words."""
        owner = type(self).__name__
        if given:
            raise ExplainError(self._by_name(given[0]))
        for name in settings:
            if name not in self.knobs:
                known = nearest(name, self.knobs) if self.knobs else "It has no settings."
                raise ExplainError(f"{owner} has no setting {name!r}. {known}")
        for name, entry in self.knobs.items():
            value = entry.check(owner, settings.get(name, entry.default))
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_named", frozenset(settings))

    def _by_name(self, value: Any) -> str:
        """What to write instead of a class that is handed `value` by place."""
        owner = type(self).__name__
        name = next((name for name, entry in self.knobs.items() if entry.fits(value)), None)
        if name is not None:
            return f"{owner} takes its settings by name: {owner}({name}={value!r})."
        advice = ""
        if callable(self):
            _, *parameters = inspect.signature(type(self).__call__).parameters.values()
            asked = [
                f"{entry.name}=..." if entry.kind is entry.KEYWORD_ONLY else entry.name
                for entry in parameters
                if entry.default is entry.empty
            ]
            advice = f" Make it first, then ask it: {owner}()({', '.join(asked)})."
        names = f"settings by name: {', '.join(self.knobs)}" if self.knobs else "no settings"
        return f"{owner} was given {shown(value)}; it takes {names}.{advice}"

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse changes: a method with other settings is another value."""
        raise ExplainError(
            f"{type(self).__name__} cannot be changed in place; "
            f"write .having({name}={value!r}) for a copy with that setting."
        )

    @property
    def settings(self) -> dict[str, Any]:
        """Every knob's value by name."""
        return {name: getattr(self, name) for name in self.knobs}

    @property
    def given(self) -> frozenset[str]:
        """The names of the settings that were given, and not left at their defaults."""
        return self._named  # type: ignore[attr-defined, no-any-return]

    @classmethod
    def says(cls, lead: str) -> str:
        """What the paragraph of the docstring says that begins with `lead`, or "".

        "Use it" tells when to take it, "It misleads" where not to believe it, and "It costs" the
        passes of what has no `cost`.
        """
        for paragraph in (cls.__doc__ or "").split("\n\n"):
            words = " ".join(paragraph.split())
            if words.startswith(f"{lead} "):
                return words.removeprefix(lead).strip()
        return ""

    @property
    def label(self) -> str:
        """The name by which the reader knows it."""
        return self.title or type(self).__name__

    def having(self, **changes: Any) -> Self:
        """A copy with some settings changed."""
        return type(self)(**{**self.settings, **changes})

    def __repr__(self) -> str:
        """The Python that makes this value, without what is left at its default."""
        changed = {
            name: value
            for name, value in self.settings.items()
            if value != self.knobs[name].default
        }
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in changed.items())})"

    def __str__(self) -> str:
        """Like repr."""
        return repr(self)

    def __eq__(self, other: object) -> bool:
        """Equal when of the same class with the same settings."""
        return type(self) is type(other) and self.settings == other.settings  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        """Follows from class and settings."""
        return hash((type(self), tuple(self.settings.items())))


def _own_knobs(cls: type) -> Iterator[tuple[str, Knob]]:
    annotations = inspect.get_annotations(cls)
    for name, value in list(vars(cls).items()):
        if not isinstance(value, Knob):
            continue
        annotation = annotations.get(name)
        if isinstance(annotation, str):
            annotation = _ANNOTATIONS.get(annotation)
        kind = "layer" if value.layers else _KINDS.get(annotation, "")  # type: ignore[arg-type]
        where = f"{cls.__name__}.{name}"
        if not kind:
            raise ExplainError(
                f"{where} is a knob and needs an annotation: int, float, str or bool."
            )
        if kind in ("integer", "number") and (value.low is None or value.high is None):
            raise ExplainError(f"{where} is a knob with numbers and needs low= and high=.")
        if kind == "choice" and not value.choices:
            raise ExplainError(f"{where} is a knob with words and needs choices= or layers=True.")
        entry = replace(value, name=name, kind=kind)
        entry.check(cls.__name__, entry.default)
        delattr(cls, name)
        yield name, entry


D = TypeVar("D", bound=Declared)


def declared(level: type[D]) -> list[type[D]]:
    """Every declared class below `level`, in the order of declaration."""
    return [entry for entry in _declared.values() if issubclass(entry, level)]
