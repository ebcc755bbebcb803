"""The faithfulness checks: the order, the curve, and the control."""

import numpy as np
import pytest
import torch
from told import told

from xaiwidgets import check


@pytest.mark.parametrize(
    ("words", "student"),
    {
        "from the least relevant": lambda m: m.flatten().argsort(),
        "whatever the sign": lambda m: m.flatten().abs().argsort(descending=True),
        "every pixel's rank": lambda m: m.flatten().argsort(descending=True).argsort(),
        "column by column": lambda m: m.T.flatten().argsort(descending=True),
        "argsort gives the places": lambda m: m.flatten().sort(descending=True).values,
        "by hand": lambda m: torch.arange(m.numel()),
    }.items(),
)
def test_the_order(words, student):
    assert check.removal_order(lambda m: m.flatten().argsort(descending=True)).share == 1
    assert check.removal_order(lambda m: np.argsort(-m.numpy(), axis=None)).share == 1
    assert words in told(check.removal_order, student)


def curve(
    subject, x, target, order, steps=8, *, fill=None, score=None, gone=None, channels=slice(None)
):
    fill = x.mean((2, 3), keepdim=True) if fill is None else fill
    made = []
    for step in range(steps + 1):
        mask = torch.zeros(len(order), dtype=torch.bool)
        count = round(len(order) * step / steps)
        mask[order[:count] if gone is None else gone(order, step, count)] = True
        picture = x.clone()
        picture[:, channels] = torch.where(mask.view(x.shape[2:]), fill, x)[:, channels]
        made.append(picture)
    outputs = subject.outputs(torch.cat(made))
    return target.score(outputs.softmax(1)) if score is None else score(outputs, target)


def having(**changes):
    return lambda subject, x, target, order, steps: curve(
        subject, x, target, order, steps, **changes
    )


def writing_into_x(subject, x, target, order, steps):
    made = curve(subject, x, target, order, steps)
    x.zero_()
    return made


WRONG = {
    "the least relevant pixels gone first": having(
        gone=lambda order, step, count: order[len(order) - count :]
    ),
    "before the softmax": having(score=lambda outputs, target: target.score(outputs)),
    "the highest probability": having(score=lambda outputs, target: outputs.softmax(1).amax(1)),
    "with 0 in place": having(fill=torch.zeros(1, 3, 1, 1)),
    "the pixels kept that should go": having(gone=lambda order, step, count: order[count:]),
    "each step's own pixels": having(
        gone=lambda order, step, count: order[round(len(order) * max(step - 1, 0) / 8) : count]
    ),
    "one pixel gone at every step": having(gone=lambda order, step, count: order[:step]),
    "the first channel alone": having(channels=slice(0, 1)),
    "the other way round": lambda *given: curve(*given).flip(0),
    "step 0 counts": lambda *given: curve(*given)[1:],
    "writes into the picture": writing_into_x,
    "a list of numbers": lambda *given: 0.5,
}


@pytest.mark.parametrize(("words", "student"), WRONG.items(), ids=WRONG)
def test_a_slip_in_the_curve_is_told_by_name(words, student):
    assert check.deletion_curve(curve).share == 1
    assert words in told(check.deletion_curve, student)


def by(control, order=lambda m: m.flatten().argsort(descending=True)):
    def student(subject, x, target, heatmap):
        places = order(heatmap)
        return curve(subject, x, target, places), control(subject, x, target, places)

    return student


def random(subject, x, target, places, draws=1):
    generator = torch.Generator().manual_seed(5)
    made = [
        curve(subject, x, target, torch.randperm(len(places), generator=generator))
        for _ in range(draws)
    ]
    return torch.stack(made).mean(0)


@pytest.mark.parametrize("draws", [1, 5])
@pytest.mark.parametrize("seed", range(3))
def test_a_control_of_one_draw_or_several_passes(draws, seed):
    assert check.faithfulness(by(lambda *given: random(*given, draws)), seed=seed).share == 1


@pytest.mark.parametrize(
    ("words", "student"),
    {
        "the control is missing": lambda *given: by(random)(*given)[0],
        "the map's own curve": by(curve),
        "from the other end": by(lambda s, x, t, places: curve(s, x, t, places.flip(0))),
        "row by row": by(lambda s, x, t, places: curve(s, x, t, torch.arange(len(places)))),
        "random orders have": by(lambda s, x, t, places: 1 + random(s, x, t, places)),
        "least relevant pixels gone first": by(random, lambda m: m.flatten().argsort()),
    }.items(),
)
def test_what_is_no_control_is_told(words, student):
    assert words in told(check.faithfulness, student)
