import shutil
from pathlib import Path

import pytest

from benchmarks.findings import FINDINGS, FINISHED, Finding, page, roar

PAGE = Path(__file__).parents[2] / "docs" / "findings.md"


def test_the_page_says_what_was_found_and_why_where_it_differs_once():
    differs = Finding("smoothing helps", "0.2 and 0.1", False, "It is noise.")
    agrees = Finding("it is stable", "0.9", True, "Never shown.")
    text = page({"infidelity": [agrees, differs, differs]}, 12)
    assert "## Yeh et al. (2019)" in text
    assert "| smoothing helps | 0.2 and 0.1 | **no** |" in text
    assert "| it is stable | 0.9 | yes |" in text
    assert text.count("It is noise.") == 1
    assert "Never shown." not in text


def test_the_page_in_the_docs_has_every_section():
    text = PAGE.read_text(encoding="utf-8")
    for section in FINDINGS.values():
        assert f"## {section.__doc__.split(':')[0]}" in text


@pytest.mark.slow
def test_the_retraining_that_comes_with_the_script_is_what_it_asks_for(tmp_path):
    found = roar(Path(shutil.copy(FINISHED, tmp_path)))
    assert found.trained == 0
    assert len(found.cells) == 3 * (1 + 5 * 8)
