"""The wheel: what pip installs holds all that is needed without Node, and stays small."""

import subprocess
import sys
import zipfile
from pathlib import Path

from xaiwidgets import zoo

ROOT = Path(__file__).resolve().parents[1]


def test_the_wheel_holds_the_bundle_and_the_zoo_in_three_megabytes(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {f"zoo/weights/{name}.safetensors" for name in (*zoo.names(), "landscapes")}
    bundles = ("widget.js", "widget.css", "offline.js", "inside.js", "inside.css")
    wanted |= {f"widgets/static/{name}" for name in (*bundles, "inside-offline.js")}
    assert {f"xaiwidgets/{name}" for name in wanted} <= held
    assert wheel.stat().st_size <= 3_000_000
