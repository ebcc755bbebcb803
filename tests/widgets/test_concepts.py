"""The widget behind `concepts`, without a page: what it tells, what it does, what it costs."""

import threading

import numpy as np
import pytest
import torch
from methods.concepts.stripes import SIDE, plain, small_network, striped
from page import ask

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.widgets.pack import unpack
from xaiwidgets.widgets.patches import EXAMPLES, laid_into

LAYERS = ["relu2", "relu3"]


def make(network=None, pooling="mean", **more):
    """A widget of 20 pictures, half of them striped, two concepts and twelve random sets."""
    given = {
        "target": 1, "concepts": {"stripes": striped(12, 1), "nothing": plain(12, 6)},
        "random": plain(144, 3), "layers": LAYERS, "truths": ["class 1"] * 20,
        "tcav": xw.TCAV(size=12, pooling=pooling), **more,
    }  # fmt: skip
    pictures = torch.cat([striped(10, 31), plain(10, 30)])
    subject = xw.Subject(network or small_network(), mean=0.5, std=0.25)
    return xw.concepts(subject, pictures, **given)


@pytest.fixture(scope="module")
def shared():
    widget = make().wait()
    yield widget
    widget.close()


@pytest.fixture
def widget():
    made = make().wait()
    yield made
    made.close()


def cell(widget, concept, layer="relu2"):
    found = [c for c in widget.grid["cells"] if (c["concept"], c["layer"]) == (concept, layer)]
    assert len(found) == 1
    return found[0]


def test_the_grid_says_what_tcav_says(shared):
    answer = xw.TCAV(size=12, pooling="mean")(
        shared.subject, shared._gallery.x, 1,
        concepts={"stripes": striped(12, 1), "nothing": plain(12, 6)}, random=plain(144, 3),
        layers=LAYERS,
    )  # fmt: skip
    assert len(shared.grid["cells"]) == 4
    for entry in answer.entries:
        found = cell(shared, entry.concept, entry.layer)
        told = found["magnitude"]
        assert told["value"] == pytest.approx(entry.magnitude)
        assert (told["low"], told["high"]) == pytest.approx(
            (entry.magnitude_low, entry.magnitude_high)
        )
        assert told["p"] == pytest.approx(entry.p)
        assert told["random"] == pytest.approx(entry.random.magnitudes)
        assert found["score"]["value"] == pytest.approx(entry.score)
        assert (found["score"]["low"], found["score"]["high"]) == pytest.approx(
            (entry.low, entry.high)
        )
        judged = entry.judged("score", 4)
        assert found["score"]["significant"] == judged.significant
        assert 0 <= found["score"]["random_low"] <= found["score"]["random_high"] <= 1
        assert found["refusal"] == entry.refusal
        slopes = unpack(found["slopes"])
        assert slopes == pytest.approx(entry.direction.sensitivities, rel=1e-5, abs=1e-6)
    assert "held-out" in cell(shared, "nothing")["refusal"]
    assert shared.grid["asked"] == 20
    assert shared.work["status"] == "done"


def test_pictures_come_with_their_likeness_and_maps(shared):
    vector = shared.scores.vector("stripes", "relu2")
    like = unpack(cell(shared, "stripes")["likeness"])
    assert like == pytest.approx(vector.cosines(shared._gallery.x), abs=1e-5)
    assert set(np.argsort(-like)[:10]) == set(range(10))
    along = unpack(cell(shared, "stripes")["along"])
    assert along == pytest.approx(vector.of(shared._gallery.x).detach().numpy(), abs=1e-5)
    assert (along > 0).tolist() == [True] * 10 + [False] * 10
    shared.choose("stripes", "relu2").wait()
    maps = unpack(shared.maps["maps"])
    layer = shared.subject.layers(shared._gallery.x)["relu2"]
    assert maps.shape == (20, *layer.grid)
    beyond = vector.of(shared._gallery.x).detach().numpy() + vector.border
    beyond -= vector.random @ vector.values
    assert maps.mean((1, 2)) == pytest.approx(beyond, abs=2e-3 * float(np.abs(maps).max()))


def test_a_lasso_makes_a_concept_for_the_passes_of_its_pictures_alone(widget):
    passes = []
    widget.subject.model.register_forward_hook(
        lambda module, inputs, output: passes.append(len(output))
    )
    assert ask(widget, "lasso_concept", concept="mine", pictures=list(range(8)))["ok"]
    widget.wait()
    assert sum(passes) == 8
    assert widget.grid["forwards"] == 8
    assert widget.grid["backwards"] == 0
    assert [card["name"] for card in widget.cards] == ["stripes", "nothing", "mine"]
    assert (widget.cards[2]["origin"], widget.cards[2]["count"]) == ("lasso", 8)
    assert cell(widget, "mine")["accuracy"] > 0.9
    assert len(widget.grid["cells"]) == 6


def test_a_brush_makes_a_concept_of_patches_in_random_pictures(widget):
    passes = []
    widget.subject.model.register_forward_hook(
        lambda module, inputs, output: passes.append(len(output))
    )
    strokes = {str(i): [[13, 8, 8, 9, 8]] for i in range(6)}
    assert ask(widget, "brush_concept", concept="patch", strokes=strokes)["ok"]
    widget.wait()
    assert sum(passes) == widget.grid["forwards"] == len(widget._made["patch"].data)
    assert widget.cards[2]["origin"] == "brush"
    mask = np.zeros((SIDE, SIDE), bool)
    mask[2:15, 2:16] = True
    grounds = widget._asking.grounds()
    laid = laid_into(widget._gallery.x, dict.fromkeys(range(6), mask), grounds)
    assert torch.equal(widget._made["patch"].data, laid)
    assert not cell(widget, "patch")["refusal"]
    vectors = [widget.scores.vector(name, "relu2").values for name in ("patch", "stripes")]
    assert vectors[0] @ vectors[1] > 0.5


def test_a_patch_is_laid_whole_into_random_pictures():
    picture = torch.full((1, 3, SIDE, SIDE), 7.0)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[3:7, 5:8] = True
    mask[3, 5] = False
    grounds = plain(5, 2)
    found = laid_into(picture, {0: mask}, grounds)
    assert len(found) == EXAMPLES
    laid = (found == 7.0).all(1)
    assert (laid.sum((1, 2)) == mask.sum()).all()
    places = {tuple(one.nonzero()[0].tolist()) for one in laid}
    assert len(places) > 10
    rest = ~laid
    beneath = [int((found[i] == grounds[j])[:, rest[i]].all()) for i in range(9) for j in range(5)]
    assert sum(beneath) == 9
    assert torch.equal(found, laid_into(picture, {0: mask}, grounds))
    with pytest.raises(ExplainError, match="Nothing is painted"):
        laid_into(picture, {0: np.zeros_like(mask)}, grounds)


def test_concepts_are_taken_away_down_to_none_and_come_back(widget):
    ask(widget, "remove_concept", concept="stripes")
    widget.wait()
    assert [c["concept"] for c in widget.grid["cells"]] == ["nothing"] * 2
    assert widget.choice["concept"] == "nothing"
    ask(widget, "remove_concept", concept="nothing")
    widget.wait()
    assert (widget.grid, widget.choice, widget.maps, widget.scores) == ({}, {}, {}, None)
    widget.lasso("mine", range(8)).wait()
    assert widget.choice["concept"] == "mine"


def test_without_any_concept_the_widget_waits_for_one():
    widget = make(concepts=None).wait()
    assert (widget.cards, widget.grid) == ([], {})
    assert widget.work["status"] == "done"
    widget.lasso("mine", range(8)).wait()
    assert len(widget.grid["cells"]) == 2
    widget.close()


def test_another_class_asks_its_own_pictures_and_no_concept_anew(widget):
    passes = []
    widget.subject.model.register_forward_hook(
        lambda module, inputs, output: passes.append(len(output))
    )
    widget._gallery.truths = ["class 1"] * 8 + ["class 0"] * 12
    assert ask(widget, "set_target", indices=[0])["ok"]
    widget.wait()
    assert sum(passes) == 12
    assert (widget.grid["asked"], widget.target["indices"]) == (12, [0])
    slopes = unpack(cell(widget, "stripes")["slopes"])
    assert np.isnan(slopes[:8]).all()
    assert np.isfinite(slopes[8:]).all()
    ask(widget, "set_target", indices=[2])
    widget.wait()
    assert widget.work["status"] == "error"
    assert "None of the 20 pictures is a 'class 2'" in widget.work["message"]


def test_random_sets_are_by_default_dealt_from_the_pictures():
    subject = xw.Subject(small_network(), mean=0.5, std=0.25)
    widget = xw.concepts(subject, plain(96, 30), 1, truths=["class 1"] * 96).wait()
    widget.lasso("mine", range(8)).wait()
    assert widget.work["status"] == "done", widget.work
    assert len(cell(widget, "mine", widget.about["layers"][0])["magnitude"]["random"]) == 8
    widget.close()
    few = xw.concepts(subject, plain(20, 30), 1, truths=["class 1"] * 20).wait()
    few.lasso("mine", range(8)).wait()
    assert "random= gives 3 sets of 6 pictures" in few.work["message"]
    few.close()


def test_the_class_is_by_default_what_is_predicted_most():
    widget = make(target=None, truths=None).wait()
    predicted = widget._gallery.predicted()
    most = max(set(predicted), key=predicted.count)
    assert widget.target["indices"] == [most]
    assert widget.grid["asked"] == predicted.count(most)
    widget.close()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("lasso_concept", {"concept": "few", "pictures": [1, 2]}), "takes 6 pictures and more"),
        (("lasso_concept", {"concept": "x", "pictures": [0, 99]}), "There is no picture 99"),
        (("lasso_concept", {"concept": " ", "pictures": list(range(8))}), "takes a name"),
        (("lasso_concept", {"concept": "stripes", "pictures": list(range(8))}), "already"),
        (("lasso_concept", {"concept": "x", "pictures": "all"}), "takes pictures as a list"),
        (("brush_concept", {"concept": "x", "strokes": {"0": [[3, 99, 0]]}}), "A patch takes"),
        (("brush_concept", {"concept": "x", "strokes": {"a": [[3, 1, 1]]}}), "number of their"),
        (("brush_concept", {"concept": "x", "strokes": {}}), "Nothing is painted"),
        (("remove_concept", {"concept": "dots"}), "No concept is called 'dots'"),
        (("choose_cell", {"concept": "stripes", "layer": "relu9"}), "'relu9' was not asked"),
        (("set_target", {"indices": [0, 1]}), "one class index"),
        (("set_target", {"indices": [7]}), "7"),
        (("look_closely", {"index": None}), "There is no picture None"),
        (("fly", {}), "'fly' is no command"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_and_changes_nothing(shared, command, words):
    name, args = command
    before = shared.cards, shared.grid, shared.choice
    reply = ask(shared, name, **args)
    assert not reply["ok"]
    assert words in reply["error"]
    assert (shared.cards, shared.grid, shared.choice) == before


def test_bad_input_is_refused_before_a_widget_appears():
    with pytest.raises(ExplainError, match="No layer is called 'relu9'"):
        make(layers=["relu9"])
    with pytest.raises(ExplainError, match="zebra"):
        make(target="zebra")
    with pytest.raises(ExplainError, match="19 truths came for 20"):
        make(truths=["class 1"] * 19)


def test_cancelled_work_leaves_what_was_there(widget, monkeypatch):
    begun, go = threading.Event(), threading.Event()
    forward = widget.subject.model.forward

    def slow(x):
        begun.set()
        go.wait(5)
        return forward(x)

    monkeypatch.setattr(widget.subject.model, "forward", slow)
    before = widget.grid
    widget.lasso("mine", range(8))
    assert begun.wait(5)
    ask(widget, "cancel")
    go.set()
    widget.wait()
    assert widget.work["status"] == "cancelled"
    assert widget.grid is before
    monkeypatch.setattr(widget.subject.model, "forward", forward)
    ask(widget, "retry")
    widget.wait()
    assert len(widget.grid["cells"]) == 6


def test_the_code_makes_the_same_widget_again():
    model, images = xw.Subject(small_network(), mean=0.5, std=0.25), striped(10, 31)
    concepts = {"stripes": striped(12, 1), "nothing": plain(12, 6)}
    random, tcav = plain(144, 3), xw.TCAV(size=12, pooling="mean")
    given = {"concepts": concepts, "random": random, "layers": LAYERS, "tcav": tcav}
    widget = xw.concepts(model, images, **given)
    widget.wait().lasso("mine", range(8)).wait()
    widget.brush("patch", {0: [[10, 8, 8]], 3: [[10, 8, 8]]}).wait()
    widget.remove("nothing").wait().choose("mine", "relu3").wait()
    scope = {"model": model, "images": images, "concepts": concepts, "random": random}
    exec(widget.python(), scope)
    again = scope["w"].wait()
    pairs = list(zip(widget.grid["cells"], again.grid["cells"], strict=True))
    assert len(pairs) == 6
    for one, other in pairs:
        assert (one["concept"], one["layer"]) == (other["concept"], other["layer"])
        assert one["magnitude"]["value"] == pytest.approx(other["magnitude"]["value"], rel=1e-5)
    assert again.choice == widget.choice == {"concept": "mine", "layer": "relu3"}
    for made in (widget, again):
        made.close()


def test_code_names_what_the_caller_names():
    model, images = xw.Subject(small_network(), mean=0.5, std=0.25), plain(8, 1)
    concepts, random = {"stripes": striped(12, 1)}, plain(144, 3)
    widget = xw.concepts(
        model, images, 1, concepts=concepts, random=random, layers="relu2",
        truths=["class 1"] * 8,
    )  # fmt: skip
    code = widget.python()
    for words in ("    model,", "    images,", "concepts=concepts,", "random=random,", "target=1,"):
        assert words in code
    widget.close()
    widget = xw.concepts(
        model, images, 1, concepts=concepts, random=plain(144, 3), layers="relu2", truths=[1] * 8
    )
    code = widget.python()
    assert "    random=...,  # your random\n" in code
    assert "    truths=[1, 1, 1, 1, 1, 1, 1, 1],\n" in code
    widget.close()


def test_an_exported_page_holds_every_cell_and_every_picture(shared, tmp_path):
    state, library = shared.page(True)
    assert state["about"]["live"] is False
    assert shared.about["live"] is True
    cells = [key for key in library if key.startswith("cell ")]
    assert sorted(cells) == sorted(
        f"cell {name}|{layer}" for name in ("stripes", "nothing") for layer in LAYERS
    )
    assert len([key for key in library if key.startswith("picture ")]) == 20
    assert library["cell stripes|relu3"]["maps"]["layer"] == "relu3"
    path = shared.to_html(tmp_path / "page.html")
    assert "xw-state" in path.read_text(encoding="utf-8")


def test_the_picture_left_behind_is_a_png(shared):
    assert shared.picture().startswith(b"\x89PNG")
    data, metadata = shared._repr_mimebundle_()
    assert data["image/png"]
    assert "stripes" in metadata["image/png"]["alt"]
