"""Relative attributing propagation: by hand, and what it keeps."""

import pytest
import torch
from networks import ReluNetwork, noise, seeded
from torch import nn

from benchmarks.relevance import pairs
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import RAP


@pytest.mark.parametrize("bias", [False, True])
def test_relevance_adds_up_to_the_score(bias):
    network, x = seeded(lambda: ReluNetwork(bias)), noise(4, 3, 8, 8)
    found = RAP()(network, x, [0, 1, 2, 3]).values.sum((1, 2, 3))
    assert torch.allclose(found, network(x).detach().diagonal(), rtol=1e-4)


def test_two_layers_by_hand():
    layers = nn.Flatten(), nn.Linear(4, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False)
    network = nn.Sequential(*layers).double().eval()
    w = torch.tensor([[1.0, -2, 3, 0], [2, 1, -1, -1]], dtype=torch.float64)
    with torch.no_grad():
        network[1].weight.copy_(w)
        network[3].weight.copy_(torch.tensor([[1.0, -0.5]]))
    x = torch.tensor([1.0, 0.5, -1, 0], dtype=torch.float64)
    # hidden: −3 → 0 and 3.5; score −1.75, all of it the second unit's
    z = torch.tensor([2.0, 0.5, 1, 0], dtype=torch.float64)  # all exciting, −1 · −1 among them
    expected = z / z.sum() * -1.75
    found = RAP()(Subject(network), x.view(1, 1, 2, 2), 0).values.flatten()
    assert torch.allclose(found, expected)
    with torch.no_grad():
        network[1].weight[1, 1] = -1.0
    # now x₁ inhibits by 0.5: hidden 2.5, score −1.25; shares 2/3, 1/7, 1/3 of it, then the shift
    given = torch.tensor([2 / 3, 0.5 / 3.5, 1 / 3], dtype=torch.float64) * -1.25
    expected = given - (given.sum() + 1.25) / 3
    found = RAP()(Subject(network), x.view(1, 1, 2, 2), 0).values.flatten()
    assert torch.allclose(found[:3], expected)
    assert found[3] == 0


def test_at_the_top_all_that_speaks_and_all_that_speaks_against_share_alike():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3, 1, bias=False)).double().eval()
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([[2.0, -1, 0.5]]))
    x = torch.tensor([1.0, 1, 2], dtype=torch.float64)
    # sizes 2, 1 and 1 of 4; the score is 2
    found = RAP()(Subject(network), x.view(1, 1, 1, 3), 0).values.flatten()
    assert torch.allclose(found, torch.tensor([1.0, 0.5, 0.5], dtype=torch.float64))


def test_a_dense_layer_keeps_the_sum_of_each_token():
    tokens = nn.Linear(2, 1, bias=False)
    network = nn.Sequential(tokens, nn.ReLU(), nn.Flatten(), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        tokens.weight.copy_(torch.tensor([[2.0, -1]]))
        network[3].weight.fill_(1.0)
    x = torch.tensor([[1.0, 1.5], [3.0, 0.5]], dtype=torch.float64)  # two rows, 0.5 and 5.5
    found = RAP()(Subject(network.double().eval()), x.view(1, 1, 2, 2), 0).values[0, 0]
    assert torch.allclose(found.sum(1), torch.tensor([0.5, 5.5], dtype=torch.float64))


def test_what_mattered_little_is_below_zero_and_lies_off_the_objects():
    data = pairs(10)
    maps = RAP()(data.subject, data.x, [scene.labels[0] for scene in data.scenes]).map()
    on = [scene.masks["object"] for scene in data.scenes]
    off_share = sum(
        -m.clip(max=0)[~o].sum() / -m.clip(max=0).sum() for m, o in zip(maps, on, strict=True)
    )
    area = sum((~o).mean() for o in on)
    on_share = sum(m.clip(0)[o].sum() / m.clip(0).sum() for m, o in zip(maps, on, strict=True))
    assert off_share > area
    assert on_share > 0.8 * len(on)
