"""Compiled networks run as Python while somebody looks, and are compiled again afterwards."""

from contextlib import ExitStack

import pytest
import torch

from xaiwidgets.core.eager import is_compiled, uncompiled


def test_what_is_compiled_is_known_however_it_was_asked_for():
    plain, own = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    own.compile(backend="eager")
    assert is_compiled(own)
    assert is_compiled(torch.compile(plain, backend="eager"))
    assert not is_compiled(plain)


@pytest.mark.slow
def test_nothing_is_compiled_until_the_last_who_looks_has_gone():
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    network, x = torch.compile(torch.nn.Linear(2, 2), backend=backend), torch.ones(1, 2)
    one, other = ExitStack(), ExitStack()
    one.enter_context(uncompiled())
    other.enter_context(uncompiled())
    one.close()  # who came first goes first, as threads do
    expected = network(x)
    assert graphs == []
    other.close()
    assert torch.equal(network(x), expected)
    assert len(graphs) == 1
