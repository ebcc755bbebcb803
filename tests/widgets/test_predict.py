"""Predict, then reveal, without a page: nothing is shown before it is marked, all is measured."""

import json

import numpy as np
import pytest
from page import ask
from tables import cancer

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.evaluation import region_overlap
from xaiwidgets.widgets.pack import unpack

SUBJECT = zoo.subject("shapes")
SCENES = [zoo.ShapeScenes(3, size=96, seed=3)[i] for i in range(3)]
IMAGES = [scene.image for scene in SCENES]
MASKS = [{"object": scene.masks["object"]} for scene in SCENES]
BOX = (10, 12, 30, 34)


def centred(subject, x, target):
    """A student's own method: the middle of the picture."""
    values = np.zeros((1, 1, *x.shape[2:]), np.float32)
    values[..., 40:56, 40:56] = 1
    return values


METHODS = [xw.Saliency(form="absolute"), xw.GradCam(), centred]


def make(images=IMAGES[0], **given):
    return xw.predict(SUBJECT, images, methods=METHODS, **given)


@pytest.fixture
def widget():
    made = make(masks=MASKS[0])
    yield made.wait()
    made.close()


def test_the_page_gets_neither_maps_nor_true_regions_before_the_reveal(widget):
    assert widget.sheet == {}
    assert widget.scene["masks"] == []
    assert widget.answers == widget.overlap == widget.overlaps == {}
    assert len(widget.results()) == 0
    assert widget.about["methods"] == ["Saliency", "Grad-CAM", "centred"]


def test_a_mark_is_set_and_read_as_pixels(widget):
    mask = np.zeros((96, 96), bool)
    assert not widget.marked.any()
    mask[5:20, 7:31] = True
    widget.marked = mask
    assert (widget.marked == mask).all()
    widget.marked = [BOX, [3, 40, 40]]
    assert widget.marked[12:34, 10:30].all()
    assert widget.marked.sum() == 20 * 22 + 9


def test_after_the_reveal_the_page_gets_maps_regions_and_overlaps(widget):
    widget.marked = [BOX]
    widget.reveal().wait()
    assert widget.revealed == [0]
    assert [card["name"] for card in widget.sheet["maps"]] == ["Saliency", "Grad-CAM", "centred"]
    assert {mask["name"] for mask in widget.scene["masks"]} == set(MASKS[0])
    found = {(card["name"], card["region"]): card for card in widget.overlaps["0"]}
    assert len(found) == 3 * 2
    for name, heat in widget.answers.items():
        own = region_overlap(heat, widget.marked)
        assert widget.overlap[name] == own
        card = found[name, ""]
        assert (card["share"], card["iou"], card["hit"], card["area"]) == (
            own.share, own.iou, own.hit, own.area,
        )  # fmt: skip
        truth = region_overlap(heat, MASKS[0]["object"])
        assert found[name, "object"]["share"] == truth.share


def test_of_many_true_regions_the_page_shows_two_and_the_table_all_that_tell_something():
    many = SCENES[0].masks
    widget = make(masks=many, marked=[BOX]).reveal().wait()
    assert [mask["name"] for mask in widget.scene["masks"]] == ["object", "part:stalk"]
    assert {card["region"] for card in widget.overlaps["0"]} == {"", "object", "part:stalk"}
    telling = {name for name, mask in many.items() if 0 < mask.mean() < 1}
    assert set(widget.results()["region"]) == {"marked", *telling}
    widget.close()


def test_the_map_on_the_page_is_the_very_map_that_is_measured(widget):
    widget.marked = [BOX]
    widget.reveal().wait()
    for card in widget.sheet["maps"]:
        shown = unpack(card["map"])
        assert region_overlap(shown, widget.marked) == widget.overlap[card["name"]]


def test_a_mark_stays_once_its_picture_is_revealed(widget):
    widget.marked = [BOX]
    widget.reveal()
    with pytest.raises(ExplainError, match="so its mark stays"):
        widget.marked = [(0, 0, 5, 5)]
    assert widget.marked.sum() == 20 * 22
    reply = ask(widget, "set_mark", index=0, shapes=[[0, 0, 5, 5]])
    assert not reply["ok"]


def test_nothing_is_revealed_before_something_is_marked(widget):
    with pytest.raises(ExplainError, match="Nothing is marked yet"):
        widget.reveal()
    reply = ask(widget, "reveal", index=0, shapes=[])
    assert "nothing is marked yet" in reply["error"].lower()
    assert widget.revealed == []


def test_the_page_marks_and_reveals(widget):
    assert ask(widget, "set_mark", index=0, shapes=[[5, 9, 9, 20, 20]])["ok"]
    assert widget.marks == {"0": [[5, 9, 9, 20, 20]]}
    assert ask(widget, "reveal", index=0, shapes=[[5, 9, 9]])["ok"]
    assert widget.marked.sum() == 25
    assert widget.revealed == [0]
    for bad in ({"index": 4, "shapes": []}, {"index": 0, "shapes": [[1, 2]]}, {"index": "0"}):
        assert not ask(widget, "set_mark", **bad)["ok"]


def test_an_answer_in_code_is_graded_without_a_page():
    answer = [(8, 8, 80, 80)]
    widget = make(marked=answer).reveal().wait()
    expected = np.zeros((96, 96), bool)
    expected[8:80, 8:80] = True
    heat = xw.GradCam()(SUBJECT, IMAGES[0])
    assert widget.overlap["Grad-CAM"] == region_overlap(heat, expected)
    assert widget.overlap["centred"].share == widget.overlap["centred"].hit == 1
    widget.close()


def test_several_pictures_are_marked_in_turn_and_summed_up():
    widget = make(IMAGES, marked={0: [BOX], 2: [BOX]}, masks=MASKS)
    assert [item["name"] for item in widget.strip] == widget._gallery.inputs.names
    widget.reveal().wait()
    assert widget.revealed == [0, 2]
    table = widget.results()
    assert set(table["region"]) == {"marked", *MASKS[0]}
    mine = table[table["region"] == "marked"]
    assert len(mine) == 2 * 3
    assert mine["share by chance"].to_numpy() == pytest.approx(20 * 22 / 96**2)
    with pytest.raises(ExplainError, match="In picture 1 nothing is marked yet"):
        widget.reveal(1)
    assert not widget.select(1).sheet
    assert widget.select(2).sheet["input"] == 2
    widget.close()


def test_the_code_makes_the_same_widget_again():
    picture = IMAGES[0]
    widget = xw.predict(SUBJECT, picture, methods=[xw.Saliency()], marked=[BOX]).reveal()
    code = widget.python()
    assert "marked=[[10, 12, 30, 34]]" in code
    assert code.endswith(").reveal()")
    scope = {"SUBJECT": SUBJECT, "picture": picture}
    exec(code, scope)
    again = scope["w"].wait()
    assert (again.marked == widget.marked).all()
    assert again.wait().overlap == widget.wait().overlap
    again.close()
    widget.close()
    several = make(IMAGES, marked={1: [BOX]})
    assert "marked={1: [[10, 12, 30, 34]]}" in several.python()
    assert several.reveal().python().endswith(").reveal(1)")
    several.close()


def test_a_method_that_fails_says_so_once_revealed_and_the_others_are_there():
    def broken(subject, x, target):
        raise ValueError("out of luck")

    widget = xw.predict(SUBJECT, IMAGES[0], methods=[xw.Saliency(), broken], marked=[BOX])
    widget.reveal().wait()
    first, second = widget.sheet["maps"]
    assert first["problem"] == ""
    assert "out of luck" in second["problem"]
    assert second["map"] is None
    assert list(widget.overlap) == ["Saliency"]
    widget.close()


@pytest.mark.parametrize("open_", [xw.predict, xw.blind])
def test_inputs_that_are_no_pictures_are_refused(open_):
    with pytest.raises(ExplainError, match="works on pictures; this subject's inputs are tables"):
        open_(cancer(), [[0.0] * 30])


def test_cancelled_work_can_be_asked_for_again(widget):
    ask(widget, "cancel")
    assert ask(widget, "retry")["ok"]
    widget.wait()
    assert widget.work["status"] == "done"


def test_unknown_commands_are_refused(widget):
    assert "no command" in ask(widget, "set_knob", panel="p1")["error"]


def test_a_page_holds_both_sides_of_the_reveal(tmp_path):
    widget = make(IMAGES[:2], masks=MASKS[:2])
    state, library = widget.page(True)
    assert state["about"]["live"] is False
    assert sorted(library) == ["picture 0", "picture 1", "told 0", "told 1"]
    assert library["picture 1"]["sheet"] == {}
    assert library["picture 1"]["scene"]["masks"] == []
    assert len(library["told 1"]["sheet"]["maps"]) == 3
    assert library["told 1"]["overlaps"]["1"][0]["region"] in MASKS[1]
    assert widget.scene["index"] == 0
    assert widget.sheet == {}
    assert "⟨answers⟩" in state["_code"]
    assert json.dumps(state["_code"])
    text = widget.to_html(tmp_path / "page.html").read_text("utf-8")
    assert 'data-bundle="lesson"' in text
    widget.close()


def test_the_picture_left_behind_shows_maps_once_they_are_revealed(widget):
    before = widget.picture()
    assert "disc, its maps not revealed yet" in widget.describe()
    widget.marked = [BOX]
    widget.reveal().wait()
    assert len(widget.picture()) > len(before)
    assert "with the maps Saliency, Grad-CAM, centred" in widget.describe()
