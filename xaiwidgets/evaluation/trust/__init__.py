"""Trust badges: four quick questions to an explanation, each with a verdict and its evidence."""

from .badge import Badge, Bars, Lines, Verdict
from .checkup import QUESTIONS, Checkup, badges
from .faithfulness import Faithfulness
from .localisation import Localisation
from .question import Question
from .sanity import Sanity
from .stability import Stability

__all__ = [
    "QUESTIONS",
    "Badge",
    "Bars",
    "Checkup",
    "Faithfulness",
    "Lines",
    "Localisation",
    "Question",
    "Sanity",
    "Stability",
    "Verdict",
    "badges",
]
