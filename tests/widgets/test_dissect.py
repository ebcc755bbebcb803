"""`dissect` without a page: what it sends, what it answers, what an exported page holds."""

import json
import re

import numpy as np
import pytest
from page import ask

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.widgets.pack import unpack


@pytest.fixture(scope="module")
def subject():
    return zoo.subject("shapes")


@pytest.fixture(scope="module")
def scenes():
    return zoo.ShapeScenes(24, size=96, seed=2)


@pytest.fixture(scope="module")
def widget(subject, scenes):
    made = xw.dissect(subject, scenes, ["conv1", "conv4"], top=4).wait()
    yield made
    made.close()


def test_sheets_hold_what_the_survey_found(widget):
    assert widget.status["status"] == "done"
    assert [sheet["layer"] for sheet in widget.sheets] == ["conv1", "conv4"]
    sheet, units = widget.sheets[1], widget.units["conv4"]
    assert np.allclose(unpack(sheet["values"]), units.values)
    places = unpack(sheet["pictures"]).astype(int)
    assert np.array_equal(widget.units.numbers[places], units.numbers)
    low, high = unpack(sheet["low"]), unpack(sheet["high"])
    maps = unpack(sheet["maps"]) / 255 * (high - low)[:, None, None, None]
    maps += low[:, None, None, None]
    assert np.abs(maps - units.maps).max() <= ((high - low) / 255).max()
    bars = unpack(sheet["bars"])
    assert np.allclose(bars.sum(1), units.counts.sum(1), rtol=1e-5)
    others, correlations = zip(*units.neighbours(9), strict=True)
    assert unpack(sheet["near"])[9].tolist() == list(others)
    assert unpack(sheet["alike"])[9].tolist() == pytest.approx(correlations, abs=1e-6)
    assert unpack(sheet["silent"]).astype(bool).tolist() == units.silent.tolist()


def test_filters_travel_with_their_layer(widget):
    sheet = widget.sheets[1]["filters"]
    found = xw.filters(widget.subject, "conv4")
    channels, weights = unpack(sheet["channels"]).astype(int), unpack(sheet["weights"])
    assert channels[3].tolist() == found.strongest(3, 12).tolist()
    own = found.weights[3, channels[3]]
    assert np.allclose((weights[3].astype(float) - 128) / 127, own / np.abs(own).max(), atol=0.01)
    assert widget.sheets[0]["filters"]["colours"]


def test_a_page_selects_a_unit_and_python_reads_it(widget):
    assert ask(widget, "select_unit", layer="conv4", unit=7)["ok"]
    assert widget.selected == ("conv4", 7)
    refused = ask(widget, "select_unit", layer="conv4", unit=128)
    assert "'conv4' has 128 units, counted from 0; there is no 128." in refused["error"]
    assert "by its layer's name and its number" in ask(widget, "select_unit", unit="7")["error"]
    assert "no command of this widget" in ask(widget, "set_target", indices=[0])["error"]


def test_an_answer_that_is_there_is_shown_at_once(subject, widget):
    other = xw.dissect(subject, widget.units)
    assert other.status["status"] == "done"
    assert [sheet["layer"] for sheet in other.sheets] == ["conv1", "conv4"]


def test_what_goes_wrong_is_said_in_the_widget(subject, scenes):
    made = xw.dissect(subject, scenes, "conv9").wait()
    assert made.status["status"] == "error"
    assert "No layer is called 'conv9'" in made.status["message"]
    with pytest.raises(xw.ExplainError, match=r"Units.top is 0"):
        xw.dissect(subject, scenes, "conv4", top=0)


def test_an_exported_page_holds_its_own_bundle_and_all_units(widget, tmp_path):
    text = widget.to_html(tmp_path / "units.html").read_text(encoding="utf-8")
    assert 'data-bundle="inside"' in text
    assert text.count("<script>") == 1
    held = json.loads(re.search(r'class="xw-state">(.*?)</script>', text, re.S)[1])
    assert held["state"]["about"]["live"] is False
    assert widget.about["live"] is True
    assert [sheet["layer"] for sheet in held["state"]["sheets"]] == ["conv1", "conv4"]
    assert "https://" not in text.split('class="xw-state"')[0]


def test_a_saved_notebook_keeps_a_picture(widget):
    bundle, _ = widget._repr_mimebundle_()
    assert bundle["image/png"].startswith("iVBOR")
    assert bundle["text/plain"] == repr(widget)
