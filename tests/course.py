"""The course's assignments, as the tests of both graders read them."""

import importlib.util
from pathlib import Path

COURSE = Path(__file__).parents[1] / "notebooks" / "assignments"
SOURCES = {path.stem: path for path in sorted(COURSE.glob("source/*/*.ipynb"))}


def graded_cells(notebook):
    """Points by grade id, of what is graded by itself and by hand."""
    about = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    by_itself = {a.grade_id: a.points for a in about if a.get("grade") and not a.solution}
    return by_itself, {a.grade_id: a.points for a in about if a.get("grade") and a.solution}


def for_otter():
    """The script that turns them into otter-grader's form, as a module."""
    spec = importlib.util.spec_from_file_location("for_otter", COURSE / "for_otter.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
