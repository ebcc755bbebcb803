"""`dissect` without a page: what it sends, what it answers, what an exported page holds."""

import base64
import json
import re
import threading

import numpy as np
import pytest
import torch
from page import ask, opened

import xaiwidgets as xw
from benchmarks.dissection import held_bytes
from xaiwidgets import zoo
from xaiwidgets.widgets import unit_sheets
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


def bits_of(widget, picture, concept):
    """A concept's mask in a picture of the sheet, as the page unpacks it."""
    pairs = unpack(widget.masks["pairs"]).astype(int).tolist()
    if [picture, concept] not in pairs:
        return None
    size = widget.units.pictures.shape[1:3]
    row = unpack(widget.masks["bits"])[pairs.index([picture, concept])]
    return np.unpackbits(row)[: size[0] * size[1]].reshape(size).astype(bool)


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
    units = opened(_bytes_again(held["state"]["sheets"]))
    assert units == widget.sheets
    assert opened(_bytes_again(held["state"]["masks"])) == widget.masks
    assert "https://" not in text.split('class="xw-state"')[0]


def _bytes_again(parcel):
    return {**parcel, "data": base64.b64decode(parcel["data"]["__bytes__"])}


def test_what_travels_weighs_less_than_half_of_the_arrays(widget):
    """`python -m benchmarks.dissection --only size` says how much larger pages fare: better."""
    sent = widget.get_state(["sheets", "found", "masks", "pictures"])
    arrays = held_bytes([widget.sheets, widget.found, widget.masks]) + widget.units.pictures.nbytes
    assert held_bytes(sent) < 0.45 * arrays
    assert held_bytes(sent["pictures"]) < widget.units.pictures.nbytes / 4
    assert held_bytes(sent["masks"]) < held_bytes(widget.masks) / 5


def test_a_saved_notebook_keeps_a_picture(widget):
    bundle, metadata = widget._repr_mimebundle_()
    assert bundle["image/png"].startswith("iVBOR")
    assert widget.subject.title in metadata["image/png"]["alt"]
    assert bundle["text/plain"] == repr(widget)


# --- with concepts -----------------------------------------------------------------------------


def test_ious_bounds_and_thresholds_are_those_of_the_dissection(widget):
    found = widget.dissection.layer("conv4")
    told = widget.found[1]
    assert np.allclose(unpack(told["ious"]), found.iou, atol=1e-6)
    assert np.allclose(unpack(told["bounds"]), found.bound, atol=1e-3)
    assert np.allclose(unpack(told["chances"]), found.chance_high, atol=1e-3)
    assert np.allclose(unpack(told["draws"]), found.chance_best, atol=1e-3)
    assert np.allclose(unpack(told["p"]), found.p)
    assert np.allclose(unpack(told["level"]), found.thresholds)
    names = [card["name"] for card in widget.about["concepts"]]
    assert names == widget.dissection.concepts
    assert widget.about["concepts"][0]["category"] == "shape"
    down, across = widget.dissection.source.counting.layers["conv4"]
    assert told["anchors"] == [down.first, down.step, across.first, across.step]


def test_masks_are_the_scenes_own_in_the_pictures_that_units_rank(widget, scenes):
    concepts = widget.dissection.concepts
    held = 0
    for place, number in enumerate(widget.units.numbers):
        masks = scenes[int(number)].masks
        for column, name in enumerate(concepts):
            mask = bits_of(widget, place, column)
            there = name in masks and masks[name].any()
            assert (mask is not None) == there, (number, name)
            if there:
                held += 1
                assert abs(mask.mean() - masks[name].mean()) < 0.02
    assert held > 100


def test_masks_that_are_read_in_parts_are_the_same(widget, monkeypatch):
    monkeypatch.setattr(unit_sheets, "_READ", 5)
    parts = unit_sheets.concept_masks(widget.units, widget.dissection)

    def by_pair(masks):
        pairs = map(tuple, unpack(masks["pairs"]).tolist())
        return dict(zip(pairs, map(bytes, unpack(masks["bits"])), strict=True))

    assert by_pair(parts) == by_pair(widget.masks)


def test_a_dissection_that_is_there_brings_network_data_and_layers(widget):
    other = xw.dissect(widget.dissection, top=2).wait()
    assert other.dissection is widget.dissection
    assert [sheet["layer"] for sheet in other.sheets] == ["conv1", "conv4"]
    assert other.found[1]["ious"] == widget.found[1]["ious"]
    other.close()


def test_a_dissection_from_a_file_is_shown_with_data_and_without_masks(widget, tmp_path):
    read = xw.Dissection.load(widget.dissection.save(tmp_path / "found.npz"))
    other = xw.dissect(widget.subject, widget.units, dissection=read)
    assert other.found[1]["ious"] == widget.found[1]["ious"]
    assert "anchors" not in other.found[1]
    assert not other.about["recounts"]
    assert unpack(other.masks["pairs"]).shape == (0, 2)
    with pytest.raises(xw.ExplainError, match="without network and data"):
        xw.dissect(read)


def test_the_code_for_what_is_on_screen_makes_it_again(widget, subject, scenes):
    some = scenes
    made = xw.dissect(subject, some, ["conv4"], top=3).wait()
    made.switch_off("conv4", [5, 2]).wait()
    text = made.python()
    assert text.splitlines()[2:] == [
        "w = xw.dissect(subject, some, layers=['conv4'], top=3)",
        "w.wait().switch_off('conv4', [2, 5])",
        "w",
    ]
    assert ask(made, "copy_python")["value"] == text
    again: dict = {"subject": subject, "some": some}
    exec(text, again)
    assert again["w"].wait().off["rows"] == made.off["rows"]
    found = widget.dissection
    alone = xw.dissect(found)
    assert alone.python().splitlines()[2] == "w = xw.dissect(found, layers=['conv1', 'conv4'])"
    for each in (made, alone, again["w"]):
        each.close()


def test_units_are_switched_off_as_ablate_says(widget, subject, scenes):
    units = [3, 17, 90]
    assert ask(widget, "switch_units", layer="conv4", units=units)["ok"]
    widget.wait()
    table = xw.ablate(subject, [scene.image for scene in scenes], "conv4", units).table()
    told = {row["name"]: row for row in widget.off["rows"]}
    assert list(told) == table["class"].tolist()
    for row in table.to_dict("records"):
        assert told[row["class"]]["after"] == pytest.approx(row["softmax after"], abs=1e-5)
        assert told[row["class"]]["before"] == pytest.approx(row["softmax before"], abs=1e-5)
    assert widget.off["inputs"] == 24
    ask(widget, "switch_units", layer="conv4", units=[])
    assert widget.off["units"] == []
    assert "there is no 128" in ask(widget, "switch_units", layer="conv4", units=[128])["error"]
    assert "whole numbers" in ask(widget, "switch_units", layer="conv4", units=["1"])["error"]


def test_a_widget_made_from_an_answer_says_what_switching_off_needs(subject, widget):
    other = xw.dissect(subject, widget.units)
    with pytest.raises(xw.ExplainError, match="Switching units off needs the data"):
        other.switch_off("conv4", [1])


def test_a_linked_widget_is_turned_to_the_unit_that_is_looked_at(subject, scenes, widget):
    explained = xw.compare(subject, scenes[0].image, methods=[xw.RandomMap()])
    linked = xw.dissect(subject, widget.units, compare=explained)
    for unit in (4, 9):
        assert ask(linked, "select_unit", layer="conv4", unit=unit)["ok"]
        explained.wait()
        own = explained.answers["ConceptRelevance"]
        assert own.provenance.settings["channel"] == unit
        assert own.provenance.settings["layer"] == "conv4"
    assert len(explained.panels) == 2
    ask(explained, "remove_panel", panel=explained.panels[1]["id"])
    assert ask(linked, "select_unit", layer="conv4", unit=2)["ok"]
    assert len(explained.panels) == 2
    explained.close()


def test_a_generator_draws_its_units_pictures_and_draws_again_without_some():
    network = zoo.generator()
    codes = torch.randn(60, 9, generator=torch.Generator().manual_seed(0))
    found = xw.GANDissection(shuffles=0)(network, codes, "relu3", zoo.landscape_masks)
    made = xw.dissect(found, top=3).wait()
    assert made.status["status"] == "done", made.status
    assert made.about["draws"]
    source = found.needed()
    number = int(made.units.numbers[0])
    assert np.array_equal(made.units.picture(number), source.data.drawn([number])[0])
    made.switch_off("relu3", [0, 1]).wait()
    again = xw.redraw(found, "relu3", [0, 1])
    assert np.array_equal(unpack(made.off["after"]), again.after[:8])
    assert np.array_equal(unpack(made.off["before"]), again.before[:8])
    told = {row["name"]: row["after"] for row in made.off["rows"]}
    assert told["sky"] == pytest.approx(again.shares_after["sky"], abs=0.02)
    made.close()


def test_data_without_masks_is_surveyed_alone(subject, scenes):
    made = xw.dissect(subject, [scene.image for scene in scenes], "conv4", top=2).wait()
    assert made.dissection is None
    assert made.about["concepts"] == []
    assert made.found == []
    assert made.about["quantile"] == 0
    made.close()


# --- one pass, random axes, other shares -------------------------------------------------------


def test_units_and_concepts_come_from_one_pass(widget, subject, scenes):
    # beside the data: 96 + 96 lines for receptive fields
    assert widget.units.provenance.forwards == len(scenes) + 2 * 96
    alone = xw.Units(top=4, side=64)(subject, [scene.image for scene in scenes], "conv4")["conv4"]
    units = widget.units["conv4"]
    assert widget.units.count == len(scenes)
    assert np.allclose(units.values, alone.values, atol=1e-5)
    clear = np.all(np.diff(alone.values, axis=1) < -1e-4, axis=1)
    assert clear.sum() > 50
    assert np.array_equal(units.numbers[clear], alone.numbers[clear])
    assert np.allclose(units.covariance, alone.covariance, atol=1e-4)
    place = list(widget.units.numbers).index(units.numbers[5, 0])
    expected = subject.preprocessing.pictures(
        subject.prepare(scenes[int(units.numbers[5, 0])].image).x
    )[0][0]
    small = widget.units.pictures[place]
    assert abs(float(small.mean()) - float(expected.mean())) < 3


@pytest.fixture(scope="module")
def turned(subject, scenes):
    made = xw.dissect(
        subject, scenes, "conv4", top=2, dissection=xw.NetworkDissection(rotations=3, shuffles=2)
    ).wait()
    assert made.status["status"] == "done", made.status
    yield made
    made.close()


def test_what_random_axes_detect_travels_and_counts_as_the_summary_does(turned):
    told, units = turned.found[0], turned.units["conv4"]
    best, concepts = unpack(told["turned"]), unpack(told["turned_concepts"])
    assert best.shape == concepts.shape == (3, len(units))
    for limit in (0.04, 0.1):
        row = turned.dissection.summary(limit).iloc[0]
        shares = (best >= np.float32(limit)).mean(1)
        assert shares.mean() == pytest.approx(row["rotated"])
        wide = told["spread"] * shares.std(ddof=1)
        assert shares.mean() + wide == pytest.approx(row["rotated_high"])
        unique = [len(set(c[b >= np.float32(limit)])) for c, b in zip(concepts, best, strict=True)]
        assert np.mean(unique) == pytest.approx(row["rotated_unique"])


def test_another_share_of_activations_is_counted_without_a_pass(turned):
    before = turned.found[0]["ious"]
    assert turned.about["quantile"] == 0.005
    assert ask(turned, "set_quantile", quantile=0.02)["ok"]
    turned.wait()
    assert turned.about["quantile"] == 0.02
    expected = turned.dissection.at(0.02).layer("conv4")
    assert np.allclose(unpack(turned.found[0]["ious"]), expected.iou, atol=1e-6)
    assert turned.found[0]["ious"] != before
    assert "w.wait().at(0.02)" in turned.python()
    assert f"dissection=xw.{turned.method!r}" in turned.python()
    turned.at(0.9).wait()
    assert turned.status["status"] == "error"
    assert "too few activations were kept" in turned.status["message"]
    assert turned.about["quantile"] == 0.02
    assert "between 0 and 1" in ask(turned, "set_quantile", quantile="0.1")["error"]
    turned.at(0.005).wait()
    assert turned.status["status"] == "done"
    assert turned.found[0]["ious"] == before


def test_work_that_waits_is_cancelled_as_well(turned):
    begun, gate, before = threading.Event(), threading.Event(), turned.about["quantile"]

    def hold(token):
        begun.set()
        gate.wait(10)

    turned._worker.submit("hold", hold)
    assert begun.wait(10)
    turned.at(0.01 if before != 0.01 else 0.02)
    assert turned.status["status"] == "waiting"
    assert ask(turned, "cancel")["ok"]
    gate.set()
    turned.wait()
    assert turned.status["status"] == "cancelled"
    assert turned.about["quantile"] == before
