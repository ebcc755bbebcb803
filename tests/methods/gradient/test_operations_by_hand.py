"""DeepLIFT adds up through operations written out by hand; borders and strips at their edges."""

import pytest
import torch
import torch.nn.functional as F
from networks import Formula

import xaiwidgets as xw

GENERATOR = torch.Generator().manual_seed(3)
WEIGHTS = torch.randn(4, 9, generator=GENERATOR, dtype=torch.float64)

FORMULAS = {
    "log_softmax": lambda v: F.log_softmax(v @ WEIGHTS.T, -1),
    "einsum": lambda v: torch.einsum("ni,nj->nij", v @ WEIGHTS.T, v.relu() @ WEIGHTS.T).sum(2),
    "prelu": lambda v: F.prelu(v, v.new_tensor([0.3])) @ WEIGHTS.T,
}


@pytest.mark.parametrize("name", FORMULAS)
def test_the_values_add_up_to_the_change_in_score(name):
    x = torch.randn(3, 1, 3, 3, generator=GENERATOR, dtype=torch.float64)
    network = Formula(FORMULAS[name]).double()
    subject = xw.Subject(network, absent=0.5 * x[:1] - 0.2)
    values = xw.DeepLift(baseline="given")(subject, x.to(subject.dtype), 2).values
    with torch.no_grad():
        change = network(x.to(subject.dtype))[:, 2] - network(subject.absent)[:, 2]
    torch.testing.assert_close(values.sum((1, 2, 3)), change, rtol=1e-5, atol=1e-5)
    gradient = (x - subject.absent) * xw.Saliency()(subject, x.to(subject.dtype), 2).values
    gap = (gradient.sum((1, 2, 3)) - change).abs().max()
    assert gap > 1e-2, "the plain gradient does not add up here"


def test_the_border_of_a_network_with_one_score_is_refused():
    network = Formula(lambda v: v.sum(1, keepdim=True))
    with pytest.raises(xw.ExplainError, match="this network has one score"):
        xw.SimpleTaylor(root="border")(network, torch.ones(1, 1, 3, 3), 0)


def test_the_strip_of_interior_gradients_asks_for_each_alpha_once():
    network = Formula(lambda v: v @ WEIGHTS.T)
    answer = xw.InteriorGradients(alpha=0.1)(network, torch.ones(1, 1, 3, 3), 0)
    assert answer.provenance.forwards == 10
    other = xw.InteriorGradients(alpha=0.3)(network, torch.ones(1, 1, 3, 3), 0)
    assert other.provenance.forwards == 11
    assert [frame.label for frame in other.frames][:2] == ["α = 0.02", "α = 0.04"]
