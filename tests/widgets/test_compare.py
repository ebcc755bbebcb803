"""The widget without a page: what it holds, what it answers, and how it refuses."""

import re
import signal
import threading
import time

import numpy as np
import pytest
import torch
from page import ask

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.widgets import pack
from xaiwidgets.widgets.compare import Compare
from xaiwidgets.widgets.panel import Panel
from xaiwidgets.widgets.panels import SLOTS


@pytest.fixture(scope="module")
def subject():
    return zoo.subject("shapes")


@pytest.fixture(scope="module")
def scenes():
    return [zoo.ShapeScenes(4, size=96, seed=11)[i] for i in range(4)]


@pytest.fixture
def widget(subject, scenes):
    made = Compare(
        subject,
        [scene.image for scene in scenes],
        truths=[scene.label for scene in scenes],
        masks=[{"object": scene.masks["object"]} for scene in scenes],
        methods=[xw.Saliency(), xw.SmoothGrad(samples=4), xw.GradCam()],
    ).wait()
    yield made
    made.close()


def slot(widget, panel):
    return getattr(widget, f"slot_{panel['slot']:02d}")


def test_every_panel_has_an_answer_and_its_slot_holds_the_same_map(widget):
    assert list(widget.answers) == ["Saliency", "SmoothGrad", "GradCam"]
    for panel, heat in zip(widget.panels, widget.answers.values(), strict=True):
        travelled = pack.unpack(slot(widget, panel)["map"])
        exact = heat.map()[0]
        assert widget.status[panel["id"]]["status"] == "done"
        np.testing.assert_allclose(travelled, exact, atol=1e-3 * np.abs(exact).max())


def test_it_is_printed_with_the_names_of_its_answers(subject, scenes):
    methods = [xw.GradCam(layer="relu3"), xw.GradCam(layer="relu4")]
    made = Compare(subject, scenes[0].image, methods=methods).wait()
    assert repr(made).endswith(f": {', '.join(made.answers)})")
    assert list(made.answers) == ["GradCam", "GradCam 2"]
    made.close()


def test_the_answers_are_those_of_the_methods_called_without_a_widget(widget, subject, scenes):
    alone = xw.Saliency()(subject, scenes[0].image)
    assert torch.equal(widget.answers["Saliency"].values, alone.values)


def test_choosing_a_class_explains_it_in_every_panel(widget, subject, scenes):
    before = widget.answers["Saliency"].values.clone()
    assert ask(widget, "set_target", indices=[3])["ok"]
    widget.wait()
    assert widget.target == {"label": zoo.SHAPES[3], "indices": [3]}
    alone = xw.Saliency()(subject, scenes[0].image, target=3)
    assert torch.equal(widget.answers["Saliency"].values, alone.values)
    assert not torch.equal(widget.answers["Saliency"].values, before)


def test_two_classes_make_a_contrast(widget, subject, scenes):
    assert ask(widget, "set_target", indices=[3, 5])["ok"]
    widget.wait()
    assert widget.target["label"] == f"{zoo.SHAPES[3]} − {zoo.SHAPES[5]}"
    both = [xw.Saliency()(subject, scenes[0].image, target=t).values for t in (3, 5)]
    torch.testing.assert_close(widget.answers["Saliency"].values, both[0] - both[1])


def test_no_class_means_the_predicted_one_again(widget):
    predicted = widget.target
    ask(widget, "set_target", indices=[(predicted["indices"][0] + 1) % 8])
    assert widget.target != predicted
    ask(widget, "set_target", indices=[])
    assert widget.target == predicted


def test_another_input_is_shown_and_explained(widget, subject, scenes):
    assert ask(widget, "select_input", index=2)["ok"]
    widget.wait()
    assert widget.scene["index"] == 2
    assert np.array_equal(pack.unpack(widget.scene["picture"]), scenes[2].image)
    alone = xw.Saliency()(subject, scenes[2].image)
    assert torch.equal(widget.answers["Saliency"].values, alone.values)


def test_the_strip_says_what_is_right_and_wrong(subject, scenes):
    labels = [scene.label for scene in scenes]
    labels[1] = (labels[1] + 1) % 8
    made = Compare(subject, [s.image for s in scenes], truths=labels, methods=[xw.RandomMap()])
    made.wait()
    assert [item["right"] for item in made.strip] == [True, False, True, True]
    assert made.strip[1]["truth"] == zoo.SHAPES[labels[1]]
    made.close()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"masking": True}, "masking is True; it takes a dict, such as {'share': 20}."),
        ({"masking": 20}, "masking is 20; it takes a dict, such as {'share': 20}."),
        ({"display": "viridis"}, "display is 'viridis'; it takes a dict, such as {'clip': 99}."),
        ({"display": False}, "display is False; it takes a dict, such as {'clip': 99}."),
    ],
)
def test_settings_that_are_no_dict_are_refused_in_a_sentence(subject, scenes, given, words):
    with pytest.raises(xw.ExplainError, match=re.escape(words)):
        Compare(subject, scenes[0].image, methods=[xw.RandomMap()], **given)


def test_a_knob_changes_its_panel_alone(widget):
    smooth, saliency = widget.panels[1], slot(widget, widget.panels[0])
    assert ask(widget, "set_knob", panel=smooth["id"], knob="samples", value=6.0)["ok"]
    widget.wait()
    assert widget.panels[1]["settings"]["samples"] == 6
    assert widget.answers["SmoothGrad"].provenance.settings["samples"] == 6
    assert widget.answers["SmoothGrad"].provenance.forwards == 6
    assert slot(widget, widget.panels[0]) is saliency


def test_a_knob_out_of_range_is_refused_in_words_and_nothing_changes(widget):
    before = widget.panels
    reply = ask(widget, "set_knob", panel=before[1]["id"], knob="samples", value=1)
    assert reply["ok"] is False
    assert (
        reply["error"] == "SmoothGrad.samples is 1; it takes a whole number from 2 to 500 copies."
    )
    assert widget.panels == before


def test_panels_are_added_moved_and_removed(widget):
    assert ask(widget, "add_panel", method="EdgeDetector")["value"] == "p4"
    widget.wait()
    assert ask(widget, "move_panel", panel="p4", to=0)["ok"]
    assert [panel["method"] for panel in widget.panels][:2] == ["EdgeDetector", "Saliency"]
    assert ask(widget, "remove_panel", panel="p1")["ok"]
    assert list(widget.answers) == ["EdgeDetector", "SmoothGrad", "GradCam"]
    assert "p1" not in widget.status
    assert ask(widget, "remove_panel", panel="p1")["error"] == "There is no panel 'p1' any more."


def test_a_second_panel_of_a_method_has_a_name_of_its_own(widget):
    ask(widget, "add_panel", method="Saliency")
    widget.wait()
    assert list(widget.answers) == ["Saliency", "SmoothGrad", "GradCam", "Saliency 2"]


def test_a_slot_that_was_freed_is_used_again_and_all_of_them_can_be(widget):
    for _ in range(SLOTS - 3):
        assert ask(widget, "add_panel", method="RandomMap")["ok"]
    assert "24 panels" in ask(widget, "add_panel", method="RandomMap")["error"]
    ask(widget, "remove_panel", panel="p2")
    assert ask(widget, "add_panel", method="RandomMap")["ok"]
    assert sorted(panel["slot"] for panel in widget.panels) == list(range(SLOTS))


def test_a_pinned_panel_holds_its_answer_until_it_is_let_go(widget):
    held = slot(widget, widget.panels[0])
    ask(widget, "pin_panel", panel="p1", pinned=True)
    ask(widget, "set_target", indices=[3])
    widget.wait()
    assert slot(widget, widget.panels[0]) is held
    assert slot(widget, widget.panels[2])["target"] == zoo.SHAPES[3]
    ask(widget, "pin_panel", panel="p1", pinned=False)
    widget.wait()
    assert slot(widget, widget.panels[0])["target"] == zoo.SHAPES[3]


def test_a_region_is_kept_and_one_outside_is_refused(widget):
    assert ask(widget, "set_region", region={"x0": 4, "y0": 8, "x1": 30, "y1": 96})["ok"]
    assert widget.region == {"x0": 4, "y0": 8, "x1": 30, "y1": 96}
    outside = ask(widget, "set_region", region={"x0": 4, "y0": 8, "x1": 30, "y1": 97})
    assert outside["error"] == "The region 4, 8 to 30, 97 does not lie in the picture (96×96)."
    assert widget.region["y1"] == 96
    ask(widget, "set_region", region=None)
    assert widget.region == {}


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("close", {}, "'close' is no command of this widget."),
        ("__init__", {}, "'__init__' is no command of this widget."),
        ("set_target", {"indices": [8]}, "target is class 8, but this network has 8 classes"),
        ("set_target", {"indices": ["3"]}, "A target takes a list of class indices."),
        ("set_target", {}, "A target takes a list of class indices."),
        ("set_target", {"indices": [1, 2, 3]}, "one class, or two for a contrast"),
        ("select_input", {"index": 4}, "There is no input 4; there are 4, counted from 0."),
        ("select_input", {"index": True}, "There is no input True"),
        ("add_panel", {"method": "os.system"}, "There is no method 'os.system' to add."),
        (
            "set_knob",
            {"panel": "p2", "knob": "attribute", "value": 1},
            "has no setting 'attribute'",
        ),
        ("set_display", {"display": {"sign": "up"}}, "display sign is 'up'; it takes signed"),
        ("set_display", {"display": {"opacity": 2}}, "display opacity is 2; it takes 0 to 1."),
        ("set_display", {"display": {"layout": 2}}, "'layout' is no display setting"),
        ("move_panel", {"panel": "p1", "to": "first"}, "moved to a whole number"),
    ],
)
def test_what_the_page_may_not_ask_gets_one_sentence(widget, name, args, words):
    before = (widget.target, widget.panels, widget.display, widget.scene["index"])
    reply = ask(widget, name, **args)
    assert reply["ok"] is False
    assert words in reply["error"]
    assert "\n" not in reply["error"]
    assert (widget.target, widget.panels, widget.display, widget.scene["index"]) == before


def test_messages_that_are_no_commands_are_let_pass(widget):
    said = []
    widget.send = lambda content, buffers=None: said.append(content)
    for content in (None, "set_target", {"type": "other"}, ["command"]):
        widget._on_message(widget, content, [])
    assert said == []


def test_one_failing_method_takes_no_other_down(subject, scenes):
    def broken(subject, x, target):
        raise RuntimeError("no luck\nand a second line")

    made = Compare(subject, scenes[0].image, methods=[xw.Saliency(), broken, xw.GradCam()]).wait()
    states = [made.status[panel["id"]] for panel in made.panels]
    assert [state["status"] for state in states] == ["done", "error", "done"]
    assert states[1]["message"] == "RuntimeError: no luck"
    assert list(made.answers) == ["Saliency", "GradCam"]
    made.close()


class Slow(xw.Attribution, title="Slow"):
    """Wait for a long time, one pass at a time."""

    def attribute(self, subject, x, target):
        for _ in range(2000):
            subject(x)
            time.sleep(0.002)
        return x


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def test_a_slow_method_can_be_cancelled_and_tried_again(subject, scenes):
    made = Compare(subject, scenes[0].image, methods=[Slow(), xw.RandomMap()])
    until(lambda: made.status["p1"]["status"] == "running")
    assert ask(made, "cancel", panel="p1")["ok"]
    made.wait(20)
    assert made.status["p1"]["status"] == "cancelled"
    assert made.status["p2"]["status"] == "done"
    ask(made, "retry", panel="p1")
    until(lambda: made.status["p1"]["status"] == "running")
    made.close()


def test_cancelling_all_stops_what_waits_as_well(subject, scenes):
    made = Compare(subject, scenes[0].image, methods=[Slow(), Slow(), Slow()])
    until(lambda: made.status["p1"]["status"] == "running")
    ask(made, "cancel")
    assert made.wait(20) is made
    assert {state["status"] for state in made.status.values()} == {"cancelled"}
    made.close()


def test_progress_is_told_while_a_method_runs(subject, scenes):
    class Steps(xw.Attribution, title="Steps"):
        def cost(self, subject, x):
            return xw.Passes(40, 0)

        def attribute(self, subject, x, target):
            for _ in range(40):
                subject.outputs(x)
                time.sleep(0.02)
            return x

    made = Compare(subject, scenes[0].image, methods=[xw.RandomMap()]).wait()
    seen = []
    made.observe(
        lambda change: seen.extend(s["progress"] for s in change["new"].values()), "status"
    )
    made._panels.ask(made._panels.add(Steps()))
    made.wait()
    between = [share for share in seen if 0 < share < 1]
    assert len(between) >= 3
    assert between == sorted(between)
    made.close()


def test_the_newest_of_a_burst_of_changes_wins(widget):
    for i in range(200):
        ask(widget, "set_knob", panel="p2", knob="samples", value=2 + i % 30)
    widget.wait(60)
    last = 2 + 199 % 30
    answer = slot(widget, widget.panels[1])
    assert widget.answers["SmoothGrad"].provenance.settings["samples"] == last
    assert answer["request"] == widget.status["p2"]["request"]
    assert widget.status["p2"]["status"] == "done"
    assert answer["forwards"] == last or widget.answers["SmoothGrad"].provenance.cached


def test_an_interrupt_while_waiting_becomes_a_cancel(subject, scenes):
    import _thread

    made = Compare(subject, scenes[0].image, methods=[Slow()])
    until(lambda: made.status["p1"]["status"] == "running")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
    threading.Timer(0.2, _thread.interrupt_main).start()
    assert made.wait() is made
    signal.signal(signal.SIGINT, before)
    assert made.status["p1"]["status"] == "cancelled"
    made.close()


def test_an_update_of_a_panel_at_224_pixels_stays_under_220_kilobytes():
    heat = xw.Heatmap(
        torch.randn(1, 3, 224, 224),
        xw.Provenance("M", {}, ["t"], "s", "n", "i", {}),
        error=torch.rand(1, 3, 224, 224),
    )
    plain = pack.pack_heatmap(heat, 1, 0)
    heat.error, heat.frames = None, [xw.Frame("α", torch.randn(1, 3, 224, 224)) for _ in range(10)]
    framed = pack.pack_heatmap(heat, 1, 0)

    def size(value):
        if isinstance(value, bytes):
            return len(value)
        if isinstance(value, dict):
            return sum(size(entry) + len(key) for key, entry in value.items())
        return sum(map(size, value)) if isinstance(value, list) else 8

    assert 200_000 < size(plain) <= 220_000
    assert 100_000 < size(framed) <= 220_000


def test_frames_are_averages_of_blocks():
    values = np.arange(96 * 96, dtype=float).reshape(96, 96)
    small = pack.small(values)
    assert small.shape == (48, 48)
    assert small[3, 5] == values[6:8, 10:12].mean()


def test_a_method_declared_in_a_cell_appears_with_its_knobs_and_in_the_catalogue(subject, scenes):
    class Loudness(xw.Attribution, title="Loudness"):
        """How bright a pixel is."""

        power: float = xw.knob(default=1.0, low=0.5, high=4.0, help="exponent")

        def attribute(self, subject, x, target):
            return x.abs() ** self.power

    made = Compare(subject, scenes[0].image, methods=[Loudness(power=2.0)]).wait()
    (card,) = made.panels
    assert (card["title"], card["blurb"]) == ("Loudness", "How bright a pixel is.")
    assert card["knobs"][0]["high"] == 4.0
    entry = next(m for m in made.about["methods"] if m["name"] == "Loudness")
    assert entry["family"] == "yours"
    assert ask(made, "set_knob", panel="p1", knob="power", value=1.0)["ok"]
    made.wait()
    x = subject.prepare(scenes[0].image).x
    assert torch.equal(made.answers["Loudness"].values, x.abs())
    made.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": np.full((96, 96, 3), np.nan)}, "NaN or infinite"),
        ({"images": torch.zeros(1, 4, 96, 96)}, "has 4 channels"),
        ({"images": []}, "empty"),
        ({"target": "zebra"}, "No class is called 'zebra'"),
        ({"target": 99}, "target is class 99"),
        ({"truths": [1, 2]}, "2 truths came for 1 inputs"),
        ({"masks": [np.zeros((3, 3))]}, "has shape (3, 3)"),
        ({"methods": [42]}, "A method is a int"),
        ({"methods": [xw.RandomMap()] * 25}, "25 methods came"),
        ({"display": {"sign": "up"}}, "display sign is 'up'"),
    ],
)
def test_what_cannot_be_used_is_refused_before_a_widget_appears(subject, scenes, change, words):
    given = {"images": scenes[0].image, **change}
    with pytest.raises(xw.ExplainError) as refused:
        xw.compare(subject, given.pop("images"), **given)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value._render_traceback_() == [f"ExplainError: {refused.value}"]


def test_a_network_in_training_mode_is_refused(scenes):
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.Dropout(), torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
    )  # fmt: skip
    with pytest.raises(xw.ExplainError, match=r"training mode.*call model.eval\(\) first"):
        xw.compare(network, scenes[0].image)
    assert network.training


def test_copied_python_makes_an_equal_widget(subject, scenes):
    images = [scene.image for scene in scenes]
    truths = [scene.label for scene in scenes]
    made = xw.compare(
        subject, images, target=xw.Contrast("star", 2), truths=truths,
        methods=[xw.SmoothGrad(samples=3, noise=0.1), xw.GradCam()], display={"sign": "positive"},
    ).wait()  # fmt: skip
    scope = {"subject": subject, "images": images, "truths": truths}
    exec(made.python(), scope)
    again = scope["w"].wait()
    assert again.target == made.target
    assert again.display == made.display
    assert [p["settings"] for p in again.panels] == [p["settings"] for p in made.panels]
    assert [item["truth"] for item in again.strip] == [item["truth"] for item in made.strip]
    for name, heat in made.answers.items():
        assert torch.equal(again.answers[name].values, heat.values)
    made.close()
    again.close()


def test_a_picture_of_what_is_on_screen_goes_with_the_widget(widget):
    import base64
    import io

    from PIL import Image

    data, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.width > 4 * 150, "the input and three maps stand side by side"
    assert "Saliency" in data["text/plain"]
    assert len(data["text/plain"]) < 200


def test_the_picture_that_goes_with_the_widget_has_words(widget):
    _, metadata = widget._repr_mimebundle_()
    words = metadata["image/png"]["alt"]
    assert words == widget.describe()
    for shown in (widget.target["label"], "the input", "Saliency", "SmoothGrad", "Grad-CAM"):
        assert shown in words


@pytest.fixture
def sent(monkeypatch):
    """What goes to a notebook: each output's kind, and its picture where it has one."""
    told = []

    def tell(kind):
        return lambda data, **_: told.append((kind, data.get("image/png")))

    monkeypatch.setattr("IPython.display.display", tell("shown"))
    monkeypatch.setattr("IPython.display.update_display", tell("renewed"))
    return told


def test_a_widget_shown_after_its_last_answer_leaves_a_whole_picture_at_once(widget, sent):
    widget._ipython_display_()
    assert [kind for kind, _ in sent] == ["shown", "shown"]
    assert sent[1][1] == widget._left.bundle()["image/png"]
    assert widget._left.kept


def test_an_answer_that_comes_while_the_picture_is_made_is_in_the_picture_left(
    subject, scenes, sent
):
    come = threading.Event()

    def slow(subject, x, target):
        come.wait(30)
        return x.mean(1)

    made = Compare(subject, scenes[0].image, methods=[xw.Saliency(), slow])
    drawn = made._left._picture

    def overtaken():
        early = drawn()
        come.set()
        made.wait()
        return early

    made._left._picture = overtaken
    made._ipython_display_()
    assert [kind for kind, _ in sent] == ["shown", "shown", "renewed"]
    assert sent[1][1] != sent[2][1] == made._left.bundle()["image/png"]
    assert made._left.kept
    made.close()


def test_the_figure_has_a_panel_and_a_colour_bar_for_every_answer(widget):
    figure = widget.to_figure()
    titles = [axis.get_title() for axis in figure.axes if axis.get_title()]
    assert titles == ["Input", "Saliency", "SmoothGrad", "Grad-CAM"]
    limits = [axis.get_xticklabels() for axis in figure.axes if not axis.get_title()]
    assert sum(bool(labels) for labels in limits) >= 3


def test_closing_ends_the_work_and_lets_go_of_the_answers(subject, scenes):
    made = Compare(subject, scenes[0].image, methods=[Slow()])
    until(lambda: made.status["p1"]["status"] == "running")
    made.close()
    assert made._worker.wait(20)
    assert made.answers == {}


def test_bars_follow_a_network_that_has_changed_since(scenes):
    subject = zoo.subject("shapes")
    made = Compare(subject, scenes[0].image, methods=[xw.Saliency()]).wait()
    before = {bar["index"]: bar["logit"] for bar in made.scene["predictions"]}
    with torch.no_grad():
        subject.model.linear.weight.mul_(2)
        subject.model.linear.bias.mul_(2)
    ask(made, "set_target", indices=[1])
    made.wait()
    after = {bar["index"]: bar["logit"] for bar in made.scene["predictions"]}
    assert after == pytest.approx({index: 2 * logit for index, logit in before.items()}, rel=1e-4)
    made.close()


def test_a_widget_may_be_closed_while_an_answer_arrives(subject, scenes, monkeypatch):
    failures = []
    monkeypatch.setattr(threading, "excepthook", lambda args: failures.append(args.exc_value))
    take = Panel.take

    def taken(panel, *args):
        take(panel, *args)
        closing = threading.Thread(target=made[0].close)
        closing.start()
        closing.join(0.3)

    made = [Compare(subject, scenes[0].image, methods=[waits_for(started := threading.Event())])]
    monkeypatch.setattr(Panel, "take", taken)
    started.set()
    made[0].wait()
    assert failures == []


def waits_for(event):
    def late(subject, x, target):
        event.wait(10)
        return x

    return late


def test_panels_of_one_method_are_called_by_the_settings_in_which_they_differ(subject, scenes):
    methods = [
        xw.LRP(preset="ε"), xw.LRP(preset="ε", epsilon=0.1), xw.LRP(preset="γ-box"),
        xw.SmoothGrad(samples=4), xw.Saliency(),
    ]  # fmt: skip
    widget = Compare(subject, [scenes[0].image], methods=methods)
    assert [panel["title"] for panel in widget.panels] == [
        "LRP, ε, epsilon 1e-06", "LRP, ε, epsilon 0.1", "LRP, γ-box, epsilon 1e-06",
        "SmoothGrad", "Saliency",
    ]  # fmt: skip
    for panel in widget.panels[1:3]:
        ask(widget, "remove_panel", panel=panel["id"])
    assert widget.panels[0]["title"] == "LRP"
    widget.close()
