"""Compiled networks run as Python while somebody looks, and are compiled again afterwards."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
import torch

from xaiwidgets.core import eager
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


@pytest.fixture
def stances(monkeypatch):
    """What is asked of torch, which takes its time."""
    asked = []

    @contextmanager
    def slowly(stance):
        time.sleep(0.05)
        asked.append(stance)
        yield
        asked.append("as before")

    monkeypatch.setattr(torch.compiler, "set_stance", slowly, raising=False)
    monkeypatch.setattr(eager, "_stance", eager._Stance())
    monkeypatch.setattr(eager, "_compiler_is_loaded", lambda: True)
    return asked


def test_threads_that_come_at_once_ask_torch_once(stances):
    together = threading.Barrier(4)

    def look(_):
        with uncompiled():
            together.wait(timeout=30)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(look, range(4)))
    assert stances == ["force_eager", "as before"]


def test_compiling_is_as_before_after_an_error(stances):
    with pytest.raises(KeyboardInterrupt), uncompiled():
        raise KeyboardInterrupt
    assert stances == ["force_eager", "as before"]
