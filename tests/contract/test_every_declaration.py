"""What every declared thing says about itself, for the docs' tables: when, where not, for how much,
its place in the survey, its paper."""

from dataclasses import asdict
from pathlib import Path

import pytest

from xaiwidgets.core.declare import SURVEY, Declared, declared
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Evaluation
from xaiwidgets.core.method import Attribution

BUILT_IN = [cls for cls in declared(Declared) if cls.__module__.startswith("xaiwidgets.")]
every_declaration = pytest.mark.parametrize("cls", BUILT_IN, ids=lambda cls: cls.__name__)
BIBLIOGRAPHY = Path(__file__).parents[2] / "references.bib"


@every_declaration
@pytest.mark.parametrize("lead", ["Use it", "It misleads"])
def test_it_says_when_to_use_it_and_where_it_misleads(cls, lead):
    said = cls.says(lead)
    assert len(said.split()) >= 4
    assert said[0].islower(), "it goes on from the words that it begins with"
    assert said.endswith(".")


@every_declaration
def test_it_says_what_it_costs(cls):
    levels = (Attribution, Evaluation)
    words = cls.cost.__doc__ if issubclass(cls, levels) else cls.says("It costs")
    assert words
    assert "Evaluation.cost" not in cls.__dict__.get("cost", cls).__qualname__


@every_declaration
def test_its_paper_is_in_the_bibliography(cls):
    assert f"{{{cls.source}," in BIBLIOGRAPHY.read_text(encoding="utf-8")


@every_declaration
def test_its_place_is_told_in_the_words_of_the_survey(cls):
    assert set(asdict(cls.taxonomy)) == set(SURVEY)
    for dimension, known in SURVEY.items():
        assert set(cls.taxonomy.words(dimension)) <= set(known)


@pytest.mark.parametrize(
    "cls", [cls for cls in BUILT_IN if issubclass(cls, Attribution)], ids=lambda cls: cls.__name__
)
def test_a_map_is_of_one_answer_and_a_black_box_may_be_any_model(cls):
    assert cls.taxonomy.words("scope") == ["local"]
    if cls.taxonomy.access == "black box":
        assert cls.taxonomy.words("models") == ["any"]


def test_the_declarations_use_every_word_that_their_methods_stand_for():
    methods = [cls for cls in BUILT_IN if cls.__module__.startswith("xaiwidgets.methods.")]
    used = {
        dimension: {word for cls in methods for word in cls.taxonomy.words(dimension)}
        for dimension in SURVEY
    }
    assert used["models"] == set(SURVEY["models"])
    assert used["formulation"] == set(SURVEY["formulation"])
    assert used["access"] == set(SURVEY["access"])
    assert used["timing"] == set(SURVEY["timing"])


def test_another_word_is_refused_when_the_class_is_made():
    with pytest.raises(ExplainError, match=r"taxonomy 'access' is 'grey box'; it takes white box,"):

        class Grey(Attribution, title="Grey", taxonomy={"access": "grey box"}):
            """Neither."""


def test_what_is_said_is_found_in_a_docstring_of_any_shape():
    class Told(Declared):
        """First.

        Use it on two
        lines.

        It misleads. Never.
        """

    class Silent(Declared):
        pass

    assert Told.says("Use it") == "on two lines."
    assert Told.says("It misleads") == "", "a sentence goes on from its lead"
    assert Silent.says("Use it") == ""
