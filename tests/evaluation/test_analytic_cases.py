"""Networks whose explanations are known in closed form."""

import pytest
import torch
from networks import noise

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.evaluation import LinearCase, SumPoolCase

CLOSE = {"rtol": 1e-9, "atol": 1e-12}


def test_on_a_linear_network_every_average_of_gradients_is_the_weights():
    x = noise(2, 3, 8, 8, dtype=torch.float64)
    network = LinearCase(noise(4, 3, 8, 8, seed=2, dtype=torch.float64)).double().eval()
    expected = network.closed_forms(x, 2)
    for method in (
        xw.Saliency(), xw.SmoothGrad(samples=3), xw.GradientTimesInput(),
        xw.IntegratedGradients(steps=4),
    ):  # fmt: skip
        values = method(network, x, 2).values
        loose = {"rtol": 1e-6, "atol": 1e-8} if "Integrated" in repr(method) else CLOSE
        torch.testing.assert_close(values, expected[type(method).__name__], **loose)


def test_on_a_linear_network_integrated_gradients_know_their_baseline():
    x = noise(1, 3, 8, 8, dtype=torch.float64)
    network = LinearCase(noise(2, 3, 8, 8, seed=2, dtype=torch.float64)).double().eval()
    values = xw.IntegratedGradients(steps=4, baseline="white")(network, x, 0).values
    expected = network.closed_forms(x, 0, 1.0)["IntegratedGradients"]
    torch.testing.assert_close(values, expected, rtol=1e-6, atol=1e-8)


def test_the_gradient_of_a_sum_pooled_convolution_by_hand():
    x = noise(2, 3, 10, 12, dtype=torch.float64)
    network = SumPoolCase(noise(3, 3, 4, seed=5, dtype=torch.float64)[..., :4]).double().eval()
    values = xw.Saliency()(network, x, 0).values
    torch.testing.assert_close(values, network.closed_forms(x)["Saliency"], **CLOSE)


def test_the_gradient_of_a_sum_pooled_convolution_is_an_edge_detector():
    # all kernels of positive weights: inside a bright or a dark area the gradient is constant
    picture = torch.full((1, 1, 20, 20), -1.0)
    picture[..., 10:] = 1.0
    network = SumPoolCase(torch.rand(1, 3, 3) + 0.1).eval()
    gradient = xw.Saliency()(network, picture, 0).values[0, 0]
    inside = gradient[3:-3]
    assert float(inside[:, 3:7].std()) == pytest.approx(0, abs=1e-6)
    assert float(inside[:, 13:17].std()) == pytest.approx(0, abs=1e-6)
    assert float(inside[:, 9:11].abs().max()) > 0
    assert float(inside[:, 5].mean()) != pytest.approx(float(inside[:, 15].mean()))


def test_shapes_that_do_not_fit_are_refused_in_words():
    with pytest.raises(ExplainError, match=r"classes, channels"):
        LinearCase(torch.ones(3, 4))
    with pytest.raises(ExplainError, match=r"it takes \(channels"):
        SumPoolCase(torch.ones(3, 3))
