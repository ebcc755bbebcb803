"""What a reader of the widget waits for, in a real browser, beside what the machine needs anyway.

    python -m benchmarks.browser                all but first, about nine minutes
    python -m benchmarks.browser --only frames  or units, jupyter, bursts; sanity or first alone
    python -m benchmarks.browser --only first --methods RISE LIME

*Frames.* From an input event to the end of the frame that shows its effect, on an exported page
with eight panels of 224². The event is made in the page; the clock stops when a message that was
posted in the frame's last animation callback arrives, which is after the page has painted. The same
clock on a bare page with one canvas gives the machine's idle latency, before and after.

*Units.* The same for `dissect`'s slider, on four layers of 512 units and 60 concepts.

*Jupyter.* From the event on a knob in JupyterLab to the frame in which its panel has changed, less
the seconds that the method reports for itself; bytes on the websocket for one new answer; memory of
kernel and page over bursts of 200 knob changes.

*First.* From a knob of a method that asks many times to the frame that shows its first, unfinished
map, beside one bare batch of the same passes in the kernel.

Needs Playwright and a Chromium (XAIWIDGETS_CHROMIUM names one). Nothing here asserts: times belong
to the machine and to what else runs on it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.driving import (
    PATIENCE,
    PRELUDE,
    Notebook,
    Watch,
    chromium,
    jupyter,
    settled,
    write_notebook,
)
from tests.browser.many_units import write_many_units

FRAME = 1000 / 60
SAMPLES = 150
METHODS = (
    "[xw.Saliency(), xw.GradientTimesInput(), xw.SmoothGrad(samples=4), xw.GuidedBackprop(), "
    "xw.Deconvnet(), xw.GradCam(), xw.EdgeDetector(), xw.RandomMap()]"
)
SUBJECT = (
    "xw.Subject(zoo.load('shapes'), mean=(0.5,) * 3, std=(0.25,) * 3, size=224, "
    "classes=zoo.subject('shapes').classes)"
)
PICTURE = "zoo.ShapeScenes(1, size=128, seed=3)[0].image"

# One measurement: wait a random while, act, and stop the clock after the frame that shows it.
CLOCK = """
const channel = new MessageChannel();
const afterFrame = () => new Promise((done) => requestAnimationFrame(() => {
    channel.port1.onmessage = done;
    channel.port2.postMessage(0);
}));
const rest = () => new Promise((r) => setTimeout(r, 25 + 30 * Math.random()));
async function timed(prepare, act, count) {
    const times = [];
    for (let i = 0; i < count; i++) {
        await prepare(i);
        await rest();
        const start = performance.now();
        act(i);
        await afterFrame();
        times.push(performance.now() - start);
    }
    return times;
}
"""
BARE = (
    "async (count) => {"
    + CLOCK
    + """
    document.body.innerHTML = '<canvas width=224 height=224></canvas>';
    const pen = document.querySelector('canvas').getContext('2d');
    return timed(() => {}, (i) => requestAnimationFrame(() => {
        pen.fillStyle = i % 2 ? '#246' : '#642';
        pen.fillRect(0, 0, 224, 224);
    }), count);
}"""
)
CONTROLS = (
    "async ([name, low, high, count]) => {"
    + CLOCK
    + """
    const root = document.querySelector('.xw-root');
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
    const button = (text) => [...root.querySelectorAll('button')]
        .find((one) => one.textContent.trim() === text);
    if (name === 'sign') {
        const signs = ['Positive', 'Negative', 'Absolute', 'Signed'];
        return timed(() => {}, (i) => button(signs[i % 4]).click(), count);
    }
    if (name === 'colour map') {
        const maps = ['viridis', 'PuOr_r', 'magma', 'RdBu_r'];
        const layer = root.querySelector('.xw-colours').popoverTargetElement;
        const entry = (i) => [...layer.querySelectorAll('button')]
            .find((one) => one.textContent.trim() === maps[i % 4]);
        return timed(async (i) => {
            layer.showPopover();
            while (!entry(i)) await new Promise(requestAnimationFrame);
        }, (i) => entry(i).click(), count);
    }
    if (name === 'crosshair') {
        const stage = root.querySelectorAll('.xw-panel .xw-stage')[2];
        const box = stage.getBoundingClientRect();
        return timed(() => {}, (i) => stage.dispatchEvent(new PointerEvent('pointermove', {
            bubbles: true,
            clientX: box.left + ((i * 37) % 100) / 100 * box.width,
            clientY: box.top + ((i * 53) % 100) / 100 * box.height,
        })), count);
    }
    const input = root.querySelector(
        `:is(.xw-slides, .xw-masking, .xw-walk, .xw-counted) input[aria-label="${name}"]`);
    const steps = Math.round((high - low) / Number(input.step));
    return timed(() => {}, (i) => {
        const at = low + ((i * 17) % steps) * Number(input.step);
        set.call(input, at === Number(input.value) ? high : at);
        input.dispatchEvent(new Event('input', { bubbles: true }));
    }, count);
}"""
)
FRAMES = (
    ("Opacity", 0, 1), ("Clip", 90, 100), ("Keep top", 5, 95), ("sign", 0, 0), ("colour map", 0, 0),
    ("crosshair", 0, 0), ("Contour", 50, 99), ("Smoothing", 0.5, 8),
)  # fmt: skip
MASKS = ("mask slider", "mask slider, filled from neighbours")
SANITY = "sanity slider, 16 maps"

# From a knob's event to the frame in which its panel's map is another one.
KNOB = (
    "async ([label, value]) => {"
    + CLOCK
    + """
    const input = document.querySelector(`input[aria-label="${label}"]`);
    const canvas = input.closest('.xw-panel').querySelector('.xw-map');
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
    const context = canvas.getContext('2d'), paint = context.putImageData;
    let painted = false;
    context.putImageData = (...given) => { painted = true; paint.apply(context, given); };
    await rest();
    painted = false;
    const start = performance.now();
    set.call(input, value);
    input.dispatchEvent(new Event(input.type === 'range' ? 'input' : 'change', { bubbles: true }));
    do await afterFrame(); while (!painted && performance.now() - start < 20000);
    delete context.putImageData;
    return performance.now() - start;
}"""
)
# Methods that ask many times, a knob that makes them begin anew, and whether passes go back too.
STREAMING = (
    ("RISE()", "seed", False), ("LIME()", "seed", False), ("KernelShap()", "seed", False),
    ("ShapleySampling()", "seed", False), ("Anchors()", "seed", False),
    ("Occlusion()", "stride", False), ("FeatureAblation(segments=100)", "segments", False),
    ("ScoreCam()", "channels", False), ("AblationCam()", "channels", False),
    ("SmoothGrad(samples=200)", "seed", True), ("GradientShap(samples=200)", "seed", True),
    ("SmoothGradCamPlusPlus(samples=200)", "seed", True),
    ("MeaningfulPerturbation()", "steps", True), ("ExtremalPerturbation()", "steps", True),
    ("FGVis()", "steps", True),
)  # fmt: skip
# Milliseconds of one bare batch of a method's passes, several times.
BATCH = """
method, back, spent = xw.{method}, {back}, []
x = large.prepare(picture).x
alone = isinstance(method, (xw.MeaningfulPerturbation, xw.ExtremalPerturbation, xw.FGVis))
many = 1 if alone else large.batch_size(x, backward=back)
rows = x.expand(many, -1, -1, -1).clone().requires_grad_(back)
for _ in range(8):
    start = time.perf_counter()
    with torch.set_grad_enabled(back):
        score = large.model(rows)[:, 0].sum()
    if back:
        torch.autograd.grad(score, rows)
    spent.append(1000 * (time.perf_counter() - start))
"""
# From a step of the mask slider to the frame in which every panel has its new score.
MASKED = (
    "async (count) => {"
    + CLOCK
    + """
    const input = document.querySelector('.xw-masking input');
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
    const late = () => document.querySelectorAll('.xw-panel .xw-late').length;
    const times = [];
    for (let i = 0; i < count; i++) {
        await new Promise((r) => setTimeout(r, 300 + 30 * Math.random()));
        const start = performance.now();
        set.call(input, 5 + ((i * 17) % 80));
        input.dispatchEvent(new Event('input', { bubbles: true }));
        let frames = 0;
        do { await afterFrame(); frames++; } while (late() && performance.now() - start < 20000);
        if (frames > 1) times.push(performance.now() - start);
    }
    return times;
}"""
)
# From a switch of the sanity row to the frame in which the first panel shows its map there.
SWITCHED = (
    "async (names) => {"
    + CLOCK
    + """
    const root = document.querySelector('.xw-root');
    const all = (which) => root.querySelectorAll(`.xw-step${which}`).length;
    // A map that is there before a frame begins is painted in it.
    const shown = () => new Promise((done) => requestAnimationFrame(() => {
        const fresh = all('.xw-stale') < all('');
        channel.port1.onmessage = () => done(fresh);
        channel.port2.postMessage(0);
    }));
    const times = [];
    for (const name of names) {
        const button = [...root.querySelectorAll('.xw-switches button')]
            .find((one) => one.textContent === name);
        await new Promise((r) => setTimeout(r, 300 + 30 * Math.random()));
        const start = performance.now();
        button.click();
        while (!(await shown()));
        times.push(performance.now() - start);
        while (all('.xw-stale')) await afterFrame();
    }
    return times;
}"""
)
IDLE = "async (count) => {" + CLOCK + "return timed(() => {}, () => {}, count);}"
BURST = """([label, values]) => {
    const input = document.querySelector(`input[aria-label="${label}"]`);
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
    return new Promise((done) => {
        let at = 0;
        const timer = setInterval(() => {
            set.call(input, values[at]);
            input.dispatchEvent(new Event('change', { bubbles: true }));
            if (++at === values.length) { clearInterval(timer); done(at); }
        }, 5);
    });
}"""


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    print(f"\n{title}")
    for row in [head, ["-" * width for width in widths], *rows]:
        first, *others = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join([first, *others]))


def quantiles(times: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    return float(np.median(times)), float(np.percentile(times, 95))


def opened(page: Page, path: Path) -> None:
    """An exported page with its eight panels."""
    page.goto(path.as_uri())
    page.locator(".xw-panel").nth(7).wait_for()
    page.wait_for_timeout(500)


def frames(browser: Browser, folder: Path) -> None:
    """Input event to painted frame, for every display control, beside an idle page."""
    import xaiwidgets as xw
    from xaiwidgets import zoo

    names: dict[str, Any] = {"xw": xw, "zoo": zoo}
    widget = xw.compare(eval(SUBJECT, names), eval(PICTURE, names), methods=eval(METHODS, names))
    path = widget.to_html(folder / "page.html")
    masked = []
    for fill in ("blur", "neighbours"):
        widget.masking.set(fill=fill)
        masked.append(widget.to_html(folder / f"{fill}.html"))
    widget.close()
    forgetting = xw.sanity(
        eval(SUBJECT, names), eval(PICTURE, names), methods=eval(METHODS, names), draws=1
    )
    forgotten = forgetting.to_html(folder / "sanity.html")
    forgetting.close()
    page = browser.new_page(viewport={"width": 1500, "height": 1200})
    idle = list(page.evaluate(BARE, SAMPLES))
    taken = {}
    for name, one in zip(MASKS, masked, strict=True):
        opened(page, one)
        page.evaluate(CONTROLS, ["Share of pixels", 5, 95, 10])
        taken[name] = page.evaluate(CONTROLS, ["Share of pixels", 5, 95, SAMPLES])
    opened(page, forgotten)
    page.evaluate(CONTROLS, ["Forget", 0, 5, 10])
    taken[SANITY] = page.evaluate(CONTROLS, ["Forget", 0, 5, SAMPLES])
    opened(page, path)
    for name, low, high in FRAMES:
        page.evaluate(CONTROLS, [name, low, high, 10])
        taken[name] = page.evaluate(CONTROLS, [name, low, high, SAMPLES])
        page.wait_for_timeout(600)  # the report after rest belongs to no measurement
        reset = page.get_by_role("button", name="Default display")
        if reset.is_enabled():
            reset.click()
    page.goto("about:blank")
    idle += page.evaluate(BARE, SAMPLES)
    page.close()
    print_frames("8 panels of 224²", idle, taken)


def print_frames(what: str, idle: Sequence[float], taken: dict[str, Sequence[float]]) -> None:
    """Every control beside the bare page."""
    middle, late = quantiles(idle)
    rows = [["(bare canvas page)", f"{middle:.1f}", f"{late:.1f}", "", ""]]
    for name, times in taken.items():
        p50, p95 = quantiles(times)
        verdict = "yes" if p95 <= late + FRAME else "no"
        rows.append([name.lower(), f"{p50:.1f}", f"{p95:.1f}", f"{p95 - late:+.1f}", verdict])
    table(
        f"Input event to painted frame, {what} (ms, {SAMPLES} events each)",
        ["control", "p50", "p95", "p95 − idle p95", "≤ one frame more"],
        rows,
    )


def units(browser: Browser, folder: Path) -> None:
    """The slider that recounts detectors, with all units listed and with the best ones first."""
    path = write_many_units(folder / "units.html", layers=4)
    page = browser.new_page(viewport={"width": 1500, "height": 1200})
    idle = list(page.evaluate(BARE, SAMPLES))
    page.goto(path.as_uri())
    page.locator(".xw-unit").first.wait_for()
    slide = ["A detector from an IoU of", 0.01, 0.3]
    taken = {}
    for name in ("all units", "detectors, best first"):
        page.evaluate(CONTROLS, [*slide, 10])
        taken[name] = page.evaluate(CONTROLS, [*slide, SAMPLES])
        page.get_by_label("Order").select_option("iou")
        page.get_by_label("Show units").select_option("any")
    page.goto("about:blank")
    idle += page.evaluate(BARE, SAMPLES)
    page.close()
    print_frames("4 layers of 512 units, 60 concepts", idle, taken)


def knob_times(book: Notebook, page: Page, label: str, values: Sequence[float]) -> list[float]:
    """Milliseconds from the event to the painted panel that are not the method's own."""
    own = []
    for value in values:
        whole = page.evaluate(KNOB, [label, value])
        settled(page)
        own.append(whole - 1000 * book.ask("w.answers['SmoothGrad'].provenance.seconds"))
    return own


def heap(page: Page) -> float:
    """Megabytes of JavaScript objects that are still in use."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return float(used) / 1e6


@contextmanager
def notebook(browser: Browser, folder: Path) -> Iterator[tuple[Notebook, Watch]]:
    """A notebook in JupyterLab that has the network and the picture."""
    page = browser.new_page(viewport={"width": 1500, "height": 1400})
    page.set_default_timeout(PATIENCE)
    watch = Watch(page)
    with jupyter(folder) as server:
        write_notebook(server.folder / "bench.ipynb")
        page.goto(server.url("lab/tree/bench.ipynb"))
        book = Notebook(page)
        book.ready()
        book.run(PRELUDE + f"\nlarge = {SUBJECT}\npicture = {PICTURE}\nimport gc, psutil")
        yield book, watch
    page.close()


def in_jupyter(browser: Browser, folder: Path) -> None:
    """Round trips and bytes in JupyterLab."""
    with notebook(browser, folder / "jupyter") as (book, watch):
        page = book.page
        book.show(f"xw.compare(large, picture, methods={METHODS})", panels=8)
        for panel in page.locator(".xw-panel").all()[2:3]:
            panel.get_by_role("button", name="Settings").click()
        values = [round(0.05 + 0.01 * i, 2) for i in range(30)]
        knob_times(book, page, "noise, number", values[:3])
        typed = knob_times(book, page, "noise, number", values[3:])
        slid = knob_times(book, page, "noise", [round(0.5 - 0.01 * i, 2) for i in range(12)])
        rows = [
            [name, str(len(times)), *(f"{t:.0f}" for t in quantiles(times)), goal]
            for name, times, goal in (
                ("typed or clicked (sent at once)", typed, "≤ 60 median"),
                ("slider (its first step, sent at once)", slid, "≤ 60 median"),
            )
        ]
        table(
            "Knob to painted panel, less the method's own time (ms)",
            ["knob of SmoothGrad at 224²", "n", "p50", "p95", "goal"],
            rows,
        )
        updates(book, page, watch)
        mask_scores(book, page)
        sanity(book, page)


def bursts(browser: Browser, folder: Path) -> None:
    """Memory over bursts, in a notebook of its own."""
    with notebook(browser, folder / "bursts") as (book, _):
        book.show(f"xw.compare(large, picture, methods={METHODS})", panels=8)
        book.page.locator(".xw-panel").nth(2).get_by_role("button", name="Settings").click()
        memory(book, book.page)


def sanity_alone(browser: Browser, folder: Path) -> None:
    """The sanity switch in a notebook of its own."""
    with notebook(browser, folder / "sanity") as (book, _):
        sanity(book, book.page)


def first_maps(browser: Browser, folder: Path, only: Sequence[str]) -> None:
    """From a knob to the first map of what asks many times."""
    rows = []
    with notebook(browser, folder / "first") as (book, _):
        for method, knob, back in STREAMING:
            if only and method.partition("(")[0] not in only:
                continue
            book.show(f"xw.compare(large, picture, methods=[xw.{method}])", panels=1)
            book.page.locator(".xw-panel").get_by_role("button", name="Settings").click()
            now = book.ask(f"w._panels.every[0].method.{knob}")
            times = []
            for step in range(1, 9):
                value = now - step if knob == "channels" else now + step
                times.append(book.page.evaluate(KNOB, [f"{knob}, number", value]))
                book.run("w._do('cancel', {})\nw.wait()\nNone")
                settled(book.page)
            book.run(BATCH.format(method=method, back=back))
            (p50, p95), (own, _) = quantiles(times[1:]), quantiles(book.ask("spent")[1:])
            row = [f"{value:.0f}" for value in (p50, p95, own, p50 - own)]
            rows.append([method.partition("(")[0], *row, "≤ 100"])
    table(
        "Knob to first map, one picture of 224² (ms)",
        ["method", "p50", "p95", "one bare batch", "difference", "goal"],
        rows,
    )
    print(f"(asked for many batches, and not in this list: {', '.join(unlisted()) or 'none'})")


def unlisted() -> list[str]:
    """Methods that ask for more than a batch and are not measured here."""
    import xaiwidgets as xw
    from xaiwidgets import zoo
    from xaiwidgets.core.method import Attribution

    names: dict[str, Any] = {"xw": xw, "zoo": zoo}
    subject = eval(SUBJECT, names)
    x = subject.prepare(eval(PICTURE, names)).x
    listed = {method.partition("(")[0] for method, _, _ in STREAMING}
    many = {
        cls.__name__
        for cls in xw.declared(Attribution)
        if cls().cost(subject, x).forward > subject.batch_size(x, backward=False)
    }
    return sorted(many - listed)


def mask_scores(book: Notebook, page: Page) -> None:
    """From a step of the mask slider to the painted scores of eight panels."""
    book.run("w.masking.set(share=10)\nw.wait()\nNone")
    page.locator(".xw-panel .xw-score").nth(7).wait_for()
    settled(page)
    page.evaluate(MASKED, 3)
    taken = page.evaluate(MASKED, 30)
    book.run(
        "batch = torch.cat([large.prepare(picture).x] * 9)\nspent = []\nfor _ in range(20):\n"
        "    start = time.perf_counter()\n    large.outputs(batch)\n"
        "    spent.append(1000 * (time.perf_counter() - start))"
    )
    alone = book.ask("spent")
    (p50, p95), (own, late) = quantiles(taken), quantiles(alone)
    rows = [
        ["event to painted scores", f"{p50:.0f}", f"{p95:.0f}", ""],
        ["one batched pass of 9 pictures", f"{own:.0f}", f"{late:.0f}", ""],
        ["difference", f"{p50 - own:.0f}", "", "≤ 60"],
    ]
    table(
        "Mask slider to new class scores, 8 panels and a random mask of 224² (ms)",
        ["what", "p50", "p95", "goal"],
        rows,
    )


def sanity(book: Notebook, page: Page) -> None:
    """From a switch to the first redrawn panel: for sets of blocks that are new, alone and while
    the steps of fifty draws are made in the background, and for sets that were seen."""
    rows = []
    for background in (False, True):
        book.show(
            f"xw.sanity(large, picture, methods={METHODS}, mode='any blocks', draws=50)",
            panels=8,
            wait=False,
        )
        page.wait_for_function("() => !document.querySelector('.xw-panel[aria-busy=true]')")
        if not background:
            book.run("w._do('stop_steps', {})\nw.wait()\nNone")
        names = book.ask("w.experiment['names']")
        # a Gray code: every click leads to another set
        walk = [names[(i & -i).bit_length() - 1] for i in range(1, 2 ** len(names))]
        times = page.evaluate(SWITCHED, walk)[3:]
        own = 1000 * book.ask("min(answer.provenance.seconds for answer in w.answers.values())")
        what = "a new set, while others are made" if background else "a new set of blocks"
        middle, late = quantiles(times)
        rows += [
            [what, str(len(times)), f"{middle:.0f}", f"{late:.0f}", ""],
            ["  less the fastest method's own time", "", f"{middle - own:.0f}", "", "≤ 100"],
        ]
        if background:
            seen = page.evaluate(SWITCHED, walk)[3:]
            middle, late = quantiles(seen)
            rows.append(["a set that was seen", str(len(seen)), f"{middle:.0f}", f"{late:.0f}", ""])
            middle, late = quantiles(page.evaluate(IDLE, 30))
            rows.append(
                ["(a frame of the same page at rest)", "30", f"{middle:.0f}", f"{late:.0f}"]
            )
            rows[-1].append("")
        book.run("w._do('stop_steps', {})\nNone")
    table(
        "Sanity switch to first redrawn panel, 8 panels of 224² (ms)",
        ["switch to", "n", "p50", "p95", "goal"],
        rows,
    )


def updates(book: Notebook, page: Page, watch: Watch) -> None:
    """Bytes of the websocket's frames for one new answer."""
    rows = []
    for title, method in (
        ("Saliency", "Saliency"),
        ("Grad-CAM", "GradCam"),
        ("SmoothGrad and its standard error", "SmoothGrad"),
    ):
        watch.heard.clear()
        book.run(
            "panel = next(p for p in w._panels.every if type(p.method).__name__ == "
            f"{method!r})\nw._panels.cache.clear()\n"
            "w._do('retry', {'panel': panel.id})\nw.wait()\nNone"
        )
        settled(page)
        page.wait_for_timeout(200)
        sizes = [size for data, size in watch.heard if '"slot_' in data]
        others = [size for data, size in watch.heard if '"slot_' not in data]
        rows.append(
            [
                title,
                f"{statistics.mean(sizes) / 1000:.1f}" if sizes else "none seen",
                f"{sum(others) / 1000:.1f}",
                "≤ 220",
            ]
        )
    table(
        "Bytes for one new answer at 224² (kB received)",
        ["method", "answer", "its status", "goal"],
        rows,
    )


def memory(book: Notebook, page: Page) -> None:
    """Kernel and page after each of ten bursts of 200 knob changes, after the same ten once more,
    when their answers are in the cache, and after none."""
    rows = []
    for again, changes in (("", 200), (" once more", 200), ("", 0)):
        seen = []
        for burst in range(10):
            values = [round(0.01 * (1 + (7 * i + burst) % 49), 2) for i in range(changes)]
            if values:
                page.evaluate(BURST, ["noise, number", values])
            page.wait_for_timeout(500)
            book.settle()
            now = book.ask("w.answers['SmoothGrad'].provenance.settings['noise']")
            right = now == values[-1] if values else True
            rss = book.ask("(gc.collect(), psutil.Process().memory_info().rss / 1e6)[1]")
            seen.append((rss, heap(page), book.ask("len(w._panels.cache)"), right))
        rss, used, cached, right = zip(*seen, strict=True)
        rows.append(
            [
                f"10 × {changes} changes{again}",
                f"{rss[0]:.0f} → {rss[4]:.0f} → {rss[9]:.0f}",
                f"{used[0]:.1f} → {used[4]:.1f} → {used[9]:.1f}",
                f"{cached[0]} → {cached[9]}",
                f"{sum(right)} of 10" if changes else "",
            ]
        )
    table(
        "Memory in use after the 1st, 5th and 10th burst (MB)",
        ["bursts", "kernel RSS", "JS heap", "answers in the cache", "newest won"],
        rows,
    )
    print("(the rounds without changes show what running the cells that ask costs the page)")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = ("frames", "units", "jupyter", "bursts", "sanity", "first")
    parser.add_argument("--only", action="append", choices=parts)
    parser.add_argument("--methods", nargs="*", default=[], help="of first, instead of all")
    options = parser.parse_args()
    chosen = options.only or ["frames", "units", "jupyter", "bursts"]
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        browser = chromium(play)
        print(f"Chromium {browser.version}, {os.cpu_count()} cores{load}")
        if "frames" in chosen:
            frames(browser, Path(folder))
        if "units" in chosen:
            units(browser, Path(folder))
        if "jupyter" in chosen:
            in_jupyter(browser, Path(folder))
        if "bursts" in chosen:
            bursts(browser, Path(folder))
        if "first" in chosen:
            first_maps(browser, Path(folder), options.methods)
        if "sanity" in chosen:
            sanity_alone(browser, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()
