"""Pictures put together of two are computed by what is new in each."""

import numpy as np
import pytest
import torch
from core.test_parts import Residual
from core.test_windows import LOCAL, asked, far_off, headed, subject_of
from networks import noise, seeded
from state import State
from torch import nn

import xaiwidgets as xw
from xaiwidgets.core import mosaic, windows
from xaiwidgets.core.mosaic import Mosaic
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods.perturbation import segments

ROWS = 60


@pytest.fixture(autouse=True)
def small_pictures_count_too(monkeypatch):
    for name in ("_REPAYS", "_MOVED", "_LOOKED_UP"):
        monkeypatch.setattr(mosaic, name, 0)


@pytest.fixture
def counted(monkeypatch):
    """How many rows were put together of what is kept."""
    rows = []
    real = Mosaic.early

    def counting(self, present):
        made = real(self, present)
        if made is not None:
            rows.append(len(present))
        return made

    monkeypatch.setattr(Mosaic, "early", counting)
    return rows


def cut(x, count=12):
    """Pieces of any form: a grid whose lines are bent, and torn by a few pixels."""
    height, width = x.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    torn = noise(height, width, seed=3).round().long()
    bent = (6 * (columns / 11).sin()).long() + torn, (5 * (rows / 13).cos()).long() - torn
    rows, columns = (rows + bent[0]).clamp(0, height - 1), (columns + bent[1]).clamp(0, width - 1)
    return segments.squares(height, width, count)[rows, columns]


def drawn(pieces, rows=ROWS, seed=0):
    present = torch.rand(rows, pieces, generator=torch.Generator().manual_seed(seed)) < 0.5
    present[0] = True
    return present


def together(x, absent, labels, present):
    return torch.where(present[:, labels][:, None], x, absent)


def pieced(subject, x, absent, labels, rows=ROWS):
    quick = subject.quick(x)
    return quick, quick.pieced(labels, x, absent, rows)


@pytest.mark.parametrize("count", [4, 9])
@pytest.mark.parametrize("name", LOCAL)
def test_pictures_of_pieces_have_the_scores_of_whole_passes(name, count, counted):
    subject, x = subject_of(name)
    state, absent = State(subject.model), noise(*x.shape, seed=5, dtype=x.dtype)
    labels = cut(x, count)
    present = drawn(int(labels.max()) + 1)
    rows = together(x, absent, labels, present)
    quick, own = pieced(subject, x, absent, labels)
    assert isinstance(own._windows, Mosaic)
    counted.clear()
    assert far_off(asked(own, rows), asked(subject, rows)) < 1e-12
    assert sum(counted) == len(rows)
    first = own._windows.kept[0]
    assert first.used < len(rows) * first.tiling.tiles / 3
    assert not isinstance(quick._windows, Mosaic)
    state.assert_unchanged()


@pytest.mark.parametrize("name", ["resnet18", "zoo"])
def test_single_precision_stays_within_rounding(name, counted):
    subject, x = subject_of(name, torch.float32)
    x = subject.prepare(x).x
    absent, labels = torch.zeros_like(x), cut(x, 9)
    rows = together(x, absent, labels, drawn(int(labels.max()) + 1))
    _, own = pieced(subject, x, absent, labels)
    counted.clear()
    assert far_off(asked(own, rows), asked(subject, rows)) < 1e-5
    assert sum(counted) == len(rows)


@pytest.mark.parametrize("cost", ["_MOVED", "_LOOKED_UP"])
def test_where_moving_and_looking_up_take_longer_nothing_is_kept(cost, monkeypatch):
    subject, x = subject_of("zoo")
    labels, absent = cut(x), torch.zeros_like(x)
    quick, own = pieced(subject, x, absent, labels)
    assert own is not quick
    monkeypatch.setattr(mosaic, cost, 2**30)
    assert quick.pieced(labels, x, absent, ROWS) is quick


@pytest.mark.parametrize("side", [1, 2, 4, 8])
def test_tiles_of_every_size_give_the_same(side, counted, monkeypatch):
    monkeypatch.setattr(mosaic, "_SIDES", (side,))
    monkeypatch.setattr(mosaic, "_GAIN", 9)
    monkeypatch.setattr(mosaic, "_REPAYS", -np.inf)
    subject, x = subject_of("resnet18")
    absent, labels = torch.zeros_like(x), cut(x, 9)
    rows = together(x, absent, labels, drawn(int(labels.max()) + 1))
    _, own = pieced(subject, x, absent, labels)
    assert {kept.tiling.side for kept in own._windows.kept} == {side}
    assert far_off(asked(own, rows), asked(subject, rows)) < 1e-12


def test_a_piece_that_looks_the_same_either_way_does_not_matter(counted):
    subject, x = subject_of("zoo")
    labels, absent = cut(x), torch.zeros_like(x)
    absent[:, :, labels == 3] = x[:, :, labels == 3]
    rows = together(x, absent, labels, drawn(int(labels.max()) + 1))
    _, own = pieced(subject, x, absent, labels)
    counted.clear()
    assert far_off(asked(own, rows), asked(subject, rows)) < 1e-12
    assert sum(counted) == len(rows)


def test_other_pictures_and_gradients_go_through_as_a_whole(counted):
    subject, x = subject_of("zoo")
    labels, absent = cut(x), torch.zeros_like(x)
    rows = together(x, absent, labels, drawn(int(labels.max()) + 1, 8))
    _, own = pieced(subject, x, absent, labels)
    counted.clear()
    other = rows + 1e-3 * noise(*rows.shape, seed=9, dtype=x.dtype)
    assert far_off(asked(own, other), asked(subject, other)) < 1e-12
    leaf = rows.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(own(leaf)[:, 1].sum(), leaf)
    assert float(gradient.abs().sum()) > 0
    seen = []
    handle = own.model.conv1.register_forward_hook(lambda *_: seen.append(1))
    asked(own, rows)
    handle.remove()
    assert seen == [1]
    assert not counted


def test_when_the_room_is_full_it_begins_anew_and_with_too_little_goes_through_as_a_whole(
    counted, monkeypatch
):
    monkeypatch.setattr(mosaic, "_REPAYS", -np.inf)
    subject, x = subject_of("zoo")
    labels, absent = cut(x, 25), torch.zeros_like(x)
    present = drawn(int(labels.max()) + 1, 200)
    rows = together(x, absent, labels, present)
    monkeypatch.setattr(mosaic, "_GAIN", 9)
    _, own = pieced(subject, x, absent, labels, rows=10)
    plain = asked(subject, rows)
    counted.clear()
    assert far_off(asked(own, rows), plain) < 1e-12
    assert all(kept.used <= kept.tiling.room for kept in own._windows.kept)
    assert sum(counted) == len(rows)
    counted.clear()
    assert far_off(asked(own, rows, size=200), plain) < 1e-12
    assert not counted


def test_what_is_kept_has_a_limit_and_later_stages_are_left_out_for_it(monkeypatch):
    subject, x = subject_of("zoo")
    labels, absent = cut(x), torch.zeros_like(x)
    _, own = pieced(subject, x, absent, labels, rows=1000)
    asked(own, together(x, absent, labels, drawn(int(labels.max()) + 1, 8)))
    kept = own._windows.kept
    taken = [each.cells.numel() * each.cells.itemsize for each in kept]
    assert len(kept) > 1
    assert sum(taken) <= mosaic._KEPT
    monkeypatch.setattr(mosaic, "_KEPT", taken[0])
    _, less = pieced(subject, x, absent, labels, rows=1000)
    assert len(less._windows.kept) == 1


def test_what_would_answer_otherwise_is_found_out_before_it_is_used(monkeypatch):
    subject, x = subject_of("zoo")
    labels, absent = cut(x), torch.zeros_like(x)
    quick, own = pieced(subject, x, absent, labels)
    assert own is not quick
    real = mosaic.Kept.index

    def beside(self, rows, down, across):
        return np.roll(real(self, rows, down, across), 1, 2)

    monkeypatch.setattr(mosaic.Kept, "index", beside)
    assert quick.pieced(labels, x, absent, ROWS) is quick
    monkeypatch.setattr(mosaic.Kept, "index", real)
    seen = mosaic._seen
    monkeypatch.setattr(
        mosaic, "_seen", lambda labels, down, across: seen(labels, down, across) & 0
    )
    assert quick.pieced(labels, x, absent, ROWS) is quick


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_blocks_come_apart_and_may_be_left_half_way(count, counted, monkeypatch):
    real = mosaic.plan
    monkeypatch.setattr(mosaic, "plan", lambda *given: real(*given)[:count])
    make = lambda: headed(  # noqa: E731
        nn.Conv2d(3, 4, 3, padding=1), Residual(), Residual(2, channels=6), width=6
    )
    subject, x = Subject(seeded(make).double()), noise(1, 3, 97, 90, dtype=torch.float64)
    monkeypatch.setattr(windows, "_STEP", 0)
    absent, labels = torch.zeros_like(x), cut(x)
    rows = together(x, absent, labels, drawn(int(labels.max()) + 1))
    _, own = pieced(subject, x, absent, labels)
    edges = [kept.tiling.stage.edge for kept in own._windows.kept]
    assert edges == [1] * count
    counted.clear()
    assert far_off(asked(own, rows), asked(subject, rows)) < 1e-12
    assert sum(counted) == len(rows)


class Hourglass(nn.Module):
    """Down, and up to its input again: two maps of which one is half as wide are read later."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(6, 8, 3, 2, 1), nn.Conv2d(8, 6, 3, padding=1)

    def forward(self, x):
        y = self.conv2(self.conv1(x).relu())
        return x + nn.functional.interpolate(y, scale_factor=2)


def test_a_block_that_hands_on_maps_of_two_sizes_stays_in_one_piece():
    network = seeded(lambda: headed(nn.Conv2d(3, 6, 3, padding=1), Hourglass(), width=6))
    one = noise(1, 3, 96, 96)
    stages = windows.in_parts(network, windows.local_stages(network, one), one)
    assert [len(stage.parts) for stage in stages] == [1, 0]


class Whole(nn.Module):
    """A normalisation by all pixels, which no window can know."""

    def forward(self, x):
        return x / x.abs().mean((1, 2, 3), keepdim=True)


@pytest.mark.parametrize("first", [Whole, lambda: nn.InstanceNorm2d(3)], ids=["own", "torch's"])
def test_networks_that_see_all_pixels_at_once_are_asked_as_a_whole(first, counted):
    network = seeded(lambda: headed(first(), nn.Conv2d(3, 32, 3))).double()
    subject, x = Subject(network), noise(1, 3, 60, 60, dtype=torch.float64)
    quick = subject.quick(x)
    assert quick.pieced(cut(x), x, torch.zeros_like(x), ROWS) is quick


METHODS = {
    "LIME": (lambda: xw.LIME(samples=100), True),
    "KernelSHAP": (lambda: xw.KernelShap(samples=100), True),
    "noise": (lambda: xw.LIME(samples=100, fill="noise"), True),
    "its neighbours": (lambda: xw.LIME(samples=100, fill="neighbours"), False),
    "one after the other": (lambda: xw.ShapleySampling(samples=4), False),
    "all but one": (lambda: xw.FeatureAblation(), False),
}


@pytest.mark.parametrize("name", METHODS)
def test_methods_that_draw_who_is_there_ask_in_this_way(name, counted, monkeypatch):
    make, used = METHODS[name]
    subject, x = subject_of("zoo", torch.float32)
    subject = Subject(subject.model)
    found = make()(subject, x, 1).values
    assert bool(counted) == used
    monkeypatch.setattr(Subject, "pieced", lambda self, *_: self)
    plain = make()(subject, x, 1).values
    assert far_off(found, plain) < 1e-4
