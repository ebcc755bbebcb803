"""The page that is written: whole, closed, and safe."""

import json
import re

import numpy as np
import pytest

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.widgets.export import in_script, plain

NASTY = "<img src=x onerror=alert(1)></script><script>alert(2)</script>\u2028"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    scenes = [zoo.ShapeScenes(2, size=96, seed=3)[i] for i in range(2)]
    kind = zoo.subject("shapes")
    classes = [NASTY, *zoo.SHAPES[1:]]
    subject = xw.Subject(kind.model, mean=0.5, std=0.25, size=96, classes=classes)
    widget = xw.compare(
        subject, [s.image for s in scenes], target=0, methods=[xw.Saliency(), xw.RandomMap()]
    )
    path = widget.to_html(tmp_path_factory.mktemp("page") / "page.html")
    return widget, path.read_text(encoding="utf-8")


def state_of(text):
    found = re.search(
        r'<script type="application/json" class="xw-state">(.*?)</script>', text, re.S
    )
    return json.loads(found.group(1))


def test_the_page_asks_nothing_of_the_network(page):
    _, text = page
    assert "default-src 'none'" in text
    outside = re.findall(
        r"""(?:src|href)\s*=\s*["'](?!data:)[^"']+["']""", text.split("<script")[0]
    )
    assert outside == []
    assert "https://" not in text.split('class="xw-state"')[0]


def test_a_nasty_class_name_stays_inside_its_string(page):
    _, text = page
    assert "<img src=x" not in text
    assert "alert(2)</script>" not in text
    assert "\u2028" not in text.split('class="xw-state"')[1]
    assert state_of(text)["state"]["about"]["classes"][0] == NASTY


def test_every_input_is_in_the_page_and_the_widget_is_where_it_was(page):
    widget, text = page
    held = state_of(text)
    assert sorted(held["library"]) == ["0|0", "1|0"]
    assert held["state"]["about"]["live"] is False
    assert widget.about["live"] is True
    assert widget.scene["index"] == 0
    assert held["library"]["1|0"]["slot_00"] != held["library"]["0|0"]["slot_00"]


def test_the_page_brings_its_code_to_copy(page):
    widget, text = page
    assert state_of(text)["state"]["_code"] == widget.python()


def test_a_page_cannot_be_written_where_there_is_no_folder(page, tmp_path):
    widget, _ = page
    with pytest.raises(xw.ExplainError, match="give a file in a folder that exists"):
        widget.to_html(tmp_path / "missing" / "page.html")
    with pytest.raises(xw.ExplainError, match="No page can be written"):
        widget.to_html(tmp_path)


def test_bytes_become_base64_and_json_cannot_close_its_element():
    assert plain({"a": [b"\x00\xff", (1, "x")]}) == {"a": [{"__bytes__": "AP8="}, [1, "x"]]}
    text = in_script(json.dumps({"name": "</script><!-- \u2028 &"}, ensure_ascii=False))
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"name": "</script><!-- \u2028 &"}


def test_a_page_of_one_input_holds_that_one(tmp_path):
    scenes = zoo.ShapeScenes(3, size=96, seed=5)
    widget = xw.compare(
        zoo.subject("shapes"), [scenes[i].image for i in range(3)], methods=[xw.RandomMap()]
    )
    path = widget.to_html(tmp_path / "one.html", every_input=False)
    assert len(state_of(path.read_text(encoding="utf-8"))["library"]) == 1
    assert np.array_equal(widget.answers["RandomMap"].map().shape, (1, 96, 96))
