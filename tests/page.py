"""What a page does to a widget, without a page."""


def ask(widget, name, **args):
    """Send a command as the page does, and return its reply."""
    replies = []
    widget.send = lambda content, buffers=None: replies.append(content)
    widget._on_message(widget, {"type": "command", "seq": 7, "name": name, "args": args}, [])
    assert len(replies) == 1, "every request gets exactly one answer"
    assert replies[0]["type"] == "reply"
    assert replies[0]["seq"] == 7
    return replies[0]
