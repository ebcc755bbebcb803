"""`explain_rules`: which rule every operation received, and where the relevance went."""

import pytest
import torch
from networks import NETWORKS, noise, resnet18, seeded
from torch import nn

import xaiwidgets as xw
from xaiwidgets.methods.relevance import Epsilon, Flat, Gamma, Table


def residual() -> nn.Module:
    return seeded(resnet18).double()


def picture(size: int = 48) -> torch.Tensor:
    return noise(1, 3, size, size, dtype=torch.float64)


def test_input_biases_and_stabiliser_make_up_the_score_of_a_residual_network():
    report = xw.LRP(preset="ε", epsilon=1e-3).explain_rules(residual(), picture(), 2)
    assert len(report.layers) == 21
    assert abs(report.elsewhere) < 1e-9 * abs(report.score)
    stabiliser = report.absorbed - report.biases
    assert abs(stabiliser) > 1e-9
    without = xw.LRP(preset="LRP-0").explain_rules(residual(), picture(), 2)
    assert abs(without.absorbed - without.biases) < 1e-9 * abs(without.score)
    assert abs(without.elsewhere) < 1e-9 * abs(without.score)
    assert abs(without.biases) > 1e-3
    told = f"{report.arrived:.4g} reached the input; taken by biases {report.biases:.4g}, "
    assert f"{told}stabilisers {report.stabilisers:.4g}." in report.summary()
    assert without.summary().endswith(", stabilisers 0.")


def test_what_leaves_one_layer_of_a_plain_chain_enters_the_next_below():
    network = seeded(NETWORKS["modules"][0]).double()
    report = xw.LRP(preset="ε-plus").explain_rules(network, picture(32), 1)
    below, above, top = report.layers
    assert above.left == pytest.approx(below.entered, rel=1e-9)
    assert top.left == pytest.approx(above.entered, rel=1e-9)
    assert top.entered == pytest.approx(report.score, rel=1e-9)
    assert report.arrived == pytest.approx(below.left, rel=1e-9)


def test_operations_that_are_no_layers_are_listed_with_what_is_done_there():
    report = xw.LRP().explain_rules(seeded(NETWORKS["vit"][0]), noise(1, 3, 32, 32), 1)
    done = {step.kind: step.rule for step in report.steps}
    assert done["scaled_dot_product_attention"] == "weights held constant"
    assert done["layer_norm"] == "spread held constant"
    assert done["gelu"] == "passed on"
    assert done["convolution"] == "Flat"
    assert report.unknown == []


def test_the_table_names_layers_by_their_names_and_says_where_the_score_went():
    report = xw.LRP(preset="ε-γ-box").explain_rules(residual(), picture(), 2)
    text = str(report)
    assert "layer4.1.conv2" in text
    assert "γ = 0.25, with the batch normalisation behind it" in text
    assert "reached the input" in text
    assert "<table>" in report._repr_html_()
    assert [step.rule for step in report.layers if step.name == "conv1"] == ["zᴮ"]


def test_an_operation_without_a_rule_is_named_in_the_report_and_in_a_warning():
    class Cumulative(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x).cumprod(1).mean((2, 3))

    network = seeded(Cumulative)
    assert xw.LRP().explain_rules(network, noise(1, 3, 8, 8), 1).unknown == ["cumprod"]
    heat = xw.LRP()(network, noise(1, 3, 8, 8), 1)
    assert any("cumprod" in warning for warning in heat.warnings)


def test_questions_and_constants_need_no_rule():
    class Asking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.layer(x)
            y = torch.where((y > 0) & ~torch.isnan(y), y, torch.zeros_like(y))
            return (y + torch.full_like(y, 0.1)).mean((2, 3)) * (y.argmax() >= 0)

    report = xw.LRP(preset="LRP-0").explain_rules(seeded(Asking), noise(1, 3, 8, 8), 1)
    assert report.unknown == []
    assert [step.kind for step in report.steps] == ["convolution", "add", "mean", "mul"]


def test_several_inputs_are_refused_in_a_sentence():
    with pytest.raises(xw.ExplainError, match="takes one input; 2 came"):
        xw.LRP().explain_rules(residual(), noise(2, 3, 48, 48).double(), 1)


def test_a_table_of_ones_own_gives_every_layer_the_first_rule_that_fits():
    table = Table([("first", Flat()), ("layer4.*", Epsilon(0.1)), ("convolution", Gamma(0.1))])
    report = xw.LRP().explain_rules(residual(), picture(), 2, table=table)
    rules = {step.name: step.rule for step in report.layers}
    assert rules["conv1"] == "Flat"
    assert rules["layer4.0.downsample.0"] == rules["layer4.1.conv2"] == "ε = 0.1"
    assert rules["layer1.0.conv1"] == "γ = 0.1"
    assert rules["fc"] == "ε = 1e-06"
    heat = xw.LRP.by(table)(residual(), picture(), 2)
    assert float(heat.values.sum()) == pytest.approx(report.arrived, rel=1e-9)


def test_a_table_refuses_what_is_no_row_in_a_sentence():
    with pytest.raises(xw.ExplainError, match="takes \\(pattern, rule\\)"):
        Table([("convolution", 0.25)])
