"""docs/benchmarks.md holds what a command printed, and loses nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import written

PAGE = "# Benchmarks\n\nWords.\n"


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "benchmarks.md"
    path.write_text(PAGE)
    return path


def test_a_table_is_added_with_its_command_and_its_circumstances(page):
    written.write("start", ["--fast"], "a  1\nb  2\n", page)
    text = page.read_text()
    assert text.startswith(PAGE)
    assert "## What starting costs" in text
    assert "```text\na  1\nb  2\n```" in text
    assert "`python -m benchmarks.start --fast`, 20" in text
    assert "threads on" in text
    assert "torch " in text


def test_the_same_command_replaces_its_own_table_and_no_other(page):
    written.write("start", [], "table one\n", page)
    written.write("lrp", ["--memory"], "table two\n", page)
    written.write("lrp", [], "table three\n", page)
    before = page.read_text()
    written.write("start", [], r"new \1" + "\n", page)
    text = page.read_text()
    assert "table one" not in text
    assert text.index(r"new \1") < text.index("table two") < text.index("table three")
    assert text.replace(r"new \1", "table one") == before


def test_what_a_benchmark_prints_is_kept_and_shown(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pytest"])
    fake = lambda module, run_name: print(module, run_name, sys.argv[1:])  # noqa: E731
    monkeypatch.setattr(written.runpy, "run_module", fake)
    printed = written.run("lrp", ["--quick"])
    assert printed == "benchmarks.lrp __main__ ['--quick']\n"
    assert capsys.readouterr().out == printed
    assert sys.argv == ["pytest"]


def test_a_benchmark_that_fails_writes_nothing(tmp_path):
    root = Path(__file__).parents[2]
    before = (root / "docs" / "benchmarks.md").read_text()
    command = [sys.executable, "-m", "benchmarks", "--write", "of_no_such_name"]
    assert subprocess.run(command, cwd=root, capture_output=True).returncode
    assert (root / "docs" / "benchmarks.md").read_text() == before


def test_every_benchmark_is_on_the_page():
    root = Path(__file__).parents[2]
    page = (root / "docs" / "benchmarks.md").read_text()
    for path in (root / "benchmarks").glob("*.py"):
        if 'if __name__ == "__main__"' in path.read_text() and path.name != "__main__.py":
            assert f"python -m benchmarks.{path.stem}" in page, path.stem
