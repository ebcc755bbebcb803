"""The widget on a network that forgets: what Python holds and sends."""

import json

import pytest
from conftest import inputs_for
from networks import FunctionalNetwork, ModuleNetwork, seeded

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject

QUICK = [xw.Saliency(), xw.EdgeDetector()]


def made(**more):
    subject = Subject(seeded(ModuleNetwork), classes=list("abcde"))
    return xw.sanity(subject, inputs_for("modules", 2), methods=QUICK, **more).wait(60)


def test_every_answer_holds_the_stages_and_the_page_their_numbers():
    w = made()
    assert w.experiment["stages"] == ["7", "3", "0"]
    for name, answer in w.answers.items():
        assert [frame.label for frame in answer.frames] == ["7", "3", "0"], name
    packed = w.slot_00
    assert [frame["label"] for frame in packed["frames"]] == ["7", "3", "0"]
    numbers = [frame.number for frame in w.answers["Saliency"].frames]
    assert [frame["number"] for frame in packed["frames"]] == pytest.approx(numbers)
    assert [frame["number"] for frame in w.slot_01["frames"]] == pytest.approx([1, 1, 1])
    w.close()


def test_another_mode_or_measure_explains_every_panel_anew():
    w = made()
    first = w.answers["Saliency"].numbers
    w._do("set_experiment", {"mode": "bottom up", "measure": "signed spearman"})
    w.wait(60)
    assert w.experiment["stages"] == ["0", "3", "7"]
    assert w.answers["Saliency"].numbers != first
    assert [frame.label for frame in w.answers["Edge detector (control)"].frames] == ["0", "3", "7"]
    with pytest.raises(ExplainError, match="mode is 'sideways'"):
        w._do("set_experiment", {"mode": "sideways"})
    assert w.experiment["mode"] == "bottom up"
    w.close()


def test_knobs_and_added_panels_stay_under_the_experiment():
    w = made()
    panel = w.panels[0]["id"]
    w._do("set_knob", {"panel": panel, "knob": "form", "value": "absolute"})
    added = next(card["name"] for card in w.about["methods"] if "Gradient × input" in card["title"])
    w._do("add_panel", {"method": added})
    w.wait(60)
    for answer in w.answers.values():
        assert len(answer.frames) == 3
    assert w.answers["Saliency"].provenance.settings == {"form": "absolute"}
    w.close()


def test_a_network_beside_adds_a_map():
    other = seeded(ModuleNetwork)
    w = made(others={"another": other})
    assert w.experiment["others"] == ["another"]
    assert w.answers["Saliency"].frames[-1].label == "another"
    w.close()
    with pytest.raises(ExplainError, match=r"others\['x'\] is a str"):
        made(others={"x": "network"})


def test_the_code_makes_the_same_experiment_again():
    w = made(mode="one at a time", seed=3)
    said = w.python()
    assert "w = xw.sanity(" in said
    assert "xw.Saliency()," in said
    assert "mode='one at a time'," in said
    assert "seed=3," in said
    assert "measure" not in said
    w.close()


def test_a_widget_without_an_experiment_refuses_to_forget():
    w = xw.compare(seeded(FunctionalNetwork), inputs_for("functional", 1), methods=QUICK).wait(60)
    assert w.experiment == {}
    with pytest.raises(ExplainError, match=r"xw\.sanity"):
        w._do("set_experiment", {"mode": "bottom up"})
    w.close()


def test_numbers_that_json_cannot_say_do_not_travel():
    def constant(subject, x, target):
        return x * 0 + 1

    w = xw.sanity(seeded(ModuleNetwork), inputs_for("modules", 1), methods=[constant]).wait(60)
    assert [frame["number"] for frame in w.slot_00["frames"]] == [None] * 3
    json.dumps(w.experiment)
    w.close()


def test_the_exported_page_keeps_the_stages(tmp_path):
    w = made()
    page = w.to_html(tmp_path / "sanity.html").read_text()
    assert '"stages"' in page
    w.close()
