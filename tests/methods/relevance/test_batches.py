"""Inputs that do not fit into one batch have the relevance that they have in one."""

import numpy as np
import pytest
import torch
from networks import ModuleNetwork, noise, seeded, vision_transformer

import xaiwidgets as xw
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import head_relevance

CLASSES = [1, 3, 0]
OF_PICTURES = [
    xw.LRP(), xw.CLRP(others="uniform"), xw.SGLRP(), xw.PatternNet(),
    xw.ConceptRelevance(layer="3", channel=2), xw.ConceptRelevance.through({"3": [2, 5]}),
]  # fmt: skip
OF_TOKENS = [
    xw.TransformerAttribution(), xw.AttentionRollout(), xw.HeadRelevance(block=0, head=1),
]  # fmt: skip
CASES = [*((ModuleNetwork, each) for each in OF_PICTURES),
         *((vision_transformer, each) for each in OF_TOKENS)]  # fmt: skip


def in_parts_and_at_once(monkeypatch, make, ask):
    network, x = seeded(make).double(), noise(3, 3, 32, 32, dtype=torch.float64)
    answers = []
    for size in (2, 3):
        monkeypatch.setattr(Subject, "batch_size", lambda *_, size=size, **__: size)
        answers.append(ask(network, x))
    return answers


@pytest.mark.parametrize(("make", "method"), CASES, ids=[case[1].label for case in CASES])
def test_a_map_is_the_same_in_parts_and_at_once(make, method, monkeypatch):
    parts, whole = in_parts_and_at_once(
        monkeypatch, make, lambda network, x: method(network, x, CLASSES).values
    )
    torch.testing.assert_close(parts, whole, rtol=1e-9, atol=1e-12)


def test_units_and_heads_are_the_same_in_parts_and_at_once(monkeypatch):
    parts, whole = in_parts_and_at_once(
        monkeypatch,
        ModuleNetwork,
        lambda network, x: xw.LRP().units(network, x, CLASSES, layer="3"),
    )
    torch.testing.assert_close(parts, whole, rtol=1e-9, atol=1e-12)
    parts, whole = in_parts_and_at_once(
        monkeypatch,
        vision_transformer,
        lambda network, x: head_relevance(network, x, CLASSES).relevance,
    )
    np.testing.assert_allclose(parts, whole, rtol=1e-9, atol=1e-12)
