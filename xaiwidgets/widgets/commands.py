"""Commands from a page: each one is answered, with a value or with an error in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xaiwidgets.core.errors import one_line


def reply_to(content: Any, do: Callable[[str, dict[str, Any]], Any]) -> dict[str, Any] | None:
    """What is sent back for a message; None for one that is no command. `do` takes the command's
    name and its arguments."""
    if not isinstance(content, dict) or content.get("type") != "command":
        return None
    reply: dict[str, Any] = {"type": "reply", "seq": content.get("seq")}
    try:
        args = content.get("args")
        value = do(str(content.get("name")), args if isinstance(args, dict) else {})
        return {**reply, "ok": True, "value": value}
    except Exception as error:
        return {**reply, "ok": False, "error": one_line(error)}


def hear_while_busy(comm: Any) -> None:
    """Let commands arrive while a cell runs, such as one that waits for this very widget.

    ipykernel 7.4 hands a comm's messages to the shell that last spoke on it, so after a cell has
    written a trait they queue behind the next cell, a cancel among them. The page's own choice of
    shell, which older ipykernels follow, is free of that.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default
