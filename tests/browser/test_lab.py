"""`compare` in a real JupyterLab: by mouse, by keyboard, and what Python sees of it."""

from __future__ import annotations

import base64
import io
import json
import re

import pytest
from browser.driving import PATIENCE, Notebook, ink, menu, number, painted, panel, settled
from PIL import Image
from playwright.sync_api import Locator, expect

QUICK = "xw.compare(subject, image, methods=quick)"
STRIP = (
    "xw.compare(subject, images, methods=quick, "
    "truths=[(int(label) + (i == 3)) % 8 for i, label in enumerate(scenes.tensors(range(4))[1])])"
)
EVIL = "<img src=x onerror=window.__pwned=1>"


def bar(root: Locator, name: str) -> Locator:
    return root.locator(".xw-bar", has=root.page.locator(f'.xw-class:text-is("{name}")'))


def slider(root: Locator, name: str) -> Locator:
    return root.get_by_role("slider", name=name, exact=True)


def explained(root: Locator) -> Locator:
    return root.locator(".xw-target b")


def settings(root: Locator, title: str) -> Locator:
    """A panel with its knobs open."""
    one = panel(root, title)
    button = one.get_by_role("button", name="Settings")
    if button.get_attribute("aria-pressed") != "true":
        button.click()
    return one


def eventually(lab: Notebook, expression: str, value: object) -> None:
    """Wait until an expression in the kernel has a value; fail with the one that it has."""
    for _ in range(200):
        found = lab.ask(expression)
        if found == value:
            return
        lab.page.wait_for_timeout(100)
    assert found == value


def requests(lab: Notebook) -> dict[str, int]:
    """How many answers each panel was asked for."""
    return lab.ask(
        "{card['title']: w.status[card['id']]['request'] for card in w.panels}",
    )


def read_outs(root: Locator) -> dict[str, str]:
    """What each panel says at the crosshair."""
    return dict(
        root.locator(".xw-panel").evaluate_all(
            "all => all.map(e => [e.ariaLabel, e.querySelector('.xw-pill').textContent])"
        )
    )


def assert_shown_values_are_pythons(lab: Notebook, shown: dict[str, str], x: int, y: int) -> None:
    """Each panel's read-out at a pixel is the value of Python's array, as a half float tells it."""
    truth = lab.ask(
        f"{{card['title']: [float(a.map()[0][{y}, {x}]), float(abs(a.map()[0]).max())]"
        " for card, a in zip(w.panels, w.answers.values())}"
    )
    assert shown.keys() == truth.keys()
    for title, (value, largest) in truth.items():
        # Three digits are shown; a half float keeps eleven bits of value ÷ largest.
        tolerance = 0.006 * abs(value) + largest * 2**-24
        assert abs(number(shown[title].split("±")[0]) - value) <= tolerance, (title, shown, truth)


# --- what is on screen -------------------------------------------------------------------------


def test_the_widget_shows_a_panel_for_every_method_with_its_numbers(lab):
    root = lab.show(QUICK, panels=4)
    titles = lab.ask("[card['title'] for card in w.panels]")
    assert root.locator(".xw-panel h3").all_inner_texts() == titles
    prints = ink(root)
    assert "empty" not in prints
    assert len(set(prints)) == 4, "four methods draw four different maps"
    names, shares = (
        root.locator(".xw-class").all_inner_texts(),
        root.locator(".xw-share").all_inner_texts(),
    )
    assert [names, len(shares)] == [lab.ask("[p['name'] for p in w.scene['predictions']]"), 8]
    expect(explained(root)).to_have_text(lab.ask("w.target['label']"))
    for title, facts in lab.ask(
        "{c['title']: a.facts for c, a in zip(w.panels, w.answers.values())}"
    ).items():
        for fact in facts:
            expect(panel(root, title)).to_contain_text(fact)


def test_a_click_on_a_class_makes_every_panel_explain_it(lab):
    root = lab.show(QUICK, panels=4)
    before = ink(root)
    other = root.locator(".xw-class").nth(2).inner_text()
    bar(root, other).click()
    expect(explained(root)).to_have_text(other)
    lab.settle()
    assert lab.ask("w.target['label']") == other
    assert lab.ask("[a.provenance.target for a in w.answers.values()]") == [[other]] * 4
    expect(bar(root, other)).to_have_attribute("aria-pressed", "true")
    after = ink(root)
    assert [a != b for a, b in zip(before, after, strict=True)] == [True, True, True, False], (
        "all maps change but the edge detector's, which never asks the network"
    )


def test_a_shift_click_subtracts_a_second_class(lab):
    root = lab.show(QUICK, panels=4)
    first, second = root.locator(".xw-class").all_inner_texts()[:2]
    root.locator(".xw-bar").nth(1).click(modifiers=["Shift"])
    expect(explained(root)).to_have_text(f"{first} − {second}")
    lab.settle()
    pair = lab.ask("[subject.classes.index(name) for name in %r]" % [first, second])
    assert lab.ask("w.target['indices']") == pair
    assert (
        lab.ask("[a.provenance.target for a in w.answers.values()]")
        == [[f"{first} − {second}"]] * 4
    )
    root.locator(".xw-bar").nth(1).click(modifiers=["Shift"])
    expect(explained(root)).to_have_text(first)
    lab.settle()


def test_the_minus_button_subtracts_a_class_by_keyboard(lab):
    root = lab.show(QUICK, panels=4)
    first, second = root.locator(".xw-class").all_inner_texts()[:2]
    root.get_by_role("button", name=f"Subtract {second}", exact=True).focus()
    lab.page.keyboard.press("Enter")
    expect(explained(root)).to_have_text(f"{first} − {second}")
    lab.settle()
    assert lab.ask("w.target['label']") == f"{first} − {second}"


# --- the strip of inputs -----------------------------------------------------------------------


def test_an_input_is_chosen_in_the_strip_by_mouse_and_by_arrow(lab):
    root = lab.show(STRIP, panels=4)
    options = root.locator(".xw-film [role=option]")
    expect(options).to_have_count(4)
    before = ink(root)
    options.nth(2).click()
    expect(options.nth(2)).to_have_attribute("aria-selected", "true")
    lab.settle()
    assert lab.ask("w.scene['index']") == 2
    assert all(a != b for a, b in zip(before, ink(root), strict=True))
    root.locator(".xw-film").focus()
    lab.page.keyboard.press("ArrowRight")
    expect(options.nth(3)).to_have_attribute("aria-selected", "true")
    lab.settle()
    assert lab.ask("w.scene['index']") == 3


def test_the_strip_is_filtered_by_verdict_and_by_class(lab):
    root = lab.show(STRIP, panels=4)
    options = root.locator(".xw-film [role=option]")
    eventually(lab, "[item['right'] for item in w.strip].count(None)", 0)
    right = lab.ask("[item['right'] for item in w.strip]")
    assert True in right, "the strip needs an input of each kind to be filtered"
    assert False in right
    root.get_by_role("button", name=re.compile("^Wrong")).click()
    expect(options).to_have_count(right.count(False))
    root.get_by_role("button", name=re.compile("^Right")).click()
    expect(options).to_have_count(right.count(True))
    root.get_by_role("button", name=re.compile("^All")).click()
    root.get_by_label("Show inputs of class").select_option("cross")
    expect(options).to_have_count(
        lab.ask("sum('cross' in (i['truth'], i['predicted']) for i in w.strip)")
    )


# --- knobs -------------------------------------------------------------------------------------


def test_a_knob_turned_by_mouse_recomputes_its_panel_alone(lab):
    root = lab.show(QUICK, panels=4)
    before, asked = ink(root), requests(lab)
    one = settings(root, "SmoothGrad")
    box = slider(one, "noise").bounding_box()
    lab.page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    expect(one.get_by_label("noise, number")).not_to_have_value("0.15")
    chosen = float(one.get_by_label("noise, number").input_value())
    eventually(lab, "w.panels[1]['settings']['noise']", chosen)
    lab.settle()
    assert 0.35 < chosen < 0.45
    assert lab.ask("w.answers['SmoothGrad'].provenance.settings['noise']") == chosen
    assert requests(lab) == {**asked, "SmoothGrad": asked["SmoothGrad"] + 1}
    assert [a != b for a, b in zip(before, ink(root), strict=True)] == [False, True, False, False]


def test_a_knob_turned_by_keyboard_recomputes_its_panel_alone(lab):
    root = lab.show(QUICK, panels=4)
    asked = requests(lab)
    one = settings(root, "SmoothGrad")
    slider(one, "noise").focus()
    for _ in range(3):
        lab.page.keyboard.press("ArrowRight")
    expect(one.get_by_label("noise, number")).to_have_value("0.18")
    eventually(lab, "w.answers['SmoothGrad'].provenance.settings['noise']", 0.18)
    lab.settle()
    now = requests(lab)
    assert now.pop("SmoothGrad") > asked.pop("SmoothGrad")
    assert now == asked


def test_a_choice_and_a_typed_number_reach_python(lab):
    root = lab.show(QUICK, panels=4)
    one = settings(root, "SmoothGrad")
    number_box = one.get_by_label("samples, number")
    number_box.fill("7")
    number_box.press("Enter")
    eventually(lab, "w.answers['SmoothGrad'].provenance.settings['samples']", 7)
    choice = one.get_by_label("form", exact=True)
    if choice.evaluate("e => e.tagName") == "SELECT":
        choice.select_option("squared")
    else:
        choice.get_by_role("button", name="squared").click()
    eventually(lab, "w.answers['SmoothGrad'].provenance.settings['form']", "squared")
    lab.settle()


def test_a_number_out_of_range_is_refused_in_words_beside_its_knob(lab):
    root = lab.show(QUICK, panels=4)
    one = settings(root, "SmoothGrad")
    one.get_by_label("samples, number").fill("100000")
    one.get_by_label("samples, number").press("Enter")
    expect(one.locator(".xw-knobs .xw-problem")).to_contain_text("SmoothGrad.samples is 100000")
    assert lab.ask("w.answers['SmoothGrad'].provenance.settings['samples']") == 4
    one.get_by_label("samples, number").fill("6")
    one.get_by_label("samples, number").press("Enter")
    eventually(lab, "w.answers['SmoothGrad'].provenance.settings['samples']", 6)
    expect(one.locator(".xw-knobs .xw-problem")).to_have_count(0)


# --- panels ------------------------------------------------------------------------------------


def test_a_panel_is_added_by_typing_and_removed_by_its_menu(lab):
    root = lab.show(QUICK, panels=4)
    root.get_by_role("button", name="Add a method").focus()
    lab.page.keyboard.press("Enter")
    expect(root.get_by_label("Search methods")).to_be_focused()
    lab.page.keyboard.type("random map")
    lab.page.keyboard.press("Enter")
    expect(root.locator(".xw-panel")).to_have_count(5)
    lab.settle()
    assert lab.ask("list(w.answers)[-1]") == "RandomMap"
    assert ink(root)[-1] != "empty"
    panel(root, "Grad-CAM").get_by_role("button", name=re.compile("^More")).click()
    root.get_by_role("button", name="Remove").click()
    expect(root.locator(".xw-panel")).to_have_count(4)
    eventually(lab, "list(w.answers)", ["Saliency", "SmoothGrad", "EdgeDetector", "RandomMap"])


def test_panels_move_by_menu_and_by_dragging(lab):
    root = lab.show(QUICK, panels=4)
    before = dict(zip(root.locator(".xw-panel h3").all_inner_texts(), ink(root), strict=True))
    panel(root, "Grad-CAM").get_by_role("button", name=re.compile("^More")).click()
    root.get_by_role("button", name="Move left").click()
    titles = root.locator(".xw-panel h3")
    expect(titles.nth(1)).to_have_text("Grad-CAM")
    titles.nth(3).drag_to(panel(root, "Saliency").locator(".xw-stage"))
    expect(titles.nth(0)).to_have_text("Edge detector (control)")
    order = titles.all_inner_texts()
    assert order == ["Edge detector (control)", "Saliency", "Grad-CAM", "SmoothGrad"]
    eventually(lab, "[card['title'] for card in w.panels]", order)
    painted(lab.page)
    assert dict(zip(order, ink(root), strict=True)) == before, "maps travel with their panels"


def test_a_held_panel_keeps_its_answer_while_the_others_follow(lab):
    root = lab.show(QUICK, panels=4)
    first, second = root.locator(".xw-class").all_inner_texts()[:2]
    before = ink(root)
    panel(root, "Saliency").get_by_role("button", name=re.compile("^Hold")).click()
    eventually(lab, "w.panels[0]['pinned']", True)
    bar(root, second).click()
    expect(explained(root)).to_have_text(second)
    lab.settle()
    assert lab.ask("[a.provenance.target[0] for a in w.answers.values()]") == [
        first, second, second, second,
    ]  # fmt: skip
    assert ink(root)[0] == before[0]
    expect(panel(root, "Saliency").locator(".xw-held")).to_contain_text(first)
    panel(root, "Saliency").get_by_role("button", name=re.compile("^Follow")).click()
    eventually(lab, "w.answers['Saliency'].provenance.target", [second])
    lab.settle()


# --- crosshair, region, zoom -------------------------------------------------------------------


def test_the_crosshair_reads_each_panels_own_value_at_the_same_pixel(lab):
    root = lab.show(QUICK, panels=4)
    stage = root.locator(".xw-panel .xw-stage").nth(1)
    for fx, fy in ((0.71, 0.66), (0.3, 0.2), (0.995, 0.995), (0.002, 0.002)):
        box = stage.bounding_box()
        lab.page.mouse.move(box["x"] + fx * box["width"], box["y"] + fy * box["height"])
        painted(lab.page)
        words = root.locator(".xw-scene .xw-pill").inner_text()
        x, y = map(int, re.findall(r"\d+", words)[:2])
        assert abs(x - fx * 96) <= 1
        assert abs(y - fy * 96) <= 1
        lines = root.locator(".xw-line-x").evaluate_all("all => all.map(e => e.style.left)")
        assert len(lines) == 5
        assert len(set(lines)) == 1, "every stage shows the line at one place"
        before = read_outs(root)
        assert_shown_values_are_pythons(lab, before, x, y)


def test_arrow_keys_move_the_crosshair_and_say_where_it_is(lab):
    root = lab.show(QUICK, panels=4)
    stage = panel(root, "Saliency").locator(".xw-stage")
    stage.focus()
    lab.page.keyboard.press("ArrowRight")  # the first press brings it to the middle
    lab.page.keyboard.press("ArrowRight")
    lab.page.keyboard.press("Shift+ArrowDown")
    expect(root.locator(".xw-scene .xw-pill")).to_have_text("(49, 58)")
    expect(root.locator("[aria-live=polite]")).to_have_text(re.compile("^x 49, y 58: "))
    assert_shown_values_are_pythons(lab, read_outs(root), 49, 58)


def test_a_dragged_region_reaches_python_and_its_shares_are_right(lab):
    root = lab.show(QUICK, panels=4)
    box = panel(root, "Saliency").locator(".xw-stage").bounding_box()
    lab.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.45 * box["height"])
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.7 * box["height"], steps=5)
    lab.page.mouse.move(box["x"] + 0.95 * box["width"], box["y"] + 0.9 * box["height"], steps=5)
    lab.page.mouse.up()
    eventually(lab, "bool(w.region)", True)
    region = lab.ask("w.region")
    wide, tall = region["x1"] - region["x0"], region["y1"] - region["y0"]
    expect(root.locator(".xw-zoom")).to_contain_text(f"{wide} × {tall} px")
    assert abs(region["x0"] - 48) <= 1
    assert abs(region["y1"] - 87) <= 1
    for sign, part in (
        ("Signed", "abs(m)"),
        ("Positive", "m.clip(0)"),
        ("Negative", "(-m).clip(0)"),
    ):
        root.get_by_role("button", name=sign, exact=True).click()
        shares = lab.ask(
            "[(lambda v: float(v[r['y0']:r['y1'], r['x0']:r['x1']].sum() / v.sum()) if v.sum()"
            f" else None)({part}) for r in [w.region] for a in w.answers.values()"
            " for m in [a.map()[0]]]"
        )
        shown = root.locator(".xw-panel .xw-strong").all_inner_texts()
        assert len(shown) == len(shares) == 4
        for text, share in zip(shown, shares, strict=True):
            if share is None:
                assert text.startswith("nothing to share")
            else:
                # Shown with one decimal below 10 %, without above.
                precision = 0.055 if share < 0.0995 else 0.55
                assert abs(number(text.split("%")[0]) - 100 * share) <= precision, (shown, shares)
    root.get_by_role("button", name="Clear the region").or_(
        root.locator(".xw-zoom .xw-clear")
    ).first.click()
    eventually(lab, "w.region", {})
    expect(root.locator(".xw-panel .xw-strong")).to_have_count(0)


def test_a_region_is_drawn_by_keyboard(lab):
    root = lab.show(QUICK, panels=4)
    root.locator(".xw-scene .xw-stage").focus()
    for key in ("ArrowRight", "r", "Shift+ArrowRight", "Shift+ArrowDown", "r"):
        lab.page.keyboard.press(key)
    eventually(lab, "w.region", {"x0": 48, "y0": 48, "x1": 59, "y1": 59})
    lab.page.locator(".xw-scene .xw-stage").focus()
    lab.page.keyboard.press("Escape")
    eventually(lab, "w.region", {})


def test_zoom_is_shared_by_every_panel(lab):
    root = lab.show(QUICK, panels=4)
    lenses = ".xw-lens"

    def transforms() -> set[str]:
        return set(root.locator(lenses).evaluate_all("all => all.map(e => e.style.transform)"))

    whole = transforms()
    assert len(whole) == 1
    panel(root, "SmoothGrad").locator(".xw-stage").hover()
    lab.page.keyboard.down("Control")
    lab.page.mouse.wheel(0, -120)
    lab.page.keyboard.up("Control")
    painted(lab.page)
    zoomed = transforms()
    assert len(zoomed) == 1
    assert zoomed != whole
    box = panel(root, "Saliency").locator(".xw-stage").bounding_box()
    lab.page.mouse.move(box["x"] + 100, box["y"] + 100)
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + 60, box["y"] + 80, steps=4)
    lab.page.mouse.up()
    painted(lab.page)
    panned = transforms()
    assert len(panned) == 1
    assert panned != zoomed
    assert lab.ask("w.region") == {}, "a drag moves a zoomed picture and selects nothing"
    panel(root, "Saliency").locator(".xw-stage").dblclick()
    painted(lab.page)
    assert transforms() == whole


# --- display -----------------------------------------------------------------------------------

SET_VALUES = """([name, values]) => {
    const input = document.querySelector(`.xw-slides input[aria-label="${name}"]`);
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
    for (const value of values) {
        set.call(input, value);
        input.dispatchEvent(new Event('input', { bubbles: true }));
    }
}"""


@pytest.mark.parametrize(
    ("name", "key", "values"),
    [
        ("Clip", "clip", [99, 97, 90]),
        ("Opacity", "opacity", [0.7, 0.4, 0.3]),
        ("Smoothing", "smoothing", [0.5, 1, 2]),
        ("Keep top", "keep", [60, 30, 10]),
        ("Contour", "contour", [50, 80, 90]),
        ("Box", "box", [20, 50, 80]),
    ],
)
def test_a_display_slider_repaints_at_once_and_python_hears_of_it_only_after_rest(
    lab, lab_watch, name, key, values
):
    root = lab.show(QUICK, panels=4)

    def looks() -> list[str]:
        maps = ".xw-panel .xw-stage canvas"
        styles = root.locator(maps).evaluate_all("all => all.map(e => e.style.opacity)")
        return [*ink(root, maps), *styles]

    before = looks()
    lab_watch.said.clear()
    lab.page.evaluate(SET_VALUES, [name, values])
    painted(lab.page)
    assert looks() != before
    eventually(lab, f"w.display['{key}']", values[-1])
    lab.page.wait_for_timeout(600)
    assert lab_watch.commands == ["set_display"], "one report for all changes, nothing else"
    assert lab.ask("[s['request'] for s in w.status.values()]") == [1] * 4, "nothing is recomputed"


def test_colour_map_and_sign_repaint_without_python(lab, lab_watch):
    root = lab.show(QUICK, panels=4)
    seen = {tuple(ink(root))}
    lab_watch.said.clear()
    for sign in ("Positive", "Negative", "Absolute"):
        root.get_by_role("button", name=sign, exact=True).click()
        painted(lab.page)
        seen.add(tuple(ink(root)))
    for name in ("viridis", "PuOr_r"):
        root.get_by_role("button", name=re.compile("RdBu_r|viridis")).first.click()
        root.get_by_role("button", name=name).click()
        painted(lab.page)
        seen.add(tuple(ink(root)))
    assert len(seen) == 6, "each choice looks different"
    eventually(lab, "[w.display['sign'], w.display['colour_map']]", ["absolute", "PuOr_r"])
    assert set(lab_watch.commands) == {"set_display"}


def test_a_drag_of_a_slider_by_mouse_sends_nothing_but_its_report(lab, lab_watch):
    root = lab.show(QUICK, panels=4)
    box = slider(root, "Opacity").bounding_box()
    lab_watch.said.clear()
    middle = box["y"] + box["height"] / 2
    lab.page.mouse.move(box["x"] + 0.8 * box["width"], middle)
    lab.page.mouse.down()
    for step in range(20):
        lab.page.mouse.move(box["x"] + (0.8 - 0.03 * step) * box["width"], middle)
    lab.page.mouse.up()
    shown = float(slider(root, "Opacity").input_value())
    assert 0.15 < shown < 0.35
    eventually(lab, "w.display['opacity']", shown)
    assert set(lab_watch.commands) == {"set_display"}
    opacities = root.locator(".xw-panel .xw-map").evaluate_all(
        "all => all.map(e => e.style.opacity)"
    )
    assert set(map(float, opacities)) == {shown}


def test_a_shared_scale_gives_every_legend_the_same_ends(lab):
    root = lab.show(QUICK, panels=4)
    ends = root.locator(".xw-panel .xw-ends")
    assert len(set(ends.all_inner_texts())) == 4
    root.get_by_role("button", name="Shared", exact=True).click()
    painted(lab.page)
    assert len(set(ends.all_inner_texts())) == 1
    largest = max(
        lab.ask("[float(np.percentile(abs(a.map()[0]), 99.5)) for a in w.answers.values()]")
    )
    shown = number(ends.first.inner_text().split()[-1].lstrip("+"))
    assert abs(shown - largest) <= 0.006 * largest


def test_the_true_region_is_outlined_on_request(lab):
    root = lab.show(
        "xw.compare(subject, image, methods=quick[:1], masks=scenes[0].masks['object'])", panels=1
    )
    overlay = ".xw-panel .xw-over"
    before = ink(root, overlay)
    root.get_by_role("button", name="Truth").click()
    painted(lab.page)
    assert ink(root, overlay) != before


# --- code --------------------------------------------------------------------------------------


def test_copy_as_python_makes_an_equal_widget(lab):
    root = lab.show(STRIP, panels=4)
    root.locator(".xw-film [role=option]").nth(1).click()
    eventually(lab, "w.scene['index']", 1)
    lab.settle()
    first, second = root.locator(".xw-class").all_inner_texts()[:2]
    bar(root, second).click()
    expect(explained(root)).to_have_text(second)
    bar(root, first).click(modifiers=["Shift"])
    expect(explained(root)).to_have_text(f"{second} − {first}")
    box = settings(root, "SmoothGrad").get_by_label("samples, number")
    box.fill("6")
    box.press("Enter")
    eventually(lab, "w.panels[1]['settings']['samples']", 6)
    root.get_by_role("button", name="Positive", exact=True).click()
    eventually(lab, "w.display['sign']", "positive")
    lab.settle()
    root.get_by_role("button", name="Copy as Python").click()
    expect(root.get_by_role("button", name="Copied")).to_be_visible()
    code = lab.page.evaluate("navigator.clipboard.readText()")
    space = lab.run(
        f"copied = {{'subject': subject, 'images': images}}\nexec({code!r}, copied)\n"
        "other = copied['w'].wait()\nNone"
    )
    assert space.strip() == ""
    same = lab.ask(
        "[other.target == w.target, other.display == w.display, "
        "other.scene['index'] == w.scene['index'], list(other.answers) == list(w.answers), "
        "all(torch.equal(a.values, b.values) for a, b in "
        "zip(other.answers.values(), w.answers.values()))]"
    )
    lab.run("other.close()")
    assert same == [True] * 5, code


# --- trouble -----------------------------------------------------------------------------------

SLOW = '''
class Slow(xw.Attribution, title="Slow"):
    """Takes its time."""
    rounds: int = xw.knob(default=400, low=1, high=1000, help="passes")
    def cost(self, subject, x):
        return xw.Passes(self.rounds, self.rounds)
    def attribute(self, subject, x, target):
        for _ in range(self.rounds):
            found = subject.gradient(x, target)
            time.sleep(0.05)
        return found

def broken(subject, x, target):
    raise ValueError("no luck with <b>this</b> one")
'''


@pytest.fixture(scope="module")
def methods(lab: Notebook) -> None:
    lab.run(SLOW)


def test_a_failing_method_speaks_in_its_own_panel_and_the_others_answer(lab, methods):
    root = lab.show("xw.compare(subject, image, methods=[broken, *quick])", panels=5)
    expect(panel(root, "broken").locator("[role=alert]")).to_contain_text(
        "ValueError: no luck with <b>this</b> one"
    )
    assert lab.ask("list(w.answers)") == ["Saliency", "SmoothGrad", "GradCam", "EdgeDetector"]
    assert root.locator(".xw-panel [role=alert]").count() == 1
    other = root.locator(".xw-class").nth(1).inner_text()
    bar(root, other).click()
    expect(explained(root)).to_have_text(other)
    lab.settle()
    assert lab.ask("w.answers['Saliency'].provenance.target") == [other]
    panel(root, "broken").get_by_role("button", name="Retry").click()
    eventually(lab, "[w.status['p1']['request'], w.status['p1']['status']]", [3, "error"])


def test_a_slow_method_shows_its_progress_and_can_be_cancelled(lab, methods):
    root = lab.show("xw.compare(subject, image, methods=[Slow, *quick])", panels=5, wait=False)
    progress = panel(root, "Slow").locator("[role=progressbar]")
    expect(progress).to_be_visible()
    expect(progress).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]\d?$"))
    expect(panel(root, "Slow")).to_have_attribute("aria-busy", "true")
    panel(root, "Slow").get_by_role("button", name="Cancel").click()
    expect(panel(root, "Slow").locator("[role=alert]")).to_contain_text("Cancelled")
    lab.settle()
    assert lab.ask("w.status['p1']['status']") == "cancelled"
    assert lab.ask("len(w.answers)") == 4


def test_a_map_is_drawn_while_its_method_still_asks_and_stays_when_it_is_cancelled(
    lab, methods, picture_of
):
    lab.run("""
    def reluctant(array):
        time.sleep(0.15)
        return subject.outputs(torch.from_numpy(array)).numpy()

    box = xw.Subject(reluctant, classes=subject.classes, mean=0.5, std=0.25, size=(96, 96))
    """)
    code = "xw.compare(box, image, methods=[xw.RISE(samples=20000), xw.Occlusion(stride=16)])"
    root = lab.show(code, panels=2, wait=False)
    rise = panel(root, "RISE")
    expect(rise).to_contain_text(re.compile(r"\d+ of 20000 samples so far\."))
    expect(rise).to_have_attribute("aria-busy", "true")
    assert not re.search("xw-stale", rise.get_attribute("class"))
    before = rise.inner_text()
    expect(rise).not_to_have_text(before)  # it sharpens
    picture_of(lab.page, "unfinished")
    root.get_by_role("button", name="Std. error").click()
    expect(rise).to_contain_text("standard error")
    rise.get_by_role("button", name="Cancel").click()
    expect(rise.locator("[role=alert]")).to_contain_text("Cancelled")
    expect(rise).to_contain_text("samples so far.")
    picture_of(lab.page, "unfinished-cancelled")
    lab.settle()
    assert lab.ask("w.status['p1']['status']") == "cancelled"
    assert lab.ask("w.answers['RISE'].provenance.forwards < 20000")


def test_cancel_all_stops_what_waits_too(lab, methods):
    root = lab.show("xw.compare(subject, image, methods=[Slow, *quick])", panels=5, wait=False)
    expect(panel(root, "Saliency")).to_have_attribute("aria-busy", "true")
    root.get_by_role("button", name="Cancel all").click()
    expect(root.locator(".xw-panel [role=alert]")).to_have_count(5)
    eventually(lab, "{s['status'] for s in w.status.values()} == {'cancelled'}", True)
    panel(root, "Saliency").get_by_role("button", name="Retry").click()
    eventually(lab, "list(w.answers)", ["Saliency"])


def test_a_stale_panel_looks_stale_until_its_new_answer_is_there(lab, methods):
    root = lab.show("xw.compare(subject, image, methods=[quick[0], Slow(rounds=1)])", panels=2)
    box = settings(root, "Slow").get_by_label("rounds, number")
    box.fill("400")
    box.press("Enter")
    expect(panel(root, "Slow")).to_have_class(re.compile("xw-stale"))
    expect(panel(root, "Saliency")).not_to_have_class(re.compile("xw-stale"))
    panel(root, "Slow").get_by_role("button", name="Cancel").click()
    expect(panel(root, "Slow").locator("[role=alert]")).to_contain_text("Cancelled")
    box.fill("2")
    box.press("Enter")
    eventually(lab, "w.answers['Slow'].provenance.settings['rounds']", 2)
    settled(lab.page)


def test_a_number_can_be_typed_while_the_method_reports_its_progress(lab, methods):
    root = lab.show("xw.compare(subject, image, methods=[Slow])", panels=1, wait=False)
    box = settings(root, "Slow").get_by_label("rounds, number")
    progress = panel(root, "Slow").locator("[role=progressbar]")
    box.fill("3")
    seen = progress.get_attribute("aria-valuenow")
    expect(progress).not_to_have_attribute("aria-valuenow", seen)
    expect(box).to_have_value("3")
    box.press("Enter")
    eventually(lab, "[a.provenance.settings['rounds'] for a in w.answers.values()]", [3])
    settled(lab.page)


def test_waiting_in_a_cell_ends_when_every_panel_has_its_answer(lab, methods):
    root = lab.show("xw.compare(subject, image, methods=[Slow(rounds=15), *quick])", wait=False)
    assert lab.ask("len(w.wait().answers)") == 5
    settled(lab.page)
    assert "empty" not in ink(root)


def test_an_interrupt_of_a_waiting_cell_cancels_the_work(lab, methods):
    root = lab.show("xw.compare(subject, image, methods=[Slow, *quick])", panels=5, wait=False)
    before = lab.type("w.wait()\nNone")
    expect(panel(root, "Slow").locator("[role=progressbar]")).to_have_attribute(
        "aria-valuenow", re.compile(r"^[1-9]\d?$")
    )
    assert lab.prompt(0) == -1, "the cell waits"
    menu(lab.page, "Kernel", "Interrupt Kernel")
    lab.finished(before)
    lab.page.wait_for_timeout(50)
    assert lab.output() == "", "an interrupt that was understood leaves no traceback"
    assert lab.ask("{s['status'] for s in w.status.values()} == {'cancelled'}")
    expect(root.locator(".xw-panel [role=alert]")).to_have_count(5)


def test_the_widget_answers_while_a_cell_waits_for_it(lab, methods):
    root = lab.show("xw.compare(subject, image, methods=[Slow, *quick])", panels=5, wait=False)
    before = lab.type("w.wait()\nNone")
    expect(panel(root, "Slow")).to_have_attribute("aria-busy", "true")
    root.get_by_role("button", name="Cancel all").click()
    lab.finished(before)
    assert lab.ask("w.status['p1']['status']") == "cancelled"


def test_a_class_name_with_html_is_text_everywhere(lab, methods):
    lab.run(
        f"evil = {EVIL!r}\n"
        "def bad(subject, x, target):\n    raise ValueError(evil)\n"
        "bad.__name__ = evil\n"
        "nasty = xw.Subject(zoo.load('shapes'), mean=subject.preprocessing.mean, "
        "std=subject.preprocessing.std, size=96, title=evil, classes=[evil] + "
        "[f'{evil} {i}' for i in range(7)])"
    )
    root = lab.show(
        "xw.compare(nasty, images[:2], methods=[bad, *quick], truths=[evil, evil],"
        " masks=[{evil: scenes[i].masks['object']} for i in range(2)])",
        panels=5,
    )
    expect(root.locator(".xw-class").first).to_contain_text("<img src=x")
    expect(explained(root)).to_contain_text("<img src=x")
    expect(root.locator("header h2")).to_have_text(EVIL)
    expect(root.locator(".xw-panel [role=alert]")).to_contain_text(EVIL)
    expect(root.locator(".xw-truth")).to_contain_text(EVIL)
    root.get_by_role("button", name="Truth").click()
    root.locator(".xw-bar").nth(1).click(modifiers=["Shift"])
    expect(explained(root)).to_contain_text(" − <img src=x")
    root.get_by_role("button", name="Add a method").click()
    expect(root.locator(".xw-catalogue")).to_contain_text(EVIL)
    lab.page.keyboard.press("Escape")
    lab.settle()
    assert root.locator("img").count() == 0
    assert lab.page.evaluate("window.__pwned") is None


BAD_INPUT = {
    "a picture of NaN": ("xw.compare(subject, np.full((96, 96, 3), np.nan, 'float32'))", "NaN"),
    "five channels": ("xw.compare(subject, np.zeros((96, 96, 5), 'uint8'))", "(96, 96, 5)"),
    "training mode": ("xw.compare(zoo.load('shapes').train(), image)", "model.eval()"),
    "an unknown class": ("xw.compare(subject, image, target='cros')", "'cross'"),
    "a class out of range": ("xw.compare(subject, image, target=99)", "0 to 7"),
    "no picture": ("xw.compare(subject, [])", "empty"),
    "an unknown display": ("xw.compare(subject, image, display={'opacity': 2})", "0 to 1"),
}


@pytest.mark.parametrize("what", BAD_INPUT)
def test_bad_input_gives_one_sentence_in_the_cell(lab, what):
    code, words = BAD_INPUT[what]
    shown = lab.run(code, fails=True)
    lines = [line for line in shown.splitlines() if line.strip()]
    assert len(lines) == 1, shown
    assert lines[0].startswith("ExplainError: ")
    assert lines[0].rstrip().endswith(".")
    assert words in lines[0]


def test_a_bad_call_on_a_living_widget_leaves_it_usable(lab):
    root = lab.show(QUICK, panels=4)
    assert "No class is called 'disk'" in lab.run("w.explain('disk')", fails=True)
    name = root.locator(".xw-class").nth(1).inner_text()
    lab.run(f"w.explain({name!r}).wait()\nNone")
    expect(explained(root)).to_have_text(name)
    settled(lab.page)


# --- the notebook around it --------------------------------------------------------------------


def test_keys_pressed_in_the_widget_are_no_shortcuts_of_the_notebook(lab):
    root = lab.show(QUICK, panels=4)
    settings(root, "SmoothGrad")
    cells = lab.page.locator(".jp-Notebook .jp-Cell")
    before = cells.count()
    active = (
        "[...document.querySelectorAll('.jp-Cell')].findIndex(e => e.matches('.jp-mod-active'))"
    )
    for place in (
        slider(root, "Opacity"),
        slider(root, "noise"),
        root.locator(".xw-scene .xw-stage"),
        panel(root, "Saliency").locator(".xw-stage"),
        root.locator(".xw-bar").nth(1),
        root.get_by_role("button", name="Positive", exact=True),
    ):
        place.focus()
        at = lab.page.evaluate(active)
        for key in ("a", "b", "d", "d", "ArrowDown", "ArrowUp", "j", "k", "x", "m", "y", "l"):
            lab.page.keyboard.press(key)
        expect(place).to_be_focused()
        assert cells.count() == before, place
        assert lab.page.evaluate(active) == at, place
    assert lab.cells.count() == 2, "no cell has turned into text"
    assert lab.page.locator(".jp-Notebook.jp-mod-editMode").count() == 0
    lab.settle()


def test_escape_leaves_the_widget(lab):
    root = lab.show(QUICK, panels=4)
    slider(root, "Opacity").focus()
    lab.page.keyboard.press("Escape")
    expect(slider(root, "Opacity")).not_to_be_focused()


BURST = """([name, values]) => {
    const input = document.querySelector(`input[aria-label="${name}"]`);
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
    const kind = input.type === 'range' ? 'input' : 'change';
    return new Promise((done) => {
        let at = 0;
        const timer = setInterval(() => {
            set.call(input, values[at]);
            input.dispatchEvent(new Event(kind, { bubbles: true }));
            if (++at === values.length) { clearInterval(timer); done(at); }
        }, 5);
    });
}"""


@pytest.mark.parametrize("control", ["noise", "noise, number"])
def test_after_200_knob_changes_the_newest_wins_and_nothing_is_stale(lab, control):
    root = lab.show(QUICK, panels=4)
    settings(root, "SmoothGrad")
    values = [round(0.01 * (5 + i % 40), 2) for i in range(199)] + [0.33]
    assert lab.page.evaluate(BURST, [control, values]) == 200
    eventually(lab, "w.panels[1]['settings']['noise']", 0.33)
    lab.settle()
    assert lab.ask("w.answers['SmoothGrad'].provenance.settings['noise']") == 0.33
    assert lab.ask("{s['status'] for s in w.status.values()} == {'done'}")
    expect(root.locator(".xw-stale")).to_have_count(0)
    expect(panel(root, "SmoothGrad").get_by_label("noise, number")).to_have_value("0.33")
    panel(root, "SmoothGrad").locator(".xw-stage").focus()
    lab.page.keyboard.press("ArrowRight")
    for _ in range(15):
        lab.page.keyboard.press("ArrowDown")
    expect(root.locator(".xw-scene .xw-pill")).to_have_text("(48, 63)")
    assert_shown_values_are_pythons(lab, read_outs(root), 48, 63)


def test_two_views_of_one_widget_stay_in_step(lab):
    lab.show(QUICK, panels=4)
    lab.run("from IPython.display import display\ndisplay(w)\ndisplay(w)", cell=1)
    roots = lab.page.locator(".xw-root")
    expect(roots).to_have_count(2)
    one, two = roots.nth(0), roots.nth(1)
    expect(two.locator(".xw-panel")).to_have_count(4)
    name = one.locator(".xw-class").nth(2).inner_text()
    bar(one, name).click()
    expect(explained(one)).to_have_text(name)
    expect(explained(two)).to_have_text(name)
    lab.settle()
    assert ink(one) == ink(two)
    two.get_by_role("button", name="Negative", exact=True).click()
    eventually(lab, "w.display['sign']", "negative")
    expect(one.get_by_role("button", name="Negative", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    painted(lab.page)
    assert ink(one) == ink(two)
    box = settings(two, "SmoothGrad").get_by_label("noise, number")
    box.fill("0.3")
    box.press("Enter")
    expect(settings(one, "SmoothGrad").get_by_label("noise, number")).to_have_value("0.3")
    lab.settle()
    assert ink(one) == ink(two)
    two.locator(".xw-scene .xw-stage").focus()
    for key in ("ArrowRight", "r", "Shift+ArrowRight", "r"):
        lab.page.keyboard.press(key)
    expect(one.locator(".xw-zoom")).to_contain_text("11 × 1 px")


def test_a_closed_output_can_be_shown_again(lab):
    root = lab.show(QUICK, panels=4)
    name = root.locator(".xw-class").nth(1).inner_text()
    bar(root, name).click()
    expect(explained(root)).to_have_text(name)
    lab.settle()
    before = ink(root)
    lab.run("None", cell=1)
    expect(lab.page.locator(".xw-root")).to_have_count(0)
    lab.run("w", cell=1)
    root = lab.view()
    expect(root.locator(".xw-panel")).to_have_count(4)
    settled(lab.page)
    expect(explained(root)).to_have_text(name)
    assert ink(root) == before
    bar(root, root.locator(".xw-class").first.inner_text()).click()
    expect(explained(root)).not_to_have_text(name)
    lab.settle()


def test_a_picture_stays_in_the_saved_notebook(lab, server):
    root = lab.show(QUICK, panels=4)
    eventually(lab, "w._left.kept", True)
    path = server.folder / "compare.ipynb"
    bundles = []
    for _ in range(50):
        menu(lab.page, "File", "Save Notebook")
        lab.page.wait_for_timeout(200)
        cells = json.loads(path.read_text())["cells"]
        bundles = [output.get("data", {}) for output in cells[1]["outputs"]]
        if len(bundles) == 2 and bundles[1].get("image/png") == lab.ask(
            "w._left.bundle()['image/png']"
        ):
            break
    view, left = bundles
    widget = "application/vnd.jupyter.widget-view+json"
    assert view[widget]["model_id"] == lab.ask("w.model_id")
    assert widget in left, "where widgets run, an empty one takes the picture's place"
    picture = Image.open(io.BytesIO(base64.b64decode(left["image/png"])))
    colours = len(set(picture.convert("RGB").resize((60, 20)).getdata()))
    assert colours > 50, "the picture shows something"
    shown = lab.cells.nth(1).locator(".jp-OutputArea-output")
    assert shown.locator("img").count() == 0
    assert shown.nth(1).bounding_box() is None or shown.nth(1).bounding_box()["height"] < 12
    assert root.is_visible()


def test_the_view_survives_the_last_answer(lab, methods):
    """The picture for the saved notebook is refreshed then; it must not cost the reader's zoom."""
    root = lab.show("xw.compare(subject, image, methods=[*quick, Slow(rounds=20)])", wait=False)
    root.get_by_role("button", name="Zoom in").click()
    slider(root, "Opacity").focus()
    lab.page.keyboard.press("ArrowLeft")
    expect(panel(root, "Slow")).to_have_attribute("aria-busy", "false")
    lab.page.wait_for_timeout(1000)
    expect(slider(root, "Opacity")).to_be_focused()
    expect(root.locator(".xw-zoom")).to_contain_text("150 %")
    assert lab.ask("w._left.kept") is True


def test_closing_a_widget_that_is_shown_is_quiet(lab):
    lab.show(QUICK, panels=4)
    eventually(lab, "w._left.kept", True)
    lab.page.wait_for_timeout(300)
    lab.run("w.close()\nw = None")
    expect(lab.page.locator(".xw-root")).to_have_count(0)


def test_a_reloaded_page_finds_the_widget_in_the_kernel(lab):
    root = lab.show(QUICK, panels=4)
    name = root.locator(".xw-class").nth(1).inner_text()
    bar(root, name).click()
    expect(explained(root)).to_have_text(name)
    root.get_by_role("button", name="Absolute", exact=True).click()
    eventually(lab, "w.display['sign']", "absolute")
    lab.settle()
    before = ink(root)
    menu(lab.page, "File", "Save Notebook")
    expect(lab.page.locator(".jp-mod-current.jp-mod-dirty")).to_have_count(0)
    lab.page.wait_for_timeout(300)
    lab.page.reload()
    root = lab.view()
    expect(root.locator(".xw-panel")).to_have_count(4, timeout=PATIENCE)
    lab.ready()
    settled(lab.page)
    expect(explained(root)).to_have_text(name)
    assert ink(root) == before
    third = root.locator(".xw-class").nth(2).inner_text()
    bar(root, third).click()
    expect(explained(root)).to_have_text(third)
    eventually(lab, "w.target['label']", third)
    lab.settle()


def test_it_follows_the_notebooks_theme_wide_and_narrow(lab, picture_of):
    root = lab.show(
        "xw.compare(subject, images, truths=['disc'] * 4, masks=[{'object': scenes[i].masks"
        "['object']} for i in range(4)])",
        panels=6,
    )
    wide = {"width": 1500, "height": 1400}
    try:
        for theme in ("Light", "Dark"):
            menu(lab.page, "Settings", "Theme", f"JupyterLab {theme}$")
            expect(root).to_have_attribute("data-theme", theme.lower())
            for name, size in (("wide", wide), ("narrow", {"width": 640, "height": 1400})):
                lab.page.set_viewport_size(size)
                painted(lab.page)
                inside = root.evaluate("e => e.scrollWidth - e.clientWidth")
                assert inside <= 1, "nothing sticks out sideways"
                root.scroll_into_view_if_needed()
                picture_of(lab.page, f"lab-{theme.lower()}-{name}")
    finally:
        lab.page.set_viewport_size(wide)
        menu(lab.page, "Settings", "Theme", "JupyterLab Light$")
