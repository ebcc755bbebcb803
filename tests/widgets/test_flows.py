"""Flows of relevance in a widget: computed when asked for, told as rows, let go with their map."""

import itertools
import json
import re
import threading

import numpy as np
import pytest
import torch
from conftest import inputs_for
from networks import ModuleNetwork, ResidualNetwork, noise, seeded
from page import ask
from texts import bert, word_tokenizer

import xaiwidgets as xw
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods.relevance import Epsilon, Table
from xaiwidgets.widgets import pack
from xaiwidgets.widgets.waterfall import way_of
from xaiwidgets.widgets.worker import Worker

METHODS = [xw.LRP(preset="ε", epsilon=0.01), xw.Saliency(), xw.CLRP()]


def made(count=1, methods=METHODS, network=ModuleNetwork):
    subject = Subject(seeded(network), classes=list("abcde"))
    return xw.compare(subject, inputs_for("modules", count), methods=methods)


@pytest.fixture
def widget():
    w = made(2).wait(60)
    yield w
    w.close()


def flow(w, panel=0):
    return getattr(w, f"flow_{w.panels[panel]['slot']:02d}")


def looked_at(w, panel=0):
    assert ask(w, "show_flow", panel=w.panels[panel]["id"])["ok"]
    w.wait(60)
    return flow(w, panel)


# --- when ---------------------------------------------------------------------------------------


def test_nobody_pays_for_a_flow_that_nobody_looks_at(widget):
    assert [card["flow"] for card in widget.panels] == [True, False, True]
    assert [flow(widget, i) for i in range(3)] == [{}, {}, {}]


def test_a_flow_is_told_once_and_then_known(widget):
    card = looked_at(widget)
    assert card["status"] == "done"
    assert card["request"] == widget.slot_00["request"]
    assert looked_at(widget) is card


def test_a_method_that_shares_no_relevance_says_so(widget):
    reply = ask(widget, "show_flow", panel=widget.panels[1]["id"])
    assert "Saliency does not share relevance layer by layer" in reply["error"]
    assert flow(widget, 1) == {}


def test_a_new_map_lets_go_of_the_flow_of_the_old_one(widget):
    before = looked_at(widget)
    widget.explain(2).wait(60)
    assert flow(widget) == {}
    after = looked_at(widget)
    assert after["request"] == before["request"] + 1
    assert after["ways"][0]["rows"][0]["flowing"] != before["ways"][0]["rows"][0]["flowing"]
    ask(widget, "remove_panel", panel=widget.panels[0]["id"])
    assert widget.flow_00 == {}


def test_a_pinned_panel_tells_the_flow_of_the_map_that_it_holds(widget):
    before = looked_at(widget)
    ask(widget, "pin_panel", panel=widget.panels[0]["id"], pinned=True)
    widget.select(1).wait(60)
    assert flow(widget) == before


def test_a_network_that_has_changed_meanwhile_is_not_followed():
    w = made().wait(60)
    with torch.no_grad():
        next(w.subject.model.parameters()).add_(0.1)
    card = looked_at(w)
    assert card["status"] == "error"
    assert card["message"].startswith("The network has changed since this map was made")
    w.close()


class Held(torch.nn.Module):
    """A network that can be held up in its forward pass."""

    def __init__(self):
        super().__init__()
        self.inner = seeded(ModuleNetwork)
        self.hold, self.started, self.go = False, threading.Event(), threading.Event()

    def forward(self, x):
        if self.hold:
            self.started.set()
            assert self.go.wait(20)
        return self.inner(x)


@pytest.fixture
def held():
    w = xw.compare(Subject(Held().eval()), inputs_for("modules", 1), methods=[xw.LRP()]).wait(60)
    yield w, w.subject.model
    w.subject.model.go.set()
    w.close()


def test_a_flow_is_stopped_when_nobody_looks_any_more(held):
    w, network = held
    network.hold = True
    panel = w.panels[0]["id"]
    ask(w, "show_flow", panel=panel)
    assert network.started.wait(20)
    assert flow(w)["status"] == "running"
    ask(w, "stop_flow", panel=panel)
    assert (flow(w)["status"], flow(w)["message"]) == ("cancelled", "Cancelled.")
    network.hold = False
    network.go.set()
    w.wait(60)
    assert flow(w)["status"] == "cancelled"
    assert looked_at(w)["status"] == "done"


def test_a_map_that_is_asked_for_goes_before_a_flow_that_runs(held):
    w, network = held
    network.hold = True
    ask(w, "show_flow", panel=w.panels[0]["id"])
    assert network.started.wait(20)
    network.hold = False
    ask(w, "add_panel", method="LRP")
    network.go.set()
    w.wait(60)
    assert w.status[w.panels[1]["id"]]["status"] == "done"
    assert flow(w)["status"] == "done"


def test_what_a_reader_looks_at_goes_before_other_work_that_gives_way():
    worker, done, started = Worker(), [], threading.Event()

    def long(token):
        started.set()
        while not token.cancelled and "flow" not in done:
            threading.Event().wait(0.01)
        done.append("badges" if not token.cancelled else "given way")

    worker.submit("badges", long, last=True)
    assert started.wait(10)
    worker.submit("flow", lambda token: done.append("flow"), first=True, last=True)
    assert worker.wait(10)
    assert done == ["given way", "flow", "badges"]


def test_all_work_that_is_cancelled_takes_the_flow_with_it(held):
    w, network = held
    network.hold = True
    ask(w, "show_flow", panel=w.panels[0]["id"])
    assert network.started.wait(20)
    ask(w, "cancel")
    assert flow(w)["status"] == "cancelled"


# --- what ---------------------------------------------------------------------------------------


def test_the_rows_are_what_explain_rules_says(widget):
    way = looked_at(widget)["ways"][0]
    x = inputs_for("modules", 1)
    found = METHODS[0].explain_rules(widget.subject, x, widget.target["indices"][0])
    top, *rows, bottom = way["rows"]
    assert (top["label"], bottom["label"]) == ("output", "input")
    assert top["flowing"] == pytest.approx(found.score, rel=1e-5)
    assert bottom["flowing"] == pytest.approx(found.arrived, rel=1e-5)
    assert len(rows) == len(found.steps)
    for row, step in zip(rows, found.steps[::-1], strict=True):
        assert row["entered"] == pytest.approx(step.entered, rel=1e-5)
        assert row["what"] == f"{step.kind}, {step.rule}"
        kept = sum(row["takes"].values())
        assert kept == pytest.approx(step.kept, rel=1e-4, abs=2e-6 * abs(step.entered))
        assert row["takes"].get("bias", 0) == pytest.approx(step.bias, rel=1e-4, abs=1e-6)
        assert ("map" in row) == (step.map is not None)
        if step.map is not None:
            assert pack.unpack(row["map"]).sum() == pytest.approx(step.entered, rel=0.02)


@pytest.mark.parametrize("network", [ModuleNetwork, ResidualNetwork])
def test_every_row_has_what_the_one_above_left_over(network):
    w = made(network=network, methods=[xw.LRP(preset="ε-plus")]).wait(60)
    rows = looked_at(w)["ways"][0]["rows"]
    size = max(abs(row["flowing"]) for row in rows)
    for above, row in itertools.pairwise(rows):
        taken = sum(row["takes"].values())
        assert above["flowing"] == pytest.approx(row["flowing"] + taken, abs=1e-3 * size), row
    json.dumps([{**row, "map": None} for row in rows], allow_nan=False)
    w.close()


def test_a_row_is_said_in_words(widget):
    rows = looked_at(widget)["ways"][0]["rows"]
    layer = next(row for row in rows if row["title"] == "3")
    words = layer["words"]
    assert words.startswith("3, convolution, ε = 0.01: ")
    assert re.search(r"[\d.]+ came in, [\d.]+ left, biases (took|gave) [\d.]+", words)
    assert re.search("the stabiliser (took|gave)", words)
    assert layer["size"] == "12 × 16 × 16"


def test_a_method_that_goes_down_twice_shows_both_ways(widget):
    ways = looked_at(widget, 2)["ways"]
    assert [way["way"] for way in ways] == ["this class", "its opposite"]


def test_a_table_of_ones_own_has_a_flow_too():
    w = made(methods=[xw.LRP.by(Table([("any", Epsilon(0.1))]), title="Mine")]).wait(60)
    assert w.panels[0]["flow"]
    assert looked_at(w)["ways"][0]["rows"][1]["what"] == "dense, ε = 0.1"
    w.close()


def residual():
    subject = Subject(seeded(ResidualNetwork))
    return xw.LRP(preset="ε").explain_rules(subject, noise(1, 3, 48, 48), 1)


def test_many_operations_are_folded_by_blocks_of_the_network():
    rows = way_of(residual(), "a", 112, 1000)["rows"]
    blocks = list(dict.fromkeys(row["block"] for row in rows))
    assert blocks == ["", *(f"layer{i}.{j}" for i in (2, 1) for j in (3, 2, 1, 0))]
    inside = [row["label"] for row in rows if row["block"] == "layer1.2"]
    assert inside == ["relu", "add", "conv2", "conv1"]


def test_maps_are_kept_small_and_few_and_what_is_left_out_is_said():
    report = residual()
    way = way_of(report, "a", 12, 6)
    maps = [row["map"] for row in way["rows"] if "map" in row]
    assert len(maps) == 6
    assert max(max(m["shape"]) for m in maps) <= 12
    assert {m["dtype"] for m in maps} == {"float16"}
    assert way["note"] == f"Maps of 6 of {len(report.depths) + 1} depths are kept here."
    assert way["rows"][-1]["map"]["shape"] == [12, 12]
    assert way_of(report, "a", 12, 1000)["note"] == ""


def test_what_hides_from_the_engine_has_a_row_of_its_own():
    report = residual()
    rows = way_of(report, "a", 12, 6)["rows"]
    assert "out of sight" not in [row["label"] for row in rows]
    object.__setattr__(report, "arrived", report.arrived + 1.0)
    rows = way_of(report, "a", 12, 6)["rows"]
    assert rows[-2]["label"] == "out of sight"
    assert rows[-2]["takes"]["lost"] == pytest.approx(-1, rel=1e-3)


def test_the_maps_of_a_text_are_rows_of_words():
    pytest.importorskip("transformers")
    lrp = xw.LRP(preset="AttnLRP")
    w = xw.compare(xw.TextSubject(bert(), word_tokenizer()), "we saw a film", methods=[lrp])
    rows = looked_at(w.wait(60))["ways"][0]["rows"]
    assert len(rows) > 20
    shapes = {tuple(row["map"]["shape"]) for row in rows if "map" in row}
    assert shapes == {(1, 6)}
    assert rows[5]["title"].startswith("bert.encoder.layer.1.output")
    assert {len(row["label"]) <= 24 for row in rows} == {True}
    attention = next(row for row in rows if row["what"].startswith("scaled_dot_product"))
    assert list(attention["takes"]) == ["lost"]
    with pytest.raises(xw.ExplainError, match="print the report"):
        lrp.explain_rules(w.subject, "we saw a film").plot()
    w.close()


# --- the page -----------------------------------------------------------------------------------


def test_an_exported_page_holds_the_flow_of_every_panel_and_input(widget, tmp_path):
    text = widget.to_html(tmp_path / "page.html").read_text()
    held = json.loads(re.search(r'class="xw-state">(.*?)</script>', text, re.S)[1])
    assert len(held["library"]) == 2
    for key, traits in held["library"].items():
        assert set(traits) & {"flow_00", "flow_01", "flow_02"} == {"flow_00", "flow_02"}, key
        assert traits["flow_00"]["request"] == traits["slot_00"]["request"]
        assert traits["flow_00"]["status"] == "done"
    assert [flow(widget, i) for i in range(3)] == [{}, {}, {}]


def test_what_a_page_holds_of_a_flow_is_bounded():
    w = made(network=ResidualNetwork, methods=[xw.LRP()]).wait(60)
    card = w._flows.page()["flow_00"]
    rows = card["ways"][0]["rows"]
    assert sum("map" in row for row in rows) <= 16
    held = sum(len(row["map"]["data"]) for row in rows if "map" in row)
    assert held <= 16 * 56 * 56 * 2
    words = json.dumps([{**row, "map": 0} for row in rows])
    assert len(words) < 500 * len(rows)
    assert np.isfinite([row["flowing"] for row in rows]).all()
    w.close()
