"""Inputs of a single part: a text of one word, a table of one column, a picture of one segment."""

import numpy as np
import pytest
import torch
from networks import seeded
from torch import nn

import xaiwidgets as xw

ASKING = [
    xw.KernelShap(samples=20), xw.ShapleySampling(samples=4), xw.FeatureAblation(),
    xw.Occlusion(), xw.LIME(samples=20), xw.Anchors(samples=200), xw.RISE(samples=20),
]  # fmt: skip
SHARES = ASKING[:4]


class Letters(nn.Module):
    """A network of 26 letters, whose text may be one letter long."""

    def __init__(self):
        super().__init__()
        self.letters, self.last = nn.Embedding(26, 4), nn.Linear(4, 2)

    def forward(self, ids):
        return self.last(self.letters(ids).mean(1))


def word():
    """One letter, and how far the score falls when it is masked."""
    subject = xw.TextSubject(seeded(Letters), lambda text: [ord(c) - 97 for c in text])
    x = subject.prepare("c").x
    scores = subject.outputs(torch.cat([x, subject.given(x)]))[:, 0]
    return subject, "c", float(scores[0] - scores[1])


def column():
    """One column, and how far its score lies above the mean over the data."""
    data = np.linspace(0, 9, 10)[:, None]
    subject = xw.TableSubject(lambda rows: 2 * rows[:, 0], data, background=10)
    return subject, [7.0], 2 * (7 - data.mean())


def segment():
    """One pixel, and its score above that of the empty picture."""
    return xw.Subject(lambda a: a.sum((1, 2, 3))), torch.full((1, 1, 1), 5.0), 5.0


@pytest.mark.parametrize("made", [word, column, segment])
@pytest.mark.parametrize("method", ASKING, ids=repr)
def test_methods_that_only_ask_take_it(method, made):
    subject, only, change = made()
    found = method(subject, only, 0)
    assert found.map().shape == (1, 1, 1)
    assert np.isfinite(found.map()).all()
    cost = method.suited(subject.kind).cost(subject, subject.prepare(only).x)
    assert found.provenance.forwards == cost.forward
    if method in SHARES:
        assert found.map()[0, 0, 0] == pytest.approx(change, abs=1e-5)
