# ruff: noqa: E501  (a script in another language)
"""Take pictures of the fixture page in light and dark, wide and narrow, and time its sliders.

    python js/dev/look.py /tmp/look            # pictures
    python js/dev/look.py /tmp/look --time     # input event to painted frame, 8 panels

Needs Playwright for Python and a Chromium (CHROMIUM names another than /usr/bin/chromium).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip

# From an input event to the task after the frame that shows it; and how long our own frame callback
# ran. "bare" is the same on a control that changes one word: what the machine itself needs.
WRAP = """const raf = window.requestAnimationFrame.bind(window); window.spent = [];
window.requestAnimationFrame = (run) => raf((t) => {
  const start = performance.now(); run(t); window.spent.push(performance.now() - start); });
window.bareFrame = raf;"""
MEASURE = """async ([what, values]) => {
  const next = () => new Promise((r) => window.bareFrame(r));
  const channel = new MessageChannel();
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
  const input = document.querySelector(`.xw-slides input[aria-label="${what}"]`);
  const stage = document.querySelectorAll('.xw-panel .xw-stage')[1];
  const box = stage.getBoundingClientRect();
  const pointer = (type, i, more) => stage.dispatchEvent(new PointerEvent(type, { bubbles: true,
    pointerId: 1, clientX: box.left + 20 + 2 * i, clientY: box.top + 20 + 3 * i, ...more }));
  stage.setPointerCapture = () => {};
  const act = (value, i) => {
    if (what === 'bare') document.title = document.querySelector('h2').textContent = `bare ${i}`;
    else if (what === 'crosshair') pointer('pointermove', i);
    else if (what === 'region') pointer(i ? 'pointermove' : 'pointerdown', i);
    else { set.call(input, value); input.dispatchEvent(new Event('input', { bubbles: true })); }
  };
  const total = [], script = [];
  window.spent.length = 0;
  for (const [i, value] of values.entries()) {
    await new Promise((r) => setTimeout(r, 25 + 9 * (i % 3)));
    const t = performance.now();
    act(value, i);
    script.push(performance.now() - t);
    await next();
    await new Promise((r) => { channel.port1.onmessage = r; channel.port2.postMessage(0); });
    total.push(performance.now() - t);
  }
  if (what === 'region') pointer('pointerup', values.length);
  const at = (list, q) => [...list].sort((a, b) => a - b)[Math.floor(q * (list.length - 1))] ?? 0;
  return [at(total, .5), at(total, .95), at(script, .5), at(script, .95),
          at(window.spent, .5), at(window.spent, .95)];
}"""


def fixture(out: Path, *flags: str) -> str:
    path = out / f"fixture{''.join(flags)}.html"
    subprocess.run([sys.executable, str(HERE / "fixture.py"), str(path), *flags], check=True)
    return path.as_uri()


def opened(browser, url: str, width: int, dark: bool, errors: list[str]) -> Page:
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
    )
    page.on("console", lambda m: errors.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.on("dialog", lambda d: (errors.append("dialog: " + d.message), d.dismiss()))
    page.add_init_script(WRAP)
    page.goto(url)
    page.wait_for_timeout(700)
    return page


def handle(page: Page, out: Path, name: str) -> None:
    """Hover, region, zoom, settings, menus."""
    stage = page.locator(".xw-panel .xw-stage")
    box = stage.nth(2).bounding_box()
    page.mouse.move(box["x"] + 70, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 160, steps=4)
    page.mouse.up()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.wait_for_timeout(300)
    page.screenshot(path=out / f"{name}-region.png", full_page=True)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -90)
    page.keyboard.up("Control")
    for panel in (2, 3, 6):
        page.locator(".xw-panel").nth(panel).get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Truth").click()
    page.get_by_role("slider", name="Contour").fill("95")
    page.get_by_role("button", name="Shared").click()
    page.wait_for_timeout(300)
    page.screenshot(path=out / f"{name}-handled.png", full_page=True)
    page.get_by_role("button", name="Add a method").click()
    page.wait_for_timeout(200)
    page.screenshot(path=out / f"{name}-add.png")
    page.keyboard.press("Escape")
    page.locator(".xw-colours").click()
    page.wait_for_timeout(200)
    page.screenshot(path=out / f"{name}-colours.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--time", action="store_true", help="measure instead of looking")
    parser.add_argument("--only", default="", help="part of a picture's name")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    errors: list[str] = []
    with sync_playwright() as play:
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        if options.time:
            page = opened(browser, fixture(options.out, "--done"), 1400, False, errors)
            special = {
                "Clip": [90 + i / 5 for i in range(40)],
                "Opacity": [i / 40 for i in range(40)],
                "Smoothing": [0.25 * (1 + i % 16) for i in range(40)],
            }
            print("ms                input to painted        handler          frame callback")
            print("                   p50     p95        p50     p95        p50     p95")
            for name in ("bare", "Clip", "Opacity", "Smoothing", "Keep top", "Contour",
                         "crosshair", "region"):  # fmt: skip
                values = special.get(name, [5 + 2 * i for i in range(40)])
                row = page.evaluate(MEASURE, [name, values])
                print(f"{name:12}" + "".join(
                    f"{a:10.1f}{b:8.1f} " for a, b in zip(row[::2], row[1::2], strict=True)))  # fmt: skip
        else:
            url, dead = fixture(options.out), fixture(options.out, "--dead")
            for width, size in ((1600, "wide"), (1040, "middle"), (420, "narrow")):
                for dark in (False, True):
                    name = f"{size}-{'dark' if dark else 'light'}"
                    if options.only not in name:
                        continue
                    page = opened(browser, url, width, dark, errors)
                    page.screenshot(path=options.out / f"{name}.png", full_page=True)
                    if size == "wide":
                        handle(page, options.out, name)
                    page.close()
            if options.only in "dead":
                page = opened(browser, dead, 1040, False, errors)
                page.screenshot(path=options.out / "dead.png", full_page=True)
        browser.close()
    for error in errors:
        print("console:", error)


if __name__ == "__main__":
    main()
