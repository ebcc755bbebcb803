"""What evaluations and their neighbours say to calls that cannot work: one sentence each."""

import json

import numpy as np
import pytest
import torch
from conftest import inputs_for, network_of
from kinds import BESIDES_PICTURES, pictures
from torch import nn

import xaiwidgets as xw
from xaiwidgets import evaluation as ev
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Evaluation

NETWORK, X = network_of("modules"), inputs_for("modules", 4)
QUICK = ev.MaxSensitivity(samples=1)
LABELS = torch.tensor([0, 1, 2, 3])
DATA = (X, LABELS)


def build():
    return nn.Sequential(nn.Flatten(), nn.Linear(X[0].numel(), 5))


def taught(network, images, labels, seed=0):
    """Trains nothing."""


def bench(methods=xw.Saliency, evaluations=QUICK, **more):
    return xw.benchmark(methods, evaluations, NETWORK, X, target=1, **more)


def roar(methods=xw.Saliency, data=DATA, made=build, teach=taught, **more):
    return ev.Roar()(methods, data, DATA, made, teach, **{"seeds": (0,), **more})


def report():
    return xw.LRP().explain_rules(NETWORK, X[:1])


def manipulate(images, labels):
    return ev.ModelManipulation(steps=1)(NETWORK, images, labels, xw.Saliency())


BAD = {
    "a number of workers": (lambda: bench(executor=4), "executor is a int; benchmark takes one of"),
    "no folder": (lambda: bench(resume="/nonexistent/x"), "a folder that there is not; benchmark"),
    "a folder": (lambda: bench(resume="."), "is a folder; benchmark takes the path of a file"),
    "a file by number": (lambda: bench(resume=5), "resume is a int"),
    "a method by name": (lambda: bench("Saliency"), "A method is a str; it takes one of"),
    "soft masks": (lambda: bench(masks=np.full((4, 32, 32), 0.3)), "masks= holds 0.3"),
    "one map alone": (lambda: ev.agreement(xw.Saliency(), NETWORK, X), "1 method came; agreement"),
    "nothing to retrain for": (lambda: roar([]), "No methods came; Roar takes at least one"),
    "a seed": (lambda: roar(seeds=0), "seeds is 0; Roar takes a list of at least one number"),
    "no seeds": (lambda: roar(seeds=()), r"seeds is \(\); Roar takes"),
    "half a seed": (lambda: roar(seeds=(0.5,)), "A seed is 0.5; it takes whole numbers"),
    "no fractions": (lambda: roar(fractions=()), r"fractions is \(\); Roar takes"),
    "a word for a fraction": (lambda: roar(fractions=("a",)), "A fraction is 'a'; it takes num"),
    "builds with": (
        lambda: roar(made=lambda size: build()),
        "takes arguments; it takes a fun",
    ),
    "built": (lambda: roar(made=build()), "build= is the network Sequential; it takes a function"),
    "builds none": (lambda: roar(made=lambda: 3), r"build\(\) returned a int; it has to make"),
    "trains anyhow": (lambda: roar(teach=lambda net: None), "cannot be called as train_network"),
    "no labels": (lambda: roar(data=5), r"train= is a int; it takes \(images, labels\)"),
    "workers of Roar": (lambda: roar(executor=2), "executor is a int; Roar takes one of"),
    "labels by name": (lambda: manipulate(X, ["a"] * 4), "images and labels that are no numbers"),
    "a step by number": (lambda: report().at(3), "The layer is 3; it takes a name, such as"),
    "no such layer": (lambda: report().plot("conv3"), "No map of relevance lies at 'conv3'"),
    "half an answer": (lambda: xw.sp_lime(np.ones((8, 4)), budget=2.5), "budget is 2.5; it takes"),
    "answers by name": (lambda: xw.weights_of(["a"]), "An answer is a str; weights_of takes what"),
    "no heads": (
        lambda: ev.prune_heads(NETWORK, X, None),
        "heads is a NoneType that names no",
    ),
    "words as heads": (lambda: ev.prune_heads(NETWORK, X, ["ab"]), "heads is a list that names no"),
    "an experiment": (
        lambda: ev.Followed(xw.Saliency(), "noise"),
        "experiment is 'noise'; Foll",
    ),
    "neighbours": (lambda: xw.Neighbours.of(NETWORK, X, None), "The labels are None; give a list"),
    "one network": (lambda: xw.sanity(NETWORK, X, others=NETWORK), "others is a ModuleNetwork; it"),
}


@pytest.mark.parametrize(("call", "words"), BAD.values(), ids=BAD)
def test_a_call_that_cannot_work_is_refused_in_one_sentence(call, words):
    with pytest.raises(ExplainError, match=words) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_one_method_and_one_evaluation_need_no_list():
    plain = bench([xw.Saliency()], [QUICK])
    assert bench().values.keys() == plain.values.keys()
    assert list(bench(lambda s, x, t: x, [QUICK]).errors) == []


def test_a_report_plots_one_layer_without_a_list():
    assert len(report().plot("3").axes) == len(report().plot(["3"]).axes)


class Broken(Evaluation):
    """Goes wrong in no words."""

    def grade(self, case):
        raise RuntimeError("shapes do not match")


def test_whatever_goes_wrong_with_one_pair_is_told_and_the_others_go_on(tmp_path):
    def stumbles(subject, x, target):
        raise KeyError("weights")

    place = tmp_path / "run.jsonl"
    found = bench([xw.Saliency(), stumbles], [QUICK, Broken()], resume=place)
    assert found.errors["Saliency()", "Broken()"] == "RuntimeError: shapes do not match"
    assert "KeyError" in found.errors["stumbles", "MaxSensitivity(samples=1)"]
    assert ("Saliency()", "MaxSensitivity(samples=1)") in found.values
    kept = [json.loads(line) for line in place.read_text().splitlines()]
    assert not any("RuntimeError" in line.get("error", "") for line in kept)  # is tried again


def test_an_interrupt_is_no_error_of_a_pair():
    def interrupted(subject, x, target):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench(interrupted)


@pytest.mark.parametrize("kind", [pictures, *BESIDES_PICTURES], ids=lambda kind: kind.__name__)
def test_every_kind_of_input_has_its_table(kind):
    subject, inputs, method = kind()
    found = xw.benchmark(method, [QUICK, ev.ROAD()], subject, inputs, target=0)
    assert (repr(method), "MaxSensitivity(samples=1)") in found.values
    assert len(found.table) == 2


@pytest.mark.parametrize("run", [bench, roar])
@pytest.mark.parametrize("text", ["hello\n", '{"a": 1}\n', "[1]\n2\n"])
def test_a_file_of_somebody_else_is_left_alone(run, text, tmp_path):
    place = tmp_path / "notes.jsonl"
    place.write_text(text)
    with pytest.raises(ExplainError, match="is no file of finished work of"):
        run(resume=place)
    assert place.read_text() == text


@pytest.mark.parametrize("run", [bench, roar])
@pytest.mark.parametrize("text", ["", "\n", '{"key": "half a li'])
def test_a_file_that_is_empty_or_was_just_begun_is_gone_on_with(run, text, tmp_path):
    place = tmp_path / "run.jsonl"
    place.write_text(text)
    run(resume=place)
    assert len(place.read_text().strip().splitlines()) > 0
