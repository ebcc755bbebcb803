"""What is large and travels whole: its arrays deflated together, as one piece of bytes."""

from __future__ import annotations

import zlib
from typing import Any

from .wire import Parcel


def parcel(content: Any) -> Parcel:
    """Dicts and lists that hold arrays. Each array's `data` becomes the place where its bytes begin
    among all; arrays of the same bytes share them."""
    places: dict[bytes, int] = {}
    end = 0

    def stow(node: Any) -> Any:
        nonlocal end
        if isinstance(node, dict):
            return {name: stow(entry) for name, entry in node.items()}
        if isinstance(node, (list, tuple)):
            return [stow(entry) for entry in node]
        if isinstance(node, bytes):
            if node not in places:
                places[node], end = end, end + len(node)
            return places[node]
        return node

    stowed = stow(content)
    return {"content": stowed, "data": zlib.compress(b"".join(places))}


def as_parcel(content: Any, _widget: Any) -> Parcel:
    """How a trait that is large leaves Python: `tag(sync=True, to_json=as_parcel)`."""
    return parcel(content)
