import concurrent.futures
import threading

import pytest
import torch
import torch.nn.functional as F
from networks import noise
from torch import nn
from torch.utils import _python_dispatch

from xaiwidgets.evaluation.drawing import DrawnBy
from xaiwidgets.evaluation.training import built, fit, seeded

X = noise(4, 8, 6, 6)
HEADS = torch.ones(1, 2, 4, 4)
DRAWS = {
    "a layer's initialiser": lambda: nn.Conv2d(3, 4, 3).weight,
    "an orthogonal start": lambda: nn.init.orthogonal_(torch.empty(4, 4)),
    "dropout": lambda: F.dropout(X, 0.3),
    "dropout in place": lambda: nn.Dropout(0.5, inplace=True)(X.clone()),
    "dropout of channels": lambda: nn.Dropout2d(0.5)(X),
    "alpha dropout": lambda: nn.AlphaDropout(0.5)(X),
    "dropout on an accelerator": lambda: torch.native_dropout(X, 0.3, True)[0],
    "attention that drops": lambda: F.scaled_dot_product_attention(
        HEADS, HEADS, HEADS, dropout_p=0.5
    ),
    "a leaky corner by lot": lambda: nn.RReLU()(X),
    "noise like a tensor": lambda: torch.randn_like(X),
    "even noise like a tensor": lambda: torch.rand_like(X, dtype=torch.float64),
    "an order": lambda: torch.randperm(9),
    "whole numbers": lambda: torch.randint(9, (4,)),
    "a categorical draw": lambda: torch.multinomial(torch.ones(9), 3),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_what_is_drawn_is_what_torchs_own_generator_would_give_and_that_one_stays(draw):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        expected = draw()
        before = torch.get_rng_state()
        with DrawnBy(torch.Generator().manual_seed(5)):
            found = draw()
        assert torch.allclose(found, expected, rtol=1e-6)
        assert torch.equal(torch.get_rng_state(), before)


def test_dropout_on_an_accelerator_keeps_all_outside_training():
    with DrawnBy(torch.Generator().manual_seed(0)):
        found, kept = torch.native_dropout(X, 0.9, False)
    assert torch.equal(found, X)
    assert kept.all()


def test_a_generator_that_was_given_is_used():
    own = torch.Generator().manual_seed(1)
    expected = torch.rand(3, generator=torch.Generator().manual_seed(1))
    with DrawnBy(torch.Generator().manual_seed(2)):
        assert torch.equal(torch.rand(3, generator=own), expected)


def test_threads_build_side_by_side_and_each_by_its_seed():
    def build():
        return nn.Sequential(*(nn.Linear(16, 16) for _ in range(20)))

    alone = [built(build, seed)[-1].weight for seed in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        together = [
            network[-1].weight for network in threads.map(lambda s: built(build, s), range(4))
        ]
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))
    assert not torch.equal(alone[0], alone[1])


def test_a_network_that_drops_attention_trains_alike_and_leaves_the_global_generator():
    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True)
            self.head = nn.Linear(8, 2)

        def forward(self, x):
            return self.head(self.attention(x, x, x)[0].mean(1))

    x, labels, before = noise(16, 5, 8), torch.arange(16) % 2, torch.get_rng_state()
    first, again, other = (
        fit(built(Attending, 0), x, labels, epochs=2, seed=seed) for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other
    assert torch.equal(torch.get_rng_state(), before)


def test_seeded_blocks_repeat():
    with seeded(7):
        first = torch.rand(3)
    with seeded(7):
        assert torch.equal(torch.rand(3), first)


def test_two_that_overlap_leave_no_trace_with_the_compiler():
    def noted():
        return {k: v for k, v in vars(_python_dispatch).items() if k.startswith("_is_in_")}

    before, first, second = noted(), DrawnBy(torch.Generator()), threading.Event()
    into, out = threading.Event(), threading.Event()

    def other():
        into.wait(20)
        with DrawnBy(torch.Generator()):
            second.set()
            out.wait(20)

    thread = threading.Thread(target=other)
    thread.start()
    with first:
        during = noted()
        into.set()
        assert second.wait(20)
    assert noted() == during != before
    out.set()
    thread.join()
    assert noted() == before
