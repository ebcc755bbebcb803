"""One piece of work: its progress, its cancellation, and the passes that it spends."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from .errors import Cancelled

_PAUSE = 0.2  # seconds at least between two looks at unfinished work
_SHARE = 10  # a look waits so many times as long as the one before took


class CancelToken:
    """A flag that another thread raises; the work stops at its next batch."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether the work was asked to stop."""
        return self._event.is_set()


@dataclass
class Job:
    """What a running method reports to: passes counted in examples, and how many are expected.

    `look` is handed what is known before the work is done, where the method can say it.
    """

    progress: Callable[[float], None] | None = None
    token: CancelToken = field(default_factory=CancelToken)
    expected: int = 0
    forwards: int = 0
    backwards: int = 0
    look: Callable[[Any], None] | None = None
    _due: float = 0.0

    def check(self) -> None:
        """Stop here if cancelled."""
        if self.token.cancelled:
            raise Cancelled

    def forward(self, examples: int) -> None:
        """Note a forward pass over so many examples, before it is run."""
        self.check()
        self.forwards += examples

    def backward(self, examples: int) -> None:
        """Note a backward pass over so many examples; forwards are reported with it."""
        self.check()
        self.backwards += examples
        self.report()

    def finish(self) -> None:
        """Tell the listener that the work is done, also where it took no pass at all."""
        if self.progress:
            self.progress(1.0)

    def show(self, make: Callable[[], Any]) -> None:
        """Hand on what is known so far, if somebody looks: the first time at once, then now and
        then, so that showing takes little of the time."""
        start = time.monotonic()
        if self.look is None or start < self._due:
            return
        self.look(make())
        end = time.monotonic()
        self._due = end + max(_PAUSE, _SHARE * (end - start))

    def report(self) -> None:
        """Tell the listener which share of the expected passes is done."""
        if self.progress and self.expected:
            self.progress(min(1.0, (self.forwards + self.backwards) / self.expected))


_current: contextvars.ContextVar[Job | None] = contextvars.ContextVar(
    "xaiwidgets_job", default=None
)


def current_job() -> Job:
    """The job that this thread works for, or one that nobody listens to."""
    return _current.get() or Job()


@contextmanager
def working(job: Job) -> Iterator[Job]:
    """Make `job` the one that passes made in this block are counted for."""
    before = _current.set(job)
    try:
        yield job
    finally:
        _current.reset(before)


def count_backward(outputs: torch.Tensor, job: Job) -> None:
    """Have backward passes through `outputs` counted, and stopped when the job is cancelled."""
    outputs.register_hook(lambda gradient: job.backward(len(gradient)))
