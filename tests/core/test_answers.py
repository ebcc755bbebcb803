"""Answers: how they are looked at, and kept."""

import json

import numpy as np
import pytest
import torch
from conftest import inputs_for, network_of
from safetensors.torch import save_file

from xaiwidgets.core.answers import Findings, Frame, Heatmap, Provenance, fold_channels, versions
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.scores import Scores
from xaiwidgets.methods import InteriorGradients, SmoothGrad

VALUES = torch.tensor([1.0, -3.0, 2.0]).view(1, 3, 1, 1)


@pytest.mark.parametrize(
    ("reduce", "expected"),
    [("sum", 0.0), ("mean", 0.0), ("max", -3.0), ("absolute", 6.0), ("norm", 14**0.5)],
)
def test_channels_fold_into_one_number_a_pixel(reduce, expected):
    assert fold_channels(VALUES, reduce).item() == pytest.approx(expected)


def made(values=VALUES, **more) -> Heatmap:
    origin = Provenance("Test", {"a": 1}, ["tabby"], "Net", "abc", "def", {}, 1.25, 3, 2, None)
    return Heatmap(values, origin, **more)


def test_a_map_uses_the_methods_own_folding_unless_told():
    assert made(reduction="absolute").map().item() == 6.0
    assert made(reduction="absolute").map("max").item() == -3.0
    with pytest.raises(ExplainError, match="reduce is 'median'; it takes 'sum', 'mean'"):
        made().map("median")


def test_the_error_of_a_map_is_that_of_independent_channels():
    assert made().error_map() is None
    assert made(error=VALUES.abs()).error_map().item() == pytest.approx(14**0.5)


def test_its_repr_says_what_it_is_and_what_it_cost():
    assert repr(made()) == (
        "Heatmap(Test of tabby, 1×3×1×1, 1.25 s, 3 forward and 2 backward passes)"
    )
    assert len(made()) == 1


def test_provenance_tells_where_an_answer_came_from():
    x, network = inputs_for("modules"), network_of("modules")
    origin = SmoothGrad(samples=3, seed=5)(network, x, [1, 4]).provenance
    assert origin.method == "SmoothGrad"
    assert origin.settings == {
        "samples": 3,
        "noise": 0.15,
        "form": "mean",
        "precision": 0.0,
        "seed": 5,
    }
    assert origin.seed == 5
    assert origin.target == ["class 1", "class 4"]
    assert origin.subject == "ModuleNetwork"
    assert (origin.forwards, origin.backwards) == (6, 6)
    assert origin.seconds > 0
    assert origin.versions == versions()
    assert origin.versions["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert {"xaiwidgets", "torch", "numpy"} <= set(origin.versions)
    again = SmoothGrad(samples=3, seed=5)(network, x, [1, 4]).provenance
    assert (again.network, again.input) == (origin.network, origin.input)
    other = SmoothGrad(samples=3, seed=5)(network, x + 1e-6, [1, 4]).provenance
    assert other.input != origin.input
    assert other.network == origin.network


def test_nothing_of_a_saved_answer_is_lost(tmp_path):
    frames = [Frame("one", VALUES * 2), Frame("two", VALUES * 3)]
    answer = made(
        torch.cat([VALUES, -VALUES]), error=torch.ones(2, 3, 1, 1), frames=frames, facts=["f"],
        warnings=["<b>w</b>"], numbers={"gap": 0.5}, reduction="norm",
        make_pictures=lambda: np.arange(6, dtype=np.uint8).reshape(2, 1, 1, 3),
    )  # fmt: skip
    loaded = Heatmap.load(answer.save(tmp_path / "a.safetensors"))
    assert loaded.provenance == answer.provenance
    assert torch.equal(loaded.values, answer.values)
    assert torch.equal(loaded.error, answer.error)
    assert [frame.label for frame in loaded.frames] == ["one", "two"]
    assert torch.equal(loaded.frames[1].values, VALUES * 3)
    assert (loaded.facts, loaded.warnings) == (["f"], ["<b>w</b>"])
    assert (loaded.numbers, loaded.reduction) == ({"gap": 0.5}, "norm")
    assert (loaded.pictures == answer.pictures).all()


def test_views_of_one_tensor_are_saved_apart(tmp_path):
    answer = InteriorGradients()(network_of("modules"), inputs_for("modules"), 1)
    loaded = Heatmap.load(answer.save(tmp_path / "strip.safetensors"))
    for left, right in zip(loaded.frames, answer.frames, strict=True):
        assert torch.equal(left.values, right.values)
    shared = made(VALUES, frames=[Frame("same", VALUES)])
    assert torch.equal(Heatmap.load(shared.save(tmp_path / "b")).frames[0].values, VALUES)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda heat, _: heat.plot(99), "index is 99; it takes the number of an input of this ans"),
        (
            lambda heat, _: heat.plot("a"),
            "index is 'a'; it takes the number of .*, 0 to 1",
        ),
        (lambda heat, _: heat.boxes(0), "fraction is 0; it takes a share above 0, up to 1"),
        (lambda heat, _: heat.boxes("a"), "fraction is 'a'"),
        (lambda heat, here: heat.save(here / "none" / "a"), "no folder .*none' to save in; make"),
        (lambda heat, here: heat.save(here), "is a folder; give the name of a file in it"),
        (lambda heat, here: heat.save(here / ("a" * 999)), "cannot be written: .*too long"),
        (lambda heat, here: scored().save(here / "none" / "a"), "no folder .*none' to save in"),
        (lambda heat, here: Scores.load(written(here, b"")), "holds no saved scores"),
        (lambda heat, here: Scores.load(written(here, b"hello")), "holds no saved scores"),
        (lambda heat, here: Scores.load(written(here, b"PK\3\4")), "holds no saved scores"),
    ],
)
def test_what_cannot_be_shown_or_kept_is_said_in_words(call, words, tmp_path):
    with pytest.raises(ExplainError, match=words):
        call(made(torch.cat([VALUES, VALUES])), tmp_path)


def scored():
    return Scores(np.zeros(1), made(VALUES).provenance)


def written(here, content):
    (here / "file").write_bytes(content)
    return here / "file"


def test_files_of_others_are_refused_in_words(tmp_path):
    foreign = tmp_path / "weights.safetensors"
    save_file({"weight": torch.zeros(2)}, foreign, {"format": "pt"})
    with pytest.raises(ExplainError, match="is a safetensors file, but not a saved answer"):
        Heatmap.load(foreign)
    text = tmp_path / "notes.txt"
    text.write_text("not an answer")
    with pytest.raises(ExplainError, match="is not a saved answer"):
        Heatmap.load(text)
    with pytest.raises(ExplainError, match="No answer is found at"):
        Heatmap.load(tmp_path / "missing")
    with pytest.raises(ExplainError, match="is not a saved answer"):
        Heatmap.load(tmp_path)
    pickled = tmp_path / "pickled"
    torch.save({"values": VALUES}, pickled)
    with pytest.raises(ExplainError, match="is not a saved answer"):
        Heatmap.load(pickled)


def test_a_saved_answer_is_readable_json_beside_plain_numbers(tmp_path):
    from safetensors import safe_open

    place = made(numbers={"gap": float("nan")}).save(tmp_path / "a.safetensors")
    with safe_open(place, "pt") as file:
        about = json.loads(file.metadata()["about"])
    assert about["provenance"]["method"] == "Test"
    assert np.isnan(Heatmap.load(place).numbers["gap"])


def test_findings_need_only_values():
    found = Findings(VALUES)
    assert (found.frames, found.facts, found.warnings, found.numbers) == ([], [], [], {})


def test_numpy_hands_back_plain_arrays_also_for_half_precision():
    assert made().numpy().dtype == np.float32
    assert made(VALUES.bfloat16()).numpy().dtype == np.float32
    assert made(VALUES.double()).numpy().dtype == np.float64
