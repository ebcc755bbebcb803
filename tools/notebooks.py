"""Run the notebooks top to bottom, and save them with outputs that read well where no kernel runs.

python tools/notebooks.py             run all of notebooks/ and save them
python tools/notebooks.py 03 05       only those whose names begin so
python tools/notebooks.py --check     run nothing; fail where saved outputs are missing or stale

What is saved of a widget is the picture that it leaves behind, with its words (decision 0004).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
MOST_BYTES = 600_000
MOST_SECONDS = 180
VIEW = "application/vnd.jupyter.widget-view+json"

LAST_CELL = """
from ipywidgets.widgets.widget import _instances
from xaiwidgets.widgets.view import PicturedView

for _widget in list(_instances.values()):
    if isinstance(_widget, PicturedView):
        _widget.wait()._left.renew()
"""
"""Run behind the notebook's own cells: pictures are brought up to date once all work is done."""

STARTS = (
    f"__import__('sys').path.append({str(ROOT)!r})",
    "__import__('benchmarks.networks').networks.import_torchvision()",
)
"""Run before the first cell of a notebook that needs torchvision: PyPI's, beside a torch for CPUs,
cannot be imported as it is, and timm and transformers import it too."""

UNWELCOME = {
    r"(?<![\w.])/(?:home|root|tmp|work|Users|usr|opt|mnt|var)/": "a path of this machine",
    r"\b20\d\d-\d\d-\d\d[ T]\d\d:\d\d": "a time of day",
}


# --- running ------------------------------------------------------------------------------------


def run(path: Path) -> NotebookNode:
    """The notebook as it is to be saved: run in a fresh kernel and an empty folder, then tidied.

    Raises nbclient's CellExecutionError where a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    own = list(notebook.cells)
    notebook.cells.append(nbformat.v4.new_code_cell(LAST_CELL))
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook, timeout=MOST_SECONDS, record_timing=False, store_widget_state=False,
            resources={"metadata": {"path": folder}}, extra_arguments=starts(notebook),
        ).execute()  # fmt: skip
    notebook.cells = own
    tidy(notebook)
    return notebook


def starts(notebook: NotebookNode) -> list[str]:
    """What the kernel is told to run before the first cell."""
    needs = any("torchvision" in cell.source for cell in code_cells(notebook))
    return [f"--IPKernelApp.exec_lines={line}" for line in STARTS] if needs else []


def tidy(notebook: NotebookNode) -> None:
    """Leave what a reader without a kernel can use, and mark which code the outputs are of."""
    for cell in code_cells(notebook):
        cell.outputs = [lighter(output) for output in without_widgets(joined(cell.outputs))]
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
        outputs_of=fingerprint(notebook),
    )


def joined(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    """The outputs, with what was printed in one go in one piece, however it arrived."""
    found: list[NotebookNode] = []
    for output in outputs:
        if found and output.get("name", "") == found[-1].get("name") == "stdout":
            found[-1].text += output.text
        else:
            found.append(output)
    return found


def without_widgets(outputs: Sequence[NotebookNode]) -> Iterator[NotebookNode]:
    """The outputs, with its picture in place of every widget that left one behind in the next."""
    for output, following in zip(outputs, [*outputs[1:], NotebookNode()], strict=False):
        if is_picture(output):
            output.data.pop(VIEW, None)
        if not (is_view(output) and is_picture(following)):
            yield output


def is_view(output: NotebookNode) -> bool:
    """Whether a widget is shown there."""
    return VIEW in output.get("data", {})


def is_picture(output: NotebookNode) -> bool:
    """Whether a picture is shown there, or would be without a kernel."""
    return bool({"image/png", "image/svg+xml", "image/jpeg"} & set(output.get("data", {})))


def lighter(output: NotebookNode) -> NotebookNode:
    """The output with 256 colours in its PNG, where that takes fewer bytes.

    Of a widget's seven panels 40 KB are left of 164, and a colour moves by 1 of 255 on average and
    by 19 at most; the usual median cut moves some by 83, and turns a small yellow star brown.
    """
    if "image/png" in output.get("data", {}):
        given = base64.b64decode(output.data["image/png"])
        buffer = io.BytesIO()
        flat = on_white(Image.open(io.BytesIO(given)).convert("RGBA"))
        spread = Image.Quantize.MAXCOVERAGE
        flat.quantize(256, spread, kmeans=3, dither=Image.Dither.NONE).save(buffer, "PNG")
        least = min(given, buffer.getvalue(), key=len)
        output.data["image/png"] = base64.b64encode(least).decode("ascii")
    return output


def on_white(picture: Image.Image) -> Image.Image:
    """What shows through is white, as on the page."""
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


# --- what a saved notebook has to be --------------------------------------------------------------


def complaints(notebook: NotebookNode) -> list[str]:
    """What is wrong with a notebook as it is saved, in sentences."""
    found = [said for number, cell in enumerate(notebook.cells) for said in of_cell(number, cell)]
    if notebook.metadata.get("outputs_of") != fingerprint(notebook):
        found.append("Its outputs are not those of its code; run python tools/notebooks.py.")
    if "widgets" in notebook.metadata:
        found.append("It holds the state of widgets, which is large; their pictures are enough.")
    size = len(nbformat.writes(notebook).encode())
    if size > MOST_BYTES:
        found.append(f"It has {size} bytes; at most {MOST_BYTES} keep the repository light.")
    return found


def of_cell(number: int, cell: NotebookNode) -> Iterator[str]:
    """What is wrong with one cell."""
    if cell.cell_type != "code":
        return
    if cell.execution_count is None:
        yield f"Cell {number} was not run."
    for output in cell.outputs:
        if output.output_type == "error" or output.get("name") == "stderr":
            yield f"Cell {number} complains: {''.join(output.get('text', output.get('evalue')))}"
        if is_view(output):
            yield f"Cell {number} keeps a widget, which shows nothing without a kernel."
        if is_picture(output) and not alternative(cell, output):
            yield f"Cell {number} shows a picture without words; put them in the cell's alt."
        for pattern, what in UNWELCOME.items():
            if re.search(pattern, words(output)):
                yield f"Cell {number} prints {what}."


def alternative(cell: NotebookNode, output: NotebookNode) -> str:
    """What stands for a picture where it is not seen: a widget's own words, or the cell's alt,
    which is where nbconvert looks too."""
    return own_words(output) or str(cell.metadata.get("alt", ""))


def own_words(output: NotebookNode) -> str:
    """What a widget says of the picture that it left behind."""
    return str(output.get("metadata", {}).get("image/png", {}).get("alt", ""))


def words(output: NotebookNode) -> str:
    """All text of an output."""
    data = output.get("data", {})
    return "\n".join(
        [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
    )


def widgets(notebook: NotebookNode) -> list[str]:
    """The widgets that a saved notebook has pictures of, in their own words."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return [said for output in outputs if (said := own_words(output))]


def fingerprint(notebook: NotebookNode) -> str:
    """Sixteen hex digits of the code, which tell whether outputs are of it."""
    code = "\n\n".join(cell.source for cell in code_cells(notebook))
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells that run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


# --- the command ----------------------------------------------------------------------------------


def chosen(names: Sequence[str]) -> list[Path]:
    """The notebooks whose names begin with one of these; all of them without names."""
    every = sorted(FOLDER.glob("*.ipynb"))
    unknown = [name for name in names if not any(p.name.startswith(name) for p in every)]
    if unknown:
        known = ", ".join(path.stem for path in every)
        raise SystemExit(f"No notebook begins with {unknown[0]!r}; there are {known}.")
    return [path for path in every if not names or path.name.startswith(tuple(names))]


def main() -> int:
    """Run, or check, what the command line names; 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", help="first letters of file names; all without")
    parser.add_argument("--check", action="store_true", help="run nothing, look at what is saved")
    arguments = parser.parse_args()
    wrong = False
    for path in chosen(arguments.names):
        notebook = nbformat.read(path, as_version=4) if arguments.check else run(path)
        if not arguments.check:
            nbformat.write(notebook, path)
        for complaint in complaints(notebook):
            wrong = True
            print(f"{path.name}: {complaint}", file=sys.stderr)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
