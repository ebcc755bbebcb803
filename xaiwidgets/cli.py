"""The command line: `xaiwidgets demo` opens the demo in JupyterLab, or writes it as a page."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from .core.errors import ExplainError

NOTEBOOK = Path(__file__).parent / "demo.ipynb"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status, and prints errors as one sentence."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 2
    try:
        return write_demo(options.html) if options.html else open_demo(options)
    except ExplainError as error:
        print(f"xaiwidgets: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="xaiwidgets", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    demo = commands.add_parser("demo", help="explanations side by side, on embedded networks")
    demo.add_argument("--html", metavar="FILE", help="write one page that works offline instead")
    demo.add_argument(
        "--folder", default=".", help="where the demo notebook is put (default: here)"
    )
    demo.add_argument("--port", type=int, default=8888, help="JupyterLab's port (default: 8888)")
    demo.add_argument("--no-browser", action="store_true", help="only print the address")
    return parser


def write_demo(path: str) -> int:
    """Write the demo as one page, and say what could not be shown."""
    from .demo import widgets
    from .widgets.export import write_pages

    made, missing = widgets()
    for sentence in missing:
        print(f"xaiwidgets: {sentence}", file=sys.stderr)
    print(write_pages(made, Path(path), title="xaiwidgets demo").resolve())
    return 0


def open_demo(options: argparse.Namespace) -> int:
    """Put the notebook beside the user's work and hand over to JupyterLab."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise ExplainError(
            "JupyterLab is not installed; pip install 'xaiwidgets[demo]', or write the page "
            "with: xaiwidgets demo --html demo.html"
        )
    folder = Path(options.folder)
    if not folder.is_dir():
        raise ExplainError(f"There is no folder {str(folder)!r}; give one that exists.")
    notebook = folder / "xaiwidgets-demo.ipynb"
    if not notebook.exists():
        shutil.copyfile(NOTEBOOK, notebook)
    command = [sys.executable, "-m", "jupyterlab", f"--port={options.port}"]
    # so that the address that JupyterLab prints is the notebook's, not the launcher's
    command += [f"--ServerApp.root_dir={folder.resolve()}"]
    command += [f"--LabApp.default_url=/lab/tree/{notebook.name}"]
    command += ["--no-browser"] if options.no_browser else []
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    print("JupyterLab prints its address below; Ctrl-C ends it.", flush=True)
    os.execv(sys.executable, command)
    return 0


if __name__ == "__main__":
    sys.exit(main())
