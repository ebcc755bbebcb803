"""Concepts in a real JupyterLab: scores looked through, ideas made by lasso and by brush."""

from __future__ import annotations

import re

import pytest
from browser.driving import PATIENCE, Notebook, Watch, ink, number, painted
from playwright.sync_api import Locator, expect

SETUP = """
def draw(count, seed, **held):
    return [scene.image for scene in zoo.ShapeScenes(count, size=96, seed=seed, **held)]

model = zoo.subject("shapes")
photos = draw(12, 9, shape="cross") + draw(12, 10, shape="disc")
ideas = {"cross": draw(24, 1, shape="cross"), "red": draw(24, 3, colour="red")}
others = draw(16 * 24, 4)
tcav = xw.TCAV(size=24)
layers = ["relu3", "conv4"]
"""
SHOW = (
    'xw.concepts(model, photos, "cross", concepts=ideas, random=others, layers=layers, tcav=tcav)'
)
LIKENESS = ".xw-one .xw-under"


@pytest.fixture(scope="module")
def prepared(lab: Notebook) -> Notebook:
    lab.run(SETUP)
    return lab


@pytest.fixture
def root(prepared: Notebook) -> Locator:
    """The widget, with its scores."""
    prepared.forget()
    prepared.run(f"w = {SHOW}\nw", cell=1)
    found = prepared.page.locator(".xw-concepts")
    expect(found.locator(".xw-cell")).to_have_count(4, timeout=PATIENCE)
    prepared.settle()
    return found


def drag(root: Locator, selector: str, points: list[tuple[float, float]]) -> None:
    """Press the mouse at the first of some points, shares of an element, and draw through them."""
    box = root.locator(selector).bounding_box()
    assert box is not None
    mouse = root.page.mouse
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    mouse.move(*at[0])
    mouse.down()
    for x, y in at[1:]:
        mouse.move(x, y, steps=6)
    mouse.up()


def make(root: Locator, name: str) -> None:
    root.get_by_label("Name of the new concept").fill(name)
    root.get_by_label("Name of the new concept").press("Enter")


def test_scores_pictures_and_maps_are_there(root, prepared, picture_of):
    expect(root.get_by_role("row")).to_have_count(3)
    told = root.locator(".xw-told")
    expect(told).to_contain_text("held-out examples")
    assert prepared.ask("len(w.scores.entries)") == 4
    value = prepared.ask("w.scores.entry('cross', 'conv4').magnitude")
    shown = root.locator('tr:has-text("cross") td[data-layer="conv4"] .xw-value').inner_text()
    assert number(shown.replace("+", "")) == pytest.approx(value, rel=0.01)
    likenesses = [number(text) for text in root.locator(LIKENESS).all_inner_texts()]
    assert len(likenesses) == 24
    assert likenesses == sorted(likenesses, reverse=True)
    maps = ink(root, ".xw-one .xw-over-picture")
    assert len(set(maps)) > 12
    assert "empty" not in maps
    picture_of(prepared.page, "concepts")


def test_arrow_keys_go_through_the_scores_and_the_pictures_follow(root, prepared):
    prepared.run("w.choose('cross', 'relu3').wait()\nNone")
    chosen = root.locator('.xw-cell[aria-pressed="true"]')
    expect(chosen).to_have_count(1)
    before = root.locator(LIKENESS).all_inner_texts()
    chosen.focus()
    prepared.page.keyboard.press("ArrowDown")
    expect(root.locator("tr.xw-lit")).to_contain_text("red")
    expect(root.locator(".xw-told")).to_contain_text("red at relu3")
    prepared.page.keyboard.press("ArrowRight")
    expect(root.locator(".xw-told")).to_contain_text("red at conv4")
    expect(chosen).to_be_focused()
    assert prepared.ask("w.choice") == {"concept": "red", "layer": "conv4"}
    assert root.locator(LIKENESS).all_inner_texts() != before


def test_a_score_is_shown_as_how_much_or_how_many(root):
    cells = root.locator(".xw-value")
    assert all("%" not in text for text in cells.all_inner_texts())
    root.get_by_role("button", name="How many").click()
    assert all("%" in text for text in cells.all_inner_texts())
    expect(root.locator(".xw-told")).to_contain_text("pictures score higher for cross")


def test_a_lasso_around_pictures_makes_a_concept(root, prepared, lab_watch: Watch, picture_of):
    prepared.run("like = w._gallery.likeness(w.scores.vector(*w.choice.values()))\nNone")
    first = prepared.ask("(-like).argsort(kind='stable')[:8].tolist()")
    assert first != list(range(8))
    root.get_by_role("button", name="Lasso").click()
    tiles = root.locator(".xw-one")
    box = root.locator(".xw-mosaic").bounding_box()
    eighth = tiles.nth(7).bounding_box()
    assert box is not None
    assert eighth is not None
    right = (eighth["x"] + eighth["width"] - box["x"]) / box["width"]
    low = (eighth["y"] + eighth["height"] - box["y"]) / box["height"]
    corners = [(0.001, 0.001), (right, 0.001), (right, low), (0.001, low)]
    drag(root, ".xw-mosaic", corners)
    expect(root.get_by_text("8 pictures chosen")).to_be_visible()
    tiles.nth(7).click()
    expect(root.get_by_text("7 pictures chosen")).to_be_visible()
    tiles.nth(7).focus()
    prepared.page.keyboard.press("Space")
    expect(root.get_by_text("8 pictures chosen")).to_be_visible()
    picture_of(prepared.page, "concepts-lasso")
    make(root, "by hand")
    expect(root.locator(".xw-cell")).to_have_count(6, timeout=PATIENCE)
    assert "lasso_concept" in lab_watch.commands
    assert prepared.ask("w.scores.provenance.forwards") == 8
    assert sorted(prepared.ask("list(w._made['by hand'].rows)")) == sorted(first)


def test_a_lasso_in_the_plane_makes_a_concept(root, prepared, picture_of):
    root.get_by_role("button", name="In a plane").click()
    root.get_by_label("Axis across").select_option(label="along cross at conv4")
    root.get_by_label("Axis upwards").select_option(label="along red at relu3")
    spots = root.locator(".xw-ground > button")
    expect(spots).to_have_count(24)
    along = prepared.ask("w._gallery.along(w.scores.vector('cross', 'conv4')).tolist()")
    for spot in spots.all():
        told = re.search(r"across (\S+),", spot.get_attribute("aria-label"))[1]
        picture = int(spot.get_attribute("data-picture"))
        assert number(told) == pytest.approx(along[picture], rel=0.01)
    root.get_by_role("button", name="Lasso").click()
    order = sorted(range(24), key=along.__getitem__)
    ground = root.locator(".xw-ground").bounding_box()
    middles = {}
    for spot in spots.all():
        box = spot.bounding_box()
        middles[int(spot.get_attribute("data-picture"))] = box["x"] + box["width"] / 2
    border = (middles[order[11]] + middles[order[12]]) / 2
    left = (border - ground["x"]) / ground["width"]
    drag(root, ".xw-ground", [(left, 0.005), (0.995, 0.005), (0.995, 0.995), (left, 0.995)])
    expect(root.get_by_text("12 pictures chosen")).to_be_visible()
    picture_of(prepared.page, "concepts-plane-lasso")
    make(root, "far right")
    expect(root.locator(".xw-cell")).to_have_count(6, timeout=PATIENCE)
    assert sorted(prepared.ask("list(w._made['far right'].rows)")) == sorted(order[12:])
    axis = root.get_by_label("Axis across")
    expect(axis.get_by_role("option", name="along far right at conv4")).to_have_count(1)


def test_patches_that_are_brushed_make_a_concept(root, prepared, picture_of):
    root.get_by_label("Order of the pictures").select_option("given")
    root.get_by_role("button", name="Brush", exact=True).click()
    for number_of in (0, 2):
        root.locator(".xw-one").nth(number_of).click()
        expect(root.locator(".xw-one").nth(number_of)).to_have_attribute("aria-pressed", "true")
        before = ink(root, ".xw-paint")
        drag(root, ".xw-canvas", [(0.3, 0.3), (0.7, 0.3), (0.7, 0.6), (0.3, 0.6)])
        painted(prepared.page)
        assert ink(root, ".xw-paint") != before
    canvas = root.locator(".xw-canvas")
    canvas.focus()
    prepared.page.keyboard.press("ArrowDown")
    prepared.page.keyboard.press("Space")
    expect(root.get_by_text("Painted in 2 pictures")).to_be_visible()
    picture_of(prepared.page, "concepts-brush")
    make(root, "patch")
    expect(root.locator(".xw-cell")).to_have_count(6, timeout=PATIENCE)
    assert prepared.ask("w.scores.provenance.forwards") == prepared.ask(
        "len(w._made['patch'].data)"
    )
    strokes = prepared.ask("{str(k): v for k, v in w._made['patch'].strokes.items()}")
    assert set(strokes) == {"0", "2"}
    assert len(strokes["2"]) == 2, "a stroke by mouse and a stamp by keyboard"


def test_maps_lie_over_pictures_and_can_be_lifted(root, prepared):
    button = root.get_by_role("button", name="Map", exact=True)
    expect(root.locator(".xw-canvas .xw-over-picture")).to_be_visible()
    button.click()
    expect(root.locator(".xw-canvas .xw-over-picture")).to_be_hidden()
    expect(button).to_have_attribute("aria-pressed", "false")


def test_classes_change_concepts_go_and_the_code_is_copied(root, prepared):
    root.get_by_label("Class").select_option("disc")
    expect(root.locator(".xw-told")).to_contain_text("score of disc", timeout=PATIENCE)
    assert prepared.ask("w.target['label']") == "disc"
    root.get_by_role("button", name="Remove the concept red").click()
    expect(root.locator(".xw-cell")).to_have_count(2, timeout=PATIENCE)
    root.get_by_role("button", name="Copy as Python").click()
    expect(root.get_by_text("Copied")).to_be_visible()
    copied = prepared.page.evaluate("navigator.clipboard.readText()")
    assert "xw.concepts(" in copied
    assert "concepts=ideas," in copied
    assert "w.remove('red')" in copied


def test_a_name_that_is_taken_is_said_beside_it(root):
    root.get_by_label("Order of the pictures").select_option("given")
    root.get_by_role("button", name="Lasso").click()
    for tile in root.locator(".xw-one").all()[:6]:
        tile.click()
    make(root, "cross")
    expect(root.get_by_role("alert")).to_contain_text("A concept is called 'cross' already")
    expect(root.get_by_text("6 pictures chosen")).to_be_visible()


SLOW = """
class Slow(torch.nn.Module):
    pause = 0.4

    def __init__(self):
        super().__init__()
        self.inner = model.model

    def forward(self, x):
        time.sleep(self.pause)
        return self.inner(x)

slow = Slow().eval()
kept = model.preprocessing
late = xw.Subject(slow, mean=kept.mean, std=kept.std, size=96, classes=model.classes)
"""


def test_work_tells_how_far_it_is_can_be_cancelled_and_is_taken_up_again(prepared):
    prepared.forget()
    prepared.run(SLOW)
    show = SHOW.replace("model", "late").replace("layers=layers", 'layers="inner.relu3"')
    prepared.run(f"w = {show}\nw", cell=1)
    root = prepared.page.locator(".xw-concepts")
    expect(root.get_by_role("progressbar")).to_be_visible(timeout=PATIENCE)
    expect(root.get_by_text("not scored yet").first).to_be_visible()
    root.get_by_role("button", name="Cancel").click()
    expect(root.get_by_role("alert")).to_contain_text("Cancelled")
    prepared.tell("w.wait()\nslow.pause = 0")
    expect(root.locator(".xw-cell")).to_have_count(0)
    root.get_by_role("button", name="Retry").click()
    expect(root.locator(".xw-cell")).to_have_count(2, timeout=PATIENCE)
    expect(root.get_by_role("progressbar")).to_have_count(0)
