"""The gallery opens from disk with the network off, every page drawn, within its time and size."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser.driving import painted
from playwright.sync_api import expect

from tools import gallery

MOST_MEGABYTES = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pages are, each from the first test on that asks for it."""
    return tmp_path_factory.mktemp("gallery")


def page_of(folder: Path, entry: gallery.Entry) -> Path:
    path = folder / f"{entry.name}.html"
    if not path.exists():
        gallery.make(folder, [entry.name])
    return path


@pytest.mark.parametrize("entry", gallery.ENTRIES, ids=lambda entry: entry.name)
def test_a_page_opens_from_disk_with_the_network_off(folder, tab, picture_of, entry):
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(page_of(folder, entry).as_uri())
    expect(tab.locator(".xw-root").first).to_be_visible()
    painted(tab)
    assert tab.locator("canvas, .xw-token, .xw-bar").count() > 0
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    for width in (420, 1300):
        tab.set_viewport_size({"width": width, "height": 1200})
        painted(tab)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    picture_of(tab, f"gallery-{entry.name}")


@pytest.mark.parametrize("scheme", gallery.SCHEMES)
def test_every_page_has_a_thumbnail_a_title_and_a_sentence(folder, browser, tab, scheme):
    """The cards lie where the site has them: a folder above the pages."""
    for entry in gallery.ENTRIES:
        page_of(folder, entry)
    above = folder.parent / f"{scheme}.html"
    cards = gallery.cards().replace('"gallery/', f'"{folder.name}/')
    above.write_text(f"<!doctype html><title>Gallery</title>{cards.replace('lazy', 'eager')}")
    gallery.photograph(browser, folder, [scheme])
    tab.emulate_media(color_scheme=scheme)
    tab.goto(above.as_uri())
    for entry in gallery.ENTRIES:
        card = tab.get_by_role("link", name=entry.title)
        expect(card).to_contain_text(entry.sentence)
        picture = card.get_by_role("img", name=f"The page “{entry.title}” as it opens")
        assert picture.evaluate("one => one.naturalWidth") == gallery.THUMB[0]
        assert scheme in picture.evaluate("one => one.currentSrc")


def test_the_gallery_is_no_burden(folder):
    size = sum(page_of(folder, entry).stat().st_size for entry in gallery.ENTRIES)
    assert size <= MOST_MEGABYTES * 1e6
