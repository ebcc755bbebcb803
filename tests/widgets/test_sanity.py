"""The widget on a network that forgets: what Python makes, in which order, and what it sends."""

import inspect
import json
import re
import threading
import time

import numpy as np
import pytest
import torch
from conftest import inputs_for
from networks import FunctionalNetwork, ModuleNetwork, seeded

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation.sanity.forgetful import Forgetful, ForgettingBlocks, Oblivion
from xaiwidgets.widgets import pack
from xaiwidgets.widgets.compare import Compare

QUICK = [xw.Saliency(), xw.EdgeDetector()]
TOP_DOWN = ["7", "3 + 7", "0 + 3 + 7"]


def a_subject():
    return Subject(seeded(ModuleNetwork), classes=list("abcde"))


def made(**more):
    more = {"methods": QUICK, "draws": 1, **more}
    return xw.sanity(a_subject(), inputs_for("modules", 2), **more).wait(60)


@pytest.fixture
def sent(monkeypatch):
    """Every frame that any widget sends: (film, key) and its map."""
    frames, send = [], Compare.send

    def listen(self, content, buffers=None):
        if content.get("type") == "frame":
            head = content["frame"]["map"]
            frames.append((content["film"], content["key"], {**head, "data": buffers[0]}))
        send(self, content, buffers)

    monkeypatch.setattr(Compare, "send", listen)
    return frames


@pytest.fixture
def looked(monkeypatch):
    """Every step in the order in which it is begun."""
    steps, at = [], Oblivion.at

    def note(self, key, draw, method):
        steps.append((key, draw))
        return at(self, key, draw, method)

    monkeypatch.setattr(Oblivion, "at", note)
    return steps


def until(true):
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


class Gate:
    """A method that asks the network until it is let go, so that it can be stopped meanwhile."""

    def __init__(self):
        self.trained, self.calls, self.stuck = None, 0, threading.Event()
        self.open = threading.Event()

    def __call__(self, subject, x, target):
        self.trained = self.trained or subject.model
        self.calls += 1
        while subject.model is not self.trained and not self.open.is_set():
            subject(x)
            self.stuck.set()
        return x * float(subject(x).detach().sum())


def test_maps_come_one_by_one_in_full_and_with_their_similarity(sent):
    w = made()
    assert [step["key"] for step in w.experiment["steps"]] == TOP_DOWN
    assert [step["label"] for step in w.experiment["steps"]] == ["7", "3", "0"]
    answer, trail = w.answers["Saliency"], w.trails[w.panels[0]["id"]]
    assert trail["request"] == w.slot_00["request"]
    assert "frames" not in w.slot_00
    for key, frame in zip(TOP_DOWN, answer.frames, strict=True):
        assert trail["marks"][key]["value"] == pytest.approx(frame.number)
        (came,) = [array for film, name, array in sent if (film, name) == (trail["film"], key)]
        whole = frame.values.sum(1)[0].numpy()
        assert came["shape"] == list(whole.shape)
        assert pack.unpack(came) == pytest.approx(whole, abs=1e-3 * float(np.abs(whole).max()))
    controls = w.trails[w.panels[1]["id"]]["marks"].values()
    assert [mark["value"] for mark in controls] == pytest.approx([1, 1, 1])
    assert w.walk["status"] == "done"
    assert w.walk["done"] == w.walk["total"] == 6
    w.close()


def test_its_call_starts_as_the_experiment_does():
    call = inspect.signature(xw.sanity).parameters
    knobs = ForgettingBlocks.knobs
    assert {name: call[name].default for name in knobs} == {n: k.default for n, k in knobs.items()}


def test_what_it_finds_is_what_the_headless_method_finds():
    subject, x = a_subject(), inputs_for("modules", 1)
    other = Subject(seeded(ModuleNetwork))
    settings = {"mode": "bottom up", "measure": "pearson", "draws": 3, "seed": 4}
    w = xw.sanity(subject, x, 2, [xw.Saliency()], others={"b": other}, **settings).wait(60)
    found = w.answers["Saliency"]
    alone = Forgetful(xw.Saliency(), {"b": other}, **settings)(subject, x, 2)
    assert found.numbers == alone.numbers
    assert found.facts == alone.facts
    assert [frame.label for frame in found.frames] == ["0", "3", "7", "b"]
    for mine, theirs in zip(found.frames, alone.frames, strict=True):
        assert torch.equal(mine.values, theirs.values)
    w.close()


def test_the_trained_map_comes_first_and_a_step_that_is_asked_for_before_the_others(looked):
    gate = Gate()
    w = xw.sanity(a_subject(), inputs_for("modules", 1), methods=[gate], draws=1)
    assert gate.stuck.wait(30)
    assert w.status[w.panels[0]["id"]]["status"] == "done"
    assert w.answers["Gate"].frames == []
    assert looked == [(TOP_DOWN[0], 0)]
    w._do("show_step", {"key": TOP_DOWN[2]})
    until(lambda: looked[-1] == (TOP_DOWN[2], 0))
    gate.open.set()
    w.wait(60)
    assert [key for key, _ in looked] == [TOP_DOWN[i] for i in (0, 2, 0, 1)]
    assert len(w.answers["Gate"].frames) == 3
    w.close()


def test_an_abandoned_step_stops_at_its_next_pass(looked):
    gate = Gate()
    w = xw.sanity(a_subject(), inputs_for("modules", 1), methods=[gate], draws=1)
    assert gate.stuck.wait(30)
    for key in (TOP_DOWN[1], TOP_DOWN[2]):
        w._do("show_step", {"key": key})
        until(lambda key=key: looked[-1] == (key, 0))
    gate.open.set()
    w.wait(60)
    w.close()


def test_a_panels_own_answer_goes_before_steps_that_nobody_asked_for():
    gate = Gate()
    w = xw.sanity(a_subject(), inputs_for("modules", 1), methods=[gate], draws=1)
    assert gate.stuck.wait(30)
    added = w._do("add_panel", {"method": "Saliency"})
    until(lambda: w.status[added]["status"] == "done")
    assert not gate.open.is_set()
    gate.open.set()
    w.wait(60)
    assert [len(answer.frames) for answer in w.answers.values()] == [3, 3]
    w.close()


def test_numbers_of_quick_panels_do_not_wait_for_a_slow_one():
    trained = a_subject()
    here, on = threading.Event(), threading.Event()

    def slow(subject, x, target):
        time.sleep(0.2)
        if subject.model is not trained.model:
            here.set()
            on.wait(30)
        return x

    methods = [*QUICK, xw.GradientTimesInput(), slow]
    w = xw.sanity(trained, inputs_for("modules", 1), methods=methods, draws=1)
    assert here.wait(30)
    marks = [w.trails[card["id"]]["marks"].get(TOP_DOWN[0]) for card in w.panels]
    assert [mark is not None for mark in marks] == [True, True, True, False]
    assert (w.walk["panel"], w.walk["key"]) == (w.panels[3]["id"], TOP_DOWN[0])
    on.set()
    w.wait(60)
    w.close()


def test_a_step_that_is_being_made_is_not_begun_again(looked):
    gate = Gate()
    w = xw.sanity(a_subject(), inputs_for("modules", 1), methods=[gate], draws=1)
    assert gate.stuck.wait(30)
    w._do("show_step", {"key": TOP_DOWN[0]})
    gate.open.set()
    w.wait(60)
    assert [key for key, _ in looked].count(TOP_DOWN[0]) == 1
    w.close()


def test_the_first_draw_of_every_step_comes_before_the_second(looked):
    w = made(draws=3)
    draws = [draw for _, draw in looked]
    assert draws == sorted(draws)
    assert len(looked) == 2 * 3 * 3
    mark = w.trails[w.panels[0]["id"]]["marks"][TOP_DOWN[0]]
    assert mark["low"] <= mark["value"] <= mark["high"]
    assert mark["low"] < mark["high"]
    w.close()


def test_a_set_of_blocks_that_was_seen_is_there_in_every_mode(looked):
    w = made()
    looked.clear()
    w._do("set_experiment", {"knob": "mode", "value": "one at a time"})
    w.wait(60)
    assert [step["key"] for step in w.experiment["steps"]] == ["7", "3", "0"]
    assert {key for key, _ in looked} == {"3", "0"}
    looked.clear()
    w._do("set_experiment", {"knob": "mode", "value": "top down"})
    w.wait(60)
    assert looked == []
    assert w.trails[w.panels[0]["id"]]["verdict"].startswith("It keeps")
    w.close()


def test_any_set_of_blocks_may_forget():
    w = made(mode="any blocks")
    assert w.experiment["switches"] == "any"
    assert w.experiment["names"] == ["0", "3", "7"]
    w._do("show_step", {"key": "0 + 7"})
    w.wait(60)
    mark = w.trails[w.panels[0]["id"]]["marks"]["0 + 7"]
    assert mark["words"].endswith("when '0' and '7' forget.")
    with pytest.raises(ExplainError, match="No block is called 'nine'"):
        w._do("show_step", {"key": "0 + nine"})
    w.close()


def test_another_measure_compares_the_maps_that_are_there_and_runs_no_method(looked):
    w = made()
    first = w.answers["Saliency"].numbers
    looked.clear()
    w._do("set_experiment", {"knob": "measure", "value": "pearson"})
    w.wait(60)
    assert looked == []
    alone = Forgetful(xw.Saliency(), measure="pearson")(a_subject(), inputs_for("modules", 2)[:1])
    found = w.answers["Saliency"].numbers
    assert found.keys() == first.keys()
    assert found == pytest.approx(alone.numbers)
    assert found != first
    with pytest.raises(ExplainError, match="mode is 'sideways'"):
        w._do("set_experiment", {"knob": "mode", "value": "sideways"})
    assert w.experiment["settings"]["mode"] == "top down"
    w.close()


def test_another_seed_shows_other_maps(sent):
    w = made()
    film, frames = w.trails[w.panels[0]["id"]]["film"], w.answers["Saliency"].frames
    w._do("set_experiment", {"knob": "seed", "value": 5})
    w.wait(60)
    assert w.trails[w.panels[0]["id"]]["film"] != film
    assert not torch.equal(w.answers["Saliency"].frames[0].values, frames[0].values)
    sent.clear()
    w._do("set_experiment", {"knob": "seed", "value": 0})
    w.wait(60)
    assert w.trails[w.panels[0]["id"]]["film"] == film
    assert len(sent) == 6
    w.close()


def test_an_input_that_was_seen_brings_its_maps_at_once(looked):
    w = made()
    w.select(1).wait(60)
    looked.clear()
    w.select(0).wait(60)
    assert looked == []
    assert len(w.answers["Saliency"].frames) == 3
    w.close()


def test_knobs_and_added_panels_follow_and_a_held_one_keeps_its_maps():
    w = made()
    panel = w.panels[0]["id"]
    w._do("set_knob", {"panel": panel, "knob": "form", "value": "absolute"})
    added = next(card["name"] for card in w.about["methods"] if "Gradient × input" in card["title"])
    w._do("add_panel", {"method": added})
    w.wait(60)
    for answer in w.answers.values():
        assert len(answer.frames) == 3
    assert w.answers["Saliency"].provenance.settings == {"form": "absolute"}
    held = w.trails[panel]
    w._do("pin_panel", {"panel": panel, "pinned": True})
    w.select(1).wait(60)
    assert w.trails[panel] == held
    w._do("remove_panel", {"panel": panel})
    assert panel not in w.trails
    w.close()


def test_a_network_beside_adds_a_map_of_one_draw():
    w = made(others={"another": seeded(ModuleNetwork)}, draws=2)
    assert [step["label"] for step in w.experiment["beside"]] == ["another"]
    assert w.answers["Saliency"].frames[-1].label == "another"
    mark = w.trails[w.panels[0]["id"]]["marks"]["network: another"]
    assert "low" not in mark
    assert "when the network is 'another'" in mark["words"]
    w.close()
    with pytest.raises(ExplainError, match=r"others\['x'\] is a str"):
        made(others={"x": "network"})


def test_a_step_at_which_a_method_fails_says_why_and_the_others_go_on():
    trained = a_subject()

    def picky(subject, x, target):
        if subject.model is not trained.model:
            raise ValueError("I only speak of trained networks.")
        return x

    w = xw.sanity(trained, inputs_for("modules", 1), methods=[picky, xw.Saliency()], draws=1).wait(
        60
    )
    mark = w.trails[w.panels[0]["id"]]["marks"][TOP_DOWN[0]]
    assert mark["failed"]
    assert "I only speak of trained networks" in mark["words"]
    assert len(w.answers["Saliency"].frames) == 3
    assert w.answers["picky"].frames == []
    assert w.walk["status"] == "done"
    w.close()


def test_work_that_was_stopped_makes_what_is_asked_for_and_goes_on_when_told():
    gate = Gate()
    w = xw.sanity(a_subject(), inputs_for("modules", 1), methods=[gate], draws=1)
    assert gate.stuck.wait(30)
    w._do("stop_steps", {})
    gate.open.set()
    w.wait(60)
    assert w.walk["status"] == "stopped"
    assert w.answers["Gate"].frames == []
    w._do("show_step", {"key": TOP_DOWN[1]})
    w.wait(60)
    assert [frame.label for frame in w.answers["Gate"].frames] == ["3"]
    w._do("fill_steps", {})
    w.wait(60)
    assert len(w.answers["Gate"].frames) == 3
    w.close()


def test_a_cancel_stops_a_step_that_was_asked_for_too():
    gate = Gate()
    w = xw.sanity(a_subject(), inputs_for("modules", 1), methods=[gate], draws=1)
    assert gate.stuck.wait(30)
    w._do("show_step", {"key": TOP_DOWN[1]})
    w._do("cancel", {})
    w.wait(20)
    assert w._worker.idle
    assert w.walk["status"] == "cancelled"
    assert w.answers["Gate"].frames == []
    w._do("show_step", {"key": ""})
    assert w.walk["status"] == "cancelled"
    gate.open.set()
    w._do("show_step", {"key": TOP_DOWN[1]})
    assert w.walk["status"] in ("running", "stopped")
    w.wait(60)
    assert w.walk["status"] == "stopped"
    assert [frame.label for frame in w.answers["Gate"].frames] == ["3"]
    w.close()


def test_filling_in_after_a_cancel_begins_with_the_step_on_screen(sent):
    gate = Gate()
    w = xw.sanity(a_subject(), inputs_for("modules", 1), methods=[gate], draws=1)
    assert gate.stuck.wait(30)
    w._do("show_step", {"key": TOP_DOWN[1]})
    w._do("cancel", {})
    w.wait(20)
    gate.open.set()
    assert sent == []
    w._do("fill_steps", {})
    w.wait(60)
    assert [key for _, key, _ in sent] == [TOP_DOWN[1], TOP_DOWN[0], TOP_DOWN[2]]
    assert len(w.answers["Gate"].frames) == 3
    assert w.walk["status"] == "done"
    w.close()


def test_a_new_view_gets_every_map_again(sent):
    w = made()
    before = sorted((film, key) for film, key, _ in sent)
    sent.clear()
    w._do("send_frames", {})
    assert sorted((film, key) for film, key, _ in sent) == before
    w.close()


def test_the_code_makes_the_same_experiment_again():
    w = made(mode="one at a time", seed=3, draws=3)
    said = w.python()
    assert "w = xw.sanity(" in said
    assert "xw.Saliency()," in said
    assert "mode='one at a time'," in said
    assert "seed=3," in said
    assert "measure" not in said
    assert "draws" not in said
    w.close()


def test_the_code_names_the_networks_beside_or_asks_for_them():
    second = seeded(ModuleNetwork)
    beside = {"second": second}
    pictures = inputs_for("modules", 1)
    plain = {"methods": QUICK, "draws": 1}
    w = xw.sanity(a_subject(), pictures, **plain, others=beside)
    assert "    others=beside,\n" in w.python()
    w.close()
    w = xw.sanity(
        a_subject(), pictures, **plain, others={"second": second, "b": seeded(ModuleNetwork)}
    )
    said = w.python()
    assert "        'second': second,\n" in said
    assert "        'b': ...,  # your network\n" in said
    compile(said, "cell", "exec")
    w.close()


def test_a_widget_without_an_experiment_has_none_of_its_commands():
    w = xw.compare(seeded(FunctionalNetwork), inputs_for("functional", 1), methods=QUICK).wait(60)
    assert w.experiment == {}
    with pytest.raises(ExplainError, match="'set_experiment' is no command"):
        w._do("set_experiment", {"knob": "mode", "value": "bottom up"})
    w.close()


def test_numbers_that_json_cannot_say_do_not_travel():
    def constant(subject, x, target):
        return x * 0 + 1

    w = xw.sanity(
        seeded(ModuleNetwork), inputs_for("modules", 1), methods=[constant], draws=2
    ).wait(60)
    marks = w.trails[w.panels[0]["id"]]["marks"].values()
    assert [mark["value"] for mark in marks] == [None] * 3
    json.dumps([w.experiment, w.trails, w.walk], allow_nan=False)
    w.close()


def test_the_exported_page_holds_every_step_of_every_input(tmp_path):
    w = made()
    w._do("stop_steps", {})
    page = w.to_html(tmp_path / "sanity.html").read_text()
    state = re.search(r'class="xw-state">(.*?)</script>', page, re.S).group(1)
    library = json.loads(state)["library"]
    assert len(library) == 2
    for held in library.values():
        for trail in held["trails"].values():
            assert set(held["frames"][str(trail["film"])]) == set(TOP_DOWN)
            assert held["walk"]["status"] == "done"
    w.close()
