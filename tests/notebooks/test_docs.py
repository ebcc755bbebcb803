"""The code in the documentation runs."""

import re
from pathlib import Path

import pytest

PAGES = [
    "cam.md", "trust.md", "relevance.md", "text.md", "tables.md", "perturbation.md", "concepts.md",
    "units.md", "dissection.md", "lesson.md", "teaching.md",
]  # fmt: skip
DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_runs_in_order(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.S)
    assert blocks
    scope: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), scope)
