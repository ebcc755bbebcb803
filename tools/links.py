"""What is broken in a built site: links without an end, pictures without words, and anything that
a page would fetch from elsewhere: python -m tools.links docs/_build/html"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

_FETCHED = {
    "script": "src", "link": "href", "img": "src", "iframe": "src", "source": "srcset",
    "video": "src", "audio": "src", "embed": "src",
}  # fmt: skip
_NOT_FETCHED = {"canonical", "next", "prev", "index", "search", "author", "license"}


@dataclass
class Page(HTMLParser):
    """What one page names: ids, links, files it fetches, and pictures without words."""

    path: Path
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    wordless: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down what an element names."""
        known = {name: value or "" for name, value in attrs}
        self.ids |= {known[name] for name in ("id", "name") if name in known}
        if tag == "a" and "href" in known:
            self.links.append(known["href"])
        if _FETCHED.get(tag) in known and not _NOT_FETCHED & set(known.get("rel", "").split()):
            self.fetched.append(known[_FETCHED[tag]])
        if tag == "img" and not _has_words(known):
            self.wordless.append(known.get("src", "")[:80])


def _has_words(picture: dict[str, str]) -> bool:
    """Whether the alternative text says something; the file's own name, which is put there where
    there is none, does not."""
    words, file = picture.get("alt", "").strip(), Path(picture.get("src", "")).name
    return bool(words) and Path(words).name != file


def complaints(site: Path) -> Iterator[str]:
    """One sentence for everything that is broken."""
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        where = path.relative_to(site)
        for picture in page.wordless:
            yield f"{where}: the picture {picture} has no alternative text."
        for address in page.fetched:
            if urlparse(address).netloc:
                yield f"{where}: {address} is fetched from elsewhere."
        for address in (*page.links, *page.fetched):
            if not _leads_somewhere(address, path, pages):
                yield f"{where}: {address[:120]} leads nowhere."


def _leads_somewhere(address: str, path: Path, pages: dict[Path, Page]) -> bool:
    parts = urlparse(address)
    if parts.scheme or parts.netloc:
        return True  # the network is not asked
    file, fragment = urldefrag(address)
    name = unquote(urlparse(file).path)
    end = (path.parent / name).resolve() if name else path
    end = end / "index.html" if end.is_dir() else end
    if end in pages:
        return not fragment or unquote(fragment) in pages[end].ids
    return end.is_file()


def main() -> int:
    """Print what is broken; 1 where something is."""
    found = list(complaints(Path(sys.argv[1]).resolve()))
    print("\n".join(found) or "Every link leads somewhere and every picture has words.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
