"""Turns an assignment into a master notebook for otter-grader.

    python for_otter.py source/grad-cam/grad-cam.ipynb grad-cam-otter.ipynb
    otter assign grad-cam-otter.ipynb dist

Cells that are graded become questions: what students can run themselves a public test, the graded
cell a hidden one with its points, written answers a manual question. Otter's tests hold or do not,
so that there is no partial credit within one.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

CONFIG = """\
# ASSIGNMENT CONFIG
name: {name}
requirements:
    - xaiwidgets
    - scikit-learn
export_cell:
    pdf: false
tests:
    ok_format: false"""


def converted(notebook: NotebookNode, name: str) -> NotebookNode:
    """A notebook of nbgrader's as one of otter's."""
    made = nbformat.v4.new_notebook(metadata=notebook.metadata)
    made.cells = [new_raw_cell(CONFIG.format(name=name)), *_questions(notebook.cells)]
    return made


def _questions(cells: list[NotebookNode]) -> Iterator[NotebookNode]:
    """Every cell, those of a question between the raw cells that mark it."""
    solutions: list[NotebookNode] = []
    tries: list[NotebookNode] = []
    for cell in cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("grade") and about.get("solution"):
            yield from _written(cell, about)
        elif about.get("grade"):
            yield from _coded(solutions, tries, cell, about)
            solutions, tries = [], []
        elif about.get("solution"):
            solutions.append(new_code_cell(re.sub(r"#+ (BEGIN|END) SOL", r"# \1 SOL", cell.source)))
        elif about.get("locked") and cell.cell_type == "code":
            tries.append(cell)
        else:
            yield _plain(cell)


def _written(cell: NotebookNode, about: NotebookNode) -> Iterator[NotebookNode]:
    yield new_raw_cell(_begin(about, manual=True))
    yield from _block("SOLUTION", [_plain(cell)])
    yield new_raw_cell("# END QUESTION")


def _coded(
    solutions: list[NotebookNode],
    tries: list[NotebookNode],
    test: NotebookNode,
    about: NotebookNode,
) -> Iterator[NotebookNode]:
    yield new_raw_cell(_begin(about, manual=False))
    yield from _block("SOLUTION", solutions)
    public = [_test(cell.source, f"try_{i}", 0, hidden=False) for i, cell in enumerate(tries)]
    graded = _test(test.source, "graded", about["points"], hidden=True)
    yield from _block("TESTS", [*public, graded])
    yield new_raw_cell("# END QUESTION")


def _begin(about: NotebookNode, manual: bool) -> str:
    more = f"\nmanual: true\npoints: {about['points']}" if manual else ""
    return f"# BEGIN QUESTION\nname: {about['grade_id'].replace('-', '_')}{more}"


def _block(kind: str, cells: list[NotebookNode]) -> list[NotebookNode]:
    return [new_raw_cell(f"# BEGIN {kind}"), *cells, new_raw_cell(f"# END {kind}")] if cells else []


def _test(source: str, name: str, points: float, hidden: bool) -> NotebookNode:
    """A test of otter's: a function of what it uses of the student's notebook."""
    lines = [line for line in source.splitlines() if not line.startswith("#")]
    body = re.sub(r",\s*points=[\d.]+", "", "\n".join(lines))
    head = f'""" # BEGIN TEST CONFIG\npoints: {points}\nhidden: {str(hidden).lower()}'
    taken = ", ".join(_used(body))
    function = f"def test_{name}({taken}):\n{indent(body, '    ')}"
    return new_code_cell(f'{head}\n""" # END TEST CONFIG\n{function}')


def _used(body: str) -> list[str]:
    """The names that a piece of code takes from outside."""
    nodes = list(ast.walk(ast.parse(body)))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {node.asname or node.name for node in nodes if isinstance(node, ast.alias)}
    return sorted({node.id for node in names} - own - set(dir(builtins)))


def _plain(cell: NotebookNode) -> NotebookNode:
    return (new_code_cell if cell.cell_type == "code" else new_markdown_cell)(cell.source)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    given, wanted = map(Path, sys.argv[1:])
    nbformat.write(converted(nbformat.read(given, 4), given.stem), wanted)
