"""The widget on tables, without a page: what it holds, what it shows and what it refuses."""

import json
import re

import numpy as np
import pytest
import torch
from page import ask
from tables import cancer, diabetes_model, forest, wine, wine_network

import xaiwidgets as xw
from xaiwidgets.widgets import pack
from xaiwidgets.widgets.compare import Compare

PNG = b"\x89PNG"
ROWS = forest()[1].data[:3]
METHODS = [xw.KernelShap(samples=200), xw.LIME(samples=200), xw.FeatureAblation()]


@pytest.fixture(scope="module")
def subject():
    return cancer(background=5)


@pytest.fixture(scope="module")
def widget(subject):
    made = Compare(subject, ROWS, truths=[0, 0, 0], methods=METHODS).wait()
    yield made
    made.close()


def test_every_panel_brings_its_columns_with_the_rows_own_values(widget):
    assert widget.about["kind"] == "table"
    assert (widget.about["whole"], widget.about["part"]) == ("row", "column")
    assert widget.scene["picture"] is None
    assert widget.scene["tokens"][0] == {
        "name": "mean radius", "piece": "17.99", "gap": "", "special": False,
    }  # fmt: skip
    for panel, heat in zip(widget.panels, widget.answers.values(), strict=True):
        slot = getattr(widget, f"slot_{panel['slot']:02d}")
        assert slot["tokens"] == widget.scene["tokens"]
        assert slot["map"]["shape"] == [1, 30]
        exact = heat.map()[0]
        np.testing.assert_allclose(pack.unpack(slot["map"]), exact, atol=1e-3 * np.abs(exact).max())
    assert widget.slot_00["error"]["shape"] == [1, 30]
    assert "error" not in widget.slot_02
    assert [item["name"] for item in widget.strip] == ["row 1", "row 2", "row 3"]
    assert widget.display["clip"] == 100


def test_probabilities_of_a_black_box_are_shown_as_they_are(widget):
    shares = {bar["name"]: bar["probability"] for bar in widget.scene["predictions"]}
    exact = forest()[0].predict_proba(ROWS[:1])[0]
    assert [shares["malignant"], shares["benign"]] == pytest.approx(exact.tolist())


def test_a_regressions_one_score_is_followed_by_its_own_unit():
    model, data = diabetes_model()
    subject = xw.TableSubject(model.predict, data.data, classes=["progression"], background=20)
    made = xw.compare(subject, data.data[0], methods=[xw.FeatureAblation()], trust=True).wait()
    assert made.scene["predictions"][0]["logit"] == pytest.approx(
        model.predict(data.data[:1])[0], rel=1e-5
    )
    sentence = made.badges["FeatureAblation"]["faithfulness"].sentence
    assert sentence.startswith("While its columns go, the score lies")
    made.close()


def test_what_means_nothing_for_a_table_is_not_offered(widget):
    methods = {method["name"]: method for method in widget.about["methods"]}
    assert {"KernelShap", "LIME", "Anchors", "Occlusion", "RISE", "RandomMap"} <= set(methods)
    assert not set(methods) & {"Saliency", "EdgeDetector", "MeaningfulPerturbation"}
    assert [knob["name"] for knob in methods["Occlusion"]["knobs"]] == ["fill"]
    assert [knob["name"] for knob in widget.panels[1]["knobs"]] == [
        "samples", "width", "quarters", "precision", "seed",
    ]  # fmt: skip
    assert widget.about["fills"] == ["mean", "zero", "median", "rows"]
    asks = {question["name"]: question["asks"] for question in widget.about["questions"]}
    assert asks["faithfulness"] == "Does the score fall faster when this map's columns go first?"
    assert asks["stability"] == "Does the map stay when the row hardly changes?"


def test_networks_are_offered_what_looks_inside():
    made = Compare(wine(), wine_network()[1].data[0], methods=[xw.RandomMap()])
    names = {method["name"] for method in made.about["methods"]}
    assert {"LRP", "IntegratedGradients", "DeepLift", "Saliency", "KernelShap", "RISE"} <= names
    pictures = {"GradCam", "MeaningfulPerturbation", "ExtremalPerturbation", "FGVis"}
    assert not names & {*pictures, "AttentionRollout", "TransformerAttribution"}
    made.close()


def test_columns_are_masked_and_the_score_answers(subject):
    made = xw.masking(subject, ROWS[0], methods=[xw.FeatureAblation(), xw.RandomMap()], share=50)
    made.wait()
    assert made.masking.fill == "mean"
    found = made.masking.scores["FeatureAblation"]
    values = made.answers["FeatureAblation"].map()[0, 0]
    row = ROWS[0].copy()
    top = np.argsort(-values, kind="stable")[:15]
    row[top] = forest()[1].data.mean(0)[top]
    exact = forest()[0].predict_proba(np.stack([ROWS[0], row]))[:, 0]
    assert found["intact"] == pytest.approx(exact[0], abs=1e-6)
    tied = np.sum(values == values[top[-1]]) > 1
    assert tied or found["masked"] == pytest.approx(exact[1], abs=1e-6)
    assert found["masked"] < found["intact"]
    assert made.slot_00["levels"]["shape"] == [1, 30]
    assert made.filled["picture"] is None
    made.masking.draw_curves()
    curve = made.wait().curves["deletion"]["FeatureAblation"]
    assert curve.x_label == "share of columns removed"
    assert "masking={'on': True, 'share': 50.0}" in made.python()
    refused = ask(made, "set_masking", masking={"fill": "blur"})
    assert "masking fill is 'blur'; it takes mean, zero, median, rows." in refused["error"]
    made.close()


def test_the_code_on_screen_makes_the_widget_again(subject):
    rows = ROWS[:1]
    made = xw.compare(subject, rows, 0, [xw.LIME(samples=100)], display={"order": "table"})
    code = made.wait().python()
    assert "display={'order': 'table'}" in code
    scope = {"subject": subject, "rows": rows}
    exec(code, scope)
    again = scope["w"].wait()
    assert torch.equal(again.answers["LIME"].values, made.answers["LIME"].values)
    for one in (made, again):
        one.close()


def test_figure_and_pictures_show_the_bars(widget):
    axes = widget.to_figure().axes
    titles = [axis.get_title(loc="left") for axis in axes]
    assert titles[:3] == ["Kernel SHAP", "LIME", "Feature ablation"]
    assert len(axes[0].patches) == 15
    assert widget.picture().startswith(PNG)
    assert "image/png" in widget.answers["LIME"]._repr_mimebundle_()
    empty = Compare(cancer(), ROWS[0], methods=[])
    assert empty.picture().startswith(PNG)
    empty.close()


def test_a_page_holds_every_row(subject, tmp_path):
    made = xw.compare(subject, ROWS[:2], methods=[xw.FeatureAblation()])
    text = made.to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    found = re.search(r'class="xw-state">(.*?)</script>', text, re.S)
    held = json.loads(found.group(1))
    scenes = [library["scene"]["tokens"] for library in held["library"].values()]
    assert [cells[0]["piece"] for cells in scenes] == ["17.99", "20.57"]
    made.close()


def test_the_network_forgets_and_noise_rises_over_tables():
    rows = wine_network()[1].data[0]
    forgets = xw.sanity(wine(), rows, methods=[xw.IntegratedGradients()], draws=1).wait()
    frames = forgets.answers["IntegratedGradients"].frames
    assert len(frames) > 1
    assert {frame.values.shape[2:] for frame in frames} == {(1, 13)}
    forgets.close()
    noisy = xw.stability(wine(), rows, methods=[xw.IntegratedGradients()], noise=0.2, draws=1)
    noisy.wait()
    trail = next(iter(noisy.trails.values()))
    assert "as fast as the row." in " ".join(mark["words"] for mark in trail["marks"].values())
    noisy.close()


def test_badges_speak_of_columns_and_of_tokens_and_of_pixels():
    rows = wine_network()[1].data[0]
    mask = np.arange(13) < 7
    made = xw.compare(wine(), rows, methods=[xw.KernelShap()], masks=mask, trust=True).wait()
    badges = made.badges["KernelShap"]
    assert badges["faithfulness"].sentence.startswith("While its columns go, the")
    assert "of the whole row on average" in badges["faithfulness"].sentence
    assert badges["localisation"].sentence.endswith("of the row.")
    assert badges["stability"].verdict != "unknown"
    assert badges["sanity"].verdict != "unknown"
    made.close()
    x = torch.rand(1, 3, 8, 8)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 3)).eval()
    picture = xw.compare(network, x, methods=[xw.Saliency()], trust=True).wait()
    assert picture.badges["Saliency"]["faithfulness"].sentence.startswith("While its pixels go")
    picture.close()
