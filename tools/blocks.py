"""The code in Markdown pages, and how it is run: every block of a page in order, in one scope, as
by a reader who copies one after the other. What a comment says that its line gives, it has to give.
"""

from __future__ import annotations

import ast
import doctest
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.S | re.M)
_CLAIM = re.compile(r"  # ([\[({]*[\"\d-].*)")
_END = re.compile(r"(?=[:,; ]|$)")


@dataclass(frozen=True)
class Block:
    """A block of code in `page`, from line `line` on."""

    page: Path
    line: int
    language: str
    code: str

    def run(self, scope: dict[str, Any]) -> None:
        """Execute it; tracebacks name the page and the line."""
        code = "\n" * self.line + self.code
        for statement in ast.parse(code).body:
            if not isinstance(statement, ast.Expr):
                exec(compile(ast.Module([statement], []), str(self.page), "exec"), scope)
                continue
            value = eval(compile(ast.Expression(statement.value), str(self.page), "eval"), scope)
            said = _CLAIM.search(code.splitlines()[(statement.end_lineno or 0) - 1])
            if said and value is not None:
                value = value[0] if isinstance(statement.value, ast.Tuple) else value
                where = f"{self.page.name}, line {statement.lineno}"
                assert gives(value, said[1]), f"{where}: {said[1]!r} is said, {value!r} comes"


def gives(value: Any, claim: str) -> bool:
    """Whether a comment begins with a value or, of an array, its shape; dots stand for anything."""
    plain = getattr(value, "shape", value)
    written = repr(tuple(plain) if isinstance(plain, tuple) else plain).replace("'", '"')
    same = doctest.OutputChecker().check_output
    ends = (found.start() for found in _END.finditer(claim))
    return any(same(claim[:end], written, doctest.ELLIPSIS) for end in ends if end)


def blocks(page: Path, *languages: str) -> list[Block]:
    """The blocks of a page that are written in one of the languages."""
    text = page.read_text(encoding="utf-8")
    found = [
        Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])
        for match in _BLOCK.finditer(text)
    ]
    return [block for block in found if block.language in languages]


def run(page: Path, last: int | None = None) -> dict[str, Any]:
    """Run a page's Python, all of it or the first `last` blocks; returns its names."""
    scope: dict[str, Any] = {"__name__": page.stem}
    for block in blocks(page, "python")[:last]:
        block.run(scope)
    return scope
