"""Maps made of many passes are there after the first batch, and sharpen."""

import pytest
import torch
from conftest import inputs_for, network_of
from networks import noise

import xaiwidgets as xw
from xaiwidgets.core.errors import Cancelled
from xaiwidgets.core.subject import Subject

BY_CHANNEL = [xw.ScoreCam(relu=False), xw.AblationCam(relu=False)]


@pytest.fixture
def one_at_a_time(monkeypatch):
    """Batches of two, and a look after each of them."""
    monkeypatch.setattr(Subject, "batch_size", lambda *_, **__: 2)
    monkeypatch.setattr("xaiwidgets.core.job._PAUSE", 0.0)
    monkeypatch.setattr("xaiwidgets.core.job._SHARE", 0.0)


@pytest.mark.parametrize("method", BY_CHANNEL, ids=lambda m: type(m).__name__)
def test_channels_are_tried_in_the_order_in_which_their_maps_vary(method, one_at_a_time):
    network, x, seen = network_of("modules"), inputs_for("modules", 1), []
    found = method(network, x, 1, partial=seen.append)
    assert [heat.facts[-1] for heat in seen] == [
        f"{done} of 12 channels so far." for done in range(2, 14, 2)
    ]
    for count, heat in zip(range(2, 14, 2), seen, strict=True):
        few = method.having(channels=count)(network, x, 1)
        torch.testing.assert_close(heat.values, few.values, rtol=1e-4, atol=1e-6)
    assert torch.equal(seen[-1].values, found.values)
    assert not torch.allclose(seen[0].values, found.values)


@pytest.mark.parametrize("method", BY_CHANNEL, ids=lambda m: type(m).__name__)
def test_inputs_and_layers_that_wait_for_their_turn_are_left_out(method, one_at_a_time):
    network, x, seen = network_of("modules"), inputs_for("modules", 2), []
    both = method.having(layer="1, 4")
    found = both(network, x, [0, 1], partial=seen.append)
    assert seen[0].facts[0].startswith("Layer 1")
    assert len(seen[0].facts) == 2
    assert seen[0].values[0].abs().max() > 0
    assert seen[0].values[1].abs().max() == 0
    alone = method.having(layer="1")(network, x[:1], 0)
    torch.testing.assert_close(seen[3].values[0], alone.values[0], rtol=1e-4, atol=1e-6)
    assert torch.equal(seen[-1].values, found.values)


@pytest.mark.parametrize("method", BY_CHANNEL, ids=lambda m: type(m).__name__)
def test_cancelling_stops_before_the_next_batch_of_channels(method, one_at_a_time):
    cancel, passes = xw.CancelToken(), []
    with pytest.raises(Cancelled):
        method(
            network_of("modules"), inputs_for("modules", 1), 1, cancel=cancel,
            partial=lambda heat: (passes.append(heat.provenance.forwards), cancel.cancel()),
        )  # fmt: skip
    assert passes == [3]  # the layer's output, and two channels


# --- Smooth Grad-CAM++ ----------------------------------------------------------------------------


def test_the_standard_error_is_how_far_other_noise_takes_the_map():
    network, x = network_of("functional"), noise(1, 3, 32, 32, seed=5)
    method = xw.SmoothGradCamPlusPlus(samples=40, relu=False)
    answers = [method.having(seed=seed)(network, x, 1) for seed in range(24)]
    told = torch.stack([answer.error for answer in answers]).square().mean().sqrt()
    seen = torch.stack([answer.values for answer in answers]).std(0).square().mean().sqrt()
    assert 0.6 < float(told / seen) < 1.6
    more = method.having(samples=160)(network, x, 1)
    assert 0.3 < float(more.error.norm() / answers[0].error.norm()) < 0.8


def test_it_stops_where_a_wished_precision_is_reached(one_at_a_time):
    network, x, seen = network_of("functional"), noise(2, 3, 32, 32, seed=5), []
    method = xw.SmoothGradCamPlusPlus(samples=400)
    close = method.having(precision=0.3)(network, x, 1, partial=seen.append)
    assert 32 <= close.provenance.backwards < 800
    assert close.numbers["standard_error"] <= 0.4
    assert "2 of 400 samples so far." in seen[0].facts
    assert "standard_error" in seen[0].numbers


def test_of_one_copy_alone_nothing_is_known_of_the_error():
    from xaiwidgets.methods.cam.smooth_gradcam_plus_plus import Powers, _jackknife

    maps = noise(1, 4, 3, 3).abs()
    powers = Powers([maps])
    powers.add([noise(1, 4, 3, 3, seed=2)])
    (alone,) = powers.maps()
    assert len(alone) == 1
    assert torch.equal(_jackknife(alone), alone[0].abs())
    powers.add([noise(1, 4, 3, 3, seed=3)])
    assert len(powers.maps()[0]) == 3


def test_leaving_a_group_out_is_the_map_of_the_other_copies():
    from xaiwidgets.methods.cam.smooth_gradcam_plus_plus import GROUPS, Powers

    maps, slopes = noise(1, 4, 3, 3).abs(), noise(20, 4, 3, 3, seed=2)
    every, without = Powers([maps]), Powers([maps])
    every.add([slopes[:7]])
    every.add([slopes[7:]])
    without.add([slopes[torch.arange(20) % GROUPS != 3]])
    torch.testing.assert_close(every.maps()[0][1 + 3], without.maps()[0][0])
