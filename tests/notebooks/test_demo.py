"""The demo runs top to bottom, and its command writes its page."""

import subprocess
import sys

import pytest

from tools import notebooks
from xaiwidgets import cli, demo


@pytest.mark.slow
def test_the_demo_runs_and_leaves_its_pictures():
    ran = notebooks.run(cli.NOTEBOOK)
    kinds = {output.output_type for cell in notebooks.code_cells(ran) for output in cell.outputs}
    assert "error" not in kinds
    assert len(notebooks.widgets(ran)) >= 2


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
