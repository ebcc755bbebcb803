"""One background thread: the newest request for a thing wins, an older one is cancelled."""

from __future__ import annotations

import atexit
import numbers
import sys
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.job import CancelToken

Work = Callable[[CancelToken], None]
_PATIENCE = 10.0
_working: weakref.WeakSet[Worker] = weakref.WeakSet()


@dataclass
class _Task:
    key: Hashable
    work: Work
    token: CancelToken
    last: bool = False


class Worker:
    """Runs work in the order in which it came; work under the same key replaces what came before.

    The thread starts with the first work and ends after a while without any. Where no thread can
    start, work runs at once in the caller's. `on_idle` is called, in the thread that worked, when
    nothing is left to do.
    """

    def __init__(
        self,
        on_idle: Callable[[], None] = lambda: None,
        name: str = "xaiwidgets",
        linger: float = 5.0,
    ) -> None:
        self._on_idle, self._name, self._linger = on_idle, name, linger
        self._queue: OrderedDict[Hashable, _Task] = OrderedDict()
        self._running: _Task | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        _working.add(self)

    def submit(
        self, key: Hashable, work: Work, *, first: bool = False, last: bool = False
    ) -> CancelToken:
        """Queue work; what was queued or is running under the same key is cancelled, and what
        was queued leaves its place in the line. Work that comes `first` is done before all that
        waits. Work that comes `last` gives way: it waits for all other work, is cancelled when
        other work comes, and is then done anew with another token. Work that comes `first` and
        `last` is done before other work that gives way, and gives way to the rest."""
        task = _Task(key, work, CancelToken(), last)
        with self._changed:
            if self._closed:
                task.token.cancel()
                return task.token
            self._cancel(key)
            if (first or not last) and self._running is not None and self._running.last:
                self._give_way(self._running)
            self._queue[key] = task
            if first:
                self._queue.move_to_end(key, last=False)
            started = self._start()
            inside = self._running is not None
            self._changed.notify_all()
        if not started and not inside:
            self._drain()
        return task.token

    def cancel(self, key: Hashable | None = None) -> None:
        """Cancel the work under a key, or all of it."""
        with self._changed:
            for name in [key] if key is not None else self._keys():
                self._drop(name)
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """Whether nothing is queued or running."""
        with self._changed:
            return not self._queue and self._running is None

    def wait(self, timeout: float | None = None) -> bool:
        """Block until idle, in short sleeps so that an interrupt is heard; False on a time-out."""
        if timeout is not None and not isinstance(timeout, numbers.Real):
            raise ExplainError(f"timeout is {timeout!r}; it takes seconds, or None for no end.")
        end = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while self._queue or self._running is not None:
                left = 0.1 if end is None else min(0.1, end - time.monotonic())
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def close(self) -> None:
        """Cancel everything and let the thread end."""
        self.cancel()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def join(self, patience: float) -> None:
        """Wait for at most so many seconds until the thread has ended."""
        if (thread := self._thread) is not None:
            thread.join(patience)

    def _keys(self) -> list[Hashable]:
        return [*self._queue, *([self._running.key] if self._running else [])]

    def _drop(self, key: Hashable) -> None:
        self._cancel(key)
        self._queue.pop(key, None)

    def _cancel(self, key: Hashable) -> None:
        if key in self._queue:
            self._queue[key].token.cancel()
        if self._running is not None and self._running.key == key:
            self._running.token.cancel()

    def _give_way(self, task: _Task) -> None:
        """Stop work that came `last`, and queue it again; unless it was cancelled already."""
        if not task.token.cancelled:
            task.token.cancel()
            self._queue[task.key] = _Task(task.key, task.work, CancelToken(), last=True)

    def _next(self) -> _Task:
        """The work whose turn it is, taken from the queue."""
        key = next((key for key, task in self._queue.items() if not task.last), None)
        return self._queue.pop(key) if key is not None else self._queue.popitem(last=False)[1]

    def _start(self) -> bool:
        if self._thread is not None and self._thread.is_alive():
            return True
        thread = threading.Thread(target=self._loop, name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return False
        self._thread = thread
        return True

    def _loop(self) -> None:
        while True:
            with self._changed:
                if not self._queue and not self._closed:
                    self._changed.wait(self._linger)
                if not self._queue:
                    self._thread = None
                    return
            try:
                self._drain(once=True)
            except Exception:  # said as every thread says it; the others' work is done all the same
                said = *sys.exc_info(), threading.current_thread()
                threading.excepthook(threading.ExceptHookArgs(said))

    def _drain(self, once: bool = False) -> None:
        while True:
            with self._changed:
                if not self._queue:
                    return
                task = self._running = self._next()
            try:
                task.work(task.token)
            finally:
                with self._changed:
                    self._running = None
                    left = bool(self._queue)
                    self._changed.notify_all()
            if not left and not task.token.cancelled:
                self._on_idle()
            if once:
                return


@atexit.register
def _end_all() -> None:
    """No thread may be inside PyTorch when Python takes itself apart: that aborts the process."""
    workers = list(_working)
    for worker in workers:
        worker.close()
    for worker in workers:
        worker.join(_PATIENCE)
