"""Tables of rules of one's own: which rows were used, and a box that the input leaves."""

import numpy as np
import pytest
import torch
from networks import ModuleNetwork, noise, seeded
from torch import nn

import xaiwidgets as xw
from xaiwidgets.methods.relevance import Epsilon, Flat, Gamma, Table, ZBox


def dense() -> nn.Module:
    """Two dense layers, '1' and '2.1', and no convolution."""

    def make() -> nn.Module:
        behind = nn.Sequential(nn.ReLU(), nn.Linear(6, 3))
        return nn.Sequential(nn.Flatten(), nn.Linear(48, 6), behind)

    return seeded(make)


def by(*rows: tuple) -> xw.Heatmap:
    return xw.LRP.by(Table(rows))(dense(), noise(1, 3, 4, 4), 1)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("convolutions", "takes 'first', 'convolution', .*nearest names are 'convolution'"),
        ("2.9", "no such layer.*nearest names are '2.1'"),
    ],
)
def test_a_row_for_a_layer_that_is_not_there_is_refused_with_the_nearest_names(pattern, words):
    rows = [("any", Epsilon()), (pattern, Gamma(0.1))]
    with pytest.raises(xw.ExplainError, match=words):
        by(*rows)
    with pytest.raises(xw.ExplainError, match=words):
        xw.LRP().explain_rules(dense(), noise(1, 3, 4, 4), 1, table=Table(rows))


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("convolution", "no layer that shares relevance by a rule fits it."),
        ("2.0", "no layer that shares relevance by a rule fits it."),
        ("layer*", "no layer that shares relevance by a rule fits it."),
        ("2", "it fits no layer itself; '2.*' fits those within it."),
        ("1", "rows above it fit all its layers, and the first row that fits gives the rule."),
    ],
)
def test_a_row_that_gave_no_layer_its_rule_is_a_warning(pattern, why):
    rows = ("first", Flat()), ("dense", Epsilon())
    answer = by(*rows, (pattern, Gamma(0.1)))
    assert torch.equal(answer.values, by(*rows).values)
    assert answer.warnings == [f"The row {pattern!r} of the table was not used: {why}"]


def test_facts_tell_how_many_layers_each_row_gave_its_rule():
    answer = by(("first", Flat()), ("2.*", Gamma(0.1)))
    assert answer.facts == ["Layers by row of the table: 'first' 1, '2.*' 1."]
    assert answer.warnings == []
    answer = by(("2.1", Gamma(0.1)))
    assert answer.facts == ["Layers by row of the table: '2.1' 1, no row 1 (ε = 1e-06)."]


def test_a_layer_counts_once_however_many_batches_there_are(monkeypatch):
    subject = xw.Subject(dense())
    monkeypatch.setattr(type(subject), "batch_size", lambda *_: 1)
    answer = xw.LRP.by(Table([("any", Epsilon())]))(subject, noise(3, 3, 4, 4), 1)
    assert answer.facts == ["Layers by row of the table: 'any' 2."]


def test_a_preset_keeps_silent_about_rows_that_a_network_has_no_layer_for():
    answer = xw.LRP(preset="ε-plus-flat")(dense(), noise(1, 3, 4, 4), 1)
    assert answer.warnings == answer.facts == []


def test_rows_may_be_given_one_by_one():
    table = Table((kind, Gamma(0.1)) for kind in ("first", "any"))
    assert [pattern for pattern, _ in table.rows] == ["first", "any"]


# --- the box of the rule zᴮ -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ((1, 0), "bounds 1 and 0; it takes the lowest input first"),
        ((float("nan"), 1), "bounds nan and 1"),
        ((torch.zeros(3, 1, 1), -1), "of shape \\(3, 1, 1\\) and -1"),
        (("dark", 1), "bound 'dark'; it takes numbers, or tensors"),
    ],
)
def test_bounds_that_are_no_box_are_refused(bounds, words):
    with pytest.raises(xw.ExplainError, match=words):
        ZBox(*bounds)


def test_an_input_that_leaves_the_box_is_a_warning_that_tells_how_far():
    x = torch.rand(2, 3, 32, 32)
    x[1, 0, 0, 0] = 1.4
    network = seeded(ModuleNetwork)

    def warnings(low, high):
        return xw.LRP.by(Table([("first", ZBox(low, high)), ("any", Epsilon())]))(
            network, x, 1
        ).warnings

    (found,) = warnings(0.0, 1.0)
    assert "goes 0.4 beyond the bounds of the rule zᴮ" in found
    (found,) = warnings(torch.tensor([0.0, 0.2, 0.0]).view(3, 1, 1), 2.0)
    assert "goes 0.2 beyond" in found
    assert warnings(0.0, 1.4) == warnings(torch.zeros(3, 1, 1), 2.0) == warnings(None, None) == []


def test_no_rounding_of_a_picture_takes_it_out_of_its_own_bounds():
    subject = xw.Subject(seeded(ModuleNetwork), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.2))
    extremes = (np.arange(3 * 32 * 32).reshape(32, 32, 3) % 2 * 255).astype(np.uint8)
    half = subject.prepare(extremes).x.to(torch.bfloat16).float()
    for inputs in (extremes, half):
        assert xw.DeepTaylor()(subject, inputs, 1).warnings == []
    assert xw.DeepTaylor()(subject, half + 1, 1).warnings
