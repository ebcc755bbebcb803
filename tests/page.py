"""What a page does to a widget, without a page."""

import math
import zlib


def ask(widget, name, **args):
    """Send a command as the page does, and return its reply."""
    replies = []
    widget.send = lambda content, buffers=None: replies.append(content)
    widget._on_message(widget, {"type": "command", "seq": 7, "name": name, "args": args}, [])
    assert len(replies) == 1, "every request gets exactly one answer"
    assert replies[0]["type"] == "reply"
    assert replies[0]["seq"] == 7
    return replies[0]


def opened(parcel):
    """What a parcel holds, as the page unpacks it."""
    data, sizes = zlib.decompress(parcel["data"]), {"float32": 4, "float16": 2, "uint8": 1}

    def unstow(node):
        if isinstance(node, list):
            return [unstow(entry) for entry in node]
        if not isinstance(node, dict):
            return node
        if "dtype" not in node:
            return {name: unstow(entry) for name, entry in node.items()}
        start, count = node["data"], math.prod(node["shape"])
        return {**node, "data": data[start : start + count * sizes[node["dtype"]]]}

    return unstow(parcel["content"])
