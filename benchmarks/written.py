"""docs/benchmarks.md: a section a command, each replaced by what that command has just printed."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import io
import os
import platform
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BESIDE = ("torch", "captum", "grad-cam", "zennit", "quantus", "lime")
_SECTION = "<!-- {command} -->\n{text}\n<!-- end -->\n"


class Tee(io.TextIOBase):
    """A stream that is shown and kept."""

    def __init__(self, shown: io.TextIOBase) -> None:
        self.shown, self.kept = shown, io.StringIO()

    def write(self, text: str) -> int:
        """To both."""
        self.shown.write(text)
        return self.kept.write(text)

    def flush(self) -> None:
        """Show what is waiting."""
        self.shown.flush()


@contextlib.contextmanager
def printing() -> Iterator[Tee]:
    """What is printed inside, shown as usual and kept."""
    tee = Tee(sys.stdout)  # type: ignore[arg-type]
    with contextlib.redirect_stdout(tee):
        yield tee


def run(name: str, options: list[str]) -> str:
    """Run a benchmark as `python -m benchmarks.name options` would; returns what it printed."""
    module, given = f"benchmarks.{name}", sys.argv
    sys.argv = [module, *options]
    try:
        with printing() as tee:
            runpy.run_module(module, run_name="__main__")
    finally:
        sys.argv = given
    return tee.kept.getvalue()


def section(name: str, options: list[str], printed: str) -> str:
    """The text of a section: what was asked, with what, and the table as it was printed."""
    title, command = _title(name), command_of(name, options)
    table = printed.strip("\n")
    return f"\n## {title}\n\n{about(command)}\n\n```text\n{table}\n```\n"


def command_of(name: str, options: list[str]) -> str:
    """The command that prints the section again."""
    quoted = [f'"{option}"' if " " in option else option for option in options]
    return " ".join([f"python -m benchmarks.{name}", *quoted])


def _title(name: str) -> str:
    """The first sentence of the benchmark's docstring."""
    text = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    match = re.search(r'"""(.*?)\.?(\n\n|""")', text, re.S)
    assert match is not None
    return " ".join(match[1].split())


def about(command: str) -> str:
    """Where, when and with what a table was measured."""
    import torch

    versions = ", ".join(f"{name} {number}" for name, number in _versions())
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return (
        f"`{command}`, {today}; {torch.get_num_threads()} of {os.cpu_count()} threads on "
        f"{_processor()}; Python {platform.python_version()}, {versions}."
    )


def _versions() -> Iterator[tuple[str, str]]:
    for name in ("xaiwidgets", *BESIDE):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield name, importlib.metadata.version(name)


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    text = known.read_text() if known.exists() else ""
    match = re.search(r"model name\s*: (.*)", text)
    return match[1] if match else platform.processor() or platform.machine()


def put(page: str, command: str, text: str) -> str:
    """The page with that command's section replaced, or added at its end."""
    made = _SECTION.format(command=command, text=text)
    old = re.compile(re.escape(f"<!-- {command} -->") + r"\n.*?<!-- end -->\n", re.S)
    if old.search(page):
        return old.sub(lambda _: made, page, count=1)
    return f"{page.rstrip()}\n\n{made}"


def write(name: str, options: list[str], printed: str, path: Path = PAGE) -> None:
    """Put what a benchmark printed into the page."""
    text = section(name, options, printed)
    page = put(path.read_text(encoding="utf-8"), command_of(name, options), text)
    path.write_text(page, encoding="utf-8")
