"""The code in Markdown pages, and how it is run: every block of a page in order, in one scope."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.S | re.M)
_PRELUDE = re.compile(r"^<!-- before the code of this page:\n(.*?)-->", re.S | re.M)


@dataclass(frozen=True)
class Block:
    """A block of code in `page`, from line `line` on."""

    page: Path
    line: int
    language: str
    code: str

    def run(self, scope: dict[str, Any]) -> None:
        """Execute it; tracebacks name the page and the line."""
        exec(compile("\n" * self.line + self.code, str(self.page), "exec"), scope)


def blocks(page: Path, *languages: str) -> list[Block]:
    """The blocks of a page that are written in one of the languages."""
    text = page.read_text(encoding="utf-8")
    found = [
        Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])
        for match in _BLOCK.finditer(text)
    ]
    return [block for block in found if block.language in languages]


def prelude(page: Path) -> Block | None:
    """What a page of fragments takes for given, in a comment that readers do not see:
    `<!-- before the code of this page: ... -->`."""
    text = page.read_text(encoding="utf-8")
    match = _PRELUDE.search(text)
    if match is None:
        return None
    return Block(page, text.count("\n", 0, match.start()) + 1, "python", match[1])


def run(page: Path, last: int | None = None) -> dict[str, Any]:
    """Run a page's Python, all of it or the first `last` blocks; returns its names."""
    scope: dict[str, Any] = {"__name__": page.stem}
    before = prelude(page)
    for block in [*([before] if before else []), *blocks(page, "python")[:last]]:
        block.run(scope)
    return scope
