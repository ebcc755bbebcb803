"""Maps that are shown before they are finished, without a page."""

import copy
import threading
import time

import numpy as np
import pytest
import torch
from conftest import network_of
from networks import noise
from page import ask

import xaiwidgets as xw
from xaiwidgets.core.job import current_job
from xaiwidgets.widgets import pack


class Gate:
    """A black box that answers so many questions, then waits to be let go on."""

    def __init__(self, batches: int) -> None:
        self.batches, self.gate, self.asked = batches, threading.Event(), 0

    def __call__(self, array):
        self.asked += len(array) > 1
        if self.asked > self.batches:
            assert self.gate.wait(20)
        first, second = array[..., :8, :8].mean((1, 2, 3)), array[..., 8:].mean((1, 2, 3))
        return np.stack([first * second**2, second], 1)


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


SAMPLING = [
    xw.RISE(samples=320), xw.LIME(samples=320), xw.KernelShap(samples=320, segments=16),
    xw.ShapleySampling(samples=40, segments=16),
]  # fmt: skip


@pytest.mark.parametrize("method", SAMPLING, ids=lambda method: type(method).__name__)
def test_the_map_of_the_first_batch_is_on_the_page_while_the_rest_is_asked(method):
    box = Gate(1 + isinstance(method, (xw.KernelShap, xw.ShapleySampling)))  # the ends are a batch
    w = xw.compare(box, torch.rand(1, 16, 16), 0, methods=[method])
    until(lambda: w.slot_00)
    assert w.status["p1"]["status"] == "running"
    first = dict(w.slot_00)
    assert first["request"] == w.status["p1"]["request"]
    assert "error" in first
    assert any("so far" in fact for fact in first["facts"])
    box.gate.set()
    w.wait(20)
    assert w.status["p1"]["status"] == "done"
    assert w.slot_00["forwards"] > first["forwards"]
    assert not any("so far" in fact for fact in w.slot_00["facts"])
    errors = [np.abs(pack.unpack(slot["error"])).mean() for slot in (first, w.slot_00)]
    assert errors[1] < errors[0]
    w.close()


def test_a_map_of_channels_is_on_the_page_after_the_first_of_them(monkeypatch):
    monkeypatch.setattr(xw.Subject, "batch_size", lambda *_, **__: 4)
    network, gate, batches = copy.deepcopy(network_of("modules")), threading.Event(), []

    def wait(_, inputs):
        batches.extend([1] * (len(inputs[0]) == 4))
        if len(batches) > 1:
            assert gate.wait(20)

    network.register_forward_pre_hook(wait)
    w = xw.compare(network, noise(1, 3, 32, 32), 0, methods=[xw.ScoreCam(relu=False)])
    until(lambda: w.slot_00)
    assert w.status["p1"]["status"] == "running"
    first = dict(w.slot_00)
    assert first["facts"][-1] == "4 of 12 channels so far."
    gate.set()
    w.wait(20)
    assert w.status["p1"]["status"] == "done"
    assert not np.array_equal(pack.unpack(w.slot_00["map"]), pack.unpack(first["map"]))
    w.close()


def test_a_cancelled_panel_keeps_what_it_has():
    box = Gate(1)
    w = xw.compare(box, torch.rand(1, 16, 16), 0, methods=[xw.RISE(samples=3200)])
    until(lambda: w.slot_00)
    assert ask(w, "cancel", panel="p1")["ok"]
    box.gate.set()
    w.wait(20)
    assert w.status["p1"]["status"] == "cancelled"
    assert w.answers["RISE"].provenance.forwards < 3200
    np.testing.assert_allclose(pack.unpack(w.slot_00["map"]), w.answers["RISE"].map()[0], atol=1e-3)
    assert ask(w, "retry", panel="p1")["ok"]
    w.wait(20)
    assert w.answers["RISE"].provenance.forwards == 3200
    w.close()


def test_an_unfinished_map_of_an_older_request_is_dropped():
    begun, late, shown = threading.Event(), threading.Event(), threading.Event()

    class Late(xw.Attribution, title=""):
        level: int = xw.knob(default=1, low=1, high=9, help="what the map is made of")

        def attribute(self, subject, x, target):
            subject(x)
            if self.level == 1:
                begun.set()
                assert late.wait(20)
                current_job().show(lambda: xw.Findings(x * 0 + 1))
                shown.set()
            return x * 0 + self.level

    w = xw.compare(Gate(99), torch.rand(1, 16, 16), 0, methods=[Late()])
    assert begun.wait(20)
    ask(w, "set_knob", panel="p1", knob="level", value=5)
    late.set()
    assert shown.wait(20)
    assert w.slot_00 == {} or w.slot_00["high"] == 5
    w.wait(20)
    assert w.slot_00["high"] == 5
    w.close()


def test_an_unfinished_map_is_never_kept_for_later():
    w = xw.compare(Gate(99), torch.rand(1, 16, 16), 0, methods=[xw.RISE(samples=320)]).wait(20)
    before = len(w._panels.cache)
    assert before == 1
    ask(w, "retry", panel="p1")
    w.wait(20)
    assert w.answers["RISE"].provenance.cached
    w.close()


def test_a_film_waits_for_the_finished_map():
    box = Gate(999)
    method = xw.RISE(samples=64, cells=3)
    w = xw.compare(box, torch.rand(1, 16, 16), 0, methods=[method], films={"RISE": "form"})
    w.wait(60)
    box.asked, box.batches = 0, 1
    ask(w, "set_knob", panel="p1", knob="samples", value=96)
    until(lambda: any("so far" in fact for fact in w.slot_00["facts"]))
    assert w.status["p1"]["status"] == "running"
    (followed,) = w._walk._walks.values()
    assert followed._ready() == []
    box.gate.set()
    w.wait(60)
    assert len(followed._ready()) == 1
    w.close()


def test_gradients_that_are_averaged_over_draws_are_shown_too():
    for method in (xw.SmoothGrad(samples=200), xw.GradientShap(samples=200)):
        seen = []
        found = method(network_of("modules"), noise(1, 3, 32, 32), 1, partial=seen.append)
        assert seen[0].provenance.backwards < 200
        assert seen[0].error.mean() > found.error.mean()
        close = method.having(precision=0.5)(network_of("modules"), noise(1, 3, 32, 32), 1)
        assert 16 <= close.provenance.backwards < 200
        assert close.numbers["standard_error"] <= 0.5


def test_the_first_map_takes_one_batch():
    batches, cancel = [], xw.CancelToken()
    subject, x = xw.Subject(Gate(99)), torch.rand(1, 16, 16)
    subject.batch_size(subject.prepare(x).x)
    subject.model.register_forward_pre_hook(lambda *_: batches.append(1))
    with pytest.raises(xw.Cancelled):
        xw.RISE()(subject, x, 0, partial=lambda _: cancel.cancel(), cancel=cancel)
    assert len(batches) == 1
