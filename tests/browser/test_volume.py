"""Volumes: a page without a kernel, whose panels go through their slices together."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from browser.driving import ink, number, painted, panel
from networks import seeded
from playwright.sync_api import Page, expect
from torch import nn

import xaiwidgets as xw

DEPTH = 12


def scan() -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2), nn.Conv3d(6, 8, 3, padding=1),
        nn.ReLU(), nn.Flatten(), nn.Linear(8 * 6 * 16 * 16, 3),
    )  # fmt: skip


def tomogram() -> torch.Tensor:
    """A ball of half brightness in a block of noise."""
    noise = 0.3 * torch.rand(1, DEPTH, 32, 32, generator=torch.Generator().manual_seed(0))
    z, y, x = torch.meshgrid(torch.arange(DEPTH), torch.arange(32), torch.arange(32), indexing="ij")
    inside = (4 * (z - 5)).square() + (y - 14).square() + (x - 18).square() < 100
    return noise + 0.5 * inside


@pytest.fixture(scope="module")
def widget() -> Iterator[xw.Compare]:
    volume = tomogram()
    made = xw.compare(
        xw.VolumeSubject(seeded(scan), classes=["sound", "cyst", "scar"], title="Scan"),
        volume,
        masks=[(volume[0] > 0.5).numpy()],
        methods=[xw.GradCam(), xw.HiResCam(), xw.FullGrad()],
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def page(offline_page, widget) -> Page:
    return offline_page(widget)


def test_every_panel_shows_the_slice_of_the_slider_with_its_own_values(page, widget, picture_of):
    slider = page.get_by_role("slider", name="Slice")
    expect(slider).to_have_value(str(DEPTH // 2))
    before = ink(page)
    below = ink(page, ".xw-panel .xw-picture")
    page.get_by_role("button", name="Truth").click()
    slider.fill("3")
    painted(page)
    assert all(a != b for a, b in zip(before, ink(page), strict=True))
    assert all(a != b for a, b in zip(below, ink(page, ".xw-panel .xw-picture"), strict=True))
    page.locator(".xw-scene .xw-stage").hover(position={"x": 20, "y": 20})
    read = [one.inner_text() for one in page.locator(".xw-panel .xw-pill").all()]
    at = page.locator(".xw-scene .xw-pill").inner_text().strip("()").split(", ")
    x, y = (int(one) for one in at)
    for text, heat in zip(read, widget.answers.values(), strict=True):
        exact = heat.map()[0, 3, y, x]
        assert abs(number(text) - exact) <= 0.006 * abs(exact) + 2e-3 * abs(heat.map()).max()
    picture_of(page, "volume")


def test_by_key_through_the_slices_and_the_scale_stays(page):
    ends = panel(page, "HiResCAM").locator(".xw-legend .xw-ends").inner_text()
    stage = panel(page, "HiResCAM").locator(".xw-stage")
    stage.focus()
    page.keyboard.press("PageUp")
    expect(page.get_by_role("slider", name="Slice")).to_have_value("2")
    assert "Slice 2" in page.locator("[aria-live=polite].xw-hidden").inner_text()
    painted(page)
    assert panel(page, "HiResCAM").locator(".xw-legend .xw-ends").inner_text() == ends


def test_in_a_narrow_and_in_a_dark_page_nothing_sticks_out(page, picture_of):
    page.set_viewport_size({"width": 420, "height": 900})
    painted(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    page.emulate_media(color_scheme="dark")
    painted(page)
    picture_of(page, "volume-dark-narrow")
