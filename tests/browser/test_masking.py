"""Masking in a real JupyterLab: slider, fills, scores, curves, brush, by mouse and keyboard."""

from __future__ import annotations

import re

import pytest
from browser.driving import Notebook, ink, menu, painted
from browser.test_lab import eventually, panel, slider
from playwright.sync_api import Locator, expect

SHOW = "xw.masking(subject, images, methods=quick, share=20)"
UNDER = ".xw-panel .xw-picture"

# The colours of a canvas, whole.
PIXELS = """(canvas) => Array.from(
    canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)"""


def scores_shown(root: Locator) -> list[str]:
    """What every panel says: whole picture → masked."""
    return [
        " ".join(words.split()) for words in root.locator(".xw-panel .xw-score").all_inner_texts()
    ]


def scored(lab: Notebook, root: Locator) -> None:
    """Wait until Python and page agree about the newest settings."""
    expect(root.locator(".xw-late")).to_have_count(0)
    lab.settle()


def move(root: Locator, key: str, times: int = 1) -> None:
    """Move the mask slider by keyboard."""
    slider(root, "Share of pixels").focus()
    for _ in range(times):
        root.page.keyboard.press(key)


def as_percent(share: float) -> str:
    return f"{share * 100:.0f} %" if share * 100 >= 9.95 else f"{share * 100:.1f} %"


def test_masks_and_scores_are_pythons_to_the_pixel(lab):
    root = lab.show(SHOW, panels=4)
    scored(lab, root)
    for mode, button in (("remove", "Remove"), ("keep", "Keep"), ("reveal", "Reveal")):
        root.get_by_role("button", name=button, exact=True).first.click()
        eventually(lab, "w.masking.mode", mode)
        scored(lab, root)
        painted(lab.page)
        differ = []
        for number in range(4):
            shown = root.locator(UNDER).nth(number).evaluate(PIXELS)
            lab.tell(f"shown = np.array({shown}, 'uint8').reshape(96, 96, 4)[..., :3]")
            differ.append(
                lab.ask(
                    "int((shown != np.where(masking.hole(w._masking.levels(w._panels.every["
                    f"{number}]), w.masking_settings)[..., None], pack.unpack(w.filled['picture']),"
                    " images[0])).any(-1).sum())"
                )
            )
        assert differ == [0, 0, 0, 0], mode
        told = lab.ask("w.masking.scores")
        for words, score in zip(scores_shown(root), told.values(), strict=True):
            assert words == (
                f"{as_percent(score['intact'])} → {as_percent(score['masked'])} "
                f"random {as_percent(score['random'])}"
            )


@pytest.fixture(autouse=True, scope="module")
def names(lab):
    lab.tell("from xaiwidgets.widgets import masking, pack")


def test_the_mask_slider_moves_every_panel_by_its_own_map_and_scores_follow(lab):
    root = lab.show(SHOW, panels=4)
    scored(lab, root)
    before, said = ink(root, UNDER), scores_shown(root)
    assert len(set(before)) == 4, "every panel is masked by its own map"
    move(root, "ArrowRight", 10)
    expect(root.locator(".xw-masking b")).to_have_text("top 25 % removed")
    painted(lab.page)
    after = ink(root, UNDER)
    assert all(a != b for a, b in zip(before, after, strict=True))
    eventually(lab, "w.masking.share", 25.0)
    scored(lab, root)
    assert scores_shown(root) != said
    move(root, "Home")
    eventually(lab, "w.masking.share", 0.0)
    scored(lab, root)
    assert len(set(ink(root, UNDER))) == 1, "nothing is hidden"
    assert lab.ask("all(abs(s['intact'] - s['masked']) < 1e-5 for s in w.masking.scores.values())")


def test_the_masking_switch_opens_and_closes_it_with_maps_as_they_were(lab):
    root = lab.show("xw.compare(subject, image, methods=quick)", panels=4)
    before = ink(root)
    expect(root.locator(".xw-masking")).to_have_count(0)
    switch = root.get_by_role("button", name="Masking", exact=True)
    switch.click()
    expect(root.locator(".xw-masking")).to_be_visible()
    expect(root.locator(".xw-panel .xw-score")).to_have_count(4)
    scored(lab, root)
    assert len(set(ink(root, UNDER))) == 4
    expect(root.locator(".xw-panel .xw-map").first).to_be_hidden()
    root.get_by_role("button", name="Maps", exact=True).click()
    expect(root.locator(".xw-panel .xw-map").first).to_be_visible()
    switch.click()
    expect(root.locator(".xw-masking")).to_have_count(0)
    painted(lab.page)
    assert len(set(ink(root, UNDER))) == 1
    assert ink(root) == before
    assert lab.ask("w.masking.on") is False


def test_every_mask_filling_is_drawn_and_asked(lab):
    root = lab.show(SHOW, panels=4)
    seen = set()
    for fill in lab.ask("w.about['fills']"):
        root.locator(".xw-fill select").select_option(fill)
        eventually(lab, "w.masking.fill", fill)
        scored(lab, root)
        lab.page.wait_for_function(
            "() => document.querySelectorAll('.xw-masking .xw-problem').length === 0"
        )
        painted(lab.page)
        seen.add(tuple(ink(root, UNDER)))
    assert len(seen) == len(lab.ask("w.about['fills']"))


def test_python_sets_the_masking_and_the_page_follows(lab):
    root = lab.show(SHOW, panels=4)
    lab.run("w.masking.set(mode='reveal', share=40, fill='mean')")
    expect(root.locator(".xw-masking b")).to_have_text("top 40 % revealed")
    expect(root.locator(".xw-fill select")).to_have_value("mean")
    scored(lab, root)
    shown = lab.run("w.masking.share = 140", fails=True)
    assert "masking share is 140; it takes 0 to 100 percent." in shown
    assert "'share': 40.0, 'mode': 'reveal', 'fill': 'mean'" in lab.ask("w.python()")


def test_mask_scores_follow_another_class_and_another_input(lab):
    root = lab.show(SHOW, panels=4)
    scored(lab, root)
    before = scores_shown(root)
    root.locator(".xw-class").nth(1).click()
    lab.settle()
    scored(lab, root)
    assert scores_shown(root) != before
    root.locator(".xw-film [role=option]").nth(2).click()
    lab.settle()
    scored(lab, root)
    whole = lab.ask(
        "next(p['probability'] for p in w.scene['predictions']"
        " if [p['index']] == w.target['indices'])"
    )
    assert [words.split(" →")[0] for words in scores_shown(root)] == [as_percent(whole)] * 4
    assert lab.ask("w.filled['input']") == 2


def test_after_200_mask_slider_steps_the_newest_wins(lab):
    root = lab.show(SHOW, panels=4)
    scored(lab, root)
    lab.page.evaluate(
        """() => new Promise((done) => {
            const input = document.querySelector('input[aria-label="Share of pixels"]');
            const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
            let at = 0;
            const timer = setInterval(() => {
                set.call(input, at === 199 ? 33.5 : (at * 7) % 100);
                input.dispatchEvent(new Event('input', { bubbles: true }));
                if (++at === 200) { clearInterval(timer); done(); }
            }, 5);
        })"""
    )
    eventually(lab, "w.masking.share", 33.5)
    scored(lab, root)
    assert lab.ask("w.mask_scores['turn'] == w.masking_settings['turn']")
    expect(root.locator(".xw-masking b")).to_have_text("top 33.5 % removed")


def curves(root: Locator) -> Locator:
    return root.locator(".xw-curves")


def test_mask_curves_are_drawn_when_asked_for_and_linked_to_panels_and_slider(lab, picture_of):
    root = lab.show(SHOW, panels=4)
    expect(curves(root)).to_have_count(0)
    root.get_by_role("button", name="Curves", exact=True).click()
    rows = curves(root).locator("tbody tr")
    expect(rows).to_have_count(5)
    titles = lab.ask("[card['title'] for card in w.panels]")
    assert rows.locator("span").all_inner_texts() == [*titles, "Random (5 orders)"]
    eventually(lab, "w.mask_curves['status']", "done")
    expect(curves(root).locator(".xw-curve")).to_have_count(10)
    expect(curves(root).locator(".xw-band")).to_have_count(2)
    numbers = [row.split() for row in rows.locator("td").all_inner_texts()]
    told = lab.ask("[[l['deletion']['auc'], l['deletion']['aopc'], l['insertion']['auc']]"
                   " for l in w.mask_curves['lines']]")  # fmt: skip
    shown = [float(one[0].replace("−", "-")) for one in numbers]
    assert shown[:12] == pytest.approx([value for line in told for value in line], abs=6e-4)
    # a row, a curve and a panel light up together
    rows.nth(2).hover()
    expect(panel(root, titles[2])).to_have_class(re.compile("xw-lit"))
    expect(curves(root).locator(".xw-dim")).to_have_count(8)
    panel(root, titles[1]).locator("h3").hover()
    expect(rows.nth(1)).to_have_class(re.compile("xw-lit"))
    area = curves(root).locator(".xw-area").first
    line = lab.ask("w.mask_curves['lines'][2]['deletion']['y'][8]")
    box = area.bounding_box()
    lab.page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * (1 - line))
    expect(panel(root, titles[2])).to_have_class(re.compile("xw-lit"))
    expect(curves(root).locator("figcaption").first).to_contain_text(titles[2])
    # the slider's line, and a press that moves it
    now = curves(root).locator(".xw-now")
    expect(now).to_have_count(1)
    assert now.evaluate("e => e.style.left") == "20%"
    lab.page.mouse.down()
    lab.page.mouse.up()
    expect(root.locator(".xw-masking b")).to_have_text("top 25 % removed")
    assert now.evaluate("e => e.style.left") == "25%"
    scored(lab, root)
    picture_of(lab.page, "lab-mask-curves")
    # the score read off the curve is the score that was asked for
    assert lab.ask(
        "abs(w.masking.scores['GradCam']['masked'] - w.curves['deletion']['GradCam'].y[0, 8])"
    ) < 2e-2  # fmt: skip


def test_mask_curves_that_were_drawn_once_are_kept_and_new_ones_are_offered(lab):
    root = lab.show(SHOW, panels=4)
    root.get_by_role("button", name="Curves", exact=True).click()
    eventually(lab, "w.mask_curves['status']", "done")
    root.locator(".xw-fill select").select_option("mean")
    expect(curves(root).locator("tbody tr")).to_have_count(0)
    expect(curves(root)).to_contain_text("4 of 4 panels not drawn")
    root.get_by_role("button", name="Draw curves").click()
    eventually(lab, "w.mask_curves['status']", "done")
    expect(curves(root).locator("tbody tr")).to_have_count(5)
    root.locator(".xw-fill select").select_option("blur")
    expect(curves(root).locator("tbody tr")).to_have_count(5)
    assert lab.ask("len(w._masking.curves._known)") == 2 * 2 * (4 + 5)


def test_drawing_mask_curves_is_cancelled(lab):
    root = lab.show(
        "xw.masking(xw.Subject(zoo.load('shapes'), mean=(0.5,) * 3, std=(0.25,) * 3, size=448, "
        "classes=subject.classes), image, methods=quick)",
        panels=4,
    )
    root.get_by_role("button", name="Curves", exact=True).click()
    expect(curves(root).get_by_role("progressbar")).to_be_visible()
    curves(root).get_by_role("button", name="Cancel").click()
    expect(curves(root)).to_contain_text("Drawing was cancelled.")
    lab.settle()
    assert lab.ask("w.mask_curves['missing']") > 0
    scored(lab, root)


def test_the_mask_brush_covers_by_mouse_and_the_score_answers(lab):
    root = lab.show(SHOW, panels=4)
    scored(lab, root)
    whole = ink(root, ".xw-scene .xw-picture")
    root.get_by_role("button", name="Brush", exact=True).click()
    stage = root.locator(".xw-scene .xw-stage")
    box = stage.bounding_box()
    lab.page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.7 * box["height"], steps=6)
    lab.page.mouse.up()
    painted(lab.page)
    assert ink(root, ".xw-scene .xw-picture") != whole
    expect(root.locator(".xw-brush-bar .xw-score")).to_be_visible()
    scored(lab, root)
    assert lab.ask("w.region") == {}, "the brush draws no region"
    share = lab.ask("float(w.brush.mean())")
    assert 0.05 < share < 0.3
    assert lab.ask("bool(w.brush[48, 48]) and not bool(w.brush[5, 5])")
    covered = lab.ask("w.masking.scores['brush']['masked']")
    expect(root.locator(".xw-brush-bar .xw-score")).to_contain_text(as_percent(covered))
    bar = root.locator(".xw-brush-bar")
    bar.get_by_role("button", name="Keep", exact=True).click()
    eventually(lab, "w.masking.spares", True)
    scored(lab, root)
    bar.get_by_role("button", name="Undo").click()
    eventually(lab, "w.masking.strokes", [])
    painted(lab.page)
    assert ink(root, ".xw-scene .xw-picture") == whole


def test_the_mask_brush_is_moved_by_arrows_and_stamps_with_space(lab):
    root = lab.show(SHOW, panels=4)
    root.get_by_role("button", name="Brush", exact=True).click()
    root.locator(".xw-scene .xw-stage").focus()
    for key in ("ArrowRight", "ArrowRight", " ", "Shift+ArrowDown", "Shift+ArrowDown", " "):
        lab.page.keyboard.press(key)
    expect(root.locator("[aria-live=polite]")).to_have_text("Stamped at x 49, y 68.")
    eventually(lab, "w.masking.strokes", [[12, 49, 48], [12, 49, 68]])
    assert lab.ask("int(w.brush.sum())") == 2 * 144
    scored(lab, root)
    root.locator(".xw-brush-bar").get_by_role("button", name="Clear").click()
    eventually(lab, "int(w.brush.sum())", 0)
    lab.run("mask = np.zeros((96, 96), bool); mask[10:31, 7:50] = True; w.brush = mask")
    assert lab.ask("bool((w.brush == mask).all())")
    scored(lab, root)


def test_a_map_that_is_the_same_everywhere_says_so_in_its_panel(lab):
    lab.run("def flat(subject, x, target):\n    return torch.ones_like(x)")
    root = lab.show("xw.masking(subject, image, methods=[xw.GradCam(), flat])", panels=2)
    expect(panel(root, "flat")).to_contain_text("it puts no pixel before another")
    expect(panel(root, "Grad-CAM").locator(".xw-score")).to_be_visible()
    assert list(lab.ask("w.masking.scores")) == ["GradCam"]


def test_masking_follows_the_theme_wide_and_narrow(lab, picture_of):
    root = lab.show(SHOW.replace("quick", "None"), panels=6)
    lab.run("w.masking.strokes = [[16, 40, 40, 48, 48]]; w.masking.draw_curves(); w.wait()\nNone")
    root.get_by_role("button", name="Curves", exact=True).click()
    root.get_by_role("button", name="Brush", exact=True).click()
    expect(curves(root).locator("tbody tr")).to_have_count(7)
    wide = {"width": 1500, "height": 1400}
    try:
        for theme in ("Light", "Dark"):
            menu(lab.page, "Settings", "Theme", f"JupyterLab {theme}$")
            expect(root).to_have_attribute("data-theme", theme.lower())
            for name, size in (("wide", wide), ("narrow", {"width": 640, "height": 1400})):
                lab.page.set_viewport_size(size)
                painted(lab.page)
                assert root.evaluate("e => e.scrollWidth - e.clientWidth") <= 1
                root.scroll_into_view_if_needed()
                picture_of(lab.page, f"lab-mask-{theme.lower()}-{name}")
    finally:
        lab.page.set_viewport_size(wide)
        menu(lab.page, "Settings", "Theme", "JupyterLab Light$")
