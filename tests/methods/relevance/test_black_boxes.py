"""What goes through a network's layers has none to go through in a black box."""

import numpy as np
import pytest
from networks import noise

import xaiwidgets as xw
from xaiwidgets.methods.relevance import Epsilon, Table


@pytest.mark.parametrize(
    "ask",
    [
        lambda box, x: xw.Patterns.of(box, x),
        lambda box, x: xw.LRP().explain_rules(box, x[:1]),
        lambda box, x: xw.LRP.by(Table([("any", Epsilon())]))(box, x),
        lambda box, x: xw.head_relevance(box, x),
    ],
)
def test_a_black_box_is_refused_in_a_sentence_that_names_what_takes_it(ask):
    box = xw.Subject(lambda x: np.asarray(x).mean((2, 3)), size=(8, 8))
    with pytest.raises(xw.ExplainError, match=r"is a black box, which has none; .*RISE"):
        ask(box, noise(2, 3, 8, 8))


def test_a_layer_of_a_black_box_is_refused_in_a_sentence():
    box = xw.Subject(lambda x: np.asarray(x).mean((2, 3)), size=(8, 8))
    with pytest.raises(xw.ExplainError, match="No layer is called 'conv1'; layers of this network"):
        xw.LRP().units(box, noise(1, 3, 8, 8), layer="conv1")
