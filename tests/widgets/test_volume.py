"""The widget on volumes, without a page: what it holds, what it shows and what it refuses."""

import json
import re

import numpy as np
import pytest
import torch
from networks import noise, seeded
from page import ask
from torch import nn

import xaiwidgets as xw
from xaiwidgets.widgets import pack
from xaiwidgets.widgets.compare import Compare

PNG = b"\x89PNG"
DEPTH, HEIGHT, WIDTH = 6, 8, 10


def scan():
    return nn.Sequential(
        nn.Conv3d(1, 5, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(),
        nn.Linear(5, 3),
    )  # fmt: skip


@pytest.fixture(scope="module")
def subject():
    return xw.VolumeSubject(seeded(scan), classes=["sound", "cyst", "scar"])


@pytest.fixture(scope="module")
def volumes():
    return noise(2, 1, DEPTH, HEIGHT, WIDTH, seed=3).sigmoid()


@pytest.fixture(scope="module")
def widget(subject, volumes):
    mask = np.zeros((2, DEPTH, HEIGHT, WIDTH))
    mask[:, 2, 3:6, 4:8] = 1
    made = Compare(subject, volumes, masks=list(mask), methods=[xw.RespondCam(), xw.FullGrad()])
    yield made.wait()
    made.close()


def test_every_panel_brings_the_whole_volume_and_the_page_opens_in_its_middle(widget, volumes):
    assert widget.about["kind"] == "volume"
    assert (widget.about["whole"], widget.about["part"]) == ("volume", "voxel")
    assert widget.display["slice"] == 3
    for panel, heat in zip(widget.panels, widget.answers.values(), strict=True):
        values = pack.unpack(getattr(widget, f"slot_{panel['slot']:02d}")["map"])
        exact = heat.map()[0]
        assert values.shape == exact.shape == (DEPTH, HEIGHT, WIDTH)
        np.testing.assert_allclose(values, exact, atol=1e-3 * np.abs(exact).max())
    mask = pack.unpack(widget.scene["masks"][0]["mask"])
    assert mask.shape == (DEPTH, HEIGHT, WIDTH)
    assert mask.sum() == 12


def test_a_grey_volume_travels_as_one_channel_and_a_coloured_one_as_three(widget, volumes, subject):
    shown = pack.unpack(widget.scene["picture"])
    assert shown.shape == (DEPTH, HEIGHT, WIDTH, 1)
    assert (shown[..., 0] == (volumes[0, 0] * 255).round().numpy()).all()
    coloured = np.stack([shown[..., 0], shown[..., 0], 255 - shown[..., 0]], -1)
    assert pack.pack_picture(coloured)["shape"] == [DEPTH, HEIGHT, WIDTH, 3]


def test_the_strip_shows_the_slice_in_the_middle(widget, volumes):
    assert [item["name"] for item in widget.strip] == ["volume 1", "volume 2"]
    thumb = pack.unpack(widget.strip[1]["thumb"])
    assert (thumb[..., 0] == (volumes[1, 0, 3] * 255).round().numpy()).all()


def test_another_volume_another_class_and_a_region_of_every_slice(subject, volumes):
    made = Compare(subject, volumes, methods=[xw.RespondCam()]).wait()
    assert ask(made, "select_input", index=1)["ok"]
    assert ask(made, "set_target", indices=[2])["ok"]
    made.wait()
    alone = xw.RespondCam()(subject, volumes[1:], 2)
    assert torch.equal(made.answers["RespondCam"].values, alone.values)
    assert ask(made, "set_region", region={"x0": 4, "y0": 3, "x1": 10, "y1": 8})["ok"]
    refused = ask(made, "set_region", region={"x0": 4, "y0": 3, "x1": 10, "y1": 9})
    assert "does not lie in the picture (10×8)" in refused["error"]
    made.close()


def test_the_slice_is_a_display_setting_that_code_figures_and_pictures_follow(subject, volumes):
    made = xw.compare(subject, volumes[:1], 1, [xw.RespondCam()], display={"slice": 1})
    made.wait()
    assert "display={'slice': 1}" in made.python()
    figure = made.to_figure()
    shown = figure.axes[0].images[0].get_array()
    assert (shown[..., 0] == (volumes[0, 0, 1] * 255).round().numpy()).all()
    assert figure.axes[0].get_title() == "Input, depth 1"
    first = made.picture()
    assert first.startswith(PNG)
    assert ask(made, "set_display", display={"slice": 4})["ok"]
    assert made.picture() != first
    with pytest.raises(xw.ExplainError, match="display slice is 6; it takes 0 to 5"):
        xw.compare(subject, volumes[:1], 1, [], display={"slice": 6})
    assert "takes a whole number" in ask(made, "set_display", display={"slice": 1.5})["error"]
    made.close()


def test_pictures_have_one_slice(subject):
    refused = pytest.raises(xw.ExplainError, match="display slice is 1; it takes 0 to 0")
    with refused:
        xw.compare(seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(48, 2))),
                   noise(1, 3, 4, 4), methods=[], display={"slice": 1})  # fmt: skip


def test_only_methods_that_know_a_depth_are_offered(widget):
    names = {method["name"] for method in widget.about["methods"]}
    assert {"RespondCam", "GradCam", "HiResCam", "FullGrad"} <= names
    assert not names & {"Occlusion", "RISE", "LIME", "EdgeDetector", "LRP"}


def test_a_volume_opens_with_methods_that_take_it(subject, volumes):
    made = xw.compare(subject, volumes[:1]).wait()
    assert len(made.answers) >= 3
    assert all(status["status"] == "done" for status in made.status.values())
    made.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.masking.set(share=20), "Masking works on pictures, texts and tables"),
        (lambda w: setattr(w, "trust", True), "Badges are given on pictures"),
    ],
)
def test_what_knows_no_depth_is_refused_in_words(widget, change, words):
    with pytest.raises(xw.ExplainError, match=words):
        change(widget)
    assert ask(widget, "set_display", display={"opacity": 0.5})["ok"]
    assert widget.masking.on is False
    assert widget.trust is False


def test_experiments_and_films_are_refused_too(subject, volumes):
    with pytest.raises(xw.ExplainError, match="Experiments work on pictures"):
        xw.sanity(subject, volumes[:1], methods=[xw.RespondCam()])
    with pytest.raises(xw.ExplainError, match="Films are shown on pictures"):
        xw.compare(
            subject, volumes[:1], methods=[xw.GradCam()], films={"GradCam": {"relu": [True]}}
        )


def test_a_page_holds_every_volume(subject, volumes, tmp_path):
    made = xw.compare(subject, volumes, methods=[xw.RespondCam()])
    text = made.to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    held = json.loads(re.search(r'class="xw-state">(.*?)</script>', text, re.S).group(1))
    assert len(held["library"]) == 2
    assert held["state"]["about"]["kind"] == "volume"
    assert held["state"]["display"]["slice"] == 3
    made.close()
