"""Rows that differ in a small place from the row before are computed in a window around it."""

import dataclasses

import networks
import pytest
import torch
from networks import lived_in, noise, seeded
from state import State
from torch import nn

from xaiwidgets import zoo
from xaiwidgets.core import windows
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.windows import Windows
from xaiwidgets.evaluation import RegionPerturbation, Selectivity
from xaiwidgets.methods import RISE, Occlusion


def vgg11():
    from torchvision.models.vgg import cfgs, make_layers

    features = make_layers(cfgs["A"], batch_norm=False)
    return nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 5))


def densenet121():
    from torchvision.models import densenet121 as make

    return lived_in(make(num_classes=5))


def mobilenet():
    from torchvision.models import mobilenet_v2 as make

    return lived_in(make(num_classes=5))


def of_the_zoo():
    return zoo.load("shapes")


LOCAL = {
    "resnet18": (networks.resnet18, (96, 80)),
    "vgg11": (vgg11, (65, 58)),
    "densenet121": (densenet121, (80, 72)),
    "mobilenet": (mobilenet, (97, 80)),
    "zoo": (of_the_zoo, (96, 91)),
}


def subject_of(name, dtype=torch.float64):
    make, sides = LOCAL[name]
    network = seeded(make).to(dtype)
    return Subject(network), noise(1, 3, *sides, dtype=dtype)


def box_rows(x, boxes, *, wandering=False):
    """The picture, and it with box after box replaced by noise; each box alone if `wandering`."""
    rows = [x[0]]
    for seed, (top, left, height, width) in enumerate(boxes):
        row = (x[0] if wandering else rows[-1]).clone()
        part = row[:, top : top + height, left : left + width]
        part.copy_(noise(*part.shape, seed=seed + 1, dtype=x.dtype))
        rows.append(row)
    return torch.stack(rows)


def everywhere(height, width):
    """Boxes of several sizes at every corner and side, and across the middle."""
    for size in (1, 2, 5, 9):
        tops, lefts = (
            [0, 1, side // 3, side // 2 + size, side - size - 1, side - size]
            for side in (height, width)
        )
        yield from ((top, left, size, size) for top in tops for left in lefts)
    yield from ((height // 2, 3, 2, 11), (7, width // 2, 12, 1))


@pytest.fixture(autouse=True)
def small_pictures_count_too(monkeypatch):
    monkeypatch.setattr(windows, "_STEP", 0)


@pytest.fixture
def counted(monkeypatch):
    """How many rows were computed in windows."""
    rows = []
    real = Windows._in_windows

    def counting(self, x, boxes):
        rows.append(len(x))
        return real(self, x, boxes)

    monkeypatch.setattr(Windows, "_in_windows", counting)
    return rows


def asked(subject, x, size=8):
    with torch.no_grad():
        return torch.cat([subject(part) for part in x.split(size)])


def far_off(found, plain):
    return float((found - plain).abs().max() / plain.abs().max())


@pytest.mark.parametrize("name", LOCAL)
def test_windows_at_every_place_give_the_scores_of_whole_passes(name, counted):
    subject, x = subject_of(name)
    boxes = list(everywhere(*x.shape[2:]))[:: 1 if name == "zoo" else 7]
    rows, state = box_rows(x, boxes), State(subject.model)
    quick = subject.quick(x)
    counted.clear()
    found = asked(quick, rows)
    assert sum(counted) > len(rows) * 0.7
    assert far_off(found, asked(subject, rows)) < 1e-12
    state.assert_unchanged()


def test_a_square_that_wanders_is_wiped_out_where_it_was(counted):
    subject, x = subject_of("zoo")
    boxes = [(8, left, 6, 6) for left in range(0, 85, 7)] + [(15, 84, 6, 6), (15, 0, 6, 6)]
    rows, quick = box_rows(x, boxes, wandering=True), subject.quick(x)
    counted.clear()
    assert far_off(asked(quick, rows), asked(subject, rows)) < 1e-12
    assert sum(counted) >= len(boxes) - 1


@pytest.mark.parametrize("name", ["resnet18", "zoo"])
def test_single_precision_stays_within_rounding(name, counted):
    subject, x = subject_of(name, torch.float32)
    rows = box_rows(subject.prepare(x).x, list(everywhere(*x.shape[2:]))[::4])
    quick = subject.quick(x)
    counted.clear()
    assert far_off(asked(quick, rows), asked(subject, rows)) < 1e-5
    assert sum(counted) > len(rows) / 2


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", ["resnet18", "zoo"])
def test_a_stage_that_is_said_to_see_one_line_less_is_found_out(name, dtype):
    subject, x = subject_of(name, dtype)
    stages = subject.quick(x)._windows.stages
    network = subject.quick(x).model
    with torch.no_grad():
        assert windows._agrees(network, stages, x, subject._select)
        for number, stage in enumerate(stages):
            for axis in (0, 1):
                reach = stage.reach[axis]
                for less in ({"low": reach.low + 1}, {"high": reach.high - 1}):
                    short = list(stage.reach)
                    short[axis] = dataclasses.replace(reach, **less)
                    wrong = list(stages)
                    wrong[number] = dataclasses.replace(stage, reach=tuple(short))
                    assert not windows._agrees(network, tuple(wrong), x, subject._select)


class Local(nn.Module):
    """Two convolutions and a head, with something that only whole pictures show."""

    def __init__(self, how):
        super().__init__()
        self.how = how
        self.first, self.second = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
        self.relu, self.head = nn.ReLU(), nn.Linear(32, 4)
        self.norm = nn.InstanceNorm2d(16) if how == "instance norm" else nn.Identity()

    def forward(self, x):
        a = self.relu(self.norm(self.first(x)))
        if self.how == "squeeze":
            a = a * a.mean((2, 3), keepdim=True).sigmoid()
        elif self.how == "relu twice":
            return self.head(self.relu(self.second(a)).mean((2, 3)))
        elif self.how == "in place":
            a += 0.5
        b = self.second(a)
        if self.how == "skip":
            b[:, :16] += a
        elif self.how == "picture":
            b = b + x.mean((1, 2, 3), keepdim=True)
        return self.head(b.mean((2, 3)))


class Placed(nn.Module):
    """A convolution that is told where each pixel lies."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 32, 3, padding=1)

    def forward(self, x):
        places = torch.linspace(-1, 1, x.shape[2], dtype=x.dtype)[None, None, :, None]
        return self.conv(torch.cat([x, places.expand(len(x), 1, -1, x.shape[3])], 1))


class Mirrored(nn.Module):
    """A convolution whose picture is turned round."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 3, padding=1)

    def forward(self, x):
        return self.conv(x.flip(3))


def headed(*modules, width=32):
    return nn.Sequential(*modules, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 4))


ELSEWHERE = {
    "a picture that is read again": lambda: Local("picture"),
    "a map that is read again": lambda: Local("skip"),
    "places told": lambda: headed(Placed()),
    "turned round": lambda: headed(Mirrored()),
    "pooled to a grid": lambda: headed(nn.AdaptiveAvgPool2d(40), nn.Conv2d(3, 32, 3)),
    "all pixels normalised": lambda: headed(nn.InstanceNorm2d(3), nn.Conv2d(3, 32, 3)),
    "enlarged": lambda: headed(nn.Upsample(scale_factor=2), nn.Conv2d(3, 32, 3)),
    "attention": networks.vision_transformer,
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_other_networks_are_asked_in_whole_passes(name, counted):
    network = seeded(ELSEWHERE[name]).double()
    side = networks.SIZE if name == "attention" else 80
    subject, x = Subject(network), noise(1, 3, side, side, dtype=torch.float64)
    quick = subject.quick(x)
    assert quick._windows is None
    counted.clear()
    rows = box_rows(x, [(3, 4, 5, 5), (20, 20, 4, 4)])
    assert far_off(asked(quick, rows), asked(subject, rows)) < 1e-12
    assert not counted


@pytest.mark.parametrize("how", ["squeeze", "instance norm", "relu twice", "in place", "plain"])
def test_windows_end_where_a_map_is_read_as_a_whole_or_by_others(how, counted):
    network = seeded(lambda: Local(how)).double()
    subject, x = Subject(network), noise(1, 3, 160, 160, dtype=torch.float64)
    quick = subject.quick(x)
    names = [name for stage in quick._windows.stages for name in stage.names]
    assert (
        names
        == {
            "squeeze": ["first", "norm", "relu"],
            "instance norm": ["first"],
            "relu twice": ["first", "norm"],
            "in place": ["first", "norm", "relu"],
            "plain": ["first", "norm", "relu", "second"],
        }[how]
    )
    rows = box_rows(x, [(3, 4, 5, 5), (20, 20, 4, 4), (156, 156, 4, 4)])
    counted.clear()
    assert far_off(asked(quick, rows), asked(subject, rows)) < 1e-12
    assert sum(counted) == 3


def test_a_patch_too_large_for_a_window_is_computed_as_a_whole(counted):
    subject, x = subject_of("resnet18")
    near = [(7 * i, 6 * i, 4, 4) for i in range(6)]
    rows, quick = box_rows(x, [*near[:2], (5, 5, 90, 70), *near[2:]]), subject.quick(x)
    counted.clear()
    assert far_off(asked(quick, rows), asked(subject, rows)) < 1e-12
    assert sum(counted) == len(near)


def test_rows_that_have_little_in_common_are_soon_compared_no_more(counted):
    subject, x = subject_of("zoo")
    quick = subject.quick(x)
    counted.clear()
    asked(quick, noise(40, *x.shape[1:], dtype=x.dtype))
    assert quick._windows.misses == windows._TRIES
    asked(quick, box_rows(x, [(3, 4, 5, 5), (20, 20, 4, 4)]))
    assert not counted


def test_one_row_is_kept_whatever_was_asked():
    subject, x = subject_of("zoo")
    quick = subject.quick(x)
    asked(quick, box_rows(x, list(everywhere(*x.shape[2:]))))
    kept = quick._windows.maps
    assert [len(each) for each in kept] == [1] * (len(quick._windows.stages) + 1)


def test_what_asks_for_gradients_and_what_watches_gets_whole_passes(counted):
    subject, x = subject_of("zoo")
    assert subject.quick(x, backward=True)._windows is None
    quick, rows = subject.quick(x), box_rows(x, [(3, 4, 5, 5), (20, 20, 4, 4)])
    counted.clear()
    leaf = rows.requires_grad_()
    (gradient,) = torch.autograd.grad(quick(leaf)[:, 1].sum(), leaf)
    assert float(gradient.abs().sum()) > 0
    seen = []
    handle = quick.model.conv1.register_forward_hook(lambda *_: seen.append(1))
    asked(quick, rows.detach())
    handle.remove()
    assert seen == [1]
    assert not counted


def test_pictures_of_another_size_are_computed_as_a_whole(counted):
    subject, x = subject_of("zoo")
    quick, other = subject.quick(x), noise(3, 3, 64, 64, dtype=x.dtype)
    counted.clear()
    assert far_off(asked(quick, other), asked(subject, other)) < 1e-12
    assert not counted


def test_changed_numbers_count():
    subject, x = subject_of("zoo")
    rows = box_rows(x, [(3, 4, 5, 5), (20, 20, 4, 4)])
    asked(subject.quick(x), rows)
    with torch.no_grad():
        subject.model.conv1.weight.mul_(1.1)
    assert far_off(asked(subject.quick(x), rows), asked(subject, rows)) < 1e-12


def test_a_module_that_is_exchanged_later_counts():
    subject, x = subject_of("zoo")
    rows = box_rows(x, [(3, 4, 5, 5), (40, 40, 4, 4)])
    asked(subject.quick(x), rows)
    old = subject.model.conv2
    subject.model.conv2 = seeded(
        lambda: nn.Conv2d(old.in_channels, old.out_channels, 5, padding=6, dilation=3)
    ).double()
    assert far_off(asked(subject.quick(x), rows), asked(subject, rows)) < 1e-12


NEAR = {
    "occlusion": lambda *about: Occlusion()(*about, 1),
    "selectivity": lambda *about: Selectivity(side=16)(*about, noise(2, 96, 96), 1),
    "regions": lambda *about: RegionPerturbation(regions=30)(*about, noise(2, 96, 96), 1),
}
FAR = {"rise": lambda *about: RISE(samples=24)(*about, 1)}


@pytest.mark.parametrize("name", [*NEAR, *FAR])
def test_answers_and_their_passes_are_the_same(name, monkeypatch, counted):
    network, x = seeded(of_the_zoo).double(), noise(2, 3, 96, 96, dtype=torch.float64)
    ask = (NEAR | FAR)[name]
    found, rows = ask(Subject(network), x), sum(counted)
    assert (rows > 30) == (name in NEAR)
    monkeypatch.setattr(Subject, "_early_stages", lambda self, x, plan, kind: ())
    plain = ask(Subject(network), x)
    values = (torch.as_tensor(each.values) for each in (found, plain))
    torch.testing.assert_close(*values, rtol=1e-9, atol=1e-12)
    assert found.provenance.forwards == plain.provenance.forwards


def test_a_network_inside_a_network_is_entered():
    outer = nn.Sequential(nn.BatchNorm2d(3), seeded(networks.resnet18)).eval().double()
    subject, x = Subject(outer), noise(1, 3, 96, 96, dtype=torch.float64)
    names = [n for stage in subject.quick(x)._windows.stages for n in stage.names]
    assert names[:2] == ["0", "1.conv1"]
