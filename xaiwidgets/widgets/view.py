"""What every widget shares: its bundle, the commands of its page, and the picture it leaves."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
from typing_extensions import Self

from .commands import hear_while_busy, reply_to
from .left_behind import LeftBehind, encoded
from .settable import Settable
from .worker import Worker

if TYPE_CHECKING:
    from .export import Traits

STATIC = Path(__file__).parent / "static"


class View(Settable, anywidget.AnyWidget):
    """A widget whose page sends commands to `_do`, each of which is answered.

    `bundle` names the script and style that hold its view; see decision 0011. A subclass makes its
    `_worker` before `super().__init__`.
    """

    bundle: ClassVar[str]
    _worker: Worker

    def __init_subclass__(cls, bundle: str = "", **rest: Any) -> None:
        """Every view names its bundle, or has that of its parent."""
        if bundle:
            cls.bundle = bundle
            cls._esm, cls._css = STATIC / f"{bundle}.js", STATIC / f"{bundle}.css"
        super().__init_subclass__(**rest)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(self._on_message)
        hear_while_busy(self.comm)
        self._settled = True

    def wait(self, timeout: float | None = None) -> Self:
        """Block until the work in hand is done; an interrupt leaves it to the background.

        `timeout` in seconds; after it the widget goes on in the background. What went wrong is
        said as a warning, for a script that shows no page.
        """
        self._worker.wait(timeout)
        self._warn()
        return self

    def _warn(self) -> None:
        """Warn of what went wrong, at the line that waited."""
        for sentence in dict.fromkeys(self._failures()):
            warnings.warn(sentence, stacklevel=3)

    def _failures(self) -> list[str]:
        """What went wrong so far, a sentence each."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop all work."""
        if hasattr(self, "_worker"):  # not yet where it was refused
            self._worker.close()
        super().close()

    def _on_message(self, _: Any, content: Any, __: Any) -> None:
        reply = reply_to(content, self._do)
        if reply is not None:
            self.send(reply)

    def _do(self, name: str, args: dict[str, Any]) -> Any:
        raise NotImplementedError


class PicturedView(View):
    """A view that leaves `picture()` behind in a saved notebook, and writes itself as a page."""

    _left: LeftBehind

    def picture(self) -> bytes:
        """What is on screen as a PNG."""
        raise NotImplementedError

    def describe(self) -> str:
        """What that picture shows in a sentence, for those who do not see it."""
        raise NotImplementedError

    def to_html(self, path: str | Path) -> Path:
        """Write one page that works offline, with every control that needs no network."""
        from .export import write_pages

        return write_pages([self], path, title=repr(self))

    def page(self, every_input: bool) -> tuple[Traits, Traits]:
        """What an exported page holds of this widget: its traits, and a library of more."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and a picture for wherever no widget can run."""
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        picture = {"text/plain": repr(self), "image/png": encoded(self.picture())}
        return {**data, **picture}, {**metadata, **self._left.metadata()}

    def _ipython_display_(self, **_: Any) -> None:
        """The view, and below it the picture that a saved notebook keeps: see LeftBehind."""
        from IPython.display import display as show

        view, _metadata = super()._repr_mimebundle_() or ({}, {})
        show({**view, "text/plain": repr(self)}, raw=True)
        self._left.show(f"xaiwidgets-{self.model_id}", whole=self._worker.idle)
        self._rest()  # answers may have come while the picture was made

    def _rest(self) -> None:
        """Nothing is left to do."""
        if self._worker.idle:
            self._left.keep()
