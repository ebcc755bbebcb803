"""Drives a real browser for the tests here and for `benchmarks/browser.py`.

`chromium()` starts Chromium, `jupyter()` a server that touches no user's files, and `Notebook` is
one notebook on a page: code is typed into its cells and run by keyboard, as a reader would.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Playwright, WebSocket

PATIENCE = 90_000
"""Milliseconds to wait for something: long, because machines that run tests are busy."""
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--js-flags=--expose-gc",
]  # fmt: skip


def chromium(play: Playwright) -> Browser:
    """Chromium: XAIWIDGETS_CHROMIUM, else the system's, else the one that Playwright brought."""
    named = os.environ.get("XAIWIDGETS_CHROMIUM")
    usual = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in usual if (path := shutil.which(name))), None)
    return play.chromium.launch(executable_path=named or found, args=FLAGS)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for_address(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server answers; its log is the error when it ends instead."""
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=5)
            return
        time.sleep(0.2)
    raise RuntimeError(f"{url} never answered:\n{log.read_text()[-4000:]}")


@contextmanager
def serving(command: list[str], url: str, folder: Path, env: dict[str, str]) -> Iterator[None]:
    """A server for as long as the block lasts, ended with its whole process group."""
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=out, stderr=out, start_new_session=True
        )
    try:
        wait_for_address(url, process, log)
        yield
    finally:
        for sign, patience in ((signal.SIGINT, 0.5), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, sign)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(patience)


STACKS = """
import faulthandler, os, signal
_stacks = open(os.path.join(os.environ["IPYTHONDIR"], f"stacks-{os.getpid()}.txt"), "w")
if hasattr(signal, "SIGUSR1"):
    faulthandler.register(signal.SIGUSR1, file=_stacks)
"""
"""What every kernel runs first: asked by a signal, it writes where each of its threads is."""


@dataclass
class JupyterServer:
    """Where a server answers, the folder that it shows, and the one of its kernels' own files."""

    address: str
    token: str
    folder: Path
    kernels: Path

    def url(self, place: str) -> str:
        """An address below the server, with the token."""
        return f"{self.address}/{place}?token={self.token}"

    def stacks(self) -> str:
        """Where every thread of every kernel is now, for a test that waits in vain."""
        found = ""
        for path in sorted(self.kernels.glob("stacks-*.txt")):
            number = int(path.stem.partition("-")[2])
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGUSR1)
                time.sleep(1)
                found += f"\nkernel {number}:\n{path.read_text()}"
        return found


@contextmanager
def jupyter(folder: Path) -> Iterator[JupyterServer]:
    """JupyterLab and Notebook 7 on one server, with configuration and data folders of its own."""
    port, token = free_port(), "browser-tests"
    root = folder / "root"
    root.mkdir(parents=True)
    env = dict(os.environ)
    for name in (
        "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR",
        "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR",
    ):  # fmt: skip
        place = folder / name.lower()
        place.mkdir()
        env[name] = str(place)
    startup = folder / "ipythondir" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "stacks.py").write_text(STACKS)
    quiet = folder / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    quiet.mkdir(parents=True)
    (quiet / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True})
    )
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}",
        "--ServerApp.terminals_enabled=False", "--LabApp.news_url=None",
        "--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True",
        "--LabApp.check_for_updates_class="
        "jupyterlab.handlers.announcements.NeverCheckForUpdate",
    ]  # fmt: skip
    if getattr(os, "geteuid", lambda: 1)() == 0:
        command.append("--allow-root")
    server = JupyterServer(f"http://127.0.0.1:{port}", token, root, folder / "ipythondir")
    with serving(command, server.url("api/status"), folder, env):
        yield server


def write_notebook(path: Path, cells: int = 2) -> None:
    """A notebook of empty cells with a kernel, so that no page asks which one."""
    empty = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = {
        "cells": [{**empty, "id": f"cell{i}", "source": ""} for i in range(cells)],
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(book))


@dataclass
class Watch:
    """What a page complains of, asks the network for, and says to its kernel."""

    page: Page
    allowed: tuple[str, ...] = ()
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    heard: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self._console(message.type, message.text))
        self.page.on("pageerror", lambda error: self._error(f"uncaught: {error}"))
        self.page.on("dialog", lambda dialog: (self._error("dialog"), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", self._follow)

    def _console(self, kind: str, text: str) -> None:
        if kind == "error":
            self._error(text)

    def _error(self, text: str) -> None:
        if not any(re.search(pattern, text) for pattern in self.allowed):
            self.errors.append(text)

    def _follow(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: self._sent(frame))
        socket.on("framereceived", lambda frame: self._received(frame))

    def _sent(self, frame: str | bytes) -> None:
        message = kernel_message(frame)
        if message and message["type"] == "comm_msg":
            self.said.append(message["content"].get("data", {}))

    def _received(self, frame: str | bytes) -> None:
        message = kernel_message(frame)
        if message and message["type"] == "comm_msg":
            self.heard.append((json.dumps(message["content"].get("data", {})), len(frame)))

    @property
    def commands(self) -> list[str]:
        """Names of the commands that the page has sent; a plain trait update is "update"."""
        return [data.get("content", {}).get("name", data.get("method", "?")) for data in self.said]


def kernel_message(frame: str | bytes) -> dict[str, Any] | None:
    """Type and content of a frame of Jupyter's kernel protocol (version 1 or plain JSON)."""
    if isinstance(frame, str):
        with suppress(ValueError, KeyError, TypeError):
            message = json.loads(frame)
            return {"type": message["header"]["msg_type"], "content": message["content"]}
        return None
    with suppress(ValueError, KeyError, IndexError, struct.error):
        count = struct.unpack_from("<Q", frame)[0]
        if count < 6 or count > 64:
            return None
        at = struct.unpack_from(f"<{count}Q", frame, 8)
        parts = [frame[a:b] for a, b in pairwise(at)]
        header, content = json.loads(parts[1]), json.loads(parts[4])
        return {"type": header["msg_type"], "content": content}
    return None


def connected(page: Page) -> None:
    """Wait until the notebook on a page has its kernel. Before that, every cell that is run asks
    which kernel, and is forgotten."""
    page.wait_for_function(CONNECTED, timeout=PATIENCE)


PRELUDE = """
import json, warnings
import numpy as np, torch, time
import xaiwidgets as xw
from xaiwidgets import zoo

def say(value):
    print("\\u27e6" + json.dumps(value) + "\\u27e7")

subject = zoo.subject("shapes")
scenes = zoo.ShapeScenes(8, size=96, seed=3)
image = scenes[0].image
images = [scenes[i].image for i in range(4)]
quick = [xw.Saliency(), xw.SmoothGrad(samples=4), xw.GradCam(), xw.EdgeDetector()]
w = None
"""


BROKEN = (
    '[data-mime-type="application/vnd.jupyter.stderr"], '
    '[data-mime-type="application/vnd.jupyter.error"]'
)


CONNECTED = """() => {
    const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
    const kernel = context?.session?.kernel;
    return context?.isReady && kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""


LISTEN = """() => {
    const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
    const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
    const unheard = new Set();
    let touched = 0;
    for (const kind of ['input', 'change', 'click', 'keydown', 'pointermove', 'wheel']) {
        document.addEventListener(kind, () => { touched = performance.now(); }, true);
    }
    kernel.anyMessage.connect((_, { msg, direction }) => {
        const { header, parent_header: parent, content } = msg;
        if (direction === 'send' && header.msg_type === 'comm_msg') unheard.add(header.msg_id);
        if (content.execution_state === 'idle') unheard.delete(parent.msg_id);
    });
    window.tellKernel = async (code, rest, patience) => {
        const end = performance.now() + patience;
        const busy = () => unheard.size && performance.now() < end;
        while (performance.now() < touched + rest || busy()) await sleep(5);
        const future = kernel.requestExecute({ code, store_history: false });
        const found = { said: '', error: '' };
        future.onIOPub = ({ header, content }) => {
            if (header.msg_type === 'stream') found.said += content.text;
            if (header.msg_type === 'error') found.error += `${content.ename}: ${content.evalue}`;
        };
        await future.done;
        return found;
    };
}"""
"""Makes a page tell its kernel code without a cell, behind all that it has to say itself."""
REST = 120
"""Milliseconds after which a page has sent what a hand did last: it waits 80 for another step."""


class CellError(AssertionError):
    """A cell ended in an error that was not asked for."""


class Notebook:
    """A notebook on a page: cell 0 for code that asks, cell 1 shows the widget."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.cells = page.locator(".jp-Notebook .jp-CodeCell")

    def ready(self) -> None:
        """Wait for the kernel."""
        connected(self.page)
        self.page.evaluate(LISTEN)

    def type(self, code: str, cell: int = 0) -> int:
        """Put code into a cell and start it by keyboard; returns the prompt's number before."""
        editor = self.cells.nth(cell).locator(".cm-content")
        before = self.prompt(cell)
        editor.click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Control+Enter")
        return before

    def prompt(self, cell: int) -> int:
        """The number in a cell's prompt; 0 before its first run, -1 while it runs."""
        text = self.cells.nth(cell).locator(".jp-InputPrompt").inner_text()
        if "*" in text:
            return -1
        found = re.search(r"\d+", text)
        return int(found.group()) if found else 0

    def finished(self, before: int, cell: int = 0, patience: int = PATIENCE) -> None:
        """Wait until a cell that was started has ended."""
        self.page.wait_for_function(
            """([cell, before]) => {
                const all = document.querySelectorAll('.jp-Notebook .jp-CodeCell');
                const text = all[cell]?.querySelector('.jp-InputPrompt')?.innerText ?? '';
                const found = /\\d+/.exec(text);
                return found && !text.includes('*') && Number(found[0]) !== before;
            }""",
            arg=[cell, before],
            timeout=patience,
        )

    def run(self, code: str, cell: int = 0, *, fails: bool = False) -> str:
        """Run code and return what the cell shows; an error in it is ours, unless `fails`."""
        self.finished(self.type(code, cell), cell)
        self.page.wait_for_timeout(30)
        shown = self.output(cell)
        if not fails and self.cells.nth(cell).locator(BROKEN).count():
            raise CellError(f"{code}\n->\n{shown}")
        return shown

    def output(self, cell: int = 0) -> str:
        """The text below a cell."""
        area = self.cells.nth(cell).locator(".jp-OutputArea-output")
        return "\n".join(area.all_inner_texts())

    def tell(self, code: str) -> str:
        """Run code in the kernel, without a cell, once it has heard what the page has to say;
        returns what is printed."""
        found = self.page.evaluate(
            "([code, rest, patience]) => window.tellKernel(code, rest, patience)",
            [code, REST, PATIENCE],
        )
        if found["error"]:
            raise CellError(f"{code}\n->\n{found['error']}")
        return str(found["said"])

    def ask(self, expression: str) -> Any:
        """The value of an expression in the kernel."""
        said = self.tell(f"say({expression})")
        found = re.search("\u27e6(.*)\u27e7", said, re.DOTALL)
        if found is None:
            raise CellError(f"{expression} was never said: {said}")
        return json.loads(found.group(1))

    def show(self, code: str, *, panels: int | None = None, wait: bool = True) -> Locator:
        """Make `w` in cell 1, show it there, and return its view when it has settled."""
        self.forget()
        self.run(f"w = {code}\nw", cell=1)
        root = self.view()
        root.locator(".xw-panel").first.wait_for(timeout=PATIENCE)
        if panels is not None:
            self.page.wait_for_function(
                "n => document.querySelectorAll('.xw-panel').length === n",
                arg=panels,
                timeout=PATIENCE,
            )
        if wait:
            self.settle()
        return root

    def forget(self) -> None:
        """Close the widget that was shown last."""
        self.tell("if w is not None: w.close()\nw = None")

    def view(self, number: int = 0) -> Locator:
        """One of the views of the widget."""
        return self.page.locator(".xw-root").nth(number)

    def settle(self) -> None:
        """Wait until Python has every answer and the page shows them."""
        self.tell("w.wait()")
        settled(self.page)


def menu(page: Page, top: str, *entries: str) -> None:
    """Choose an entry of JupyterLab's own menus."""
    page.locator(f'.lm-MenuBar-itemLabel:text-is("{top}")').click()
    for entry in entries:
        page.locator(".lm-Menu-item", has_text=re.compile(f"^{entry}")).first.click()


def settled(page: Page) -> None:
    """Wait until no panel on the page is busy or stale, and what was asked for is painted."""
    page.wait_for_function(
        """() => {
            const all = [...document.querySelectorAll('.xw-panel')];
            return all.every((one) => one.getAttribute('aria-busy') !== 'true'
                && !one.classList.contains('xw-stale'));
        }""",
        timeout=PATIENCE,
    )
    painted(page)


def panel(where: Page | Locator, title: str) -> Locator:
    """The panel of that title."""
    return where.locator(f'section.xw-panel[aria-label="{title}"]')


def painted(page: Page) -> None:
    """Wait for the second frame from now: by then what was asked for before is on screen."""
    page.evaluate(
        "() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => r(0))))"
    )


def ink(page: Page | Locator, selector: str = ".xw-panel .xw-map") -> list[str]:
    """A fingerprint of the pixels of each canvas that the selector finds."""
    return page.locator(selector).evaluate_all(
        """(all) => all.map((canvas) => {
            if (!canvas.width || !canvas.height) return 'empty';
            const { width, height } = canvas;
            const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
            let hash = 0;
            for (let i = 0; i < data.length; i++) hash = (hash * 31 + data[i]) | 0;
            if (!hash) return 'empty';
            return `${canvas.width}x${canvas.height}:${hash}`;
        })"""
    )


def number(text: str) -> float:
    """A number as the widget writes it."""
    return float(text.replace("\u2212", "-").strip())
