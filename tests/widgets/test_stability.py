"""The widget on noisy pictures and on settings that are swept: what Python holds and sends."""

import io
import json
import threading

import numpy as np
import pytest
import torch
from conftest import inputs_for
from networks import ModuleNetwork, seeded
from PIL import Image

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation.robustness.nearby import noisy
from xaiwidgets.widgets import pack

QUICK = [xw.Saliency(), xw.EdgeDetector()]
NETWORK = Subject(seeded(ModuleNetwork), classes=list("abcde"))
X = inputs_for("modules", 2)


class Sent(list):
    """What a widget says to its page."""

    def __call__(self, content, buffers=None, **_):
        self.append((content, buffers or []))

    def of(self, kind):
        return [(content, buffers) for content, buffers in self if content["type"] == kind]


def shaken(noise=(0.05, 0.3), **more):
    return xw.stability(NETWORK, X, methods=QUICK, noise=noise, **more).wait(60)


def swept(setting="baseline", methods=None, **more):
    methods = methods or [xw.IntegratedGradients(steps=4), xw.Saliency()]
    return xw.sweep(NETWORK, X, methods=methods, setting=setting, **more).wait(60)


# --- noise --------------------------------------------------------------------------------------


def test_every_level_has_a_map_a_likeness_and_a_sentence():
    w = shaken()
    assert [step["label"] for step in w.experiment["steps"]] == ["5 %", "30 %"]
    assert w.experiment["slider"] == "Noise"
    answer = w.answers["Saliency"]
    assert [frame.label for frame in answer.frames] == ["5 %", "30 %"]
    moved = noisy(X[:1], 0.3, 0)(0)
    own = xw.Saliency()(NETWORK, moved, w.target["indices"][0]).values
    assert torch.equal(answer.frames[1].values, own)
    trail = w.trails[w.panels[0]["id"]]
    assert trail["marks"]["0.3"]["low"] <= trail["marks"]["0.3"]["value"]
    assert "× as fast as the picture" in trail["marks"]["0.3"]["words"]
    assert trail["verdict"] == answer.facts[-1]
    w.close()


def test_the_picture_left_behind_has_a_strip_of_steps_a_panel_and_its_words_name_them():
    w, plain = shaken(), xw.compare(NETWORK, X, methods=QUICK).wait(60)
    heights = [Image.open(io.BytesIO(one.picture())).height for one in (w, plain)]
    assert heights[0] - heights[1] >= len(QUICK) * 96
    edges = "Edge detector (control) at 5 %, 30 %"
    assert w.describe() == f"{plain.describe()} Below, Saliency at 5 %, 30 %; {edges}."
    w.close()
    plain.close()


def test_the_page_hears_what_the_network_says_of_every_noisy_picture():
    w = shaken()
    sent = Sent()
    w.send = w._walk._send = sent
    w._do("send_frames", {})
    scenes = sent.of("scene")
    assert [content["key"] for content, _ in scenes] == ["0.05", "0.3"]
    for content, buffers in scenes:
        moved = noisy(X[:1], float(content["key"]), 0)(0)
        said = NETWORK.outputs(moved)[0].softmax(0)
        bars = content["scene"]["predictions"]
        shown = [bar["index"] for bar in w.scene["predictions"]]
        assert [bar["index"] for bar in bars][: len(shown)] == shown
        for bar in bars:
            assert bar["probability"] == pytest.approx(float(said[bar["index"]]), abs=1e-6)
        picture = {**content["scene"]["picture"], "data": buffers[0]}
        own = pack.unpack(w.scene["picture"])
        assert pack.unpack(picture).shape == own.shape
        assert (pack.unpack(picture) != own).any()
    w.close()


def test_a_noisy_picture_keeps_the_colours_of_its_own():
    """Without known mean and std pictures are stretched; noise must not darken the rest."""
    w = shaken()
    x = w._gallery.inputs.x[:1]
    dotted = x.clone()
    dotted[0, :, 0, 0] = 100.0
    picture = pack.unpack(w._gallery.picture_of(dotted, 0))
    own = pack.unpack(w.scene["picture"])
    assert (picture[1:] == own[1:]).all()
    assert w._gallery.picture_of(x, 0) is None
    w.close()


def test_the_networks_answer_is_asked_once_for_all_panels():
    calls = []

    class Counting(Subject):
        def outputs(self, x):
            calls.append(len(x))
            return super().outputs(x)

    subject = Counting(seeded(ModuleNetwork))
    w = xw.stability(subject, X[:1], methods=[xw.EdgeDetector(), xw.RandomMap()], noise=(0.1, 0.2))
    w.wait(60)
    before = len(calls)
    w._do("set_experiment", {"knob": "measure", "value": "ssim"})
    w.wait(60)
    assert len(calls) == before
    w._do("set_experiment", {"knob": "seed", "value": 5})
    w.wait(60)
    assert len(calls) == before + 2
    w.close()


def test_a_network_that_was_changed_is_asked_again():
    network = seeded(ModuleNetwork)
    w = xw.stability(network, X[:1], methods=[xw.Saliency()], noise=(0.1,), draws=1).wait(60)
    before = w.answers["Saliency"].numbers["probability, 10 %"]
    with torch.no_grad():
        network[-1].bias[w.target["indices"][0]] += 3
    w.select(0).wait(60)
    after = w.answers["Saliency"].numbers["probability, 10 %"]
    said = network(noisy(X[:1], 0.1, 0)(0)).softmax(1)[0, w.target["indices"][0]]
    assert after == pytest.approx(float(said.detach()), rel=1e-5)
    assert after > before
    w.close()


def test_the_code_makes_the_same_noise_again():
    w = shaken(noise=0.1, draws=2, seed=3)
    said = w.python()
    assert "w = xw.stability(" in said
    assert "noise=(0.01, 0.02, 0.05, 0.1)," in said
    assert "draws=2," in said
    assert "seed=3," in said
    assert "measure" not in said
    again = eval(
        said.split("w = ")[1], {"xw": xw, "model": NETWORK, "image": X, "NETWORK": NETWORK, "X": X}
    )
    assert again._walk.experiment == w._walk.experiment
    again.close()
    w.close()


def test_the_exported_page_holds_the_noisy_pictures(tmp_path):
    w = shaken()
    page = w.to_html(tmp_path / "noise.html").read_text()
    assert '"step_scenes"' in page
    w.close()


@pytest.mark.parametrize("noise", [0, 2, "much", ()])
def test_levels_out_of_range_are_refused_before_a_widget_appears(noise):
    with pytest.raises(ExplainError, match="it takes shares of the picture's range"):
        shaken(noise=noise)


# --- sweeps -------------------------------------------------------------------------------------


def test_every_method_with_the_setting_goes_through_its_values():
    w = swept()
    assert w.experiment["names"] == ["zero", "black", "white", "mean", "blur", "noise"]
    answer = w.answers["IntegratedGradients"]
    for frame in answer.frames:
        method = xw.IntegratedGradients(steps=4, baseline=frame.label)
        own = method(NETWORK, X[:1], w.target["indices"][0]).values
        assert torch.equal(frame.values, own)
    assert answer.frames[0].number == pytest.approx(1)
    w.close()


def test_a_method_without_the_setting_stays_as_it_is_and_says_so():
    w = swept()
    marks = w.trails[w.panels[1]["id"]]["marks"]
    assert all(mark["failed"] for mark in marks.values())
    assert marks["blur"]["words"] == "It has no baseline to vary: its map stays as it is."
    assert w.answers["Saliency"].frames == []
    assert w.walk["status"] == "done"
    w.close()


def test_the_network_is_not_asked_where_only_a_setting_changes():
    w = swept()
    sent = Sent()
    w._walk._send = sent
    w._do("send_frames", {})
    assert sent.of("frame")
    assert not sent.of("scene")
    w.close()


def test_methods_are_by_default_all_that_have_the_setting():
    w = xw.sweep(NETWORK, X[:1], setting="layer")
    having = {cls.__name__ for cls in xw.declared(xw.Attribution) if "layer" in cls.knobs}
    assert {panel["method"] for panel in w.panels} == having
    assert (
        {"GradCam", "GuidedGradCam"}
        <= having
        < {cls.__name__ for cls in xw.declared(xw.Attribution)}
    )
    w.close()


def test_the_code_makes_the_same_sweep_again():
    w = swept("steps", values=[2, 8], measure="hog")
    said = w.python()
    assert "w = xw.sweep(" in said
    assert "setting='steps'," in said
    assert "values=[2, 4, 8]," in said
    assert "measure='hog'," in said
    w.close()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"setting": "baselin"}, "nearest names are 'baseline'"),
        ({"setting": "steps", "values": [1]}, r"IntegratedGradients.steps is 1; it takes"),
        ({"setting": "steps", "values": 5}, "a sweep takes a list"),
        ({"measure": "taste"}, "measure is 'taste'"),
    ],
)
def test_what_cannot_be_swept_is_refused_in_words(more, words):
    with pytest.raises(ExplainError, match=words):
        swept(**more)


def test_a_widget_where_no_method_has_the_setting_is_refused():
    with pytest.raises(ExplainError, match="Saliency has no setting 'baseline' to sweep"):
        swept(methods=[xw.Saliency()])


def test_what_travels_can_be_said_in_json():
    for w in (shaken(), swept()):
        json.dumps([w.experiment, w.trails, w.walk])
        assert not np.isnan(w.walk["done"])
        w.close()


# --- a sweep in one panel of compare ------------------------------------------------------------


def compared(**more):
    methods = [xw.SmoothGrad(samples=2), xw.GradCam(), xw.GradientTimesInput()]
    w = xw.compare(NETWORK, X, methods=methods, **more).wait(60)
    return w, [panel["id"] for panel in w.panels]


def turned(w, panel, knob):
    w._do("sweep_knob", {"panel": panel, "knob": knob})
    return w.wait(60)


def test_a_knob_of_a_panel_is_swept_and_the_others_stay_as_they_are():
    w, (smooth, cam, _) = compared()
    turned(w, smooth, "noise")
    card = w.sweeps[smooth]["card"]
    assert w.sweeps[smooth]["setting"] == "noise"
    assert [step["label"] for step in card["steps"]][3] == "0.15 of the range"
    answer = w.answers["SmoothGrad"]
    assert len(answer.frames) == len(card["steps"]) == 7
    other = xw.SmoothGrad(samples=2, noise=float(card["steps"][0]["key"]))
    own = other(NETWORK, X[:1], w.target["indices"][0]).values
    assert torch.equal(answer.frames[0].values, own)
    assert w.answers["GradCam"].frames == []
    turned(w, cam, "layer")
    assert set(w.sweeps) == set(w.trails) == {smooth, cam}
    turned(w, smooth, "samples")
    assert w.sweeps[smooth]["setting"] == "samples"
    assert w.sweeps[smooth]["card"]["steps"][0]["label"].endswith("copies")
    turned(w, cam, "layer")
    assert set(w.sweeps) == set(w.trails) == {smooth}
    assert w.answers["GradCam"].frames == []
    w.close()


def test_a_value_that_is_used_is_the_panels_setting_and_no_map_is_made_twice(monkeypatch):
    w, (smooth, *_) = compared()
    turned(w, smooth, "noise")
    last = w.sweeps[smooth]["card"]["steps"][-1]["key"]
    before = w.answers["SmoothGrad"].frames
    made = []
    from xaiwidgets.widgets.walk import Walk

    monkeypatch.setattr(Walk, "_made", lambda *args: made.append(args))
    w._do("use_step", {"panel": smooth, "key": last})
    w.wait(60)
    assert made == []
    assert w.panels[0]["settings"]["noise"] == float(last)
    answer = w.answers["SmoothGrad"]
    assert answer.provenance.settings["noise"] == float(last)
    assert torch.equal(answer.values, before[-1].values)
    assert answer.frames[-1].number == pytest.approx(1)
    assert before[-1].number != pytest.approx(1)
    w.close()


def test_a_sweep_follows_another_input_and_goes_with_its_panel():
    w, (smooth, *_) = compared()
    turned(w, smooth, "noise")
    first = w.answers["SmoothGrad"].frames[0].values
    w.select(1).wait(60)
    assert not torch.equal(w.answers["SmoothGrad"].frames[0].values, first)
    w._do("remove_panel", {"panel": smooth})
    assert w.sweeps == {}
    assert w.trails == {}
    w.wait(60)
    w.close()


def test_a_sweep_may_be_asked_for_before_its_panel_has_an_answer_and_goes_on_after_a_stop():
    go = threading.Event()

    class Slow(xw.Saliency):
        def attribute(self, subject, x, target):
            go.wait(30)
            return super().attribute(subject, x, target)

    w = xw.compare(NETWORK, X[:1], methods=[Slow()])
    panel = w.panels[0]["id"]
    w._do("sweep_knob", {"panel": panel, "knob": "form"})
    assert len(w.sweeps[panel]["card"]["steps"]) == 3
    w._walk.stop()
    go.set()
    w.wait(60)
    assert w.answers["Slow"].frames == []
    assert w.sweeps[panel]["walk"]["status"] == "stopped"
    w._do("fill_steps", {})
    w.wait(60)
    assert [frame.label for frame in w.answers["Slow"].frames] == ["signed", "absolute", "squared"]
    w.close()


def test_the_exported_page_keeps_the_strip(tmp_path):
    w, (smooth, *_) = compared()
    turned(w, smooth, "form")
    page = w.to_html(tmp_path / "strip.html").read_text()
    assert '"sweeps":{"p1":{"setting":"form"' in page
    json.dumps([w.sweeps, w.trails])
    w.close()


def rebuilt(w):
    """The widget that its own code makes."""
    scope = {"model": NETWORK, "image": X, "NETWORK": NETWORK, "X": X}
    exec(w.python(), scope)
    return scope["w"].wait(60)


def strips(w):
    return {name: [(f.label, f.values) for f in a.frames] for name, a in w.answers.items()}


def test_the_code_opens_the_same_films_again():
    w, (smooth, cam, _) = compared()
    w._do("add_panel", {"method": "SmoothGrad"})
    w.wait(60)
    turned(w, smooth, "noise")
    turned(w, cam, "layer")
    turned(w, w.panels[3]["id"], "samples")
    assert w.films == {"SmoothGrad": "noise", "GradCam": "layer", "SmoothGrad 2": "samples"}
    assert f"    films={w.films!r}," in w.python()
    again = rebuilt(w)
    assert again.films == w.films
    for name, frames in strips(w).items():
        for (label, values), (other, others) in zip(frames, strips(again)[name], strict=True):
            assert label == other
            assert torch.equal(values, others)
    w._do("remove_panel", {"panel": smooth})
    turned(w, cam, "layer")
    assert w.films == {"SmoothGrad": "samples"}
    for one in (w, again):
        one.close()


def test_a_film_keeps_its_values_in_code_when_the_setting_has_moved_on():
    w, (smooth, *_) = compared()
    turned(w, smooth, "noise")
    values = [float(step["key"]) for step in w.sweeps[smooth]["card"]["steps"]]
    w._do("use_step", {"panel": smooth, "key": str(values[-1])})
    w._do("set_knob", {"panel": smooth, "knob": "noise", "value": 0.2})
    w.wait(60)
    assert w.films == {"SmoothGrad": {"noise": values}}
    again = rebuilt(w)
    assert again.panels[0]["settings"]["noise"] == 0.2
    assert [frame.label for frame in again.answers["SmoothGrad"].frames] == [
        frame.label for frame in w.answers["SmoothGrad"].frames
    ]
    assert again.films == w.films
    for one in (w, again):
        one.close()


def test_a_widget_without_films_says_nothing_of_them_and_an_experiment_has_none():
    w, _ = compared()
    assert w.films == {}
    assert "films" not in w.python()
    noisy = shaken()
    assert noisy.films == {}
    with pytest.raises(ExplainError, match="'sweep_knob' is no command"):
        turned(noisy, noisy.panels[0]["id"], "form")
    for one in (w, noisy):
        one.close()


@pytest.mark.parametrize(
    ("films", "words"),
    [
        ("noise", "films is a str; it takes the settings by panel"),
        ({"SmothGrad": "noise"}, "no panel 'SmothGrad'. The nearest names are 'SmoothGrad'"),
        ({"SmoothGrad": "noize"}, "no setting 'noize' to sweep"),
        ({"SmoothGrad": ["noise"]}, "it takes the name of a setting, such as 'noise'"),
        ({"SmoothGrad": {"noise": 0.1}}, "a sweep takes a list"),
        ({"SmoothGrad": {"noise": [0.1, 7]}}, "SmoothGrad.noise is 7; it takes"),
    ],
)
def test_films_that_cannot_be_opened_are_refused_in_words(films, words):
    with pytest.raises(ExplainError, match=words):
        compared(films=films)


def test_what_cannot_be_swept_in_a_panel_is_said_and_the_widget_goes_on():
    w, (smooth, _, plain) = compared()
    with pytest.raises(ExplainError, match=r"no setting .noize. to sweep\. The nearest names"):
        turned(w, smooth, "noize")
    with pytest.raises(ExplainError, match="GradientTimesInput has no settings"):
        turned(w, plain, "steps")
    with pytest.raises(ExplainError, match="No setting of this panel is swept"):
        w._do("use_step", {"panel": plain, "key": "1"})
    assert w.sweeps == {}
    turned(w, smooth, "noise")
    with pytest.raises(ExplainError, match="no setting 'noize'"):
        turned(w, smooth, "noize")
    assert w.sweeps[smooth]["setting"] == "noise"  # what was there stays
    with pytest.raises(ExplainError, match="no step '7'"):
        w._do("use_step", {"panel": smooth, "key": "7"})
    w.close()


def test_a_step_of_a_whole_sweep_can_be_used_too():
    w = swept()
    w._do("use_step", {"panel": w.panels[0]["id"], "key": "blur"})
    w.wait(60)
    assert w.panels[0]["settings"]["baseline"] == "blur"
    marks = w.trails[w.panels[0]["id"]]["marks"]
    assert marks["blur"]["value"] == pytest.approx(1)
    w.close()
