"""Blind comparison, without a page: names stay hidden until the vote, and then are told."""

import json

import numpy as np
import pytest
from page import ask

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.widgets.blind import standings
from xaiwidgets.widgets.export import plain
from xaiwidgets.widgets.pack import unpack

SUBJECT = zoo.subject("shapes")
SCENES = [zoo.ShapeScenes(3, size=96, seed=3)[i] for i in range(3)]
IMAGES = [scene.image for scene in SCENES]
MASKS = [{"object": scene.masks["object"]} for scene in SCENES]


def homework(subject, x, target):
    """What Ada handed in."""
    values = np.zeros((1, 1, *x.shape[2:]), np.float32)
    values[..., 40:56, 40:56] = 7
    return values


METHODS = [xw.Saliency(), xw.IntegratedGradients(steps=4), homework]
CONTROLS = ["Edge detector (control)", "Random map (control)"]
TITLES = ["Saliency", "Integrated gradients", "homework", *CONTROLS]
GIVEN_AWAY = [
    *TITLES,
    "Saliency",
    "EdgeDetector",
    "RandomMap",
    "homework",
    "What Ada handed in",
    "gradient",
]


def make(images=IMAGES[0], **given):
    return xw.blind(SUBJECT, images, methods=[*METHODS], trust=False, **given)


@pytest.fixture
def widget():
    made = make().wait()
    yield made
    made.close()


def sent(widget):
    """All that the page of a kernel has, but its own script and style."""
    state = widget.get_state()
    return json.dumps(plain({k: v for k, v in state.items() if k not in ("_esm", "_css")}))


def behind(widget, index=0):
    """The method behind every letter."""
    names = [widget._titles[place] for place in widget._order(index)]
    return dict(zip("ABCDE", names, strict=True))


def test_no_name_reaches_the_page_before_the_vote(widget):
    text = sent(widget)
    assert len(widget.sheet["maps"]) == 5
    for name in GIVEN_AWAY:
        assert name.lower() not in text.lower(), name
    assert [card["name"] for card in widget.sheet["maps"]] == list("ABCDE")
    assert list(widget.answers) == list("ABCDE")
    assert not any(name in repr(widget) + widget.describe() for name in GIVEN_AWAY)


def test_neither_size_nor_facts_nor_time_give_a_map_away(widget):
    for card in widget.sheet["maps"]:
        assert np.abs(unpack(card["map"])).max() == pytest.approx(1)
        told = {key: value for key, value in card.items() if key not in ("map", "name", "letter")}
        assert told == {"blurb": "", "facts": [], "warnings": [], "problem": ""}


def test_maps_come_all_at_once():
    told = []
    widget = make()
    widget.observe(lambda change: told.append(len(change["new"].get("maps", []))), "sheet")
    widget.wait()
    assert set(told) <= {0, 5}
    widget.close()


def test_the_order_is_drawn_from_the_seed_for_each_picture_anew():
    orders = {}
    for seed in range(4):
        widget = make(IMAGES, seed=seed)
        orders[seed] = [widget._order(i) for i in range(3)]
        assert all(sorted(order) == [0, 1, 2, 3, 4] for order in orders[seed])
        assert orders[seed] == [widget._order(i) for i in range(3)]
        widget.close()
    assert len({str(order) for each in orders.values() for order in each}) > 8


def test_after_the_vote_everything_is_told(widget):
    letters = behind(widget)
    before = {card["letter"]: unpack(card["map"]) for card in widget.sheet["maps"]}
    widget.vote = "CA"
    widget.wait()
    assert widget.revealed == [0]
    assert widget.vote == "CA"
    for card in widget.sheet["maps"]:
        assert card["name"] == letters[card["letter"]]
        values = unpack(card["map"])
        assert values / np.abs(values).max() == pytest.approx(before[card["letter"]])
    assert widget.names == {"0": [letters[letter] for letter in "ABCDE"]}
    table = widget.results().set_index("method")
    assert table.index[0] == letters["C"]
    assert table.loc[letters["C"], "first"] == 1
    assert table.loc[letters["B"], "place"] == pytest.approx((3 + 4 + 5) / 3)
    assert set(table.index[table["control"]]) == {*CONTROLS}


def test_a_vote_after_the_names_are_told_is_refused(widget):
    widget.reveal()
    with pytest.raises(ExplainError, match="would not be blind"):
        widget.vote = "A"
    assert "blind" in ask(widget, "cast_vote", index=0, vote="A", reason="")["error"]
    widget.reason = "words may still be changed"
    assert widget.reason


@pytest.mark.parametrize("vote", ["", "AA", "F", "A1", None, 3, ["A"]])
def test_what_is_no_vote_is_refused_in_words(widget, vote):
    with pytest.raises(ExplainError, match="letters from A to E"):
        widget.vote = vote
    assert widget.votes == {}
    assert widget.revealed == []


def test_votes_may_be_written_with_commas(widget):
    widget.vote = "c, a"
    assert widget.vote == "CA"


def test_names_wait_for_the_last_picture_or_for_somebody_who_asks():
    widget = make(IMAGES)
    assert ask(widget, "cast_vote", index=0, vote="B", reason="it is on the shape")["ok"]
    assert widget.revealed == []
    with pytest.raises(ExplainError, match="Names are not told yet"):
        widget.results()
    assert ask(widget, "cast_vote", index=1, vote="A", reason="")["ok"]
    assert ask(widget, "cast_vote", index=2, vote="A", reason="")["ok"]
    assert widget.revealed == [0, 1, 2]
    assert widget.votes == {0: "B", 1: "A", 2: "A"}
    assert widget.results()["first"].sum() == 3
    widget.close()
    early = make(IMAGES, vote=["B", None, None]).wait()
    assert ask(early, "reveal")["ok"]
    assert early.revealed == [0, 1, 2]
    assert early.results()["first"].sum() == 1
    assert early.python().endswith(").reveal()")
    early.close()


def test_true_regions_are_told_with_the_names():
    widget = make(masks=MASKS[0]).wait()
    assert widget.scene["masks"] == []
    widget.vote = "A"
    widget.wait()
    assert widget.scene["masks"]
    assert {card["region"] for card in widget.overlaps["0"]} <= set(MASKS[0])
    assert {card["name"] for card in widget.overlaps["0"]} == set(TITLES)
    widget.close()


def test_a_method_that_fails_keeps_its_secret_until_the_names_are_told():
    def unlucky(subject, x, target):
        raise ValueError("unlucky failed")

    widget = xw.blind(SUBJECT, IMAGES[0], methods=[xw.Saliency(), unlucky], trust=False).wait()
    assert "unlucky" not in sent(widget)
    assert sum(card["problem"] == "There is no map here." for card in widget.sheet["maps"]) == 1
    widget.reveal().wait()
    assert any("unlucky failed" in card["problem"] for card in widget.sheet["maps"])
    widget.close()


def test_controls_may_be_left_out_and_are_not_doubled():
    bare = make(controls=False)
    assert bare._titles == TITLES[:3]
    bare.close()
    own = xw.blind(SUBJECT, IMAGES[0], methods=[xw.Saliency(), xw.RandomMap(seed=4)], trust=False)
    assert own._titles == ["Saliency", *reversed(CONTROLS)]
    own.close()


def test_the_code_is_copied_once_it_gives_nothing_away(widget):
    assert "once they are told" in ask(widget, "copy_python")["error"]
    usual = xw.blind(SUBJECT, IMAGES[0], trust=False)
    code = ask(usual, "copy_python")["value"]
    assert "methods" not in code
    usual.close()
    chosen = METHODS
    named = xw.blind(SUBJECT, IMAGES[0], methods=chosen, trust=False)
    assert "methods=chosen" in ask(named, "copy_python")["value"]
    named.close()


def test_the_code_keeps_vote_and_reason():
    picture, chosen = IMAGES[0], METHODS
    widget = xw.blind(SUBJECT, picture, methods=chosen, trust=False, seed=5, vote="BC",
                      reason='it says "cross"')  # fmt: skip
    code = widget.python()
    scope = {"SUBJECT": SUBJECT, "picture": picture, "chosen": chosen}
    exec(code, scope)
    again = scope["w"]
    assert (again.vote, again.reason) == ("BC", 'it says "cross"')
    assert behind(again) == behind(widget)
    assert again.revealed == [0]
    assert not code.endswith(".reveal()")
    again.close()
    widget.close()


def test_whether_maps_can_be_trusted_is_told_with_their_names():
    widget = xw.blind(SUBJECT, IMAGES[0], methods=[xw.GradCam()], masks=MASKS[0]).wait()
    assert widget.verdicts == widget.badges == {}
    widget.vote = "A"
    widget.wait()
    assert set(widget.verdicts["0"]) == {"Grad-CAM", *CONTROLS}
    assert set(widget.badges["Random map (control)"]) == {
        "sanity", "faithfulness", "stability", "localisation",
    }  # fmt: skip
    assert widget.badges["Edge detector (control)"]["sanity"].verdict == "poor"
    widget.close()


def test_standings_are_those_known_by_hand():
    names = {"0": ["a", "b", "c"], "1": ["c", "b", "a"]}
    found = standings(names, {0: "BA", 1: "A"})
    assert found == [("b", 1, (1 + 2.5) / 2), ("c", 1, (3 + 1) / 2), ("a", 0, (2 + 2.5) / 2)]


def test_a_page_holds_letters_before_and_names_behind(tmp_path):
    widget = make(IMAGES[:2])
    state, library = widget.page(True)
    assert state["_secret"] is True
    assert [card["name"] for card in library["picture 1"]["sheet"]["maps"]] == list("ABCDE")
    assert set(library["told 1"]["names"]["1"]) == set(TITLES)
    assert state["names"] == {}
    assert widget.revealed == []
    shown = json.dumps(plain({k: v for k, v in state.items() if k != "_code"}))
    assert not any(name in shown for name in TITLES)
    widget.close()
