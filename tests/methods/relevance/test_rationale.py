"""The word that stands for a class carries most of its map, in a small trained transformer."""

import pytest

from benchmarks.rationale import METHODS, accuracy, hits, reader, texts

FOUND = dict(METHODS)


@pytest.mark.slow
def test_methods_for_transformers_find_the_word_of_the_class():
    network, data = reader(), texts(100, seed=3)
    assert accuracy(network, data) >= 0.99
    for name in ("AttnLRP", "CP-LRP", "Transformer attribution"):
        assert hits(FOUND[name], network, data) >= 0.95, name
    assert hits(FOUND["Attention rollout"], network, data) <= 0.6  # it knows no class
