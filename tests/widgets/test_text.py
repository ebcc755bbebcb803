"""The widget on texts, without a page: what it holds, what it shows and what it refuses."""

import json
import re

import numpy as np
import pytest
import torch
from page import ask
from texts import GOOD, bert, byte_tokenizer, gpt2, sentences, word_tokenizer

import xaiwidgets as xw
from xaiwidgets.core.tokens import words_of
from xaiwidgets.widgets import pack
from xaiwidgets.widgets.compare import Compare
from xaiwidgets.widgets.gallery import Gallery

pytest.importorskip("transformers")

TEXTS = ["we saw a splendid film", "it was a really dreadful meal", "friends saw it with a song"]
PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def subject():
    return xw.TextSubject(bert(), word_tokenizer())


@pytest.fixture(scope="module")
def widget(subject):
    made = Compare(
        subject,
        TEXTS,
        truths=["praise", "blame", "neither"],
        masks=[mask_of(subject, text) for text in TEXTS],
        methods=[xw.LRP(), xw.InteriorGradients(), xw.Occlusion()],
    ).wait()
    yield made
    made.close()


def mask_of(subject, text):
    """True at the word that decides."""
    names = subject.prepare(text).parts[0].names
    return np.isin(names, (*GOOD, "dreadful"))


def test_every_panel_brings_its_words_and_a_value_for_each(widget):
    assert widget.about["kind"] == "text"
    assert widget.scene["picture"] is None
    assert [token["piece"] for token in widget.scene["tokens"]][1:-1] == TEXTS[0].split()
    assert widget.scene["tokens"][0] == {
        "name": "[CLS]", "piece": "[CLS]", "gap": "", "special": True,
    }  # fmt: skip
    for panel, heat in zip(widget.panels, widget.answers.values(), strict=True):
        slot = getattr(widget, f"slot_{panel['slot']:02d}")
        assert slot["tokens"] == widget.scene["tokens"]
        assert slot["map"]["shape"] == [1, 7]
        exact = heat.map()[0]
        np.testing.assert_allclose(pack.unpack(slot["map"]), exact, atol=1e-3 * np.abs(exact).max())


def test_the_frames_of_a_text_stay_whole(subject):
    long = " ".join(sentences(30)[0])[:600].rsplit(" ", 1)[0]
    tokenizer, network = word_tokenizer(), bert(positions=160)
    made = Compare(xw.TextSubject(network, tokenizer), long, methods=[xw.InteriorGradients()])
    slot = made.wait().slot_00
    assert len(slot["tokens"]) > pack.FRAME_SIDE
    assert {tuple(frame["map"]["shape"]) for frame in slot["frames"]} == {(1, len(slot["tokens"]))}
    made.close()


def test_the_strip_holds_how_texts_begin(widget):
    assert [item["name"] for item in widget.strip] == TEXTS
    assert [item["thumb"] for item in widget.strip] == [None] * 3
    assert [item["right"] for item in widget.strip] == [True, True, True]


def test_classes_contrasts_and_texts_are_chosen_as_for_pictures(subject):
    made = Compare(subject, TEXTS, methods=[xw.LRP()]).wait()
    assert made.target == {"label": "praise", "indices": [0]}
    first = made.answers["LRP"].values
    assert ask(made, "set_target", indices=[1, 0])["ok"]
    made.wait()
    assert made.target["label"] == "blame − praise"
    assert not torch.equal(made.answers["LRP"].values, first)
    assert ask(made, "select_input", index=1)["ok"]
    made.wait()
    assert made.scene["name"] == TEXTS[1]
    alone = xw.LRP()(subject, TEXTS[1], xw.Contrast(1, 0))
    assert torch.equal(made.answers["LRP"].values, alone.values)
    made.close()


def test_a_range_of_tokens_is_a_region_of_one_row(widget):
    assert ask(widget, "set_region", region={"x0": 1, "y0": 0, "x1": 4, "y1": 1})["ok"]
    assert widget.region == {"x0": 1, "y0": 0, "x1": 4, "y1": 1}
    refused = ask(widget, "set_region", region={"x0": 1, "y0": 0, "x1": 9, "y1": 1})
    assert "does not lie in the picture (7×1)" in refused["error"]
    ask(widget, "set_region", region=None)


def test_a_true_region_is_one_value_a_token(widget, subject):
    mask = pack.unpack(widget.scene["masks"][0]["mask"])
    assert mask.tolist() == [[0, 0, 0, 0, 1, 0, 0]]
    with pytest.raises(xw.ExplainError, match=r"shape \(1, 3\).*sees is \(1, 7\)"):
        Compare(subject, TEXTS[0], masks=np.ones(3), methods=[])


def test_what_means_nothing_for_words_is_not_offered(widget):
    names = {method["name"] for method in widget.about["methods"]}
    assert {"LRP", "Occlusion", "SmoothGrad", "RandomMap"} <= names
    assert not names & {"EdgeDetector", "GradCam", "GuidedGradCam", "DeepTaylor", "RAP"}
    knobs = {
        (method["name"], knob["name"]): knob
        for method in widget.about["methods"]
        for knob in method["knobs"]
    }
    assert knobs["IntegratedGradients", "baseline"]["choices"] == ["zero", "mean", "noise", "given"]
    presets = knobs["LRP", "preset"]["choices"]
    assert "AttnLRP" in presets
    assert "γ-box" not in presets
    assert widget.about["fills"] == ["mean", "zero", "noise", "given"]
    assert widget.panels[2]["settings"] == {"patch": 1, "stride": 1, "fill": "given"}


def by_hand(subject, text, values, count, remove=True):
    """P(class) with so many of the most important tokens in the mask token's place, or only these
    left."""
    x = subject.prepare(text).x
    order = np.argsort(-values, kind="stable")
    gone = order[:count] if remove else order[count:]
    x[..., gone] = subject.absent[..., [0] * len(gone)]
    return subject.outputs(x).softmax(1)[0]


def test_tokens_are_masked_as_pixels_are_and_the_score_follows(subject):
    made = xw.masking(subject, TEXTS, share=30, methods=[xw.LRP(), xw.RandomMap()]).wait()
    assert made.masking.fill == "given"
    assert made.about["fills"] == ["mean", "zero", "noise", "given"]
    assert made.filled == {"fill": "given", "input": 0, "picture": None}
    praise = subject.classes.index("praise")
    values = made.answers["LRP"].map()[0, 0]
    found = made.masking.scores["LRP"]
    for mode, kept in (("remove", True), ("reveal", False)):
        made.masking.mode = mode
        found = made.wait().masking.scores["LRP"]
        expected = float(by_hand(subject, TEXTS[0], values, 2, kept)[praise])  # 2 of 7: 30 %
        assert found["masked"] == pytest.approx(expected, abs=1e-6)
    made.masking.mode = "remove"
    found = made.wait().masking.scores["LRP"]
    assert found["masked"] < 0.5 < found["intact"]
    levels = pack.unpack(made.slot_00["levels"])
    assert (levels[0] <= 60).sum() == 2
    assert values[levels[0] <= 60].min() >= values[levels[0] > 60].max()
    made.close()


def test_masks_and_curves_follow_to_a_text_of_another_length(subject):
    made = xw.masking(subject, TEXTS, share=50, methods=[xw.LRP()]).wait()
    assert ask(made, "select_input", index=1)["ok"]
    made.wait()
    blame = subject.classes.index("blame")
    values = made.answers["LRP"].map()[0, 0]
    assert len(values) == 8
    expected = float(by_hand(subject, TEXTS[1], values, 4)[blame])
    assert made.masking.scores["LRP"]["masked"] == pytest.approx(expected, abs=1e-6)
    made.masking.draw_curves()
    curve = made.wait().curves["deletion"]["LRP"]
    assert curve.x_label == "share of tokens removed"
    assert curve.y[0, 0] == pytest.approx(made.masking.scores["LRP"]["intact"], abs=1e-6)
    assert set(made.curves["insertion"]) == {"LRP", "random"}
    refused = ask(made, "set_masking", masking={"fill": "blur"})
    assert "masking fill is 'blur'; it takes mean, zero, noise, given." in refused["error"]
    assert "masking={'on': True, 'share': 50.0}" in made.python()
    made.close()


def test_the_code_on_screen_makes_the_widget_again(subject):
    made = xw.compare(subject, ["we saw a splendid film"], "blame", [xw.LRP(), xw.Occlusion()])
    code = made.wait().python()
    assert "['we saw a splendid film']," in code
    scope = {"subject": subject}
    exec(code, scope)
    again = scope["w"].wait()
    for name, heat in made.answers.items():
        assert torch.equal(again.answers[name].values, heat.values)
    for one in (made, again):
        one.close()


def test_figure_and_pictures_show_the_words(widget):
    shown = [text.get_text() for text in widget.to_figure().axes[0].texts]
    assert [shown.count(word) for word in ("splendid", "[CLS]")] == [3, 3]
    assert {"LRP", "Interior gradients", "Occlusion"} <= set(shown)
    assert widget.picture().startswith(PNG)
    assert "image/png" in widget.answers["LRP"]._repr_mimebundle_()


def test_a_page_holds_every_text(subject, tmp_path):
    made = xw.compare(subject, TEXTS[:2], methods=[xw.LRP()])
    text = made.to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    found = re.search(r'class="xw-state">(.*?)</script>', text, re.S)
    held = json.loads(found.group(1))
    assert len(held["library"]) == 2
    scenes = [library["scene"]["tokens"] for library in held["library"].values()]
    assert [len(tokens) for tokens in scenes] == [7, 8]
    assert held["state"]["about"]["kind"] == "text"
    made.close()


def test_a_vocabulary_of_fifty_thousand_classes_stays_quick(subject):
    network, tokenizer = gpt2(), byte_tokenizer()
    made = xw.compare(xw.TextSubject(network, tokenizer), "we saw a", methods=[xw.RandomMap()])
    assert len(made.scene["predictions"]) == 8
    assert made.scene["predictions"][0]["name"] in words_of(tokenizer, len(tokenizer))
    made.explain("film")
    assert made.target["label"] == "film"
    assert made.scene["predictions"][-1]["name"] == "film"
    assert len(made.about["classes"]) <= 1000
    made.close()
    gallery = Gallery(subject, TEXTS[0], 0, None, None)
    outputs = torch.randn(1, 50_257)
    gallery._known[1][0] = outputs
    bars = gallery.predictions(outputs)
    assert [bar["index"] for bar in bars][:8] == outputs[0].argsort(descending=True)[:8].tolist()


def test_the_network_forgets_and_every_map_follows(subject):
    made = xw.sanity(subject, TEXTS[0], methods=[xw.LRP(), xw.RandomMap()], draws=1).wait()
    found = made.answers["LRP"]
    assert len(found.frames) > 2
    assert {frame.values.shape[2:] for frame in found.frames} == {(1, 7)}
    made.close()


def test_the_flow_of_relevance_has_words_at_every_depth(subject):
    made = xw.compare(subject, TEXTS[0], methods=[xw.LRP()]).wait()
    assert ask(made, "show_flow", panel=made.panels[0]["id"])["ok"]
    made.wait()
    (way,) = made.flow_00["ways"]
    shapes = [row["map"]["shape"] for row in way["rows"] if "map" in row]
    assert len(shapes) > 10
    assert shapes == [[1, 7]] * len(shapes)
    assert way["rows"][-1]["what"] == "the tokens"
    last = pack.unpack(way["rows"][-1]["map"])
    np.testing.assert_allclose(last, made.answers["LRP"].map()[0], atol=1e-2)
    made.close()


def test_badges_judge_a_text(subject):
    made = xw.compare(
        subject, TEXTS[0], methods=[xw.LRP()], masks=mask_of(subject, TEXTS[0]), trust=True
    ).wait()
    badges = made.badges["LRP"]
    assert badges["localisation"].verdict == "good"
    assert badges["sanity"].verdict != "unknown"
    assert badges["faithfulness"].verdict != "unknown"
    assert badges["faithfulness"].sentence.startswith("While its tokens go")
    assert badges["localisation"].sentence.endswith("of the text.")
    made.close()
