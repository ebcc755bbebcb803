"""What is saved of every notebook reads well where no kernel runs. That it runs and shows this is
seen in tests/browser, where it runs anyway."""

import base64
import io
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from tools import notebooks as tool

EVERY = sorted(tool.FOLDER.glob("*.ipynb"))


def saved(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def test_there_is_a_notebook_for_every_question():
    numbers = [path.name[:2] for path in EVERY]
    assert numbers == [f"{number:02d}" for number in range(1, len(EVERY) + 1)]
    assert len(EVERY) >= 5


def test_the_readme_leads_to_every_notebook():
    readme = (tool.ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in EVERY if f"(notebooks/{path.name})" not in readme] == []


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_a_saved_notebook_reads_well_without_a_kernel(path):
    notebook = saved(path)
    assert tool.complaints(notebook) == []
    assert tool.widgets(notebook), "there is something to handle"


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_a_notebook_asks_one_question_in_its_title(path):
    first = saved(path).cells[0]
    assert first.cell_type == "markdown"
    assert re.match(r"# .+\?\n", first.source)


# --- what the checks say of a notebook that is not as it should be --------------------------------


@pytest.fixture
def notebook():
    """One with a figure, saved as it should be."""
    cell = nbformat.v4.new_code_cell("draw()", execution_count=1)
    cell.metadata.alt = "A curve that falls"
    cell.outputs = [nbformat.v4.new_output("display_data", {"image/png": png()})]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Why?\n"), cell])
    tool.tidy(made)
    return made


def png(noise=0):
    """A small picture as a notebook holds it."""
    pixels = np.zeros((64, 96, 3)) + np.linspace(40, 200, 96)[:, None]
    pixels += np.random.default_rng(0).normal(0, noise, pixels.shape)
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def pixels_of(encoded):
    picture = Image.open(io.BytesIO(base64.b64decode(encoded)))
    return np.asarray(picture.convert("RGB")).astype(int)


def test_a_notebook_as_it_should_be_gets_no_complaint(notebook):
    assert tool.complaints(notebook) == []


def test_outputs_of_other_code_are_found(notebook):
    notebook.cells[1].source = "draw(other)"
    assert "not those of its code" in tool.complaints(notebook)[0]


def test_text_may_change_without_running_the_code_again(notebook):
    notebook.cells[0].source = "# Why not?\n"
    assert tool.complaints(notebook) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda cell: cell.update(execution_count=None), "was not run"),
        (lambda cell: cell.metadata.pop("alt"), "a picture without words"),
        (
            lambda cell: cell.outputs[0].data.update({tool.VIEW: {"model_id": "1"}}),
            "keeps a widget",
        ),
        (
            lambda cell: cell.outputs.append(
                nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])
            ),
            "complains: no",
        ),
        (
            lambda cell: cell.outputs.append(
                nbformat.v4.new_output("stream", name="stderr", text="careful")
            ),
            "complains: careful",
        ),
        (
            lambda cell: cell.outputs.append(
                nbformat.v4.new_output("stream", text="in /home/me/notes.txt")
            ),
            "prints a path",
        ),
        (
            lambda cell: cell.outputs.append(
                nbformat.v4.new_output("stream", text="2026-01-01 10:30")
            ),
            "prints a time",
        ),
        (
            lambda cell: cell.outputs[0].data.update({"text/html": "x" * tool.MOST_BYTES}),
            "keep the repository light",
        ),
    ],
)
def test_what_is_wrong_with_a_cell_is_said(notebook, change, words):
    change(notebook.cells[1])
    (complaint,) = tool.complaints(notebook)
    assert words in complaint


def test_of_a_widget_the_picture_that_it_left_behind_is_kept():
    view = {tool.VIEW: {"model_id": "1"}, "text/plain": "Compare(...)"}
    left = {tool.VIEW: {"model_id": "2"}, "text/plain": "", "image/png": png()}
    outputs = [nbformat.v4.new_output("display_data", data) for data in (view, left)]
    (kept,) = tool.without_widgets(outputs)
    assert set(kept.data) == {"text/plain", "image/png"}


def test_a_widget_that_leaves_no_picture_is_not_lost_in_silence(notebook):
    view = nbformat.v4.new_output("display_data", {tool.VIEW: {"model_id": "1"}})
    notebook.cells[1].outputs.append(view)
    tool.tidy(notebook)
    assert "keeps a widget" in tool.complaints(notebook)[0]


def test_a_picture_of_many_colours_takes_fewer_bytes_and_looks_the_same():
    given = png(noise=5)
    output = nbformat.v4.new_output("display_data", {"image/png": given})
    made = tool.lighter(output).data["image/png"]
    assert len(made) < 0.6 * len(given)
    assert np.abs(pixels_of(made) - pixels_of(given)).max() < 24


def test_what_is_printed_in_one_go_is_one_output_however_it_arrives(notebook):
    pieces = [nbformat.v4.new_output("stream", name="stdout", text=text) for text in ("a", "b")]
    (joined,) = tool.joined(pieces)
    assert joined.text == "ab"
