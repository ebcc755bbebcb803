"""Build the site into docs/_build/html, from what is here alone: python -m tools.docs

The gallery's pages and the API's are made, Sphinx builds with warnings as errors, and the result is
searched for links that lead nowhere and pictures without words.

--keep-gallery    takes the gallery as it was made the last time
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.driving import chromium
from tools import api_pages, gallery
from tools.links import complaints

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "docs" / "_build"
SITE = BUILD / "html"
CARDS = BUILD / "gallery.html"
_FRONT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>xaiwidgets</title>
<meta http-equiv="refresh" content="0; url=docs/index.html"></head>
<body><a href="docs/index.html">xaiwidgets</a></body></html>
"""


def make_gallery() -> None:
    """The exported pages beside the site's, their cards for the page that shows them."""
    BUILD.mkdir(exist_ok=True)
    start = time.perf_counter()
    folder = BUILD / "extra" / "docs" / "gallery"
    gallery.make(folder)
    with sync_playwright() as play:
        gallery.photograph(chromium(play), folder)
    CARDS.write_text(gallery.cards(), encoding="utf-8")
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    seconds = time.perf_counter() - start
    print(f"gallery: {size:.1f} MB, {seconds:.0f} s", flush=True)


def main() -> int:
    """Make, build, check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep-gallery", action="store_true")
    if not (parser.parse_args().keep_gallery and CARDS.exists()):
        make_gallery()
    (BUILD / "extra" / "index.html").write_text(_FRONT, encoding="utf-8")
    api_pages.write()
    shutil.rmtree(SITE, ignore_errors=True)  # or a page that is gone would still be led to
    sphinx = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "-q"]
    places = ["-c", "docs", "-d", BUILD / "doctrees", ".", SITE]
    if subprocess.run([*sphinx, "-b", "html", *map(str, places)], cwd=ROOT).returncode:
        return 1
    broken = list(complaints(SITE))
    print("\n".join(broken) or f"The site is in {SITE.relative_to(ROOT)}.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
