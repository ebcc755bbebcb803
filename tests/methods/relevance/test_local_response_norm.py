"""Local response normalisation by the Taylor expansion of Binder et al. (2016)."""

import pytest
import torch
import torch.nn.functional as F
from networks import noise, seeded
from torch import nn

from xaiwidgets.methods import LRP

SIZE, ALPHA, BETA, K = 4, 0.3, 0.75, 1.5


class _Normed(nn.Module):
    def __init__(self, as_module: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.second = nn.Conv2d(6, 4, 3, bias=False)
        self.norm = nn.LocalResponseNorm(SIZE, ALPHA, BETA, K) if as_module else None
        self.head = nn.Linear(4 * 36, 3, bias=False)

    def forward(self, x):
        x = F.relu(self.first(x))
        x = F.local_response_norm(x, SIZE, ALPHA, BETA, K) if self.norm is None else self.norm(x)
        return self.head(F.relu(self.second(x)).flatten(1))


class _Alone(nn.Module):
    def forward(self, x):
        return F.local_response_norm(x, SIZE, ALPHA, BETA, K).flatten(1)


def test_neighbours_count_by_the_gradient_and_the_unit_as_if_it_were_alone():
    x = noise(1, 5, 2, 2).double()
    network = _Alone().eval()
    network.register_parameter("none", nn.Parameter(torch.zeros(1).double()))
    jacobian = torch.func.jacrev(lambda v: network(v).flatten())(x).flatten(1)
    for k in range(x.numel()):
        terms = LRP(preset="LRP-0")(network, x, k).values.flatten() / x.flatten()
        neighbours = torch.arange(x.numel()) != k
        assert torch.allclose(terms[neighbours], jacobian[k][neighbours], atol=1e-6)
        alone = x.flatten()[k] ** 2 * ALPHA / SIZE + K
        assert torch.allclose(terms[k], alone**-BETA)


@pytest.mark.parametrize("preset", ["LRP-0", "ε-plus-flat", "γ-box"])
def test_modules_and_functions_give_the_same_and_warn_of_nothing(preset):
    module, function = (seeded(lambda m=m: _Normed(m)).double() for m in (True, False))
    x = noise(2, 3, 8, 8).double()
    answer = LRP(preset=preset)(module, x, 1)
    assert torch.equal(answer.values, LRP(preset=preset)(function, x, 1).values)
    assert answer.warnings == []
    assert torch.allclose(module(x), function(x))


def test_what_the_expansion_leaves_out_is_small_where_the_norm_is_weak():
    network = seeded(lambda: _Normed(True)).double()
    x = noise(2, 3, 8, 8).double()

    def lost(alpha: float) -> float:
        network.norm.alpha = alpha
        score = network(x)[:, 1].detach()
        kept = LRP(preset="LRP-0")(network, x, 1).values.sum((1, 2, 3))
        return float(((kept - score) / score).abs().max())

    assert lost(1e-9) < 1e-8
    assert 0 < lost(1e-4) < 1e-3 < lost(1.0)
