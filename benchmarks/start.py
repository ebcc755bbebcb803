"""What starting costs: `import xaiwidgets` beyond torch and numpy, and the sizes that are shipped.

python -m benchmarks.start
"""

from __future__ import annotations

import gzip
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
_CODE = """
import time, torch, numpy
start = time.perf_counter()
{statement}
print(time.perf_counter() - start)
"""


def import_seconds(statement: str, rounds: int = 9) -> float:
    """Median seconds of a statement in a fresh process that has torch and numpy already."""
    times = []
    for _ in range(rounds):
        done = subprocess.run(
            [sys.executable, "-c", _CODE.format(statement=statement)],
            capture_output=True, text=True, check=True, cwd=ROOT,
        )  # fmt: skip
        times.append(float(done.stdout))
    return statistics.median(times)


def main() -> None:
    print(f"{'what':44}{'measured':>12}{'goal':>10}")
    seconds = import_seconds("import xaiwidgets")
    print(f"{'import xaiwidgets beyond torch and numpy':44}{1000 * seconds:>9.1f} ms{'150 ms':>10}")
    for name in ("Saliency", "compare"):
        seconds = import_seconds(f"from xaiwidgets import {name}")
        print(f"{f'from xaiwidgets import {name}':44}{1000 * seconds:>9.1f} ms{'–':>10}")
    static = ROOT / "xaiwidgets" / "widgets" / "static"
    packed = sum(
        len(gzip.compress((static / name).read_bytes(), 9)) for name in ("widget.js", "widget.css")
    )
    print(f"{'bundle, gzip':44}{packed / 1024:>9.1f} KB{'22 KB':>10}")
    for wheel in sorted((ROOT / "dist").glob("*.whl")):
        print(f"{wheel.name[:43]:44}{wheel.stat().st_size / 1e6:>9.2f} MB{'3 MB':>10}")


if __name__ == "__main__":
    main()
