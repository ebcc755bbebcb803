"""Masking without a page: which pixels go, what the network says then, and how it refuses."""

import io
import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from page import ask
from PIL import Image

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.core.baselines import baseline
from xaiwidgets.core.brush import painted, strokes_of
from xaiwidgets.evaluation import PixelFlipping
from xaiwidgets.widgets import pack
from xaiwidgets.widgets.code import compare_code
from xaiwidgets.widgets.masking import STEPS, hole, levels_of

GOLDEN = Path(__file__).parents[1] / "golden" / "brush.json"


@pytest.fixture(scope="module")
def subject():
    return zoo.subject("shapes")


@pytest.fixture(scope="module")
def images():
    scenes = zoo.ShapeScenes(3, size=96, seed=11)
    return [scenes[i].image for i in range(3)]


@pytest.fixture
def widget(subject, images):
    made = xw.masking(subject, images, share=20, methods=[xw.Saliency(), xw.GradCam()]).wait()
    yield made
    made.close()


def slot(widget, number):
    return getattr(widget, f"slot_{widget.panels[number]['slot']:02d}")


def by_hand(subject, image, heat, share, *, keep=False, flip=False):
    """The slow way: sort all pixels, take the largest away one by one, fill them, ask once."""
    x = subject.preprocess(image)
    values = heat.map()[0].ravel()
    count = round(len(values) * share / 100)
    order = np.argsort(-values, kind="stable")
    gone = np.zeros(len(values), bool)
    gone[order[len(values) - count :] if keep else order[:count]] = True
    gone = torch.as_tensor(gone.reshape(x.shape[2:]) != flip)
    absent = baseline("blur", subject, x)
    masked = torch.where(gone, absent, x)
    return subject.outputs(masked).softmax(1)[0, heat_class(heat, subject)].item()


def heat_class(heat, subject):
    return subject.classes.index(heat.provenance.target[0])


def test_a_masked_score_is_that_of_the_picture_with_its_top_pixels_filled(widget, subject, images):
    heat = widget.answers["Saliency"]
    for mode, options in (
        ("remove", {}), ("keep", {"keep": True}), ("reveal", {"flip": True}),
    ):  # fmt: skip
        widget.masking.mode = mode
        widget.wait()
        score = widget.masking.scores["Saliency"]
        wanted = by_hand(subject, images[0], heat, 20, **options)
        assert score["masked"] == pytest.approx(wanted, abs=1e-5), mode
        whole = subject.outputs(subject.preprocess(images[0])).softmax(1)
        assert score["intact"] == pytest.approx(
            whole[0, heat_class(heat, subject)].item(), abs=1e-6
        )


def test_the_picture_left_behind_has_what_each_map_leaves_of_the_input(widget, images):
    own = np.asarray(images[0])
    left = widget.masking.pictures()
    assert [words.split(" masked")[0] for _, words in left] == ["Saliency", "Grad-CAM"]
    for (picture, words), score in zip(left, widget.masking.scores.values(), strict=True):
        assert words.endswith(f": {score['intact']:.2f}\u00a0→\u00a0{score['masked']:.2f}")
        changed = (picture != own).any(2).mean()
        assert 0.15 < changed <= 0.2  # a blurred pixel may keep its colour
    before = Image.open(io.BytesIO(widget.picture())).height
    widget.masking.on = False
    assert widget.masking.pictures() == []
    assert Image.open(io.BytesIO(widget.picture())).height < before


def test_the_levels_hide_exactly_the_share_at_every_step_and_none_comes_back():
    order = np.random.default_rng(0).permutation(37 * 23).reshape(37, 23)
    levels = levels_of(order)
    before = np.zeros(order.shape, bool)
    for step in range(STEPS + 1):
        now = hole(levels, {"mode": "remove", "share": 100 * step / STEPS})
        assert now.sum() == round(order.size * step / STEPS)
        assert not (before & ~now).any()
        assert (order[now] < now.sum()).all()
        before = now


@pytest.mark.parametrize("share", [0, 0.5, 37, 99.5, 100])
def test_keeping_is_revealing_from_the_other_end(share):
    levels = levels_of(np.random.default_rng(1).permutation(400).reshape(20, 20))
    kept = hole(levels, {"mode": "keep", "share": share})
    revealed = hole(levels, {"mode": "reveal", "share": 100 - share})
    assert (kept == revealed).all()
    assert kept.sum() == round(400 * share / 100)


def test_the_page_has_what_it_needs_to_draw_the_masks(widget, subject, images):
    levels = pack.unpack(slot(widget, 0)["levels"])
    heat = widget.answers["Saliency"].map()[0]
    gone = levels <= 40
    assert heat[gone].min() >= heat[~gone].max()
    x = subject.preprocess(images[0])
    wanted, _ = subject.preprocessing.pictures(baseline("blur", subject, x))
    assert (pack.unpack(widget.filled["picture"]) == wanted[0]).all()
    widget.masking.fill = "neighbours"
    assert widget.filled == {"fill": "neighbours", "input": 0, "picture": None}


def test_levels_travel_only_while_masking_is_on(subject, images):
    made = xw.compare(subject, images[0], methods=[xw.Saliency()]).wait()
    assert "levels" not in slot(made, 0)
    assert ask(made, "set_masking", masking={"on": True, "turn": 1})["ok"]
    assert "levels" in slot(made, 0)
    made.wait()
    assert list(made.masking.scores) == ["Saliency"]
    made.close()


def test_one_batched_pass_asks_for_every_panel_and_the_control(widget):
    sizes = []
    model = widget.subject.model
    hook = model.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    try:
        widget.masking.share = 30
        widget.wait()
    finally:
        hook.remove()
    assert sizes == [3], "two panels and one mask by lot"


def test_scores_follow_a_knob_an_input_and_a_target(widget, subject, images):
    before = widget.masking.scores["GradCam"]["masked"]
    ask(widget, "set_knob", panel="p2", knob="relu", value=False)
    widget.wait()
    request = widget.mask_scores["panels"]["p2"]["request"]
    assert request == widget.status["p2"]["request"] == slot(widget, 1)["request"]
    widget.select(1).explain(3).wait()
    heat = widget.answers["Saliency"]
    assert heat.provenance.target == [subject.classes[3]]
    wanted = by_hand(subject, images[1], heat, 20)
    assert widget.masking.scores["Saliency"]["masked"] == pytest.approx(wanted, abs=1e-5)
    assert widget.masking.scores["GradCam"]["masked"] != before
    assert widget.filled["input"] == 1


def test_a_held_answer_about_another_input_is_not_scored(widget):
    ask(widget, "pin_panel", panel="p1", pinned=True)
    widget.select(2).wait()
    assert list(widget.masking.scores) == ["GradCam"]


def test_a_contrast_is_followed_by_its_score(widget, subject, images):
    widget.explain(xw.Contrast(1, 2)).wait()
    assert widget.mask_scores["unit"] == "score"
    logits = subject.outputs(subject.preprocess(images[0]))[0]
    intact = widget.masking.scores["Saliency"]["intact"]
    assert intact == pytest.approx((logits[1] - logits[2]).item(), abs=1e-4)


def test_a_map_without_an_order_is_said_to_have_none(subject, images):
    def flat(subject, x, target):
        return torch.ones_like(x)

    made = xw.masking(subject, images[0], methods=[flat, xw.Saliency()]).wait()
    assert "puts no pixel before another" in made.mask_scores["panels"]["p1"]["problem"]
    assert list(made.masking.scores) == ["Saliency"]
    made.masking.draw_curves()
    made.wait()
    assert list(made.curves["deletion"]) == ["Saliency", "random"]
    made.close()


def test_the_newest_settings_win(widget):
    turn = widget.masking_settings["turn"]
    for step in range(60):
        reply = ask(widget, "set_masking", masking={"turn": turn + 1 + step, "share": step / 2})
        assert reply["ok"]
    widget.wait()
    assert widget.mask_scores["turn"] == turn + 60
    assert widget.masking.share == 29.5


def test_a_slider_is_served_before_panels_that_wait(subject, images):
    order = []

    def slow(name):
        def explain(subject, x, target):
            time.sleep(0.3)
            order.append(name)
            return torch.randn_like(x)

        explain.__name__ = name
        return explain

    made = xw.masking(subject, images[0], methods=[slow("one"), slow("two"), slow("three")])
    write = made.set_trait

    def seen(name, value):
        if name == "mask_scores" and value["turn"]:
            order.append("score")
        write(name, value)

    made._masking._write = seen
    time.sleep(0.1)
    made.masking.share = 40
    made.wait()
    assert order[:3] == ["one", "score", "two"]
    made.close()


# --- curves ------------------------------------------------------------------------------------


def test_the_curves_are_those_of_pixel_flipping(widget, subject, images):
    widget.masking.draw_curves()
    widget.wait()
    assert list(widget.curves["deletion"]) == ["Saliency", "GradCam", "random"]
    for name, line in zip(("Saliency", "GradCam"), widget.mask_curves["lines"], strict=True):
        graded = PixelFlipping(fill="blur", steps=32)(subject, images[0], widget.answers[name])
        curve = widget.curves["deletion"][name]
        np.testing.assert_allclose(curve.y, graded.curves["most first"].y, atol=1e-6)
        assert line["deletion"]["aopc"] == pytest.approx(graded.mean, abs=1e-6)
        least = PixelFlipping(fill="blur", steps=32, order="least first")
        inserted = widget.curves["insertion"][name].y
        if name == "Saliency":  # no ties, so that the orders are each other's mirror
            mirrored = least(subject, images[0], widget.answers[name]).curves["least first"].y
            np.testing.assert_allclose(inserted[:, ::-1], mirrored, atol=1e-5)
        areas = np.trapezoid(inserted[0], curve.x)
        assert line["insertion"]["auc"] == pytest.approx(areas, abs=1e-3)
    band = widget.mask_curves["random"]["deletion"]
    draws = widget.curves["deletion"]["random"].y
    assert len(draws) == 5
    np.testing.assert_allclose(band["low"], draws.min(0), atol=1e-5)
    np.testing.assert_allclose(band["high"], draws.max(0), atol=1e-5)


def test_a_score_on_the_slider_lies_on_its_curve(widget):
    widget.masking.draw_curves()
    widget.masking.share = 25
    widget.wait()
    for name, score in widget.masking.scores.items():
        assert score["masked"] == pytest.approx(widget.curves["deletion"][name].y[0, 8], abs=1e-5)


def test_curves_are_drawn_once_for_the_same_question(widget):
    widget.masking.draw_curves()
    widget.wait()
    first = widget.mask_curves
    passes = []
    hook = widget.subject.model.register_forward_pre_hook(lambda *_: passes.append(1))
    try:
        widget.masking.draw_curves()
        widget.wait()
    finally:
        hook.remove()
    assert len(passes) == 1, "the slider's score alone"
    assert widget.mask_curves["lines"] == first["lines"]
    widget.masking.fill = "mean"
    assert widget.mask_curves["missing"] == 2
    widget.masking.fill = "blur"
    assert widget.mask_curves["lines"] == first["lines"]


def test_a_cancelled_drawing_stops_and_can_go_on(subject, images):
    made = xw.masking(subject, images[0], methods=[xw.Saliency()]).wait()
    hook = made.subject.model.register_forward_pre_hook(lambda *_: time.sleep(0.05))
    try:
        assert ask(made, "draw_curves")["ok"]
        time.sleep(0.2)
        assert ask(made, "stop_curves")["ok"]
        start = time.monotonic()
        made.wait()
        assert time.monotonic() - start < 1
    finally:
        hook.remove()
    assert made.mask_curves["status"] == "cancelled"
    assert "random" not in made.mask_curves
    made.masking.draw_curves()
    made.wait()
    assert made.mask_curves["status"] == "done"
    assert made.mask_curves["missing"] == 0
    made.close()


def test_cancelling_all_work_ends_the_curves_and_leaves_the_scores(subject, images):
    made = xw.masking(subject, images[0], methods=[xw.Saliency()]).wait()
    hook = made.subject.model.register_forward_pre_hook(lambda *_: time.sleep(0.05))
    try:
        ask(made, "draw_curves")
        time.sleep(0.2)
        ask(made, "set_masking", masking={"turn": 9, "share": 44})
        ask(made, "cancel")
        made.wait()
    finally:
        hook.remove()
    assert made.mask_curves["status"] == "cancelled"
    assert made.mask_scores["turn"] == 9
    made.close()


# --- brush -------------------------------------------------------------------------------------


def test_the_brush_is_scored_with_what_it_covers_and_with_what_it_keeps(widget, subject, images):
    mask = np.zeros((96, 96), bool)
    mask[30:60, 20:70] = True
    widget.brush = mask
    assert (widget.brush == mask).all()
    x = subject.preprocess(images[0])
    absent = baseline("blur", subject, x)
    label = heat_class(widget.answers["Saliency"], subject)
    for spares in (False, True):
        widget.masking.spares = spares
        widget.wait()
        covered = torch.where(torch.as_tensor(mask != spares), absent, x)
        wanted = subject.outputs(covered).softmax(1)[0, label].item()
        assert widget.masking.scores["brush"]["masked"] == pytest.approx(wanted, abs=1e-5)
    widget.masking.strokes = []
    widget.wait()
    assert "brush" not in widget.masking.scores


@pytest.mark.parametrize("seed", range(5))
def test_any_mask_becomes_strokes_and_comes_back(seed):
    mask = np.random.default_rng(seed).random((13, 29)) < seed / 4
    assert (painted(strokes_of(mask), mask.shape) == mask).all()


def test_strokes_cover_the_pixels_that_the_page_paints():
    for case in json.loads(GOLDEN.read_text()):
        height, width = case["shape"]
        found = painted(case["strokes"], (height, width))
        assert np.flatnonzero(found).tolist() == case["painted"]


# --- words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"share": 101}, "masking share is 101; it takes 0 to 100 percent."),
        ({"share": "20"}, "masking share is '20'; it takes a number."),
        ({"mode": "drop"}, "masking mode is 'drop'; it takes remove, keep, reveal."),
        ({"fill": "given"}, "masking fill is 'given'; it takes mean, blur,"),
        ({"on": 1}, "masking on is 1; it takes True or False."),
        ({"shares": 3}, "'shares' is no setting of masking; there are on, turn, share,"),
        ({"strokes": [[4, 200, 1]]}, "in pixels of the picture (96×96)."),
        ({"strokes": [[0, 2, 1]]}, "masking strokes takes [side, x, y, x, y, ...]"),
        ({"strokes": [[3, 2]]}, "masking strokes takes [side, x, y, x, y, ...]"),
        ({"strokes": 7}, "masking strokes takes [side, x, y, x, y, ...]"),
    ],
)
def test_bad_settings_are_refused_in_words_and_nothing_changes(widget, settings, words):
    before = widget.masking_settings
    reply = ask(widget, "set_masking", masking=settings)
    assert reply["ok"] is False
    assert words in reply["error"]
    with pytest.raises(xw.ExplainError, match=r"masking"):
        widget.masking.set(**settings)
    assert widget.masking_settings == before


def test_a_brush_of_another_shape_is_refused(widget):
    with pytest.raises(xw.ExplainError, match=r"shape \(5, 5\); .* is \(96, 96\)\."):
        widget.brush = np.zeros((5, 5))


def test_a_network_that_fails_on_a_masked_picture_is_reported_in_words(widget):
    def fail(*_):
        raise RuntimeError("out of order")

    hook = widget.subject.model.register_forward_pre_hook(fail)
    try:
        widget.masking.share = 30
        widget.wait()
    finally:
        hook.remove()
    assert "out of order" in widget.mask_scores["problem"]
    widget.masking.share = 31
    widget.wait()
    assert widget.mask_scores["problem"] == ""


def test_the_code_makes_the_same_masking_again(widget, subject, images):
    widget.masking.set(mode="keep", share=12.5, fill="mean", strokes=[[9, 20, 30]])
    text = widget.python()
    assert (
        "masking={'on': True, 'share': 12.5, 'mode': 'keep', 'fill': 'mean', "
        "'strokes': [[9, 20, 30]]}," in text
    )
    names = {"model": subject, "image": images, "subject": subject, "images": images}
    scope: dict = dict(names)
    exec(text, scope)
    again = scope["w"]
    assert again.masking_settings == {**widget.masking_settings, "turn": 0}
    assert (again.brush == widget.brush).all()
    again.close()
    assert "masking" not in compare_code([xw.Saliency()], None, {}, {})


def test_a_closed_masking_asks_the_network_nothing(widget):
    widget.masking.on = False
    passes = []
    hook = widget.subject.model.register_forward_pre_hook(lambda *_: passes.append(1))
    try:
        widget._masking.answered()
        widget._masking.follow()
        widget.wait()
    finally:
        hook.remove()
    assert passes == []
    assert "masking" not in widget.python()
