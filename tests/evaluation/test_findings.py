import shutil
from pathlib import Path

import pytest

from benchmarks.findings import FINDINGS, FINISHED, PAGE, Finding, of_holes, page, roar, titled


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
        assert f"## {titled(section)[0]}\n" in text


def test_a_section_that_was_not_asked_for_stays_on_the_page_as_it_is():
    text = PAGE.read_text(encoding="utf-8")
    assert page({}, 12, text) == text
    again = page({"sanity": [Finding("maps change", "0.5", True)]}, 12, text)
    assert "| maps change | 0.5 | yes |" in again
    assert "Guided backprop" not in again.partition("permuted labels")[0]
    assert again.partition("## Yeh")[2] == text.partition("## Yeh")[2]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["scene", "colour"])
def test_the_retraining_that_comes_with_the_script_is_what_it_asks_for(kind, tmp_path):
    place = Path(shutil.copy(FINISHED, tmp_path))
    before = place.read_text("utf-8")
    found = roar(place, kind)
    assert found.trained == 0
    assert len(found.cells) == 3 * (1 + 5 * 8)
    assert len(of_holes(place, kind)) == 1 + 8
    assert place.read_text("utf-8") == before
