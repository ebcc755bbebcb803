"""Notebooks run top to bottom, and the demo command writes its page."""

import subprocess
import sys
from pathlib import Path

import pytest

from xaiwidgets import cli, demo

ROOT = Path(__file__).parents[2]


NOTEBOOKS = {cli.NOTEBOOK: 2, ROOT / "notebooks" / "noisy_saliency.ipynb": 5}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "pictures"), NOTEBOOKS.items(), ids=lambda value: str(value)[-20:]
)
def test_a_notebook_runs_and_leaves_its_pictures(path, pictures, tmp_path):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"]
    shown = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(shown) >= pictures


def test_every_notebook_is_run_by_a_test():
    assert set(NOTEBOOKS) == {cli.NOTEBOOK, *(ROOT / "notebooks").rglob("*.ipynb")}


@pytest.mark.slow
def test_the_demo_command_writes_a_page_and_says_what_it_left_out(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "xaiwidgets.cli", "demo", "--html", str(tmp_path / "demo.html")],
        capture_output=True, text=True, timeout=240, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "demo.html").read_text(encoding="utf-8")
    assert page.count('class="xw-state"') + done.stderr.count("cannot be had here") >= 3
    assert "Handwritten digits" in page


def test_the_demo_command_says_what_is_wrong_in_one_line(tmp_path, capsys):
    assert cli.main(["demo", "--folder", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err.startswith("xaiwidgets: There is no folder")


def test_without_a_command_the_help_is_shown(capsys):
    assert cli.main([]) == 2
    assert "demo" in capsys.readouterr().out


def test_weights_that_cannot_be_had_are_one_sentence(monkeypatch):
    import torchvision

    def refuse(*args, **kwargs):
        raise OSError("no network\nand more")

    monkeypatch.setattr(torchvision.models, "get_model", refuse)
    with pytest.raises(demo.ExplainError, match=r"resnet18 cannot be had here \(no network\)"):
        demo.imagenet_subject()


def test_the_digits_shown_first_are_those_that_the_network_gets_wrong():
    widget = demo.handwritten_digits(8).wait()
    rights = [item["right"] for item in widget.strip]
    assert rights[0] is False
    assert rights == sorted(rights)
    widget.close()


def test_the_demo_puts_its_notebook_down_once_and_hands_its_address_to_jupyterlab(
    monkeypatch, tmp_path
):
    asked = []
    monkeypatch.setattr(cli.os, "execv", lambda program, command: asked.append(command))
    assert cli.main(["demo", "--folder", str(tmp_path), "--port", "9123", "--no-browser"]) == 0
    notebook = tmp_path / "xaiwidgets-demo.ipynb"
    assert notebook.read_bytes() == cli.NOTEBOOK.read_bytes()
    notebook.write_text("mine")
    cli.main(["demo", "--folder", str(tmp_path)])
    assert notebook.read_text() == "mine"
    assert "--LabApp.default_url=/lab/tree/xaiwidgets-demo.ipynb" in asked[0]
    assert f"--ServerApp.root_dir={tmp_path.resolve()}" in asked[0]
    assert "--port=9123" in asked[0]
    assert "--no-browser" in asked[0]
    assert "--no-browser" not in asked[1]
