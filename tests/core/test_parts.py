"""Blocks of several convolutions come apart, and parts are computed within an edge."""

from threading import Thread

import pytest
import torch
import torch.nn.functional as F
from networks import noise, seeded
from torch import nn

from xaiwidgets.core.parts import split


class Residual(nn.Module):
    """A residual block, by default as ResNets have it."""

    def __init__(self, stride=1, how="after", channels=4):
        super().__init__()
        self.how = how
        self.conv1 = nn.Conv2d(channels, 6, 3, stride, 1)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1)
        self.relu, self.norm = nn.ReLU(inplace=True), nn.BatchNorm2d(channels)
        self.along = nn.Conv2d(channels, 6, 1, stride)

    def forward(self, x):
        if self.how == "before":
            return self.conv2(F.relu(self.conv1(F.relu(self.norm(x))))) + self.along(x)
        if self.how == "depends" and x.mean() > 100:
            return x
        y = self.conv2(self.relu(self.conv1(x)))
        y += self.along(x)
        return self.relu(y)


class Along(nn.Module):
    """A convolution beside another way."""

    def __init__(self, other, stride):
        super().__init__()
        self.conv, self.other = nn.Conv2d(4, 6, 3, stride, 1), other

    def forward(self, x):
        return F.relu(self.conv(x) + self.other(x))


BLOCKS = {
    "residual": (lambda: [Residual()], [1, 1]),
    "with a stride": (lambda: [Residual(2)], [1, 1]),
    "a stride, then a pool": (
        lambda: [nn.Conv2d(4, 6, 5, 2, 2), nn.ReLU(), nn.MaxPool2d(2)], [2],
    ),
    "a stride each way": (lambda: [nn.Conv2d(4, 6, 3, (1, 2), 1)], [0]),
    "a stride both ways": (lambda: [Along(nn.Conv2d(4, 6, 1, 2), 2)], [1]),
    "a pool beside a stride": (
        lambda: [Along(nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(4, 6, 1)), 2)], [0],
    ),
    "rectified before": (lambda: [Residual(how="before")], [0, 1]),
    "two convolutions and a pool": (
        lambda: [nn.Conv2d(4, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                 nn.Conv2d(6, 8, 3, padding="same"), nn.ReLU()], [2, 1],
    ),
    "a pool that overlaps": (lambda: [nn.Conv2d(4, 6, 3, padding=1), nn.MaxPool2d(3, 2, 1)], [0]),
    "more zeros around": (lambda: [nn.Conv2d(4, 6, 3, padding=2)], [0]),
    "mirrored edges": (lambda: [nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect")], [0]),
    "holes": (lambda: [nn.Conv2d(4, 6, 3, padding=2, dilation=2)], [0]),
    "groups": (lambda: [nn.Conv2d(4, 8, 3, padding=1, groups=4), nn.ReLU6()], [1]),
    "one pixel": (lambda: [nn.Conv2d(4, 6, 1), nn.ReLU()], [0]),
}  # fmt: skip


@pytest.mark.parametrize("name", BLOCKS)
def test_parts_one_after_the_other_make_what_the_block_makes(name):
    make, edges = BLOCKS[name]
    block = seeded(lambda: nn.Sequential(*make())).double()
    x = noise(2, 4, 14, 12, dtype=torch.float64)
    parts = split(list(block))
    assert [part.edge for part in parts] == edges
    made = x.clone()
    with torch.no_grad():
        for part in parts:
            made = part(made)
        torch.testing.assert_close(made, block(x.clone()))


@pytest.mark.parametrize("name", [name for name, (_, edges) in BLOCKS.items() if any(edges)])
def test_within_its_edge_a_part_makes_what_it_makes_of_the_whole_map(name):
    block = seeded(lambda: nn.Sequential(*BLOCKS[name][0]())).double()
    whole = noise(2, 4, 28, 26, dtype=torch.float64)
    with torch.no_grad():
        for part in split(list(block)):
            made = part(whole.clone())
            if part.edge:
                around = F.pad(whole, [part.edge] * 4)
                torch.testing.assert_close(part.within(around), made)
                step = whole.shape[2] // made.shape[2]
                for cells in (1, 2):
                    read = slice(2 * step - part.edge, (2 + cells) * step + part.edge)
                    wanted = made[:, :, 2 : 2 + cells, 2 : 2 + cells]
                    window = whole[:, :, read, read].clone()
                    torch.testing.assert_close(part.within(window), wanted)
                    last = window.contiguous(memory_format=torch.channels_last)
                    torch.testing.assert_close(part.within(last), wanted)
                part(whole.clone())
            whole = made


def test_what_depends_on_the_numbers_does_not_come_apart():
    assert split([Residual(how="depends")]) == []


HEARD = []


class Meanwhile(Residual):
    """A block that, whenever it is looked at, waits until another thread has asked a network."""

    def forward(self, x):
        asked = seeded(Residual)
        another = Thread(target=lambda: HEARD.append((asked(noise(1, 4, 8, 8)), asked)))
        another.start()
        another.join(30)
        return super().forward(x)


def test_networks_of_other_threads_answer_while_a_block_comes_apart():
    HEARD.clear()
    assert len(split([seeded(Meanwhile)])) == 2
    ((heard, asked),) = HEARD
    assert torch.equal(heard, asked(noise(1, 4, 8, 8)))
