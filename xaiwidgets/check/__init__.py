"""Checks of students' work that teach: what was expected, what theirs does, and what to try.

>>> from xaiwidgets import check
>>> check.grad_cam(my_grad_cam)

A check tries a function (or an `xw.Attribution`) on small seeded networks, holds it against what is
right and against what known mistakes give, and says by name which one it is. What does not hold
raises `CheckFailed`, an AssertionError; with `points=4` a check prints what it says and returns the
points earned, which nbgrader takes for partial credit when it is the last line of a cell. `seed=`
draws another network and other inputs.
"""

from .faithfulness import deletion_curve, faithfulness, removal_order
from .grad_cam import channel_weights, grad_cam
from .marking import Advice, CheckFailed, Report
from .own import answer, method, results
from .relevance import accounts, conservation, epsilon_rule, lrp_epsilon
from .sanity import forgetting, sanity, similarity
from .shortcut import shortcut
from .smoothgrad import smoothgrad, standard_error

__all__ = [
    "Advice",
    "CheckFailed",
    "Report",
    "accounts",
    "answer",
    "channel_weights",
    "conservation",
    "deletion_curve",
    "epsilon_rule",
    "faithfulness",
    "forgetting",
    "grad_cam",
    "lrp_epsilon",
    "method",
    "removal_order",
    "results",
    "sanity",
    "shortcut",
    "similarity",
    "smoothgrad",
    "standard_error",
]
