"""Badges on panels: what Python holds and sends, in which order, and what never waits for them."""

import json
import threading
import time

import numpy as np
import pytest
import torch
from conftest import inputs_for
from networks import ModuleNetwork, seeded

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation import trust
from xaiwidgets.evaluation.trust import Checkup, badges

QUICK = [xw.Saliency(), xw.GradientTimesInput(), xw.EdgeDetector()]
THREE = ["sanity", "faithfulness", "stability"]


def made(count=1, methods=QUICK, **more):
    subject = Subject(seeded(ModuleNetwork), classes=list("abcde"))
    return xw.compare(subject, inputs_for("modules", count), methods=methods, **more)


@pytest.fixture
def widget():
    w = made(2, trust=True).wait(60)
    yield w
    w.close()


def cards(w, panel=0):
    """The badges that the page has of a panel, by question."""
    packed = getattr(w, f"badges_{w.panels[panel]['slot']:02d}")
    return {card["question"]: card for card in packed.get("badges", [])}


def ask(w, name, **args):
    """Send a command as the page does, and return its reply."""
    replies = []
    send, w.send = w.send, lambda content, buffers=None: replies.append(content)
    w._on_message(w, {"type": "command", "seq": 7, "name": name, "args": args}, [])
    w.send = send
    return replies[-1]


class Slow:
    """A function to explain with that can be held up, and notes when it is asked."""

    def __init__(self):
        self.go, self.started, self.log = threading.Event(), threading.Event(), []
        self.held = False

    def __call__(self, subject, x, target):
        self.log.append(len(x))
        if self.held:
            self.started.set()
            self.go.wait(20)
        return x * subject.gradient(x, target)


# --- what there is ------------------------------------------------------------------------------


def test_no_question_is_asked_unless_a_reader_wants_it():
    w = made().wait(60)
    assert w.trust is False
    assert w.badges == {}
    assert cards(w) == {}
    assert w.trust_settings == {"on": False, "sort": ""}
    w.close()


def test_every_panel_has_the_badges_of_the_library(widget):
    assert list(widget.badges) == ["Saliency", "GradientTimesInput", "EdgeDetector"]
    subject, x = widget.subject, inputs_for("modules", 2)[:1]
    alone = {b.question: b for b in badges(subject, x, xw.GradientTimesInput())}
    for name, badge in widget.badges["GradientTimesInput"].items():
        assert badge.value == pytest.approx(alone[name].value, nan_ok=True), name
        assert badge.sentence == alone[name].sentence
    assert widget.badges["EdgeDetector"]["sanity"].verdict == "poor"


def test_the_page_gets_words_numbers_and_a_picture_in_plain_json(widget):
    found = cards(widget, 1)
    assert list(found) == THREE
    for card in found.values():
        assert card["state"] in ("good", "doubtful", "poor")
        assert card["sentence"]
        assert card["beside"]
        assert card["limits"]
    assert found["sanity"]["picture"]["kind"] == "lines"
    assert found["faithfulness"]["picture"]["lines"][-1]["low"]
    assert found["stability"]["picture"]["kind"] == "bars"
    json.dumps(widget.badges_01, allow_nan=False)
    assert [q["name"] for q in widget.about["questions"]] == [*THREE, "localisation"]


def test_localisation_is_asked_where_a_mask_is_known():
    mask = np.zeros((32, 32), bool)
    mask[:8] = True
    w = made(2, masks=[{"top": mask}, {}], trust=True).wait(60)
    assert list(w.badges["Saliency"]) == [*THREE, "localisation"]
    assert "'top'" in cards(w)["localisation"]["sentence"]
    assert list(w.select(1).wait(60).badges["Saliency"]) == THREE
    w.close()


def judged(w):
    """What is said of the panels, and what all of it cost: asked when nothing else is to be done,
    for a question that gave way finds what it shared already there, and counts it no more."""
    w.wait(60).trust = True
    found = [badge for panel in w.wait(60).badges.values() for badge in panel.values()]
    w.close()
    spent = sum(badge.scores.provenance.forwards for badge in found)
    return [badge.sentence for badge in found], spent


@pytest.mark.parametrize(
    ("make", "settings"),
    [(xw.masking, {}), (xw.sanity, {}), (xw.stability, {}), (xw.sweep, {"setting": "form"})],
)
def test_other_widgets_leave_the_methods_their_own_badges(make, settings):
    x, subject = inputs_for("modules", 1), Subject(seeded(ModuleNetwork))
    wanted = judged(xw.compare(subject, x, methods=QUICK))
    assert len(wanted[0]) == 9
    w = make(subject, x, methods=QUICK, **settings)
    assert judged(w) == wanted
    assert "    trust=True," in w.python()


def test_a_map_that_cannot_be_judged_is_unknown_and_the_others_are_not():
    x = inputs_for("modules", 1)

    def picky(subject, given, target):
        if not torch.equal(given, x):
            raise RuntimeError("only this picture")
        return given

    def constant(subject, given, target):
        return given * 0 + 1

    w = made(methods=[picky, constant, xw.Saliency()], trust=True).wait(60)
    assert cards(w, 0)["stability"]["state"] == "unknown"
    assert "only this picture" in cards(w, 0)["stability"]["sentence"]
    assert cards(w, 0)["stability"]["rank"] is None
    assert {card["state"] for card in cards(w, 1).values()} == {"unknown"}
    assert "unknown" not in {card["state"] for card in cards(w, 2).values()}
    json.dumps(w.badges_01, allow_nan=False)
    w.close()


# --- switching ----------------------------------------------------------------------------------


def test_the_switch_asks_and_takes_away():
    w = made().wait(60)
    assert ask(w, "set_trust", trust={"on": True})["ok"]
    assert [card["state"] for card in cards(w).values()].count("good") < 4
    w.wait(60)
    assert set(w.badges["Saliency"]) == set(THREE)
    ask(w, "set_trust", trust={"on": False})
    assert w.badges == {}
    assert w.badges_00 == {}
    w.trust = "stability"
    assert w.trust == "stability"
    assert w.trust_settings == {"on": True, "sort": "stability"}
    w.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"on": 1}, "trust on is 1; it takes True or False."),
        ({"sort": "beauty"}, "trust sort is 'beauty'; it takes '', 'sanity'"),
        ({"speed": 3}, "'speed' is no setting of trust; there are on, sort."),
        (None, "trust takes a dict of settings."),
    ],
)
def test_what_is_no_setting_is_refused_in_words(widget, settings, said):
    reply = ask(widget, "set_trust", trust=settings)
    assert not reply["ok"]
    assert said in reply["error"]
    with pytest.raises(
        ExplainError, match="trust is 'nonsense'; it takes True, False, or a question"
    ):
        widget.trust = "nonsense"


def test_the_code_asks_again(widget):
    assert "    trust=True,\n" in widget.python()
    ask(widget, "set_trust", trust={"sort": "sanity"})
    assert "    trust='sanity',\n" in widget.python()
    widget.trust = False
    assert "trust" not in widget.python()


# --- order and cost -----------------------------------------------------------------------------


def test_the_quickest_panel_is_checked_first_and_each_badge_is_sent_when_it_is_known(monkeypatch):
    order = []
    w = made(methods=[xw.Saliency(), xw.Occlusion(patch=8), xw.EdgeDetector()]).wait(60)
    for panel, seconds in zip(w._panels.every, (0.5, 2.0, 0.1), strict=True):
        made_by = panel.answer.provenance
        panel.answer.provenance = trust_replace(made_by, seconds)
    asked = Checkup.ask

    def noted(self, question, explanation, **more):
        open_now = [card["state"] for panel in range(3) for card in cards(w, panel).values()]
        order.append((repr(explanation.method).partition("(")[0], question.name, open_now))
        return asked(self, question, explanation, **more)

    monkeypatch.setattr(Checkup, "ask", noted)
    w.trust = True
    w.wait(60)
    assert [name for name, *_ in order] == ["EdgeDetector"] * 3 + ["Saliency"] * 3 + [
        "Occlusion"
    ] * 3
    assert [question for _, question, _ in order[:3]] == ["faithfulness", "stability", "sanity"]
    for i, (_, _, states) in enumerate(order):
        assert states.count("checking") == 1
        assert states.count("waiting") == 9 - i - 1
    w.close()


def trust_replace(provenance, seconds):
    from dataclasses import replace

    return replace(provenance, seconds=seconds)


def test_what_was_checked_once_comes_back_at_once(widget, monkeypatch):
    asked = []
    ask_one = Checkup.ask
    monkeypatch.setattr(
        Checkup, "ask", lambda self, *a, **k: (asked.append(1), ask_one(self, *a, **k))[1]
    )
    before = {name: dict(found) for name, found in widget.badges.items()}
    widget.select(1).wait(60)
    assert len(asked) == 9
    assert widget.badges != before
    widget.select(0).wait(60)
    assert len(asked) == 9
    assert widget.badges == before
    widget.trust = False
    widget.trust = True
    widget.wait(60)
    assert len(asked) == 9


def test_a_setting_that_is_turned_is_checked_anew_and_turned_back_is_known(widget):
    panel = widget.panels[0]["id"]
    first = widget.badges["Saliency"]["sanity"]
    ask(widget, "set_knob", panel=panel, knob="form", value="absolute")
    widget.wait(60)
    assert widget.badges["Saliency"]["sanity"].value != first.value
    ask(widget, "set_knob", panel=panel, knob="form", value="signed")
    widget.wait(60)
    assert widget.badges["Saliency"]["sanity"] is first


def test_panels_share_the_networks_that_forgot_and_the_random_orders(monkeypatch):
    made_by = []
    build = trust.sanity.Forgetting
    monkeypatch.setattr(trust.sanity, "Forgetting", lambda *a: (made_by.append(1), build(*a))[1])
    w = made(2, trust=True).wait(60)
    assert len(made_by) == trust.sanity.DRAWS, "for three panels"
    w.select(1).wait(60)
    assert len(made_by) == 2 * trust.sanity.DRAWS
    w.close()


def test_badges_keep_no_inputs_alive(widget):
    for found in widget.badges.values():
        for badge in found.values():
            assert isinstance(badge.scores.provenance.origin, str)


# --- what comes before badges -------------------------------------------------------------------


def test_a_knob_does_not_wait_for_a_badge():
    slow = Slow()
    w = made(methods=[slow, xw.Saliency()]).wait(60)
    slow.held = True
    w.trust = True
    assert slow.started.wait(20), "a badge of the slow one is being worked on"
    start = time.monotonic()
    ask(w, "set_knob", panel=w.panels[1]["id"], knob="form", value="absolute")
    slow.held = False
    slow.go.set()  # the pass that runs ends; the next would be the badge's
    passes = len(slow.log)
    while w.status[w.panels[1]["id"]]["status"] != "done":
        assert time.monotonic() - start < 20
        time.sleep(0.005)
    assert len(slow.log) <= passes + 1, "the badge stopped at its next pass"
    w.wait(60)
    assert set(w.badges["Saliency"]) == set(THREE)
    assert len(w.badges) == 2
    w.close()


def test_a_badge_of_an_older_map_never_lies_on_a_newer_one():
    slow = Slow()
    w = made(2, methods=[slow], trust=False).wait(60)
    slow.held = True
    w.trust = True
    assert slow.started.wait(20)
    seen = []
    w.observe(lambda change: seen.append((w.slot_00.get("input"), change["new"])), "badges_00")
    ask(w, "select_input", index=1)
    slow.held = False
    slow.go.set()
    w.wait(60)
    request = w.slot_00["request"]
    assert w.badges_00["request"] == request
    for shown, packed in seen:
        known = [c for c in packed.get("badges", []) if c["state"] not in ("waiting", "checking")]
        if shown == 1 and packed.get("request") != request:
            assert not known
    x = inputs_for("modules", 2)[1:]
    right = {
        b.question: b.value for b in badges(w.subject, x, lambda s, x, t: x * s.gradient(x, t))
    }
    (found,) = w.badges.values()
    for name, badge in found.items():
        assert badge.value == pytest.approx(right[name]), name
    w.close()


def test_a_pinned_panel_keeps_the_badges_of_what_it_holds(widget):
    panel = widget.panels[0]["id"]
    ask(widget, "pin_panel", panel=panel, pinned=True)
    held = dict(widget.badges["Saliency"])
    other = dict(widget.badges["EdgeDetector"])
    widget.select(1).wait(60)
    assert widget.badges["Saliency"] == held
    assert widget.badges["EdgeDetector"] != other


def test_a_pinned_panel_is_judged_for_the_input_that_it_holds():
    w = made(2).wait(60)
    ask(w, "pin_panel", panel=w.panels[0]["id"], pinned=True)
    w.select(1).wait(60)
    w.trust = True
    w.wait(60)
    x = inputs_for("modules", 2)[:1]
    right = {b.question: b.value for b in badges(w.subject, x, xw.Saliency())}
    for name, badge in w.badges["Saliency"].items():
        assert badge.value == pytest.approx(right[name]), name
    w.close()


def test_cancelling_leaves_badges_unknown_until_something_is_asked_again():
    slow = Slow()
    w = made(methods=[slow]).wait(60)
    slow.held = True
    w.trust = True
    assert slow.started.wait(20)
    ask(w, "cancel")
    slow.held = False
    slow.go.set()
    w.wait(60)
    states = {name: card["state"] for name, card in cards(w).items()}
    assert states["sanity"] == "unknown"
    assert "Cancelled" in cards(w)["sanity"]["sentence"]
    ask(w, "retry", panel=w.panels[0]["id"])
    w.wait(60)
    assert "unknown" not in {card["state"] for card in cards(w).values()}
    w.close()


def test_a_network_that_has_changed_since_is_not_judged_by_an_old_map():
    w = made().wait(60)
    with torch.no_grad():
        next(w.subject.model.parameters()).mul_(2)
    w.trust = True
    w.wait(60)
    assert cards(w)["sanity"]["state"] == "unknown"
    assert "network has changed" in cards(w)["sanity"]["sentence"]
    w.close()


def test_removing_a_panel_removes_its_badges(widget):
    ask(widget, "remove_panel", panel=widget.panels[0]["id"])
    assert widget.badges_00 == {}
    assert list(widget.badges) == ["GradientTimesInput", "EdgeDetector"]


# --- the exported page --------------------------------------------------------------------------


def test_the_exported_page_holds_every_badge_with_its_evidence(widget, tmp_path):
    ask(widget, "set_trust", trust={"sort": "stability"})
    page = widget.to_html(tmp_path / "trust.html").read_text()
    state = page.split('class="xw-state">')[1].split("</script>")[0]
    held = json.loads(state)
    assert held["state"]["trust_settings"] == {"on": True, "sort": "stability"}
    assert len(held["library"]) == 2
    for traits in held["library"].values():
        for slot in range(3):
            found = traits[f"badges_{slot:02d}"]["badges"]
            assert [card["question"] for card in found] == THREE
            assert not {card["state"] for card in found} & {"waiting", "checking"}


def test_a_page_without_badges_holds_none(tmp_path):
    w = made().wait(60)
    assert '"badges_00"' not in w.to_html(tmp_path / "plain.html").read_text()
    w.close()
