"""Write docs/api/, one page a drawer, from what xaiwidgets exports; Sphinx reads the docstrings."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xaiwidgets as xw
import xaiwidgets.evaluation
from xaiwidgets import zoo
from xaiwidgets.core.declare import Declared

API = Path(__file__).parents[1] / "docs" / "api"
DRAWERS: dict[str, tuple[str, Callable[[str, Any], bool]]] = {
    "subjects": (
        "Subjects, targets and answers",
        lambda name, thing: _home(thing).startswith("xaiwidgets.core"),
    ),
    "widgets": ("Widgets", lambda name, thing: _home(thing).startswith("xaiwidgets.widgets")),
    "methods": ("Methods", lambda name, thing: name in xw.methods.__all__),
}


_INDEX = """# API

Everything that `import xaiwidgets as xw` gives, read from its docstrings. Names load when they are
first used, so that the import itself is quick.

```{toctree}
subjects
methods
evaluation
widgets
zoo
```
"""


def _home(thing: Any) -> str:
    return getattr(thing, "__module__", "xaiwidgets.core")


def documented(path: str, thing: Any) -> list[str]:
    """The directive for one name; a declared class is its settings and its words."""
    kind = "class" if inspect.isclass(thing) else "function" if callable(thing) else "data"
    lines = [f"```{{eval-rst}}\n.. auto{kind}:: {path}"]
    if kind == "class" and not issubclass(thing, Declared):
        lines += ["   :members:"]
    return [*lines, "```", ""]


def drawer(title: str, module: str, names: list[str], things: dict[str, Any]) -> str:
    """A page of names in alphabetical order."""
    lines = [f"# {title}", ""]
    for name in sorted(names, key=str.lower):
        lines += documented(f"{module}.{name}", things[name])
    return "\n".join(lines)


def write() -> None:
    """All pages anew."""
    shutil.rmtree(API, ignore_errors=True)
    API.mkdir()
    left = {name: getattr(xw, name) for name in xw.__all__}
    left = {name: thing for name, thing in left.items() if not inspect.ismodule(thing)}
    for slug, (title, belongs) in DRAWERS.items():
        names = [name for name, thing in left.items() if belongs(name, thing)]
        (API / f"{slug}.md").write_text(drawer(title, "xaiwidgets", names, left), "utf-8")
        left = {name: thing for name, thing in left.items() if name not in names}
    for title, module in (("Evaluations", xw.evaluation), ("The zoo", zoo)):
        things = {name: getattr(module, name) for name in module.__all__}
        things = {n: t for n, t in things.items() if t is not getattr(xw, n, None)}
        left = {name: thing for name, thing in left.items() if name not in module.__all__}
        slug = module.__name__.rpartition(".")[2]
        page = drawer(title, module.__name__, list(things), things)
        (API / f"{slug}.md").write_text(page, "utf-8")
    assert not left, f"no drawer for {', '.join(left)}"
    (API / "index.md").write_text(_INDEX, "utf-8")
