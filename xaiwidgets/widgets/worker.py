"""One background thread: the newest request for a thing wins, an older one is cancelled."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from xaiwidgets.core.job import CancelToken

Work = Callable[[CancelToken], None]


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
        self._queue: OrderedDict[Hashable, tuple[Work, CancelToken]] = OrderedDict()
        self._running: tuple[Hashable, CancelToken] | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, key: Hashable, work: Work, *, first: bool = False) -> CancelToken:
        """Queue work; what was queued or is running under the same key is cancelled, and what
        was queued leaves its place in the line. Work that comes `first` is done before all that
        waits."""
        token = CancelToken()
        with self._changed:
            if self._closed:
                token.cancel()
                return token
            self._cancel(key)
            self._queue[key] = (work, token)
            if first:
                self._queue.move_to_end(key, last=False)
            started = self._start()
            self._changed.notify_all()
        if not started:
            self._drain()
        return token

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

    def _keys(self) -> list[Hashable]:
        return [*self._queue, *([self._running[0]] if self._running else [])]

    def _drop(self, key: Hashable) -> None:
        self._cancel(key)
        self._queue.pop(key, None)

    def _cancel(self, key: Hashable) -> None:
        if key in self._queue:
            self._queue[key][1].cancel()
        if self._running is not None and self._running[0] == key:
            self._running[1].cancel()

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
            self._drain(once=True)

    def _drain(self, once: bool = False) -> None:
        while True:
            with self._changed:
                if not self._queue:
                    return
                key, (work, token) = self._queue.popitem(last=False)
                self._running = (key, token)
            try:
                work(token)
            finally:
                with self._changed:
                    self._running = None
                    left = bool(self._queue)
                    self._changed.notify_all()
            if not left and not token.cancelled:
                self._on_idle()
            if once:
                return
