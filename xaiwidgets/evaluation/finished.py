"""Finished work by line: what a run that was stopped left in its file, and how a run adds to it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from xaiwidgets.core.errors import ExplainError


def finished(path: str | Path | None, fields: Sequence[str], who: str) -> list[dict[str, Any]]:
    """The entries of a JSON-lines file that have these fields; none where there is no file yet.

    The line that was being written when the run was stopped is left out. Refuses a file that
    somebody else wrote, before anything is added to it, and a place where none can be written.
    """
    if path is None:
        return []
    if not isinstance(path, (str, Path)):
        raise ExplainError(f"resume is a {type(path).__name__}; {who} takes the path of a file.")
    place = Path(path)
    if not place.parent.is_dir() or place.is_dir():
        what = "is a folder" if place.is_dir() else "lies in a folder that there is not"
        raise ExplainError(f"resume={str(path)!r} {what}; {who} takes the path of a file.")
    lines = (
        place.read_text(encoding="utf-8", errors="replace").splitlines() if place.exists() else []
    )
    entries = [entry for entry in map(_entry, lines) if all(name in entry for name in fields)]
    torn = len(lines) == 1 and lines[0].startswith('{"key": "')
    if not entries and any(line.strip() for line in lines) and not torn:
        raise ExplainError(
            f"resume={str(path)!r} is no file of finished work of {who}; give another path, and a "
            "new file is made there."
        )
    return entries


def add_finished(path: str | Path, entry: Mapping[str, Any]) -> None:
    """Append an entry, which is on disk before anything else is begun."""
    place = Path(path)
    torn = place.exists() and place.read_bytes()[-1:] not in (b"", b"\n")
    with place.open("a", encoding="utf-8") as file:
        file.write("\n" * torn + json.dumps(entry, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _entry(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def check_executor(executor: Executor | None, who: str) -> None:
    """Refuse what cannot be handed work, such as a number of processes."""
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise ExplainError(
            f"executor is a {type(executor).__name__}; {who} takes one of concurrent.futures' "
            "kind, such as ThreadPoolExecutor(4)."
        )
