"""Answers kept by provenance, up to a number of bytes; the least recently used go first."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace

from .answers import Heatmap
from .errors import ExplainError


class AnswerCache:
    """Hand one to a method, `method(subject, x, cache=cache)`, and what was computed once for the
    same method, settings, target, input and network parameters comes back at once."""

    def __init__(self, limit_bytes: int = 512_000_000) -> None:
        if limit_bytes < 0:
            raise ExplainError(f"limit_bytes is {limit_bytes}; it takes a number of bytes from 0.")
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self._answers: OrderedDict[Hashable, Heatmap] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: Hashable) -> Heatmap | None:
        """The answer kept under `key`, as a copy that says it was cached; or None."""
        with self._lock:
            if key not in self._answers:
                return None
            self._answers.move_to_end(key)
            answer = _copied(self._answers[key])
        answer.provenance = replace(answer.provenance, cached=True)
        return answer

    def put(self, key: Hashable, answer: Heatmap) -> None:
        """Keep a copy of an answer, and let the oldest go when there are too many bytes."""
        size = _size(answer)
        if size > self.limit_bytes:
            return
        with self._lock:
            if key in self._answers:
                self.held_bytes -= _size(self._answers.pop(key))
            self._answers[key] = _copied(answer)
            self.held_bytes += size
            while self.held_bytes > self.limit_bytes:
                self.held_bytes -= _size(self._answers.popitem(last=False)[1])

    def clear(self) -> None:
        """Forget every answer."""
        with self._lock:
            self._answers.clear()
            self.held_bytes = 0


def _copied(answer: Heatmap) -> Heatmap:
    return copy.deepcopy(answer)


def _size(answer: Heatmap) -> int:
    tensors = [answer.values, *(frame.values for frame in answer.frames)]
    if answer.error is not None:
        tensors.append(answer.error)
    origin = answer.provenance.origin
    seen = 0 if isinstance(origin, str) else origin.nbytes
    return sum(t.numel() * t.element_size() for t in tensors) + seen
