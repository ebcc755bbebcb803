"""Controls know nothing of the network."""

import torch
from conftest import inputs_for
from networks import noise

from xaiwidgets.methods import EdgeDetector, RandomMap


class NeverAskedTwice(torch.nn.Module):
    """Answers, and notes every pass."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = []

    def forward(self, x):
        self.passes.append(len(x))
        return x.mean((2, 3))


def test_controls_spend_no_pass():
    for method in (EdgeDetector(), RandomMap()):
        network = NeverAskedTwice().eval()
        made = method(network, inputs_for("modules"), 1).provenance
        assert (made.forwards, made.backwards) == (0, 0)
        assert network.passes == [1]  # how many classes there are


def test_the_edge_detector_answers_the_same_for_any_network_and_class():
    x = inputs_for("modules")
    first = EdgeDetector()(NeverAskedTwice().eval(), x, 0).values
    assert torch.equal(EdgeDetector()(NeverAskedTwice().eval(), x, 2).values, first)


def test_the_edge_detector_finds_a_step_of_one_as_one_half_on_either_side():
    x = torch.zeros(1, 1, 6, 8)
    x[..., 4:] = 1.0
    values = EdgeDetector()(NeverAskedTwice().eval(), x, 0).values[0, 0]
    expected = torch.zeros(6, 8)
    expected[:, 3:5] = 0.5
    assert torch.allclose(values, expected)
    across = EdgeDetector()(NeverAskedTwice().eval(), x.transpose(2, 3), 0).values[0, 0]
    assert torch.allclose(across, expected.T)


def test_a_flat_picture_has_no_edges_not_even_at_its_border():
    assert EdgeDetector()(NeverAskedTwice().eval(), torch.ones(1, 3, 6, 6), 0).values.max() == 0


def test_the_random_map_is_normal_noise_that_a_seed_decides():
    x = noise(1, 3, 64, 64)
    first, again, other = (
        RandomMap(seed=seed)(NeverAskedTwice().eval(), x, 0).values for seed in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    # 4096 numbers: the mean within 4/64, the deviation within 4/√(2 · 4096)
    assert abs(first.mean().item()) < 0.0625
    assert abs(first.std().item() - 1) < 0.045


def test_the_random_map_is_not_the_weights_that_a_network_draws_from_seed_0():
    torch.manual_seed(0)
    drawn = torch.randn(1, 1, 8, 8)
    values = RandomMap()(NeverAskedTwice().eval(), noise(1, 3, 8, 8), 0).values
    assert abs(torch.corrcoef(torch.stack([drawn.flatten(), values.flatten()]))[0, 1]) < 0.5
