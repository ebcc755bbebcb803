"""The assignments in otter-grader's form: assigned, handed in right and empty, graded."""

import re

import nbformat
import pytest
from course import SOURCES, for_otter, graded_cells


@pytest.mark.parametrize("name", SOURCES)
def test_otter_gets_questions_whose_blocks_are_closed_and_whose_tests_are_functions(name):
    source = nbformat.read(SOURCES[name], 4)
    made = for_otter().converted(source, name)
    nbformat.validate(made)
    opened, points = [], 0
    for cell in made.cells[1:]:
        if cell.cell_type == "raw":
            word, kind = cell.source.split()[1:3]
            assert (opened.pop() == kind) if word == "END" else not opened.append(kind)
            points += sum(int(n) for n in re.findall(r"^points: (\d+)", cell.source, re.M))
        elif opened[-1:] == ["TESTS"]:
            scope = {}
            exec(compile(cell.source, name, "exec"), scope)
            assert any(key.startswith("test_") for key in scope)
            points += int(re.search(r"^points: (\d+)", cell.source, re.M)[1])
    assert opened == []
    assert points == sum(sum(part.values()) for part in graded_cells(source))


def points(results):
    """What otter gives, by question: (earned, possible)."""
    return {name: (each.score, each.possible) for name, each in results.results.items()}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", SOURCES)
def test_otter_gives_every_point_for_what_is_right_and_none_for_nothing(name, tmp_path):
    from otter.api import grade_submission
    from otter.assign import main as assign

    source, master = nbformat.read(SOURCES[name], 4), tmp_path / f"{name}.ipynb"
    nbformat.write(for_otter().converted(source, name), master)
    assign(str(master), str(tmp_path / "dist"), no_run_tests=True)
    (archive,) = tmp_path.glob("dist/autograder/*.zip")
    worth = {cell.replace("-", "_"): n for cell, n in graded_cells(source)[0].items()}
    for folder, share in (("autograder", 1), ("student", 0)):
        handed_in = tmp_path / "dist" / folder / master.name
        found = grade_submission(str(handed_in), str(archive), quiet=True)
        assert points(found) == {question: (share * n, n) for question, n in worth.items()}
