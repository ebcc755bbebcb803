"""The gallery opens from disk with the network off, every page drawn, within its time and size."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.driving import painted
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tools import gallery

MOST_MEGABYTES = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("gallery")
    start = time.perf_counter()
    gallery.write(made, made)
    print(f"the gallery took {time.perf_counter() - start:.0f} s")
    return made


@pytest.fixture(scope="module")
def tab(browser: Browser, watched) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1300, "height": 1200}, offline=True)
    yield watched(context.new_page()).page
    context.close()


@pytest.mark.parametrize("entry", gallery.ENTRIES, ids=lambda entry: entry.name)
def test_a_page_opens_from_disk_with_the_network_off(folder, tab, picture_of, entry):
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto((folder / f"{entry.name}.html").as_uri())
    expect(tab.locator(".xw-root").first).to_be_visible()
    painted(tab)
    assert tab.locator("canvas, .xw-token, .xw-bar").count() > 0
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    for width in (420, 1300):
        tab.set_viewport_size({"width": width, "height": 1200})
        painted(tab)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    picture_of(tab, f"gallery-{entry.name}")


def test_every_page_has_a_thumbnail_a_title_and_a_sentence(folder):
    cards = (folder / "cards.md").read_text(encoding="utf-8")
    for entry in gallery.ENTRIES:
        with Image.open(folder / f"{entry.name}.png") as thumb:
            assert thumb.size == gallery.THUMB
            assert len(thumb.convert("RGB").getcolors(maxcolors=10**6)) > 50, "something is on it"
        assert f"{entry.title}\n:link: gallery/{entry.name}.html" in cards
        assert entry.sentence in cards


def test_the_gallery_is_no_burden(folder):
    size = sum(path.stat().st_size for path in folder.glob("*.html"))
    assert size <= MOST_MEGABYTES * 1e6
