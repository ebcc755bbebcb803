"""The code in the documentation runs: every block of every page in order, README among them; what
is to be typed into a shell names files and options that exist."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tools import blocks

ROOT = Path(__file__).parents[2]
EVERY = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COURSE = ROOT / "notebooks" / "assignments"
PAGES = [page for page in EVERY if blocks.blocks(page, "python")]
SKETCHES = [block for page in EVERY for block in blocks.blocks(page, "py")]
FOREIGN = ("pip", "npm", "jupyter", "lint-imports", "mypy", "ruff", "otter")
TYPED = re.compile(r"`((?:python|bash|xaiwidgets|jupyter) [^`\n]+)`")
COMMANDS = sorted(
    {
        line.split(" #")[0].strip()
        for page in EVERY
        for block in blocks.blocks(page, "bash", "sh")
        for line in block.code.splitlines()
        if line.strip() and not line.startswith("#")
    }
    | {command for page in EVERY for command in TYPED.findall(page.read_text("utf-8"))}
)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_runs_in_order(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert blocks.run(page)


@pytest.mark.parametrize("block", SKETCHES, ids=lambda block: f"{block.page.stem}-{block.line}")
def test_what_needs_a_download_is_at_least_python(block):
    compile(block.code, str(block.page), "exec")


def test_every_page_is_looked_at():
    assert len(PAGES) >= 15
    assert ROOT / "README.md" in PAGES


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_typed_names_files_modules_and_options_that_exist(command):
    program, *arguments = shlex.split(command.split(" && ")[-1])
    if program == "bash":
        assert (ROOT / arguments[0]).is_file()
    elif program == "cd":
        assert (ROOT / arguments[0]).is_dir()
    elif program == "nbgrader":
        assert (COURSE / "source" / arguments[1]).is_dir()
    elif program == "python" and arguments[0] == "-m":
        assert_module(arguments[1], arguments[2:])
    elif program == "python":
        places = (ROOT / arguments[0], COURSE / arguments[0])
        script = next(place for place in places if place.is_file())
        assert_options(script.read_text("utf-8"), arguments[1:])
    elif program == "xaiwidgets":
        assert_options((ROOT / "xaiwidgets" / "cli.py").read_text("utf-8"), arguments)
        assert f'"{arguments[0]}"' in (ROOT / "xaiwidgets" / "cli.py").read_text("utf-8")
    else:
        assert program in FOREIGN


def assert_module(name, arguments):
    """A module of ours is there, with those options; of others only that they can be run."""
    place = ROOT / name.replace(".", "/")
    if name.split(".")[0] not in ("benchmarks", "tools", "xaiwidgets"):
        found = subprocess.run([sys.executable, "-m", name, "--help"], capture_output=True)
        assert found.returncode == 0, name
        return
    file = place.with_suffix(".py") if place.with_suffix(".py").exists() else place / "__main__.py"
    assert file.is_file()
    assert_options(file.read_text("utf-8"), arguments)


def assert_options(source, arguments):
    """Every option that is typed is one that the source declares."""
    for argument in arguments:
        if argument.startswith("--"):
            assert f'"{argument.split("=")[0]}"' in source, argument


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.stem)
def test_links_between_files_lead_somewhere_where_the_repository_is_read(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" not in link and not link.startswith("#"):
            assert (page.parent / link.split("#")[0]).exists(), link


def test_a_block_that_fails_fails_its_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("one\n\n```python\nassert 1 == 2\n```\n")
    with pytest.raises(AssertionError) as failure:
        blocks.run(page)
    assert failure.traceback[-1].lineno == 3, "the traceback names the page's own line"


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ('"po" + "or"  # "poor": so it is', '"go" + "od"  # "poor": so it is'),
        ("1 / 3, 1 / 2  # 0.33..., and more", "1 / 3, 1 / 2  # 0.34..., and more"),
        ("[0.1, 0.25]  # [0.1, 0.2...]", "[0.1, 0.15]  # [0.1, 0.2...]"),
        ("array.zeros((2, 3))  # (2, 3) of them", "array.zeros((2, 3))  # (3, 2) of them"),
        ("array.zeros((2, 3)).shape  # (2, 3)", "array.zeros((2, 30)).shape  # (2, 3)"),
    ],
)
def test_what_a_comment_says_that_its_line_gives_is_what_it_gives(line, other, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"```python\nimport numpy as array\n\n{line}\n```\n")
    assert blocks.run(page)
    page.write_text(f"```python\nimport numpy as array\n\n{other}\n```\n")
    with pytest.raises(AssertionError, match=r"page\.md, line 4: .* is said"):
        blocks.run(page)
