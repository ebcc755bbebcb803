"""What the parts of one widget work with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .gallery import Gallery
from .panel import Panel
from .worker import Worker


@dataclass(frozen=True)
class Workplace:
    """The inputs, the thread that works on them, the panels as they are now, and `write`, which
    sets a trait of the page. `guard` is held where what is written has to belong together."""

    gallery: Gallery
    worker: Worker
    guard: threading.RLock
    panels: list[Panel]
    write: Callable[[str, Any], None]
